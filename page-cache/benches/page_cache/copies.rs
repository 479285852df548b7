//! One page at a time, all in the cache: reads and overwrites beside memcpy and the kernel.

use std::array;
use std::fs;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};
use std::time::Instant;

use spanlock::MappingLock;
use spanlock_page_cache::{File, MemStore, OperationLock, Unlocked, WholeFile};

use super::name;
use super::subject::{Aligned, PAGE, cached_with, memory_folder, unnamed_file};
use crate::harness::case::{Case, time_on_threads};

/// 256 KiB: the copies come out of the second-level cache.
const PAGES: u64 = 64;
const WORDS: usize = PAGE as usize / 8;

/// What is written.
static SOURCE: Aligned = Aligned([2; PAGE as usize]);

/// A case that does `operation` with the offsets of the pages, round and round.
fn round_and_round<S: 'static>(
    name: &'static str,
    subject: impl FnOnce() -> S + 'static,
    operation: impl Fn(&mut S, u64) + 'static,
) -> Case {
    Case::named(name, move || {
        let subject = std::cell::RefCell::new(subject());
        move |operations| {
            let subject = &mut *subject.borrow_mut();
            let start = Instant::now();
            (0..operations).for_each(|turn| operation(subject, turn % PAGES * PAGE));
            start.elapsed()
        }
    })
}

pub fn reads() -> Vec<Case> {
    let memory = || (aligned_pages(), Aligned::filled(0));
    let memcpy = round_and_round(
        name::MEMCPY,
        memory,
        |(pages, Aligned(to)): &mut (Vec<Aligned>, Aligned), offset| {
            to.copy_from_slice(&pages[(offset / PAGE) as usize].0);
            black_box(to);
        },
    );
    let words = || (sequenced_pages(), Box::new([0; WORDS]));
    let words = round_and_round("words under a sequence count", words, |(pages, to), offset| {
        pages[(offset / PAGE) as usize].read(to);
        black_box(to);
    });
    let mut cases = vec![memcpy, words];
    cases.push(read::<MappingLock>(name::RANGE));
    cases.push(read::<WholeFile>(name::WHOLE));
    cases.push(read::<Unlocked>(name::UNLOCKED));
    cases.extend(kernel().map(|(name, file)| {
        let subject = || (file(), Aligned::filled(0));
        round_and_round(name, subject, |(file, Aligned(to)): &mut (fs::File, Aligned), offset| {
            file.read_exact_at(to, offset).expect("the file is long enough");
            black_box(to);
        })
    }));
    cases
}

pub fn overwrites() -> Vec<Case> {
    let memcpy =
        round_and_round(name::MEMCPY, aligned_pages, |pages: &mut Vec<Aligned>, offset| {
            pages[(offset / PAGE) as usize].0.copy_from_slice(&black_box(&SOURCE).0);
            black_box(pages);
        });
    let words =
        round_and_round("words under a sequence count", sequenced_pages, |pages, offset| {
            pages[(offset / PAGE) as usize].write(black_box(&[2; WORDS]));
        });
    let mut cases = vec![memcpy, words];
    cases.push(overwrite::<MappingLock>(name::RANGE));
    cases.push(overwrite::<WholeFile>(name::WHOLE));
    cases.push(overwrite::<Unlocked>(name::UNLOCKED));
    cases.extend(kernel().map(|(name, file)| {
        round_and_round(name, file, |file, offset| {
            file.write_all_at(&black_box(&SOURCE).0, offset).expect("there is room");
        })
    }));
    cases
}

pub fn disjoint_overwrites() -> Vec<Case> {
    vec![
        disjoint::<MappingLock>(name::ONE_THREAD, 1),
        disjoint::<MappingLock>(name::TWO_THREADS, 2),
        disjoint::<WholeFile>(name::TWO_THREADS_WHOLE, 2),
    ]
}

/// A file whose pages are all in the cache, and dirty: so few of those that may be that they are not written back.
fn filled<L: OperationLock>() -> File {
    let file = cached_with::<L>(16 * PAGES as usize, MemStore::new());
    file.write_all_at(&[1; (PAGES * PAGE) as usize], 0).expect("memory does not fail");
    file
}

fn read<L: OperationLock>(name: &'static str) -> Case {
    round_and_round(
        name,
        || (filled::<L>(), Aligned::filled(0)),
        |(file, Aligned(to)), offset| {
            file.read_at(to, offset).expect("memory does not fail");
            black_box(to);
        },
    )
}

fn overwrite<L: OperationLock>(name: &'static str) -> Case {
    round_and_round(name, filled::<L>, |file, offset| {
        file.write_at(&black_box(&SOURCE).0, offset).expect("memory does not fail");
    })
}

fn disjoint<L: OperationLock>(name: &'static str, threads: usize) -> Case {
    Case::named(name, move || {
        let file = filled::<L>();
        move |operations| {
            time_on_threads(threads, operations, |thread, share| {
                let half = PAGES / 2;
                for turn in 0..share {
                    let page = thread as u64 * half + turn % half;
                    let wrote = file.write_at(&black_box(&SOURCE).0, page * PAGE);
                    wrote.expect("memory does not fail");
                }
            })
        }
    })
}

/// The same pages in the kernel's cache, of a file in memory and of one on a disk.
fn kernel() -> impl Iterator<Item = (&'static str, impl FnOnce() -> fs::File)> {
    let places = [
        ("kernel, file in memory", memory_folder().map(ToOwned::to_owned)),
        ("kernel, file on disk", Some(std::env::temp_dir())),
    ];
    places.into_iter().filter_map(|(name, folder)| folder.map(|folder| (name, folder))).map(
        |(name, folder)| {
            let prepare = move || {
                let file = unnamed_file(&folder);
                file.write_all_at(&[1; (PAGES * PAGE) as usize], 0).expect("there is room");
                file
            };
            (name, prepare)
        },
    )
}

fn aligned_pages() -> Vec<Aligned> {
    (0..PAGES).map(|_| Aligned::filled(1)).collect()
}

fn sequenced_pages() -> Vec<Sequenced> {
    (0..PAGES).map(|_| Sequenced::new()).collect()
}

/// The other way to share a frame's bytes: relaxed word copies that a sequence count validates.
struct Sequenced {
    count: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl Sequenced {
    fn new() -> Sequenced {
        Sequenced { count: AtomicU64::new(0), words: array::from_fn(|_| AtomicU64::new(1)) }
    }

    #[inline(never)]
    fn read(&self, to: &mut [u64; WORDS]) {
        loop {
            let before = self.count.load(Acquire);
            self.words.iter().zip(to.iter_mut()).for_each(|(from, to)| *to = from.load(Relaxed));
            fence(Acquire);
            if before.is_multiple_of(2) && self.count.load(Relaxed) == before {
                return;
            }
        }
    }

    #[inline(never)]
    fn write(&self, from: &[u64; WORDS]) {
        let mut before = self.count.load(Relaxed) & !1;
        while let Err(now) = self.count.compare_exchange(before, before + 1, Acquire, Relaxed) {
            before = now & !1;
        }
        fence(Release);
        self.words.iter().zip(from).for_each(|(to, &from)| to.store(from, Relaxed));
        self.count.store(before + 2, Release);
    }
}
