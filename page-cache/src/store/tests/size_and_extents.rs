//! Size and extent changes: what is copied if a store has no call for it, and what a failure leaves.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FileStore, MemStore, Store, TempFile, agrees_with_a_vector};

const PAGE: usize = 4096;

/// A store that uses the default implementations of size and extent changes, and fails the requests that a test
/// chooses.
struct Plain {
    inner: MemStore,
    requests: AtomicU64,
    fail_from: AtomicU64,
    fail_until: AtomicU64,
    /// From this request on all fail.
    dead_from: AtomicU64,
    /// Whether it tells holes from zeroes that have blocks.
    knows: Holes,
    /// How many bytes of a failing write are written.
    spoil: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holes {
    Known,
    Unknown,
}

impl Plain {
    fn new(spoil: usize) -> Plain {
        let zero = || AtomicU64::new(0);
        Plain {
            inner: MemStore::new(),
            requests: zero(),
            fail_from: zero(),
            fail_until: zero(),
            dead_from: AtomicU64::new(u64::MAX),
            knows: Holes::Known,
            spoil,
        }
    }

    fn holding(bytes: &[u8], spoil: usize) -> Plain {
        let store = Plain::new(spoil);
        store.inner.write_at(bytes, 0).unwrap();
        store
    }

    fn fail(&self, requests: std::ops::Range<u64>) {
        self.fail_from.store(requests.start, Ordering::Relaxed);
        self.fail_until.store(requests.end, Ordering::Relaxed);
    }

    fn request(&self) -> io::Result<()> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let from = self.fail_from.load(Ordering::Relaxed);
        let fails = (from..self.fail_until.load(Ordering::Relaxed)).contains(&number);
        if fails || number >= self.dead_from.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn contents(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.inner.len().unwrap() as usize];
        assert_eq!(self.inner.read_at(&mut bytes, 0).unwrap(), bytes.len());
        bytes
    }
}

impl Store for Plain {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.request()?;
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.request().inspect_err(|_| {
            self.inner.write_at(&bytes[..bytes.len().min(self.spoil)], offset).unwrap();
        })?;
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.request()?;
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.request()?;
        self.inner.punch_hole(offset, len)
    }

    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        match self.knows {
            Holes::Known => self.inner.holes(range),
            Holes::Unknown => Ok(None),
        }
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Twelve pages and a bit, no two alike.
fn pages() -> Vec<u8> {
    (0..12 * PAGE + 77).map(|at| (at / PAGE * 16 + at % 15 + 1) as u8).collect()
}

#[test]
fn a_store_with_the_default_implementations_agrees_with_a_vector() {
    agrees_with_a_vector(&Plain::new(0));
}

/// Wherever it stops, and whatever a failing write spoils.
#[test]
fn a_shift_that_fails_half_way_is_undone() {
    type Shift = fn(&Plain) -> io::Result<()>;
    let collapse: Shift = |store| store.collapse_range(2 * PAGE as u64, 3 * PAGE as u64);
    let insert: Shift = |store| store.insert_range(2 * PAGE as u64, 3 * PAGE as u64);
    for (shift, name, lost) in [(collapse, "collapse", 2..5), (insert, "insert", 0..0)] {
        let requests = {
            let store = Plain::holding(&pages(), 0);
            shift(&store).unwrap();
            store.requests.load(Ordering::Relaxed)
        };
        for (number, spoil) in (0..requests).flat_map(|number| [(number, 0), (number, 999)]) {
            let store = Plain::holding(&pages(), spoil);
            store.fail(number..number + 1);
            let case = format!("{name} without request {number} of {requests}, {spoil} spoilt");
            assert_eq!(shift(&store).unwrap_err().kind(), io::ErrorKind::StorageFull, "{case}");
            let (mut found, mut expected) = (store.contents(), pages());
            assert_eq!(found.len(), expected.len(), "{case}");
            let lost = lost.start * PAGE..lost.end * PAGE;
            found[lost.clone()].fill(0);
            expected[lost].fill(0);
            assert!(found == expected, "{case}");
            shift(&store).unwrap();
            assert_eq!(store.contents().len() % PAGE, 77, "{case}");
        }
    }
}

