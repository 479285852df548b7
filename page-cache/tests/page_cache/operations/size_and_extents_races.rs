//! Size and extent changes at the same time as each other and as all other operations. Every byte is compared.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use spanlock_page_cache::{File, Length, Mapping, MemStore, Options, PageCache, Store};

use crate::random::Random;
use crate::stop::Stop;

const PAGE: u64 = 4096;

/// Stamped pages: what the file holds at the start, and what the changes write.
fn stamped(pages: Range<u64>, stamp: u8) -> Vec<u8> {
    pages.flat_map(|page| [stamp + page as u8; PAGE as usize]).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Write,
    DirectWrite,
    Cut,
    Grow,
    Punch,
    ZeroRange,
    Collapse,
    Insert,
}

use Change::{Collapse, Cut, DirectWrite, Grow, Insert, Punch, Write, ZeroRange};

const CHANGES: [Change; 8] = [Write, DirectWrite, Cut, Grow, Punch, ZeroRange, Collapse, Insert];

const START: u64 = 100;
const END: u64 = 7 * PAGE + 50;

impl Change {
    fn run(self, file: &File) {
        match self {
            Write => file.write_all_at(&self.bytes(), START).unwrap(),
            DirectWrite => {
                let bytes = self.bytes();
                assert_eq!(file.write_direct_at(&bytes, START).unwrap(), bytes.len());
            }
            Cut => file.set_len(3 * PAGE + 70).unwrap(),
            Grow => file.set_len(12 * PAGE).unwrap(),
            Punch => file.punch_hole(PAGE + 9, 4 * PAGE).unwrap(),
            ZeroRange => file.zero_range(2 * PAGE, 9 * PAGE, Length::Extend).unwrap(),
            // The other change may have truncated the file, so that there is nothing to shift.
            Collapse => drop(file.collapse_range(PAGE, 2 * PAGE)),
            Insert => drop(file.insert_range(4 * PAGE, PAGE)),
        }
    }

    fn bytes(self) -> Vec<u8> {
        let stamp = if self == Write { 50 } else { 100 };
        stamped(0..8, stamp)[START as usize..END as usize].to_vec()
    }

    fn apply(self, mut bytes: Vec<u8>) -> Vec<u8> {
        const P: usize = PAGE as usize;
        let len = bytes.len();
        match self {
            Write | DirectWrite => {
                bytes.resize(len.max(END as usize), 0);
                bytes[START as usize..END as usize].copy_from_slice(&self.bytes());
            }
            Cut => bytes.resize(3 * P + 70, 0),
            Grow => bytes.resize(12 * P, 0),
            Punch => bytes[P + 9..len.min(5 * P + 9)].fill(0),
            ZeroRange => {
                bytes.resize(len.max(11 * P), 0);
                bytes[2 * P..11 * P].fill(0);
            }
            Collapse if len > 3 * P => drop(bytes.drain(P..3 * P)),
            Insert if len > 4 * P => drop(bytes.splice(4 * P..4 * P, [0; P])),
            Collapse | Insert => {}
        }
        bytes
    }
}

/// The page's bytes, zeroes past the end.
fn page_of(bytes: &[u8], page: u64) -> Vec<u8> {
    let start = bytes.len().min((page * PAGE) as usize);
    let end = bytes.len().min(start + PAGE as usize);
    let mut page = bytes[start..end].to_vec();
    page.resize(PAGE as usize, 0);
    page
}

/// Reads and loads pages until the test ends. Each page must be as in one of the states.
fn watch(file: &File, mapping: &Mapping, states: &[Vec<u8>], stop: &Stop) {
    let mut round = 0;
    while !stop.is_asked_for() {
        round += 1;
        let page = round % 12;
        let mut seen = [0xee; PAGE as usize];
        let found = if round % 2 == 0 {
            file.read_at(&mut seen, page * PAGE).unwrap()
        } else if mapping.load(page * PAGE, &mut seen).is_ok() {
            seen.len()
        } else {
            0
        };
        let known = states.iter().any(|state| page_of(state, page)[..found] == seen[..found]);
        let part: BTreeSet<u8> = seen[..found].iter().copied().collect();
        assert!(known, "page {page} holds {part:?}, as in no order of the two");
    }
}

