//! Threads on one file, each of which knows its own bytes.

use std::sync::{Arc, Barrier};
use std::thread;

use spanlock::MappingLock;
use spanlock_page_cache::{
    File, FileOptions, MemStore, OperationLock, Options, PageCache, Unlocked, WholeFile,
};

use crate::random::Random;

const CELL: u64 = 512;
const THREADS: u64 = 4;
const CELLS_EACH: u64 = 120;

/// Writes and checks the cells whose number modulo `THREADS` is `own`, which no other thread writes, while the others
/// use adjacent cells in the same pages. Returns how many cells had wrong bytes.
fn work(file: &File, own: u64, steps: u32) -> u64 {
    let mapping = file.map(0..THREADS * CELLS_EACH * CELL).unwrap();
    let mut random = Random::new(own + 77);
    let mut expected = vec![0_u8; CELLS_EACH as usize];
    let mut wrong = 0;
    for step in 0..steps {
        let cell = random.below(CELLS_EACH);
        let offset = (cell * THREADS + own) * CELL;
        let mut bytes = [step as u8; CELL as usize];
        let expected = &mut expected[cell as usize];
        match random.below(10) {
            0 | 1 => file.write_all_at(&bytes, offset).unwrap(),
            2 | 3 => mapping.store(offset, &bytes).unwrap(),
            4 => assert_eq!(file.write_direct_at(&bytes, offset).unwrap(), bytes.len()),
            5 => {
                file.punch_hole(offset, CELL).unwrap();
                bytes.fill(0);
            }
            read => {
                match read {
                    6 => assert_eq!(file.read_direct_at(&mut bytes, offset).unwrap(), bytes.len()),
                    7 => mapping.load(offset, &mut bytes).unwrap(),
                    _ => file.read_exact_at(&mut bytes, offset).unwrap(),
                }
                wrong += u64::from(bytes != [*expected; CELL as usize]);
                continue;
            }
        }
        *expected = bytes[0];
    }
    wrong
}

fn work_together<L: OperationLock>(steps: u32, options: FileOptions) -> u64 {
    let cache = PageCache::with_lock::<L>(Options::new(20).dirty_limit(8));
    let file = cache.open_with(MemStore::new(), options).unwrap();
    file.set_len(THREADS * CELLS_EACH * CELL).unwrap();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|own| {
                let file = file.clone();
                scope.spawn(move || work(&file, own, steps))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn threads_on_neighbouring_bytes_lose_no_write_under_the_range_lock() {
    assert_eq!(work_together::<MappingLock>(4_000, FileOptions::new()), 0);
}

#[test]
fn threads_on_neighbouring_bytes_lose_no_write_that_goes_through() {
    assert_eq!(work_together::<MappingLock>(4_000, FileOptions::new().write_through()), 0);
}

#[test]
fn threads_on_neighbouring_bytes_lose_no_write_under_one_lock_for_the_file() {
    assert_eq!(work_together::<WholeFile>(2_000, FileOptions::new()), 0);
}

#[test]
fn without_a_lock_threads_end_nevertheless() {
    let wrong = work_together::<Unlocked>(4_000, FileOptions::new());
    println!("{wrong} cells read wrong without a lock");
}

#[test]
fn a_read_of_one_page_is_never_torn() {
    let cache = PageCache::new(16);
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(&[0; 4096], 0).unwrap();
    let mapping = file.map(0..4096).unwrap();
    let start = Barrier::new(3);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (file, mapping, start) = (&file, &mapping, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..3_000_u32 {
                    let bytes = [round as u8; 4096];
                    match writer {
                        0 => file.write_all_at(&bytes, 0).unwrap(),
                        _ => mapping.store(0, &bytes).unwrap(),
                    }
                }
            });
        }
        start.wait();
        let mut seen = [0; 4096];
        for round in 0..3_000 {
            match round % 2 {
                0 => file.read_exact_at(&mut seen, 0).unwrap(),
                _ => mapping.load(0, &mut seen).unwrap(),
            }
            assert!(seen.iter().all(|&byte| byte == seen[0]), "round {round}");
        }
    });
}

#[test]
fn readers_never_see_past_the_end_nor_poison_while_the_size_changes() {
    const FULL: u64 = 10 * 4096 + 123;
    let cache = PageCache::with_options(Options::new(16).dirty_limit(4));
    let file = cache.open(MemStore::new()).unwrap();
    let stop = Arc::new(Barrier::new(3));
    thread::scope(|scope| {
        for reader in 0..2_u64 {
            let (file, stop) = (file.clone(), Arc::clone(&stop));
            scope.spawn(move || {
                let mapping = file.map(0..16 * 4096).unwrap();
                let mut random = Random::new(reader);
                let mut seen = vec![0; 5_000];
                for round in 0..4_000 {
                    let offset = random.below(FULL);
                    let found = file.read_at(&mut seen, offset).unwrap();
                    // The writer writes ones, and truncates: the rest is zeroes.
                    assert!(seen[..found].iter().all(|&byte| byte <= 1), "round {round}");
                    if mapping.load(offset, &mut seen[..1]).is_ok() {
                        assert!(seen[0] <= 1 || offset / 4096 == FULL / 4096, "round {round}");
                    }
                }
                stop.wait();
            });
        }
        let mapping = file.map(0..16 * 4096).unwrap();
        let mut random = Random::new(9);
        for _ in 0..1_500 {
            match random.below(4) {
                0 => file.set_len(random.below(FULL)).unwrap(),
                1 => file.set_len(FULL).unwrap(),
                2 => {
                    let offset = random.below(FULL);
                    let bytes = vec![1; (FULL - offset).min(9_000) as usize];
                    file.write_all_at(&bytes, offset).unwrap();
                }
                // Stores past the end, which no thread may see.
                _ => {
                    let last = FULL / 4096 * 4096;
                    if file.len() == FULL {
                        mapping.store(FULL, &vec![0xEE; (last + 4096 - FULL) as usize]).unwrap();
                    }
                }
            }
        }
        stop.wait();
    });
}
