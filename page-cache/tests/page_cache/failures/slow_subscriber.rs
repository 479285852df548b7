//! Events of background writeback are reported when nothing is held.

use std::fmt::Debug;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spanlock_page_cache::{MemStore, Options, PageCache, StoreLayer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const PAGE: u64 = 4096;
const TOO_LONG: Duration = Duration::from_secs(20);
const LABEL: &str = "the store of the slow subscriber";

struct Failing {
    inner: MemStore,
    fails: Arc<AtomicBool>,
}

impl StoreLayer for Failing {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn label(&self) -> String {
        LABEL.into()
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(io::Error::other("it is full")),
            false => spanlock_page_cache::Store::write_at(&self.inner, bytes, offset),
        }
    }
}

/// Keeps the thread that reports an event of this test's store until the test has ended.
struct Slow {
    begun: Mutex<Sender<()>>,
    end: Mutex<Receiver<()>>,
}

/// Whether an event is about this test's store.
struct Ours(bool);

impl Visit for Ours {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        self.0 |= format!("{value:?}").contains(LABEL);
    }
}

impl Subscriber for Slow {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut ours = Ours(false);
        event.record(&mut ours);
        if ours.0 {
            // The test has ended if these fail.
            let _ = self.begun.lock().unwrap().send(());
            let _ = self.end.lock().unwrap().recv();
        }
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The flusher's thread is in the subscriber, of all tests of this process. Errors of other stores pass it at once.
#[test]
fn a_subscriber_may_be_slow_while_the_pages_are_synced() {
    let ((begun, has_begun), (ends, end)) = (channel(), channel());
    let slow = Slow { begun: Mutex::new(begun), end: Mutex::new(end) };
    tracing::subscriber::set_global_default(slow).unwrap();
    let fails = Arc::new(AtomicBool::new(true));
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    let store = Failing { inner: MemStore::new(), fails: Arc::clone(&fails) };
    let file = cache.open(store).unwrap();
    file.set_len(1000 * PAGE).unwrap();
    for page in 0..8 {
        file.write_all_at(&[1; 4096], page * PAGE).unwrap();
    }
    // Reclaim queues the dirty pages for pageout.
    for page in 100..400 {
        file.read_exact_at(&mut [0], page * PAGE).unwrap();
    }
    has_begun.recv_timeout(TOO_LONG).expect("the error is reported");
    fails.store(false, Ordering::SeqCst);
    let _heard = file.sync_all_for(TOO_LONG);
    file.sync_all_for(TOO_LONG).unwrap();
    assert_eq!(file.stats().dirty, 0);
    drop(ends);
}
