//! Faults and reads in the last eighth of a file, while the first eighth is worked on.
//!
//! The last eighth is twice as long as the cache and gone through in order, so every page is
//! brought in under a claim. The case to compare with works on another file of the same cache:
//! what it costs beyond that is the lock's doing, and not the processor's or the memory's.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use spanlock::MappingLock;
use spanlock_page_cache::{File, FileStore, OperationLock, Options, PageCache, Store, WholeFile};

use super::name;
use super::subject::{PAGE, memory_folder, unnamed_file};
use crate::harness::case::Case;

const EIGHTH: u64 = 1024 * PAGE;
const CAPACITY: usize = 512;

/// What the one thread does in the first eighth.
#[derive(Clone, Copy)]
enum Work {
    Punch,
    WriteDirect,
}

/// Which file it does that to.
#[derive(Clone, Copy)]
enum Where {
    Another,
    Same,
}

pub fn beside_punches() -> Vec<Case> {
    beside(Work::Punch)
}

pub fn beside_direct_writes() -> Vec<Case> {
    beside(Work::WriteDirect)
}

fn beside(work: Work) -> Vec<Case> {
    vec![
        case::<MappingLock>(name::RANGE_ANOTHER, work, Where::Another),
        case::<MappingLock>(name::RANGE_SAME, work, Where::Same),
        case::<WholeFile>(name::WHOLE_ANOTHER, work, Where::Another),
        case::<WholeFile>(name::WHOLE_SAME, work, Where::Same),
    ]
}

fn case<L: OperationLock>(name: &'static str, work: Work, place: Where) -> Case {
    Case::named(name, move || {
        let cache = PageCache::with_lock::<L>(Options::new(CAPACITY));
        let (file, another) = (open(&cache), open(&cache));
        let next = AtomicU64::new(0);
        move |operations| {
            let worked_on = match place {
                Where::Same => &file,
                Where::Another => &another,
            };
            let stop = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| work_until(&stop, worked_on, work));
                let taken = fault_and_read(&file, &next, operations);
                stop.store(true, Ordering::Relaxed);
                taken
            })
        }
    })
}

fn open(cache: &PageCache) -> File {
    let file = cache.open(TwoFiles::new()).expect("the store opens");
    for offset in (0..8 * EIGHTH).step_by(1 << 20) {
        file.write_direct_at(&[1; 1 << 20], offset).expect("there is room");
    }
    file
}

/// A file whose first eighth is in one file of the kernel's, and the rest in another: two threads
/// that do not meet in the cache should not meet in the kernel's locks and times of one file.
struct TwoFiles {
    first: FileStore,
    rest: FileStore,
}

impl TwoFiles {
    fn new() -> TwoFiles {
        let folder = memory_folder().map_or_else(std::env::temp_dir, PathBuf::from);
        let open = || FileStore::new(unnamed_file(&folder));
        TwoFiles { first: open(), rest: open() }
    }

    fn at(&self, offset: u64) -> (&FileStore, u64) {
        match offset.checked_sub(EIGHTH) {
            Some(offset) => (&self.rest, offset),
            None => (&self.first, offset),
        }
    }
}

impl Store for TwoFiles {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let (store, offset) = self.at(offset);
        store.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (store, offset) = self.at(offset);
        store.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        match self.rest.len()? {
            0 => self.first.len(),
            rest => Ok(EIGHTH + rest),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.first.set_len(len.min(EIGHTH))?;
        self.rest.set_len(len.saturating_sub(EIGHTH))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let (store, offset) = self.at(offset);
        store.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.first.sync()?;
        self.rest.sync()
    }
}

fn work_until(stop: &AtomicBool, file: &File, work: Work) {
    const PART: u64 = 16 * PAGE;
    let mut offset = 0;
    while !stop.load(Ordering::Relaxed) {
        match work {
            Work::Punch => file.punch_hole(offset, PART).expect("holes can be punched"),
            Work::WriteDirect => {
                let wrote = file.write_direct_at(&[2; PART as usize], offset);
                wrote.expect("there is room");
            }
        }
        offset = (offset + PART) % EIGHTH;
    }
}

/// By turns a page is faulted in and loaded, and another one read.
fn fault_and_read(file: &File, next: &AtomicU64, operations: u64) -> Duration {
    let mapping = file.map(7 * EIGHTH..8 * EIGHTH).expect("the range is a page's");
    let start = Instant::now();
    let mut to = [0; PAGE as usize];
    for _ in 0..operations {
        let offset = next.fetch_add(PAGE, Ordering::Relaxed) % EIGHTH;
        match offset / PAGE % 2 {
            0 => mapping.load(offset, &mut to).expect("the page is there"),
            _ => file.read_exact_at(&mut to, 7 * EIGHTH + offset).expect("the page is there"),
        }
    }
    start.elapsed()
}