fn race(first: Change, second: Change, store: impl Store + 'static) {
    let start = stamped(0..8, 1);
    let after =
        |changes: [Change; 2]| changes.into_iter().fold(start.clone(), |bytes, c| c.apply(bytes));
    let (one, other) = (after([first, second]), after([second, first]));
    let states =
        [start.clone(), first.apply(start.clone()), second.apply(start.clone()), one, other];
    store.write_at(&start, 0).unwrap();
    // The cache is so small that pages are evicted, and writeback so slow that many are dirty.
    let cache = PageCache::with_options(Options::new(16).dirty_limit(8));
    let file = cache.open(store).unwrap();
    let mapping = file.map(0..1 << 30).unwrap();
    file.write_all_at(&start[PAGE as usize + 5..3 * PAGE as usize], PAGE + 5).unwrap();
    mapping.store(7 * PAGE, &start[7 * PAGE as usize..]).unwrap();
    let (go, stop) = (Barrier::new(2), Stop::default());
    thread::scope(|scope| {
        scope.spawn(|| watch(&file, &mapping, &states, &stop));
        let _at_the_end = stop.when_dropped();
        thread::scope(|scope| {
            for change in [first, second] {
                let (go, file) = (&go, &file);
                scope.spawn(move || {
                    go.wait();
                    change.run(file);
                });
            }
        });
    });
    let mut seen = vec![0xee; file.len() as usize];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert!(states[3..].contains(&seen), "{first:?} and {second:?} end as in neither order");
    let mut stored = vec![0xee; seen.len()];
    assert_eq!(file.read_direct_at(&mut stored, 0).unwrap(), stored.len());
    assert!(stored == seen, "{first:?} and {second:?}: the store has other bytes than the cache");
}

/// Invariants 3 and 8: also a write and a truncation, and whatever is read meanwhile.
#[test]
fn two_concurrent_changes_end_as_one_after_the_other() {
    for (at, &first) in CHANGES.iter().enumerate() {
        for &second in &CHANGES[at..] {
            for _ in 0..12 {
                race(first, second, MemStore::new());
            }
        }
    }
}

/// Records requests that were in flight at the same time, and share bytes although they must not.
#[derive(Default)]
struct Referee {
    inner: MemStore,
    requests: Mutex<Vec<(Range<u64>, Kind)>>,
    fouls: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Shape,
}

impl Kind {
    /// A read may overlap a write: a fill of a partial page keeps the dirty bytes.
    fn may_meet(self, other: Kind) -> bool {
        matches!((self, other), (Kind::Read, Kind::Read | Kind::Write) | (Kind::Write, Kind::Read))
    }
}

impl Referee {
    fn referee<T>(&self, range: Range<u64>, kind: Kind, request: impl FnOnce() -> T) -> T {
        let overlaps = |one: &Range<u64>| one.start < range.end && range.start < one.end;
        let mut requests = self.requests.lock().unwrap();
        for (at, other) in requests.iter().filter(|(at, _)| overlaps(at)) {
            if !kind.may_meet(*other) {
                println!("{kind:?} of {range:?} during {other:?} of {at:?}");
                self.fouls.fetch_add(1, Ordering::Relaxed);
            }
        }
        requests.push((range.clone(), kind));
        drop(requests);
        for _ in 0..20 {
            thread::yield_now();
        }
        let outcome = request();
        let mut requests = self.requests.lock().unwrap();
        let at = requests.iter().position(|other| *other == (range.clone(), kind)).unwrap();
        requests.swap_remove(at);
        outcome
    }
}

