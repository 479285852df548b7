//! How much memory a cache takes. A process of its own: what other tests allocate would be counted too.
#![cfg(target_os = "linux")]

use spanlock_page_cache::{MemStore, Options, PAGE_SIZE, PageCache, Store};

const GIB: usize = 1 << 30;
const MIB: usize = 1 << 20;

/// How much memory of this process is resident, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

#[test]
fn a_cache_takes_memory_as_pages_are_used_and_returns_it_when_it_shrinks() {
    let before = resident();
    let cache = PageCache::with_options(Options::with_bytes(4 * GIB));
    assert!(resident() < before + 8 * MIB, "{} MiB", (resident() - before) / MIB);
    let store = MemStore::new();
    store.set_len(4 * GIB as u64).unwrap();
    let file = cache.open(store).unwrap();
    for page in 0..64 * MIB / PAGE_SIZE {
        file.read_exact_at(&mut [0], (page * PAGE_SIZE) as u64).unwrap();
    }
    assert!(resident() > before + 64 * MIB);
    cache.set_capacity(16).unwrap();
    assert!(resident() < before + 32 * MIB, "{} MiB", (resident() - before) / MIB);
}