/// Not even by a store that fails for good in the middle.
#[test]
fn an_insert_that_cannot_be_undone_loses_nothing_and_says_so() {
    let bytes = pages();
    for from in 1..6 {
        let store = Plain::holding(&bytes, 0);
        store.fail(from..u64::MAX);
        let error = store.insert_range(PAGE as u64, PAGE as u64).unwrap_err();
        let found = store.contents();
        if found.len() == bytes.len() {
            assert!(found == bytes, "{error}");
            continue;
        }
        if !error.to_string().contains("moving the bytes back failed") {
            assert!(found[..bytes.len()] == bytes, "from {from}: {error}");
            continue;
        }
        assert_eq!(found.len(), bytes.len() + PAGE);
        let as_before = found.iter().zip(&bytes).take_while(|(found, byte)| found == byte).count();
        assert!(found[as_before + PAGE..] == bytes[as_before..], "from {from}: {error}");
    }
}

/// A request fails, and while the bytes are moved back, all requests from some moment on.
#[test]
fn what_a_shift_has_moved_and_not_moved_back_is_where_its_error_says() {
    type Shift = fn(&Plain) -> io::Result<()>;
    let collapse: Shift = |store| store.collapse_range(2 * PAGE as u64, 3 * PAGE as u64);
    let insert: Shift = |store| store.insert_range(2 * PAGE as u64, 3 * PAGE as u64);
    let bytes = pages();
    for (shift, removed) in [(collapse, 2 * PAGE..5 * PAGE), (insert, 0..0)] {
        let mut lefts = std::collections::BTreeSet::new();
        for (number, later) in (2..20).flat_map(|number| (1..20).map(move |later| (number, later)))
        {
            let store = Plain::holding(&bytes, 0);
            store.fail(number..number + 1);
            store.dead_from.store(number + later, Ordering::Relaxed);
            let Err(error) = shift(&store) else { continue };
            let message = error.to_string();
            let Some((_, place)) = message.split_once("moving the bytes back failed: ") else {
                continue;
            };
            let numbers = place.split(|letter: char| !letter.is_ascii_digit());
            let numbers: Vec<usize> = numbers.filter_map(|number| number.parse().ok()).collect();
            let [left, from, to] = numbers[..] else { panic!("{message}") };
            lefts.insert((number, left));
            let found = store.contents();
            assert!(found[to..to + left] == bytes[from..from + left], "{message}");
            for (at, byte) in bytes.iter().enumerate() {
                let is_elsewhere = removed.contains(&at) || (from..from + left).contains(&at);
                assert!(is_elsewhere || found[at] == *byte, "byte {at}: {message}");
            }
        }
        // Of what one failed request had left moved, all was left there, and in another case a part.
        let numbers = lefts.iter().map(|(number, _)| number);
        let different = numbers.collect::<std::collections::BTreeSet<_>>().len();
        assert!(different < lefts.len(), "{lefts:?}");
    }
}

#[test]
fn a_shift_leaves_a_hole_a_hole() {
    let store = Plain::new(0);
    store.set_len(1 << 24).unwrap();
    store.write_at(&[1; PAGE], 1 << 23).unwrap();
    store.insert_range(0, 1 << 20).unwrap();
    store.collapse_range(1 << 22, 1 << 12).unwrap();
    assert_eq!(store.inner.blocks(), 1);
}

/// Allocated zeroes among data and holes, and an end within a page.
fn with_every_content(knows: Holes, blocks: usize) -> Plain {
    let inner = MemStore::with_most_blocks(blocks);
    let store = Plain { inner, knows, ..Plain::new(0) };
    store.set_len(100 * PAGE as u64 + 77).unwrap();
    store.write_at(&[1; 2 * PAGE], 3 * PAGE as u64).unwrap();
    store.inner.allocate(5 * PAGE as u64, 8 * PAGE as u64).unwrap();
    store.write_at(&[2; PAGE], 20 * PAGE as u64).unwrap();
    store.inner.allocate(60 * PAGE as u64, 30 * PAGE as u64).unwrap();
    store.write_at(&[3; 80], 100 * PAGE as u64 - 3).unwrap();
    store
}

