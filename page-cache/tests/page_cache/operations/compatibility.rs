//! Which operation waits for which: each is stopped in the middle, with its claims held, and then each other one is
//! started.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use spanlock::{Access, MappingGuard, MappingLock, Mode};
use spanlock_page_cache::{
    File, Length, Mapping, OperationLock, Options, PAGE_SIZE, PageCache, Store,
};

use crate::stores::stopping_store::{StoppingStore, stop_at_next_request};

const PAGE: u64 = PAGE_SIZE as u64;
const FILE: u64 = 32 * PAGE;

/// What happened to a claim of the second operation.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    Granted(Access),
    Refused,
    Finished,
}

thread_local! {
    /// The receiver of this thread's claims.
    static WATCHER: RefCell<Option<Sender<Event>>> = const { RefCell::new(None) };
}

fn tell(event: Event) {
    WATCHER.with_borrow(|watcher| {
        if let Some(watcher) = watcher {
            // The receiver may be gone.
            let _ = watcher.send(event);
        }
    });
}

/// A `MappingLock` that tells whether a claim was granted at once.
#[derive(Default)]
struct Watched(MappingLock);

impl OperationLock for Watched {
    type Guard<'a> = MappingGuard<'a>;

    fn lock(&self, access: Access, bytes: Range<u64>) -> MappingGuard<'_> {
        self.0.lock(access, bytes)
    }

    fn try_lock(&self, access: Access, bytes: Range<u64>) -> Option<MappingGuard<'_>> {
        let guard = self.0.try_lock(access, bytes);
        tell(if guard.is_some() { Event::Granted(access) } else { Event::Refused });
        guard
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    BufferedRead,
    BufferedWrite,
    Fault,
    Writeback,
    DirectRead,
    DirectWrite,
    Truncate,
    Punch,
    ZeroRange,
    Allocate,
    Collapse,
    Insert,
}

const PATHS: [Path; 12] = [
    Path::BufferedRead,
    Path::BufferedWrite,
    Path::Fault,
    Path::Writeback,
    Path::DirectRead,
    Path::DirectWrite,
    Path::Truncate,
    Path::Punch,
    Path::ZeroRange,
    Path::Allocate,
    Path::Collapse,
    Path::Insert,
];

impl Path {
    fn run(self, file: &File, mapping: &Mapping, page: u64) -> io::Result<()> {
        let mut bytes = [0; 10];
        let offset = page * PAGE;
        match self {
            Path::BufferedRead => file.read_at(&mut bytes, offset).map(drop),
            Path::BufferedWrite => file.write_at(&bytes, offset + 1000).map(drop),
            Path::Fault => mapping.load(offset, &mut bytes),
            Path::Writeback => file.writeback(offset..offset + 1),
            Path::DirectRead => file.read_direct_at(&mut bytes, offset).map(drop),
            Path::DirectWrite => file.write_direct_at(&bytes, offset).map(drop),
            Path::Truncate => file.set_len(offset),
            Path::Punch => file.punch_hole(offset, PAGE),
            Path::ZeroRange => file.zero_range(offset, PAGE, Length::Keep),
            Path::Allocate => file.allocate(offset, PAGE, Length::Keep),
            Path::Collapse => file.collapse_range(offset, PAGE),
            Path::Insert => file.insert_range(offset, PAGE),
        }
    }

    /// The access with which it claims the mapping lock.
    fn access(self) -> Access {
        match self {
            Path::BufferedRead => Access::BufferedRead,
            Path::BufferedWrite => Access::BufferedWrite,
            Path::Fault => Access::Fault,
            Path::Writeback => Access::Writeback,
            Path::DirectRead => Access::DirectRead,
            Path::DirectWrite => Access::DirectWrite,
            Path::Truncate => Access::Truncate,
            Path::Punch => Access::PunchHole,
            Path::ZeroRange | Path::Allocate => Access::Allocate,
            Path::Collapse | Path::Insert => Access::Shift,
        }
    }

    /// The expected mode: exclusive for direct IO and for size and extent changes; shared for buffered IO, faults and
    /// writeback.
    fn mapping_mode(self) -> Mode {
        match self {
            Path::BufferedRead | Path::BufferedWrite | Path::Fault | Path::Writeback => {
                Mode::Shared
            }
            _ => Mode::Exclusive,
        }
    }

    /// How it claims the IO lock, if it does.
    fn io_mode(self) -> Option<Mode> {
        match self {
            Path::BufferedRead | Path::Fault | Path::Writeback => None,
            Path::DirectRead => Some(Mode::Shared),
            _ => Some(Mode::Exclusive),
        }
    }

    fn conflicts_with(self, other: Path) -> bool {
        let excludes = |one, another| one == Mode::Exclusive || another == Mode::Exclusive;
        let io = self.io_mode().zip(other.io_mode());
        excludes(self.mapping_mode(), other.mapping_mode())
            || io.is_some_and(|(one, another)| excludes(one, another))
    }

