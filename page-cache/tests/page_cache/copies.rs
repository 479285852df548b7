//! Copies within the cache.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{
    File, FileOptions, MemStore, Options, PageCache, PageTransform, Store, StoreLayer,
};

use crate::random::Random;
use crate::stores::recording_store::RecordingStore;

const PAGE: u64 = 4096;

fn quiet_cache() -> PageCache {
    PageCache::with_options(Options::new(256).flush_interval(Duration::MAX))
}

fn contents(file: &File) -> Vec<u8> {
    let mut bytes = vec![0xff; file.len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Copies within a model of a file.
fn copy_model(from: &[u8], range: Range<usize>, to: &mut Vec<u8>, at: usize) {
    let range = range.start.min(from.len())..range.end.min(from.len());
    if range.is_empty() {
        return;
    }
    to.resize(to.len().max(at + range.len()), 0);
    to[at..at + range.len()].copy_from_slice(&from[range]);
}

#[test]
fn random_copies_between_two_files_and_within_one_are_as_those_of_vectors() {
    let mut random = Random::new(7);
    for round in 0..40 {
        let cache = quiet_cache();
        let files = [(); 2].map(|()| cache.open(MemStore::new()).unwrap());
        let mut models = [Vec::new(), Vec::new()];
        for step in 0..40 {
            let (from, to) = (random.below(2) as usize, random.below(2) as usize);
            let (offset, at) = (random.below(20 * PAGE), random.below(20 * PAGE));
            let len = random.below(12 * PAGE);
            match random.below(6) {
                0 => {
                    let bytes = vec![step as u8 + 1; len as usize];
                    files[to].write_all_at(&bytes, at).unwrap();
                    copy_model(&bytes, 0..bytes.len(), &mut models[to], at as usize);
                }
                1 => {
                    files[to].punch_hole(at, len).unwrap();
                    let model = &mut models[to];
                    let end = model.len().min((at + len) as usize);
                    model[end.min(at as usize)..end].fill(0);
                }
                2 => files[to].sync_data().unwrap(),
                _ => {
                    let copied = files[from].copy_range_to(offset, &files[to], at, len).unwrap();
                    let expected = (models[from].len() as u64).saturating_sub(offset).min(len);
                    assert_eq!(copied, expected);
                    let source = models[from].clone();
                    let range = offset as usize..(offset + len) as usize;
                    copy_model(&source, range, &mut models[to], at as usize);
                }
            }
            for (file, model) in files.iter().zip(&models) {
                assert!(contents(file) == *model, "round {round}, step {step}");
            }
        }
    }
}

#[test]
fn copies_of_many_chunks_that_overlap_move_as_memmove_does() {
    const LEN: usize = 1_500_000;
    for (offset, at) in [(0, 5), (0, 300_001), (5, 0), (700_000, 100), (100, 100), (3, 800_000)] {
        let file = quiet_cache().open(MemStore::new()).unwrap();
        let byte = |place: u32| (place.wrapping_mul(7919) >> 8) as u8;
        let mut model: Vec<u8> = (0..LEN as u32).map(byte).collect();
        file.write_all_at(&model, 0).unwrap();
        let count = LEN - offset;
        assert_eq!(
            file.copy_range_to(offset as u64, &file, at as u64, u64::MAX).unwrap(),
            count as u64
        );
        let source = model.clone();
        copy_model(&source, offset..LEN, &mut model, at);
        assert!(contents(&file) == model, "{offset} to {at}");
    }
}

#[test]
fn holes_are_copied_as_holes_and_data_only_is_read() {
    let cache = quiet_cache();
    let stores = [(); 2].map(|()| Arc::new(MemStore::new()));
    let [from, to] = [0, 1].map(|number: usize| cache.open(Arc::clone(&stores[number])).unwrap());
    from.set_len(1 << 40).unwrap();
    from.write_all_at(&[1; PAGE as usize], 1 << 30).unwrap();
    to.write_all_at(&[2; 10 * PAGE as usize], 0).unwrap();
    to.sync_all().unwrap();
    assert_eq!(from.copy_range_to(0, &to, PAGE, u64::MAX).unwrap(), 1 << 40);
    to.sync_all().unwrap();
    assert_eq!((to.len(), stores[1].blocks()), ((1 << 40) + PAGE, 2));
    let mut seen = [0; 2];
    to.read_exact_at(&mut seen, (1 << 30) + 2 * PAGE - 1).unwrap();
    assert_eq!(seen, [1, 0]);
    to.read_exact_at(&mut seen, PAGE - 1).unwrap();
    assert_eq!(seen, [2, 0]);
}

#[test]
fn a_hole_goes_to_a_file_of_whole_pages_without_tearing_one() {
    let cache = quiet_cache();
    let from = cache.open(MemStore::new()).unwrap();
    let to = cache.open_with(MemStore::new(), FileOptions::new().whole_pages()).unwrap();
    from.set_len(3 * PAGE).unwrap();
    to.write_all_at(&[7; 4 * PAGE as usize], 0).unwrap();
    assert_eq!(from.copy_range_to(100, &to, 50, 2 * PAGE).unwrap(), 2 * PAGE);
    let mut expected = vec![7; 4 * PAGE as usize];
    expected[50..50 + 2 * PAGE as usize].fill(0);
    assert!(contents(&to) == expected);
    // Its length must be a multiple of a page.
    let error = from.copy_range_to(0, &to, 4 * PAGE, 100).unwrap_err();
    assert_eq!((error.kind(), to.len()), (ErrorKind::InvalidInput, 4 * PAGE));
}

#[test]
fn a_hole_is_copied_as_one_right_beside_itself() {
    let store = Arc::new(MemStore::new());
    let file = quiet_cache().open(Arc::clone(&store)).unwrap();
    // From pages 2 and 3 to the two after them, and from pages 3 and 4 to the two before them.
    for (hole, at) in [(2, 4), (3, 1)] {
        file.write_all_at(&[1; 8 * PAGE as usize], 0).unwrap();
        file.sync_all().unwrap();
        file.punch_hole(hole * PAGE, 2 * PAGE).unwrap();
        assert_eq!(store.blocks(), 6);
        let copied = file.copy_range_to(hole * PAGE, &file, at * PAGE, 2 * PAGE).unwrap();
        file.sync_all().unwrap();
        assert_eq!((copied, store.blocks()), (2 * PAGE, 4), "to {at}");
    }
}

/// Stores every byte inverted.
struct Inverted;

impl PageTransform for Inverted {
    fn encode(&self, _page: u64, bytes: &mut [u8]) -> io::Result<()> {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        Ok(())
    }

    fn decode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.encode(page, bytes)
    }
}

#[test]
fn a_hole_is_copied_as_the_bytes_that_a_transform_makes_of_it() {
    let cache = quiet_cache();
    let plain = cache.open(MemStore::new()).unwrap();
    let options = FileOptions::new().transform(Inverted);
    let inverted = cache.open_with(MemStore::new(), options).unwrap();
    for file in [&plain, &inverted] {
        file.set_len(2 * PAGE).unwrap();
    }
    // The page that the store does not have is decoded from zeroes.
    let before = contents(&inverted);
    assert_eq!(before[0], 0xff);
    assert_eq!(inverted.copy_range_to(0, &plain, 0, 2 * PAGE).unwrap(), 2 * PAGE);
    assert!(contents(&plain) == before);
    plain.punch_hole(0, 2 * PAGE).unwrap();
    assert_eq!(plain.copy_range_to(0, &inverted, 0, 2 * PAGE).unwrap(), 2 * PAGE);
    inverted.sync_all().unwrap();
    inverted.drop_cached(0..2 * PAGE).unwrap();
    assert!(contents(&inverted).iter().all(|&byte| byte == 0));
}

#[test]
fn a_write_that_a_store_cuts_short_is_continued_where_it_ended() {
    let cache = quiet_cache();
    let from = cache.open(MemStore::new()).unwrap();
    let bytes: Vec<u8> = (0..3 * PAGE).map(|at| (at / 7) as u8).collect();
    from.write_all_at(&bytes, 0).unwrap();
    let store = Arc::new(RecordingStore::with(&[9; 6 * PAGE as usize]));
    let to = cache.open_with(Arc::clone(&store), FileOptions::new().write_through()).unwrap();
    store.cut_writes(100, 1);
    assert_eq!(from.copy_range_to(0, &to, PAGE, 3 * PAGE).unwrap(), 3 * PAGE);
    assert!(store.bytes(PAGE..4 * PAGE) == bytes);
    assert!(store.bytes(0..PAGE) == [9; PAGE as usize]);
}

#[test]
fn a_copy_towards_the_end_that_is_cut_off_returns_how_many_bytes_it_copied() {
    const LEN: u64 = 200 * PAGE;
    let bytes: Vec<u8> = (0..LEN).map(|at| (at / PAGE) as u8).collect();
    let store = Arc::new(RecordingStore::with(&bytes));
    // The read of the bytes that the third chunk of 64 pages replaces fails. They are read before they are written.
    store.fail_reads_of(150 * PAGE..151 * PAGE);
    let file = quiet_cache().open(Arc::clone(&store)).unwrap();
    let copied = file.copy_range_to(0, &file, 10 * PAGE, LEN).unwrap();
    assert_eq!(copied, 128 * PAGE);
    let mut seen = vec![0; 138 * PAGE as usize];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert!(seen[..10 * PAGE as usize] == bytes[..10 * PAGE as usize]);
    assert!(seen[10 * PAGE as usize..] == bytes[..128 * PAGE as usize]);
}

#[test]
fn a_long_hole_that_is_written_as_zeroes_returns_how_many_bytes_were_written() {
    let cache = PageCache::with_options(
        Options::new(64).dirty_limit(8).flush_interval(Duration::MAX).readahead(0),
    );
    let from = cache.open(MemStore::new()).unwrap();
    from.set_len(256 * PAGE).unwrap();
    // A copy of everything, and of a part: the store fails after some pages are dirty.
    for fails in [false, true] {
        let store = Arc::new(RecordingStore::with(&[7; 256 * PAGE as usize]));
        let options = FileOptions::new().whole_pages();
        let to = cache.open_with(Arc::clone(&store), options).unwrap();
        let len = 200 * PAGE;
        store.fail_writes(if fails { usize::MAX } else { 0 });
        let copied = from.copy_range_to(PAGE, &to, 2 * PAGE + 50, len).unwrap();
        store.fail_writes(0);
        assert_eq!(copied < len, fails, "{copied}");
        let mut expected = vec![7; 256 * PAGE as usize];
        expected[2 * PAGE as usize + 50..][..copied as usize].fill(0);
        assert!(contents(&to) == expected, "{copied}");
    }
}

#[test]
fn a_copy_that_is_cut_off_returns_exactly_how_many_bytes_it_copied() {
    let cache = quiet_cache();
    let store = Arc::new(RecordingStore::with(&[5; 20 * PAGE as usize]));
    store.fail_reads_of(10 * PAGE..11 * PAGE);
    let from = cache.open(Arc::clone(&store)).unwrap();
    let to = cache.open(MemStore::new()).unwrap();
    let copied = from.copy_range_to(100, &to, 0, 20 * PAGE).unwrap();
    assert_eq!((copied, to.len()), (10 * PAGE - 100, 10 * PAGE - 100));
    assert!(contents(&to).iter().all(|&byte| byte == 5));
    assert!(from.last_failure().is_some());
    // Nothing is copied, and nothing has changed.
    let error = from.copy_range_to(10 * PAGE, &to, 100 * PAGE, 5).unwrap_err();
    assert_eq!((error.kind(), to.len()), (ErrorKind::Other, 10 * PAGE - 100));
    // In a copy towards the end of the same file, the bytes that are to be kept cannot be read.
    let error = from.copy_range_to(8 * PAGE, &from, 9 * PAGE - 7, 5 * PAGE).unwrap_err();
    assert_eq!((error.kind(), from.stats().dirty), (ErrorKind::Other, 0));
}

#[test]
fn copies_that_cannot_be_are_refused() {
    let cache = quiet_cache();
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(b"bytes", 0).unwrap();
    let elsewhere = quiet_cache().open(MemStore::new()).unwrap();
    let refused = |to: &File, at| file.copy_range_to(0, to, at, 5).unwrap_err().kind();
    assert_eq!(refused(&elsewhere, 0), ErrorKind::CrossesDevices);
    let options = FileOptions::new().before_writeback(|_| Ok(()));
    let hooked = cache.open_with(MemStore::new(), options).unwrap();
    assert_eq!(refused(&hooked, 0), ErrorKind::Unsupported);
    assert_eq!(hooked.copy_range_to(0, &hooked, 5, 5).unwrap(), 0);
    assert_eq!(refused(&file, u64::MAX), ErrorKind::FileTooLarge);
    assert_eq!(file.copy_range_to(5, &file, 0, 5).unwrap(), 0);
    assert_eq!(file.copy_range_to(0, &file, 0, 0).unwrap(), 0);
    assert_eq!(file.copy_range_to(u64::MAX, &file, 0, u64::MAX).unwrap(), 0);
    let guard = file.page(0).unwrap();
    let to = cache.open(MemStore::new()).unwrap();
    assert_eq!(refused(&to, 0), ErrorKind::Deadlock);
    assert_eq!(to.copy_range_to(0, &file, 0, 1).unwrap_err().kind(), ErrorKind::Deadlock);
    drop(guard);
    assert_eq!(contents(&file), b"bytes");
}

#[test]
fn an_error_of_a_copy_names_both_offsets_and_the_file_that_it_is_of() {
    let cache = quiet_cache();
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(b"bytes", 0).unwrap();
    let elsewhere = quiet_cache().open(MemStore::new()).unwrap();
    let error = file.copy_range_to(1, &elsewhere, 7, 4).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"copy_range of 4 bytes from 1 to 7 in the source "memory": the files are of two caches"#
    );
    let error = file.copy_range_to(1, &file, u64::MAX, 4).unwrap_err();
    let begin =
        format!(r#"copy_range of 4 bytes from 1 to {} in the destination "memory": "#, u64::MAX);
    assert!(error.to_string().starts_with(&begin), "{error}");
    // One that fails when it has begun.
    let to = cache.open_with(MemStore::new(), FileOptions::new().whole_pages()).unwrap();
    let error = file.copy_range_to(1, &to, PAGE, 4).unwrap_err();
    let begin = r#"copy_range of 4 bytes from 1 to 4096 in the destination "memory": "#;
    assert!(error.to_string().starts_with(begin), "{error}");
}

#[test]
fn copies_in_opposite_directions_among_truncations_all_end() {
    let cache = PageCache::with_options(Options::new(64).dirty_limit(16));
    let files = [(); 2].map(|()| cache.open(MemStore::new()).unwrap());
    files.iter().for_each(|file| file.write_all_at(&[1; 8 * PAGE as usize], 0).unwrap());
    thread::scope(|scope| {
        for (from, to) in [(0, 1), (1, 0), (0, 0), (1, 1)] {
            let (from, to) = (&files[from], &files[to]);
            scope.spawn(move || {
                for round in 0..500 {
                    from.copy_range_to(round % 7 * PAGE, to, round % 5 * PAGE, 4 * PAGE).unwrap();
                }
            });
        }
        for file in &files {
            scope.spawn(move || {
                for round in 0..500 {
                    file.set_len((6 + round % 4) * PAGE).unwrap();
                    file.append(&[1; 100]).unwrap();
                }
            });
        }
    });
    assert!(files.iter().all(|file| contents(file).iter().all(|&byte| byte <= 1)));
}

#[test]
fn a_copy_is_one_write_and_sees_its_source_as_it_was_at_one_time() {
    let cache = PageCache::new(256);
    let [from, to] = [(); 2].map(|()| cache.open(MemStore::new()).unwrap());
    // More than one chunk.
    const LEN: usize = 400_000;
    from.write_all_at(&[0; LEN], 0).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 1..=60_u8 {
                from.write_all_at(&[round; LEN], 0).unwrap();
            }
        });
        while !writer.is_finished() {
            assert_eq!(from.copy_range_to(0, &to, 0, LEN as u64).unwrap(), LEN as u64);
            let copy = contents(&to);
            assert!(copy.iter().all(|&byte| byte == copy[0]));
        }
    });
}

