//! Stores that carry out some of the requests of an operation, and then fail all requests for a while, also those
//! for their length.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use spanlock_page_cache::{Durability, File, MemStore, Options, PageCache, Store, StoreLayer};

const PAGE: usize = 4096;

/// Carries out so many requests, and fails those after them.
struct Mortal {
    inner: MemStore,
    answers: AtomicI64,
    /// The largest number of bytes that a write accepts.
    most: AtomicUsize,
    alignment: u64,
    loses_length: bool,
}

impl Mortal {
    fn new(alignment: u64) -> Mortal {
        let answers = AtomicI64::new(i64::MAX);
        let most = AtomicUsize::new(usize::MAX);
        Mortal { inner: MemStore::new(), answers, most, alignment, loses_length: false }
    }

    fn dies_after(&self, answers: i64) {
        self.answers.store(answers, Ordering::SeqCst);
    }

    fn recover(&self) {
        self.dies_after(i64::MAX);
        self.most.store(usize::MAX, Ordering::SeqCst);
    }

    fn ask(&self) -> io::Result<()> {
        match self.answers.fetch_sub(1, Ordering::SeqCst) {
            ..=0 => Err(io::Error::from_raw_os_error(5)),
            _ => Ok(()),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.inner.len().unwrap() as usize];
        let found = self.inner.read_at(&mut bytes, 0).unwrap();
        assert_eq!(found, bytes.len());
        bytes
    }
}

impl StoreLayer for Mortal {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.ask()?;
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.ask()?;
        let part = bytes.len().min(self.most.load(Ordering::SeqCst));
        self.inner.write_at(&bytes[..part], offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.ask()?;
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.ask()?;
        self.inner.set_len(len)
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        // Like a store without such a request of its own: by the default implementation.
        ByCopying(self).insert_range(offset, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        StoreLayer::sync(self)
    }

    fn sync(&self) -> io::Result<()> {
        if self.loses_length && self.answers.load(Ordering::SeqCst) <= 0 {
            self.inner.set_len(PAGE as u64)?;
        }
        self.ask()?;
        self.inner.sync()
    }

    fn direct_alignment(&self) -> u64 {
        self.alignment
    }
}

/// Has the default implementation of every method that is not required.
struct ByCopying<'a>(&'a Mortal);

