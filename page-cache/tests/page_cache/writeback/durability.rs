//! What a sync guarantees, and when it ends.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, MemStore, Options, PageCache, Store};

const PAGE: usize = 4096;
const NEVER: Duration = Duration::from_secs(3600);

/// A store of which each write, up to a number of them, waits until another page has been appended
/// to the file.
struct OvertakenStore {
    inner: MemStore,
    writes: AtomicUsize,
    /// Requests an append, and is notified when it was made.
    append: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

/// So many writes wait for an append. The others do not, so that a test can fail.
const OVERTAKEN: usize = 50;

impl Store for OvertakenStore {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let overtaken = self.writes.fetch_add(1, Ordering::SeqCst) < OVERTAKEN;
        let append = self.append.lock().unwrap();
        if let Some((ask, told)) = append.as_ref().filter(|_| overtaken) {
            ask.send(()).unwrap();
            told.recv().unwrap();
        }
        drop(append);
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

/// How many writes a sync makes, if a page is appended during each of them.
fn writes_of(sync: impl FnOnce(&File) -> io::Result<()>) -> usize {
    let (ask, asked) = channel();
    let (tell, told) = channel();
    let append = Mutex::new(Some((ask, told)));
    let store = OvertakenStore { inner: MemStore::new(), writes: AtomicUsize::new(0), append };
    let store = Arc::new(store);
    let cache: PageCache = PageCache::with_options(Options::new(256).flush_interval(NEVER));
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.append(&[1; PAGE]).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for () in asked {
                file.append(&[2; PAGE]).unwrap();
                tell.send(()).unwrap();
            }
        });
        sync(&file).unwrap();
        *store.append.lock().unwrap() = None;
    });
    store.writes.load(Ordering::SeqCst)
}

#[test]
fn a_sync_ends_with_what_was_dirty_when_it_began() {
    assert_eq!(writes_of(File::sync_data), 1);
    assert_eq!(writes_of(File::sync_all), 1);
    assert_eq!(writes_of(|file| file.sync_range(0..u64::MAX)), 1);
    assert_eq!(writes_of(|file| file.writeback(0..u64::MAX)), 1);
}