/// Which pages have blocks.
fn blocks(store: &Plain) -> Vec<u64> {
    let len = store.len().unwrap();
    let holes = store.inner.holes(0..len).unwrap().unwrap();
    let pages = 0..len.div_ceil(PAGE as u64);
    pages.filter(|page| !holes.iter().any(|hole| hole.contains(&(page * PAGE as u64)))).collect()
}

#[test]
fn what_a_shift_moves_has_blocks_where_it_had_and_none_where_it_had_none() {
    for (from, len) in [(0, 1), (2, 1), (2, 7), (4, 40)] {
        let store = with_every_content(Holes::Known, usize::MAX);
        let before = blocks(&store);
        store.insert_range(from * PAGE as u64, len * PAGE as u64).unwrap();
        let moved = before.iter().map(|&page| if page < from { page } else { page + len });
        assert_eq!(blocks(&store), moved.collect::<Vec<_>>(), "{len} pages in at {from}");
        store.collapse_range(from * PAGE as u64, len * PAGE as u64).unwrap();
        assert_eq!(blocks(&store), before, "{len} pages out at {from}");
    }
}

/// A store that cannot tell them from holes gets blocks for all that is moved: those are never too few.
#[test]
fn a_shift_loses_no_block_of_a_store_that_does_not_report_holes() {
    for (from, len) in [(0, 1), (2, 7), (4, 40)] {
        let store = with_every_content(Holes::Unknown, usize::MAX);
        let before = blocks(&store);
        store.insert_range(from * PAGE as u64, len * PAGE as u64).unwrap();
        let after = blocks(&store);
        let moved = before.iter().map(|&page| if page < from { page } else { page + len });
        assert!(moved.clone().all(|page| after.contains(&page)), "{len} pages in at {from}");
        assert!((from..from + len).all(|page| !after.contains(&page)), "the new hole has blocks");
        store.collapse_range(from * PAGE as u64, len * PAGE as u64).unwrap();
        let after = blocks(&store);
        assert!(before.iter().all(|page| after.contains(page)), "{len} pages out at {from}");
    }
}

/// Wherever a shift fails, what was allocated still is.
#[test]
fn a_shift_that_is_undone_leaves_every_block_allocated() {
    type Shift = fn(&Plain) -> io::Result<()>;
    let shifts: [Shift; 2] = [
        |store| store.collapse_range(0, 2 * PAGE as u64),
        |store| store.insert_range(0, 2 * PAGE as u64),
    ];
    for (knows, shift) in
        [Holes::Known, Holes::Unknown].into_iter().flat_map(|k| shifts.map(|s| (k, s)))
    {
        for number in 0.. {
            let store = with_every_content(knows, usize::MAX);
            let before = blocks(&store);
            let first = store.requests.load(Ordering::Relaxed);
            store.fail(first + number..first + number + 1);
            if shift(&store).is_ok() {
                break;
            }
            let after = blocks(&store);
            // What a collapse was to take out is given up by its first part.
            let kept = before.iter().filter(|&&page| page >= 2);
            assert!(kept.clone().all(|page| after.contains(page)), "without request {number}");
            if knows == Holes::Known {
                assert!(after.iter().all(|page| *page < 2 || before.contains(page)), "{number}");
            }
        }
    }
}

#[test]
fn a_full_store_refuses_a_shift_that_needs_a_block_and_is_as_it_was() {
    let full = with_every_content(Holes::Known, usize::MAX).inner.blocks();
    let store = with_every_content(Holes::Known, full);
    let (before, bytes) = (blocks(&store), store.contents());
    // The move needs no more blocks than there are; otherwise all of it is undone.
    if store.insert_range(0, PAGE as u64).is_err() {
        assert!(blocks(&store) == before && store.contents() == bytes);
    } else {
        assert_eq!(blocks(&store).len(), before.len());
    }
}

