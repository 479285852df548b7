use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::unwind::Bomb;
use crate::{MemStore, PageCache, StoreLayer};

/// Its first sync fails.
#[derive(Default)]
struct Unsynced {
    inner: MemStore,
    has_failed: AtomicBool,
}

impl StoreLayer for Unsynced {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.has_failed.swap(true, Ordering::Relaxed) {
            false => Err(io::Error::other("the first sync")),
            true => Ok(()),
        }
    }
}

#[test]
fn a_request_is_repeated_after_a_failed_sync_although_its_error_panics_when_it_is_dropped() {
    let file = PageCache::new(16).open(Unsynced::default()).unwrap();
    let store = &file.inode().store;
    let mut requests = 0;
    let request = || {
        requests += 1;
        if requests > 1 {
            return Ok(());
        }
        file.sync_data().unwrap_err();
        Err(io::Error::other(Bomb))
    };
    let outcome = store.attempt(Some(0..1), request, |_, outcome| assert!(outcome.is_ok()));
    assert!(outcome.is_ok());
    assert_eq!(requests, 2);
}