/// A store that lets another thread write while it looks for holes.
struct Interrupted {
    inner: MemStore,
    write: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl StoreLayer for Interrupted {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        if let Some(write) = self.write.lock().unwrap().take() {
            thread::scope(|scope| scope.spawn(write).join().unwrap());
        }
        self.inner.holes(range)
    }
}

/// The store ends within that page, and the file does not.
#[test]
fn a_page_that_a_guard_writes_during_a_copy_is_copied_as_it_was_at_one_moment() {
    for (stored, from) in [(PAGE + 512, 0), (2 * PAGE + 1, PAGE), (PAGE + 512, PAGE + 100)] {
        let cache = quiet_cache();
        let store = Interrupted { inner: MemStore::new(), write: Mutex::default() };
        let store = Arc::new(store);
        store.inner.write_at(&vec![7; stored as usize], 0).unwrap();
        let file = cache.open(Arc::clone(&store)).unwrap();
        // This does not make the store longer.
        file.write_all_at(b"far behind", 5 * PAGE).unwrap();
        let before = contents(&file);
        let page = stored / PAGE;
        let writer = file.clone();
        *store.write.lock().unwrap() =
            Some(Box::new(move || writer.page_mut(page).unwrap().write(0, &[9; PAGE as usize])));
        let copy = cache.open(MemStore::new()).unwrap();
        file.copy_range_to(from, &copy, from, u64::MAX).unwrap();
        let after = contents(&file);
        assert!(after != before, "the guard's bytes are there");
        let (copied, at) =
            (contents(&copy), (page * PAGE).max(from) as usize..((page + 1) * PAGE) as usize);
        assert!(
            copied[at.clone()] == before[at.clone()] || copied[at.clone()] == after[at.clone()],
            "a part of each: {stored} bytes, from {from}: {:?}",
            copied[at].chunks(256).map(|part| part[0]).collect::<Vec<_>>()
        );
    }
}

