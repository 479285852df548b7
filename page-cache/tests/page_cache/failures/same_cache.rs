//! Stores that use files of their own cache.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{
    File, FileOptions, Length, MemStore, Options, PageCache, Store, StoreLayer,
};

const PAGE: u64 = 4096;

/// A file as the store of another one, like a loop device.
struct Loop(File);

impl Store for Loop {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.0.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// A cache whose flusher sleeps.
fn cache() -> PageCache {
    PageCache::with_options(Options::new(64).flush_interval(Duration::MAX))
}

fn deadlock<T: std::fmt::Debug>(outcome: io::Result<T>) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock, "{error}");
    assert!(error.to_string().contains("a file of its own cache"), "{error}");
}

/// Runs every operation that reaches the store.
fn every_operation_is_refused(file: &File) {
    deadlock(file.read_at(&mut [0], 0));
    deadlock(file.read_direct_at(&mut [0], 0));
    deadlock(file.write_direct_at(&[1], 0));
    deadlock(file.set_len(5));
    deadlock(file.punch_hole(0, 1));
    deadlock(file.zero_range(0, 1, Length::Keep));
    deadlock(file.collapse_range(0, PAGE));
    deadlock(file.insert_range(0, PAGE));
    deadlock(file.map(0..PAGE).unwrap().load(0, &mut [0]));
    file.write_at(&[1; 9], 9).unwrap();
    deadlock(file.writeback(0..PAGE));
    deadlock(file.sync_data());
}

#[test]
fn a_store_that_uses_a_file_of_the_same_cache_gets_an_error_immediately() {
    let cache = cache();
    let image = cache.open(MemStore::new()).unwrap();
    image.set_len(8 * PAGE).unwrap();
    let disk = cache.open(Loop(image.clone())).unwrap();
    every_operation_is_refused(&disk);
    // More pages than the cache has: the writer writes pages back, and gets the error.
    deadlock(disk.write_all_at(&[1; 1 << 20], 0));
}

#[test]
fn caches_that_store_in_each_others_files_get_an_error_immediately() {
    let (first, second) = (cache(), cache());
    let image = first.open(MemStore::new()).unwrap();
    image.set_len(8 * PAGE).unwrap();
    let options = FileOptions::new().write_through();
    let between = second.open_with(Loop(image), options).unwrap();
    let disk = first.open(Loop(between.clone())).unwrap();
    every_operation_is_refused(&disk);
    // A cache on another cache works. The error of the earlier writeback is reported once.
    let _heard = between.sync_data();
    between.write_all_at(&[3; 100], 0).unwrap();
    between.sync_data().unwrap();
}

/// What a store does to a file of the same cache, during each of its own requests.
struct Meddler {
    inner: MemStore,
    file: OnceLock<Mutex<Option<File>>>,
    heard: Mutex<Vec<Option<ErrorKind>>>,
}

impl Meddler {
    fn meddle(&self) {
        let Some(file) = self.file.get() else { return };
        let Some(file) = &*file.lock().unwrap() else { return };
        let mapping = file.map(0..PAGE).unwrap();
        let kind = |outcome: io::Result<()>| outcome.err().map(|error| error.kind());
        let heard = [
            file.read_at(&mut [0], 0).map(drop),
            file.write_at(&[1], 0).map(drop),
            file.append(&[1]).map(drop),
            file.read_direct_at(&mut [0], 0).map(drop),
            file.write_direct_at(&[1], 0).map(drop),
            file.set_len(100),
            file.punch_hole(0, 1),
            file.allocate(0, 1, Length::Extend),
            file.zero_range(0, 1, Length::Extend),
            file.collapse_range(0, PAGE),
            file.insert_range(0, PAGE),
            file.writeback(0..1),
            file.sync_range(0..1),
            file.sync_data(),
            file.sync_all(),
            mapping.load(0, &mut [0]),
            mapping.store(0, &[1]),
        ];
        self.heard.lock().unwrap().extend(heard.map(kind));
    }
}