impl Store for ByCopying<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        StoreLayer::read_at(self.0, bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        StoreLayer::write_at(self.0, bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        StoreLayer::len(self.0)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        StoreLayer::set_len(self.0, len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.0.ask()?;
        self.0.inner.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A file in a cache that writes nothing back by itself.
fn open(store: Mortal) -> (Arc<Mortal>, File) {
    let store = Arc::new(store);
    let options = Options::new(64).flush_interval(Duration::MAX).readahead(0);
    let file = PageCache::with_options(options).open(Arc::clone(&store)).unwrap();
    (store, file)
}

/// The store must be extended first. That must not change the bytes that it has, which were synced.
#[test]
fn a_direct_write_that_fails_where_the_store_ends_leaves_what_the_store_has() {
    for (synced, written) in [(6_000, 5_000..6_200), (4_097, 4_096..8_000), (9, 0..10)] {
        let mut outcomes = Vec::new();
        for answers in 0..8 {
            let (store, file) = open(Mortal::new(1));
            file.write_all_at(&vec![7; synced], 0).unwrap();
            file.sync_data().unwrap();
            file.write_all_at(b"a later record", 20_000).unwrap();
            store.dies_after(answers);
            let direct = file.write_direct_at(&vec![9; written.len()], written.start as u64);
            store.recover();
            let expected = if direct.is_ok() { 9 } else { 7 };
            let mut seen = vec![0; synced];
            file.read_exact_at(&mut seen, 0).unwrap();
            let name = format!("{synced} bytes, {written:?}, {answers} answers: {direct:?}");
            assert!(seen[..written.start].iter().all(|&byte| byte == 7), "{name}");
            assert!(seen[written.start..].iter().all(|&byte| byte == expected), "{name}");
            assert!(store.bytes()[..synced] == seen, "{name}");
            outcomes.push(direct.is_ok());
        }
        assert!(outcomes[7] && !outcomes[0] && !outcomes[1], "{outcomes:?}");
    }
}

#[test]
fn a_direct_append_of_which_the_store_takes_a_part_of_a_block_appends_nothing() {
    for (len, most) in [(512, 100), (512, 1), (4096, 700), (2 << 20, 1_000)] {
        for durability in [Durability::AtSync, Durability::Data] {
            let (store, file) = open(Mortal::new(512));
            let file = file.with_durability(durability);
            file.append_direct(&[1; 1024]).unwrap();
            store.most.store(most, Ordering::SeqCst);
            // Two of them request the length.
            for answers in 0..4 {
                store.dies_after(answers);
                let error = file.append_direct(&vec![7; len]).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(5), "{len}, {most}, {answers}: {error}");
                store.dies_after(i64::MAX);
                assert_eq!(file.len(), 1024, "{len}, {most}, {answers}");
            }
            store.recover();
            assert_eq!(file.append_direct(&[8; 512]).unwrap(), 1024);
            file.sync_data().unwrap();
            assert!(store.bytes() == [[1; 512], [1; 512], [8; 512]].concat());
        }
    }
}

#[test]
fn a_direct_write_of_all_bytes_returns_the_error_after_a_part_of_a_block() {
    let (store, file) = open(Mortal::new(512));
    store.most.store(300, Ordering::SeqCst);
    // The request takes fourteen parts.
    for answers in 0..14 {
        store.dies_after(answers);
        let error = file.write_all_direct_at(&[7; 4096], 0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(5), "{answers} answers: {error}");
    }
}

/// Wherever it stops, each byte is in its old place or in its new one.
#[test]
fn a_store_that_fails_in_an_insert_and_does_not_report_its_length_loses_no_byte() {
    let mut stuck = 0;
    for answers in 0..60 {
        let (store, file) = open(Mortal::new(1));
        for page in 1..=10 {
            file.append(&[page; PAGE]).unwrap();
        }
        file.sync_data().unwrap();
        store.dies_after(answers);
        let inserted = file.insert_range(PAGE as u64, 2 * PAGE as u64);
        store.recover();
        let len = file.len() as usize / PAGE;
        let mut pages = vec![[0; PAGE]; len];
        pages
            .iter_mut()
            .enumerate()
            .for_each(|(at, page)| file.read_exact_at(page, (at * PAGE) as u64).unwrap());
        let has = |number: u8| pages.contains(&[number; PAGE]);
        let firsts: Vec<u8> = pages.iter().map(|page| page[0]).collect();
        assert!((1..=10).all(has), "{answers} answers, {inserted:?}: {firsts:?}");
        let at_end = file.append(b"Z").unwrap();
        file.sync_data().unwrap();
        assert_eq!(at_end as usize, len * PAGE);
        assert_eq!(store.bytes().len(), len * PAGE + 1, "{answers} answers, {inserted:?}");
        stuck += usize::from(inserted.is_err() && len == 12);
    }
    assert!(stuck > 2, "moving back never failed");
}

/// The first request after the store was made longer fails, and making it shorter again too.
#[test]
fn an_insert_that_leaves_the_store_longer_says_so() {
    let (store, file) = open(Mortal::new(1));
    file.write_all_at(&[1; 10 * PAGE], 0).unwrap();
    file.sync_data().unwrap();
    let mut told = 0;
    for answers in 0..9 {
        let before = file.len();
        store.dies_after(answers);
        let error = file.insert_range(PAGE as u64, PAGE as u64).unwrap_err();
        store.recover();
        assert_eq!(error.raw_os_error(), Some(5));
        let failure = file.last_failure().expect("it failed").to_string();
        let told_by = ["more bytes", "moving the bytes back", "does not report its length"];
        let tells = told_by.iter().any(|told_by| failure.contains(told_by));
        assert!(tells || file.len() == before, "{answers} answers: {failure}");
        told += usize::from(failure.contains("4096 more bytes"));
    }
    assert!(told > 0);
}

/// Where the store ends too early, bytes that were zeroes are read as such, and bytes that it has lost are not.
#[test]
fn where_a_failed_sync_lost_the_length_only_what_was_never_written_is_read_as_zeroes() {
    let (store, file) = open(Mortal { loses_length: true, ..Mortal::new(1) });
    file.write_all_at(&[7; PAGE], 0).unwrap();
    file.sync_data().unwrap();
    file.set_len(8 * PAGE as u64).unwrap();
    let (lost, mut seen) = (6 * PAGE as u64, [1; PAGE]);
    file.write_direct_at(&[5; PAGE], lost).unwrap();
    store.dies_after(0);
    file.sync_data().unwrap_err();
    store.recover();
    assert_eq!(store.inner.len().unwrap(), PAGE as u64);
    let broken = file.broken_ranges();
    assert_eq!((broken.len(), &broken[0]), (1, &(lost..lost + PAGE as u64)));
    for page in [1, 5, 7] {
        file.read_exact_direct_at(&mut seen, page * PAGE as u64).unwrap();
        assert_eq!(seen, [0; PAGE]);
        seen.fill(1);
    }
    file.read_exact_direct_at(&mut seen, lost).unwrap_err();
}

#[test]
fn zeroes_whose_length_a_failed_sync_lost_can_be_read_before_the_next_sync() {
    let (store, file) = open(Mortal { loses_length: true, ..Mortal::new(1) });
    file.write_all_at(&[7; PAGE], 0).unwrap();
    file.sync_data().unwrap();
    file.set_len(8 * PAGE as u64).unwrap();
    store.dies_after(0);
    file.sync_data().unwrap_err();
    store.recover();
    assert_eq!((store.inner.len().unwrap(), file.broken_ranges()), (PAGE as u64, vec![]));

    let mut seen = [1; 100];
    file.read_exact_at(&mut seen, PAGE as u64).unwrap();
    file.read_exact_direct_at(&mut seen[..50], 3 * PAGE as u64).unwrap();
    assert_eq!(seen, [0; 100]);
    assert!(file.page(4).unwrap().iter().all(|&byte| byte == 0));
    file.page_mut(5).unwrap()[9] = 9;
    file.write_all_at(b"x", 6 * PAGE as u64 + 1).unwrap();
    file.sync_data().unwrap();
    let mut expected = vec![0; 8 * PAGE];
    expected[..PAGE].fill(7);
    (expected[5 * PAGE + 9], expected[6 * PAGE + 1]) = (9, b'x');
    assert!(store.bytes() == expected);
}
