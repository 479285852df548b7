//! How much memory a cache takes. A process of its own: what other tests allocate would be counted too.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::sync::Mutex;

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

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_cache_takes_memory_as_pages_are_used_and_returns_it_when_it_shrinks() {
    let _alone = ALONE.lock();
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

/// How much memory of this process is to be in huge pages, in bytes.
fn advised() -> usize {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let (mut kib, mut advised) = (0, 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("Size:") => kib = words.next().unwrap().parse().unwrap(),
            Some("VmFlags:") if words.any(|flag| flag == "hg") => advised += kib << 10,
            _ => {}
        }
    }
    advised
}

#[test]
fn a_large_cache_asks_for_huge_pages_where_there_are_some() {
    if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        return;
    }
    let _alone = ALONE.lock();
    let before = advised();
    let cache = PageCache::with_options(Options::with_bytes(GIB));
    // The bytes of the pages, but for the parts of a huge page at their ends; and their headers.
    assert!(advised() > before + GIB, "{} MiB", (advised() - before) / MIB);
    drop(cache);
}