impl Store for Referee {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let range = offset..offset + bytes.len() as u64;
        self.referee(range, Kind::Read, || self.inner.read_at(bytes, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let range = offset..offset + bytes.len() as u64;
        self.referee(range, Kind::Write, || self.inner.write_at(bytes, offset))
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.referee(len..u64::MAX, Kind::Shape, || self.inner.set_len(len))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.referee(offset..offset + len, Kind::Shape, || self.inner.punch_hole(offset, len))
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.referee(offset..offset + len, Kind::Shape, || self.inner.zero_range(offset, len))
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.referee(offset..u64::MAX, Kind::Shape, || self.inner.collapse_range(offset, len))
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.referee(offset..u64::MAX, Kind::Shape, || self.inner.insert_range(offset, len))
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Invariant 6, as the store sees it: no page of a range is read or written while the size or the extents of the range
/// change. Invariant 11: no byte is in two writes at the same time.
#[test]
fn a_store_gets_no_request_for_bytes_that_are_moved_or_changed_meanwhile() {
    let store = Arc::new(Referee::default());
    for (at, &first) in CHANGES.iter().enumerate() {
        for &second in &CHANGES[at..] {
            store.inner.set_len(0).unwrap();
            race(first, second, Arc::clone(&store));
        }
    }
    assert_eq!(store.fouls.load(Ordering::Relaxed), 0);
}

/// All operations, at random, on ranges that may overlap.
fn meddle(file: &File, mapping: &Mapping, random: &mut Random) -> io::Result<()> {
    let (offset, len) = (random.below(30 * PAGE), random.below(4 * PAGE) + 1);
    let (page, pages) = (offset / PAGE * PAGE, len.next_multiple_of(PAGE));
    let mut bytes = vec![random.below(256) as u8; len as usize];
    match random.below(16) {
        0 => file.set_len(offset),
        1 => file.set_len(30 * PAGE + offset),
        2 => file.punch_hole(offset, len),
        3 => file.zero_range(offset, len, Length::Extend),
        4 => file.zero_range(offset, len, Length::Keep),
        5 => file.allocate(offset, len, Length::Extend),
        6 => file.collapse_range(page, pages),
        7 if file.len() < 60 * PAGE => file.insert_range(page, pages),
        8 | 9 => file.write_all_at(&bytes, offset),
        10 => file.write_direct_at(&bytes, offset).map(drop),
        11 => mapping.store(offset, &bytes),
        12 => mapping.load(offset, &mut bytes),
        13 => file.read_direct_at(&mut bytes, offset).map(drop),
        14 => file.sync_range(offset..offset + len),
        _ => file.read_at(&mut bytes, offset).map(drop),
    }
}

/// Invariant 1: also invariant 12 in a debug build, where every lock that is taken is checked.
#[test]
fn whatever_meets_the_cache_and_the_store_agree_in_the_end() {
    for seed in 0..3 {
        let cache = PageCache::with_options(Options::new(20).dirty_limit(8));
        let file = cache.open(MemStore::new()).unwrap();
        let mapping = file.map(0..1 << 30).unwrap();
        thread::scope(|scope| {
            for thread in 0..4 {
                let (file, mapping) = (&file, &mapping);
                scope.spawn(move || {
                    let mut random = Random::new(seed * 100 + thread);
                    for _ in 0..600 {
                        if let Err(error) = meddle(file, mapping, &mut random) {
                            // The range is past the end by now, or there is nothing to shift.
                            let kind = error.kind();
                            assert!(
                                matches!(
                                    kind,
                                    io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
                                ),
                                "{error}"
                            );
                        }
                    }
                });
            }
        });
        let mut seen = vec![0xee; file.len() as usize];
        let mut mapped = seen.clone();
        file.read_exact_at(&mut seen, 0).unwrap();
        mapping.load(0, &mut mapped).unwrap();
        assert!(seen == mapped, "seed {seed}: the mapping");
        assert_eq!(file.read_direct_at(&mut mapped, 0).unwrap(), mapped.len());
        assert!(seen == mapped, "seed {seed}: the store");
    }
}

#[test]
fn an_extension_to_at_least_a_length_cuts_off_nothing_that_is_appended_meanwhile() {
    const APPENDS: u64 = 3000;
    let file = PageCache::new(256).open(MemStore::new()).unwrap();
    let stop = Stop::default();
    let starts: Vec<u64> = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.is_asked_for() {
                let len = file.len();
                file.extend_to(len + 1).unwrap();
                assert!(file.len() > len);
            }
        });
        let _stopped = stop.when_dropped();
        (0..APPENDS).map(|_| file.append(&[1; 100]).unwrap()).collect()
    });
    for start in starts {
        let mut seen = [0; 100];
        file.read_exact_at(&mut seen, start).unwrap();
        assert_eq!(seen, [1; 100], "at {start}");
    }
}
