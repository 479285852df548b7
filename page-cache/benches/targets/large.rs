//! 1 GiB in the cache, read at random; and the start of a cache of 4 GiB.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::mm::{MapFlags, ProtFlags, mmap};
use spanlock_page_cache::{FileStore, MemStore, Options, PAGE_SIZE, PageCache};

use crate::cached::Aligned;
use crate::figure::{Aim, Effort, Figure, Rounds, in_turns, time};

const PAGE: u64 = PAGE_SIZE as u64;
const SIZE: u64 = 1 << 30;
const CHUNK: u64 = 1 << 20;

/// A file's bytes in the kernel's cache, mapped for as long as the process lives.
fn mapping(file: &File, size: u64) -> &'static [u8] {
    let (protection, flags) = (ProtFlags::READ, MapFlags::SHARED.union(MapFlags::POPULATE));
    // SAFETY: the kernel chooses a free place for the mapping, which is never unmapped. No other
    // process knows the file, and this one does not change it from here on.
    unsafe {
        let start = mmap(std::ptr::null_mut(), size as usize, protection, flags, file, 0);
        std::slice::from_raw_parts(start.expect("there are addresses left").cast(), size as usize)
    }
}

pub fn figures(effort: Effort) -> Vec<Figure> {
    let (size, operations) = (effort.size(SIZE), effort.operations(20_000));
    let pages = size / PAGE;
    let file = tempfile::tempfile().expect("a temporary file");
    for at in (0..size).step_by(CHUNK as usize) {
        let chunk = vec![(at / CHUNK) as u8; CHUNK as usize];
        file.write_all_at(&chunk, at).expect("there is room");
    }
    let store = FileStore::new(file.try_clone().expect("the file is open"));
    let cached = PageCache::new((pages + pages / 4) as usize).open(store).expect("it opens");
    let mut chunk = vec![0; CHUNK as usize];
    for at in (0..size).step_by(CHUNK as usize) {
        cached.read_exact_at(&mut chunk, at).expect("the file is long enough");
    }
    let mapped = mapping(&file, size);
    let before = cached.stats();
    let mut to = Box::new(Aligned([0; PAGE_SIZE]));
    let mut rng = Rng::with_seed(1);
    // All three read the same pages; the generator's time is part of each.
    let mut read = |read: &dyn Fn(&mut [u8], u64), seed: u64| {
        rng.seed(seed);
        time(operations, |_| read(black_box(&mut to.0), rng.u64(..pages) * PAGE))
    };
    let by_cache = |to: &mut [u8], at: u64| {
        assert_eq!(cached.read_at(to, at).expect("the file is long enough"), PAGE_SIZE);
    };
    let by_kernel =
        |to: &mut [u8], at: u64| file.read_exact_at(to, at).expect("the file is long enough");
    let by_copy = |to: &mut [u8], at: u64| to.copy_from_slice(&mapped[at as usize..][..PAGE_SIZE]);
    let mut rounds = (Vec::new(), Vec::new());
    for round in 0..=effort.rounds as u64 {
        let cache = read(&by_cache, 3 * round);
        let kernel = read(&by_kernel, 3 * round + 1);
        let copy = read(&by_copy, 3 * round + 2);
        // The first round does not count.
        if round > 0 {
            rounds.0.push((cache, kernel));
            rounds.1.push((cache, copy));
        }
    }
    assert_eq!(cached.stats().misses, before.misses, "all of the file was cached");
    vec![
        Figure::ratio(
            "4 KiB at random of 1 GiB in the cache, over `pread`",
            Aim::MustAndGoal(0.6, 0.45),
            rounds.0,
        ),
        Figure::ratio(
            "the same, over copying from a mapping of the file",
            Aim::MustAndGoal(1.5, 1.2),
            rounds.1,
        ),
    ]
}

pub fn start(effort: Effort) -> Vec<Figure> {
    let frames = ((4u64 << 30) / PAGE) as usize;
    let start = || {
        let options = Options::new(frames).flush_interval(Duration::from_secs(3600));
        let begun = Instant::now();
        let cache = PageCache::with_options(options);
        let file = cache.open(MemStore::new()).expect("the store opens");
        file.write_all_at(&[1; PAGE_SIZE], 0).expect("memory does not fail");
        begun.elapsed().as_nanos() as f64
    };
    let rounds = in_turns(effort, start, || 1.0).into_iter().map(|round| round.0);
    vec![Figure {
        what: "start of a cache of 4 GiB, with a first page written",
        aim: Aim::Must(10.0),
        rounds: Rounds::Times(rounds.collect()),
        note: String::new(),
    }]
}