    /// Whether it is stopped with the page locked.
    fn fills(self) -> bool {
        matches!(self, Path::BufferedRead | Path::BufferedWrite | Path::Fault)
    }

    /// Whether it claims everything after its offset.
    fn reaches_to_the_end(self) -> bool {
        matches!(self, Path::Truncate | Path::Collapse | Path::Insert)
    }
}

type Run<'a> = &'a (dyn Fn(&File, &Mapping) -> io::Result<()> + Sync);

/// Stops `first` with its claims held, and starts `second`. Returns whether that waits for a claim, up to the claim
/// that it makes as `access`. The state of the pages makes each operation send a request to the store.
fn waits(len: u64, pages: [u64; 2], first: Run<'_>, second: Run<'_>, access: Access) -> bool {
    let options = Options::new(64).flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_lock::<Watched>(options);
    let store = StoppingStore::default();
    store.inner.write_at(&vec![1; len as usize], 0).unwrap();
    let file = cache.open(store).unwrap();
    let mapping = file.map(0..FILE).unwrap();
    // Dirty, not uptodate, and with so many dirty ranges that the next write fills them.
    for page in BTreeSet::from(pages) {
        for part in 0..64 {
            file.write_all_at(&[2], page * PAGE + 2 * part).unwrap();
        }
    }
    let gate = Arc::new(Mutex::new(()));
    let (stopped, is_stopped) = mpsc::channel();
    let (watcher, events) = mpsc::channel();
    thread::scope(|scope| {
        let closed = gate.lock().unwrap();
        let (file, mapping, gate) = (&file, &mapping, &gate);
        scope.spawn(move || {
            stop_at_next_request(stopped, Arc::clone(gate));
            // A truncation may overtake it between its claim and its end.
            drop(first(file, mapping));
        });
        is_stopped.recv().expect("the first asks the store for something");
        scope.spawn(move || {
            WATCHER.set(Some(watcher));
            // A truncation before it may have removed its range.
            drop(second(file, mapping));
            tell(Event::Finished);
            WATCHER.set(None);
        });
        // The IO lock is claimed by mode only; the access is that of truncation.
        let mut grants = if access == Access::Truncate { 2 } else { 1 };
        let waits = loop {
            match events.recv_timeout(Duration::from_secs(60)) {
                Ok(Event::Refused) => break true,
                Ok(Event::Granted(other)) if access != other => {}
                Ok(Event::Granted(_)) if grants > 1 => grants -= 1,
                Ok(Event::Granted(_) | Event::Finished) => break false,
                Err(error) => panic!("the second is stuck: {error}"),
            }
        };
        drop(closed);
        waits
    })
}

fn waits_for(first: Path, first_page: u64, second: Path, second_page: u64) -> bool {
    println!("{second:?} of page {second_page} after {first:?} of page {first_page}");
    let pages = [first_page, second_page];
    let (one, other): (Run<'_>, Run<'_>) =
        (&move |file, mapping| first.run(file, mapping, first_page), &move |file, mapping| {
            second.run(file, mapping, second_page)
        });
    waits(FILE, pages, one, other, second.access())
}

/// C1, and C6 with it: buffered writes to one page exclude each other by the IO lock.
#[test]
fn each_path_waits_for_exactly_those_that_it_conflicts_with() {
    for (first, second) in PATHS.into_iter().flat_map(|first| PATHS.map(|second| (first, second))) {
        let expected = first.conflicts_with(second);
        // A fault looks for the page before it claims it, and waits for the thread that has it locked to fill it.
        if second != Path::Fault || !first.fills() {
            assert_eq!(waits_for(first, 8, second, 8), expected, "{second:?} over {first:?}");
        }
        let elsewhere = match (first.reaches_to_the_end(), second.reaches_to_the_end()) {
            (true, true) => continue,
            (true, false) => 2,
            (false, _) => 20,
        };
        assert!(!waits_for(first, 8, second, elsewhere), "{second:?} apart from {first:?}");
    }
}

/// Invariant 9: otherwise the page could be read into the cache, and stored to, just before the file grows.
#[test]
fn an_extension_waits_for_the_thread_that_reads_the_old_last_page() {
    let grow: [(Run<'_>, Access); 5] = [
        (&|file, _| file.set_len(20 * PAGE), Access::Truncate),
        (&|file, _| file.write_all_at(&[1], 20 * PAGE), Access::Truncate),
        (&|file, _| file.write_direct_at(&[1], 20 * PAGE).map(drop), Access::DirectWrite),
        (&|file, _| file.zero_range(12 * PAGE, PAGE, Length::Extend), Access::Allocate),
        (&|file, _| file.allocate(12 * PAGE, PAGE, Length::Extend), Access::Allocate),
    ];
    let fault: Run<'_> = &|_, mapping| mapping.load(10 * PAGE, &mut [0]);
    for (number, (grow, access)) in grow.into_iter().enumerate() {
        assert!(waits(10 * PAGE + 200, [10, 10], fault, grow, access), "number {number}");
    }
}