#[test]
fn a_full_mem_store_says_so_and_is_as_it_was() {
    let store = MemStore::with_most_blocks(4);
    store.write_at(&[1; 2 * PAGE], 0).unwrap();
    for outcome in [store.allocate(0, 5 * PAGE as u64), store.zero_range(0, 5 * PAGE as u64)] {
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
    assert_eq!((store.blocks(), store.len().unwrap()), (2, 2 * PAGE as u64));
    store.allocate(PAGE as u64, 3 * PAGE as u64).unwrap();
    assert_eq!((store.blocks(), store.len().unwrap()), (4, 4 * PAGE as u64));
    assert!(store.write_at(&[1], 4 * PAGE as u64).is_err());
    let mut bytes = [9; 2 * PAGE];
    store.read_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, [1; 2 * PAGE]);
}

#[test]
fn no_store_panics_at_offsets_that_no_file_has() {
    let file = TempFile::new().unwrap();
    let stores: [&dyn Store; 3] =
        [&MemStore::new(), &FileStore::open(&file.0).unwrap(), &Plain::new(0)];
    let far = [0, 1, 4096, i64::MAX as u64 - 4095, i64::MAX as u64, 1 << 63, !4095, u64::MAX];
    for store in stores {
        for (offset, len) in far.iter().flat_map(|&offset| far.map(|len| (offset, len))) {
            // What is too much for a file is refused; the rest could be done, and takes too long.
            let end = offset.checked_add(len);
            if len > 0 && end.is_none_or(|end| end > i64::MAX as u64) {
                assert!(store.allocate(offset, len).is_err(), "{len} at {offset}");
                assert!(store.zero_range(offset, len).is_err(), "{len} at {offset}");
            }
            assert!(store.collapse_range(offset, len).is_err(), "{len} at {offset}");
            assert!(store.insert_range(offset, len).is_err(), "{len} at {offset}");
            store.punch_hole(offset, len).unwrap();
        }
        assert_eq!(store.len().unwrap(), 0);
    }
}

/// A5: its blocks lie within its length, and a hole has none.
#[cfg(target_os = "linux")]
#[test]
fn a_file_store_has_real_holes_and_real_blocks() {
    use std::os::unix::fs::MetadataExt;

    let file = TempFile::new().unwrap();
    let store = FileStore::open(&file.0).unwrap();
    let blocks = || std::fs::metadata(&file.0).unwrap().blocks() * 512 / PAGE as u64;
    store.write_at(&[1; 64 * PAGE], 0).unwrap();
    store.sync().unwrap();
    let full = blocks();
    // Not every file system counts blocks, and this one may be any.
    if !(64..68).contains(&full) {
        return;
    }
    store.punch_hole(0, 32 * PAGE as u64).unwrap();
    assert!(blocks() <= full - 31, "{} of {full} blocks left", blocks());
    store.allocate(0, 16 * PAGE as u64).unwrap();
    assert!(blocks() >= full - 17, "{} of {full} blocks allocated", blocks());
    store.set_len(0).unwrap();
    assert!(blocks() < 4, "{} blocks left of nothing", blocks());
}

#[test]
fn an_empty_range_has_no_effect_on_any_store() {
    let file = TempFile::new().unwrap();
    let contents = [5; 3 * PAGE];
    let stores: [&dyn Store; 3] = [
        &Plain::holding(&contents, 0),
        &MemStore::new(),
        &FileStore::new(std::fs::File::options().read(true).write(true).open(&file.0).unwrap()),
    ];
    for store in stores {
        store.write_at(&contents, 0).unwrap();
        for offset in [0, PAGE as u64, 2 * PAGE as u64] {
            store.collapse_range(offset, 0).unwrap();
            store.insert_range(offset, 0).unwrap();
        }
        for offset in [0, 7, 3 * PAGE as u64, 1 << 40] {
            store.punch_hole(offset, 0).unwrap();
            store.zero_range(offset, 0).unwrap();
            store.allocate(offset, 0).unwrap();
            assert_eq!(store.write_at(&[], offset).unwrap(), 0);
            assert_eq!(store.read_at(&mut [], offset).unwrap(), 0);
            assert!(store.holes(offset..offset).unwrap().is_none_or(|holes| holes.is_empty()));
        }
        let mut seen = [0; 4 * PAGE];
        assert_eq!(store.read_at(&mut seen, 0).unwrap(), contents.len());
        assert_eq!(seen[..contents.len()], contents);
        assert_eq!(store.len().unwrap(), contents.len() as u64);
    }
}