impl Store for Meddler {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.meddle();
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.meddle();
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.meddle();
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.meddle();
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.meddle();
        // A file that a store drops during a request is closed by another thread.
        if let Some(file) = self.file.get() {
            drop(file.lock().unwrap().take());
        }
        self.inner.punch_hole(offset, len)
    }

    fn direct_alignment(&self) -> u64 {
        self.meddle();
        1
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

#[test]
fn nothing_that_a_store_asks_of_a_file_of_its_own_cache_waits() {
    let cache = cache();
    let store = Arc::new(Meddler {
        inner: MemStore::new(),
        file: OnceLock::new(),
        heard: Mutex::default(),
    });
    let file = cache.open(Arc::clone(&store)).unwrap();
    assert!(store.file.set(Mutex::new(Some(file.clone()))).is_ok());
    file.write_at(&[1; 100], 0).unwrap();
    file.writeback(0..PAGE).unwrap();
    file.read_direct_at(&mut [0], 0).unwrap();
    file.write_direct_at(&[1], 0).unwrap();
    file.set_len(2 * PAGE).unwrap();
    file.read_at(&mut [0], PAGE).unwrap();
    file.punch_hole(0, 1).unwrap();
    let heard = store.heard.lock().unwrap().clone();
    assert!(heard.len() >= 6 * 17, "{}", heard.len());
    assert!(heard.iter().all(|&kind| kind == Some(ErrorKind::Deadlock)), "{heard:?}");
}

#[test]
fn a_file_that_a_store_drops_is_closed_by_another_thread() {
    let cache = cache();
    let one = Arc::new(MemStore::new());
    let dropped = cache.open(Arc::clone(&one)).unwrap();
    dropped.write_all_at(b"dirty", 0).unwrap();
    let store = Arc::new(Meddler {
        inner: MemStore::new(),
        file: OnceLock::new(),
        heard: Mutex::default(),
    });
    let file = cache.open(Arc::clone(&store)).unwrap();
    assert!(store.file.set(Mutex::new(Some(dropped))).is_ok());
    file.punch_hole(0, 1).unwrap();
    while Arc::strong_count(&one) > 1 {
        thread::yield_now();
    }
    assert_eq!(one.len().unwrap(), 5);
}

type Job = Box<dyn FnOnce(&File) + Send>;

/// A file as the store of another one, which a separate thread uses.
struct Remote(Mutex<Sender<Job>>);

impl Remote {
    fn new(file: File) -> Remote {
        let (jobs, given): (Sender<Job>, Receiver<Job>) = channel();
        thread::spawn(move || given.iter().for_each(|job| job(&file)));
        Remote(Mutex::new(jobs))
    }

    fn ask<T: Send + 'static>(&self, request: impl FnOnce(&File) -> T + Send + 'static) -> T {
        let (answer, answered) = channel();
        let job = move |file: &File| drop(answer.send(request(file)));
        self.0.lock().unwrap().send(Box::new(job)).unwrap();
        answered.recv().unwrap()
    }
}

impl Store for Remote {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = bytes.len();
        let read = self.ask(move |file| {
            let mut bytes = vec![0; len];
            file.read_at(&mut bytes, offset).map(|found| (found, bytes))
        });
        let (found, read) = read?;
        bytes.copy_from_slice(&read);
        Ok(found)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let bytes = bytes.to_vec();
        self.ask(move |file| file.write_at(&bytes, offset))
    }

    fn len(&self) -> io::Result<u64> {
        self.ask(|file| Ok(file.len()))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.ask(move |file| file.set_len(len))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.ask(move |file| file.punch_hole(offset, len))
    }

    fn sync(&self) -> io::Result<()> {
        self.ask(File::sync_data)
    }
}

/// `Store` forbids this, but it works: no thread waits for another file's store.
#[test]
fn a_store_that_has_a_thread_use_another_file_of_its_cache_is_served() {
    let cache = PageCache::new(64);
    let image = cache.open(MemStore::new()).unwrap();
    let disk = cache.open(Remote::new(image)).unwrap();
    let bytes: Vec<u8> = (0..1 << 20).map(|at: u32| (at / 4096) as u8).collect();
    disk.write_all_at(&bytes, 0).unwrap();
    disk.sync_data().unwrap();
    let mut seen = vec![0; bytes.len()];
    disk.read_exact_at(&mut seen, 0).unwrap();
    assert!(seen == bytes);
}

/// Takes exclusive guards of pages of a file of its cache during each write.
struct Guarding {
    inner: MemStore,
    file: File,
    heard: Mutex<Vec<Option<ErrorKind>>>,
}

impl StoreLayer for Guarding {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let file = &self.file;
        let heard = [
            file.page_mut(5).err().map(|error| error.kind()),
            file.pages_mut([4, 6]).err().map(|error| error.kind()),
            file.page_list_mut(&[4, 6]).err().map(|error| error.kind()),
            file.pin(7).err().map(|error| error.kind()),
        ];
        self.heard.lock().unwrap().extend(heard);
        self.inner.write_at(bytes, offset)
    }
}

#[test]
fn an_exclusive_guard_waits_in_no_store_for_room_that_the_store_makes() {
    let cache = cache();
    let file = cache.open(MemStore::new()).unwrap();
    file.set_len(8 * PAGE).unwrap();
    let heard = Mutex::default();
    let store = Arc::new(Guarding { inner: MemStore::new(), file, heard });
    let disk = cache.open(Arc::clone(&store)).unwrap();
    // More pages than may be dirty, so that the writer writes some back.
    disk.write_all_at(&[1; 64 * PAGE as usize], 0).unwrap();
    disk.sync_data().unwrap();
    let heard = store.heard.lock().unwrap();
    assert!(heard.len() >= 4, "{}", heard.len());
    assert!(heard.iter().all(|&kind| kind == Some(ErrorKind::Deadlock)), "{heard:?}");
}