/// A store that calls a function once, in a read of its second half.
struct HalfWay {
    inner: MemStore,
    then: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// The length of such a store: a copy reads it in several chunks.
const LONG: u64 = 256 * PAGE;

impl HalfWay {
    fn new() -> Arc<HalfWay> {
        let store = HalfWay { inner: MemStore::new(), then: Mutex::default() };
        store.inner.write_at(&[7; LONG as usize], 0).unwrap();
        Arc::new(store)
    }

    fn then(&self, act: impl FnOnce() + Send + 'static) {
        *self.then.lock().unwrap() = Some(Box::new(act));
    }
}

impl StoreLayer for HalfWay {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= LONG / 2
            && let Some(act) = self.then.lock().unwrap().take()
        {
            act();
        }
        self.inner.read_at(bytes, offset)
    }
}

#[test]
fn a_file_that_is_truncated_in_the_middle_of_a_copy_has_its_old_length_until_the_end() {
    for cuts_source in [true, false] {
        let cache = quiet_cache();
        let store = HalfWay::new();
        let from = cache.open(Arc::clone(&store)).unwrap();
        let to = cache.open(MemStore::new()).unwrap();
        let cut = if cuts_source { from.clone() } else { to.clone() };
        let (tell, told) = channel();
        store.then(move || {
            let (tell_end, ended) = channel();
            let truncation = thread::spawn(move || {
                cut.set_len(100).unwrap();
                tell_end.send(()).unwrap();
                drop(cut);
            });
            // It must not end before the copy. This gives it time to do so.
            let early = ended.recv_timeout(Duration::from_millis(50)).is_ok();
            tell.send((early, truncation, ended)).unwrap();
        });
        assert_eq!(from.copy_range_to(0, &to, 0, u64::MAX).unwrap(), LONG);
        let (early, truncation, _ended) = told.recv().unwrap();
        truncation.join().unwrap();
        assert!(!early, "of the source: {cuts_source}");
        let lens = if cuts_source { (100, LONG) } else { (LONG, 100) };
        assert_eq!((from.len(), to.len()), lens);
        assert!(contents(&to).iter().all(|&byte| byte == 7));
    }
}

#[test]
fn a_copy_between_files_that_other_handles_discard_meanwhile_is_complete() {
    let cache = quiet_cache();
    let store = HalfWay::new();
    let from = cache.open(Arc::clone(&store)).unwrap();
    let to = cache.open(MemStore::new()).unwrap();
    let handles = [from.clone(), to.clone()];
    store.then(|| thread::spawn(|| handles.map(File::discard)).join().map(drop).unwrap());
    assert_eq!(from.copy_range_to(0, &to, 0, u64::MAX).unwrap(), LONG);
    assert!(store.then.lock().unwrap().is_none());
    assert!(contents(&to) == [7; LONG as usize]);
}
