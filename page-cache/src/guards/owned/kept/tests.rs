use std::cell::Cell;
use std::sync::Weak;

use super::*;
use crate::{MemStore, PageCache};

/// Notes when it is dropped whether the file is still open.
struct Guard<'a> {
    handle: Weak<Handle>,
    was_open: &'a Cell<bool>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.was_open.set(self.handle.upgrade().is_some());
    }
}

/// O2.
#[test]
fn the_guard_is_dropped_before_the_last_handle_of_its_file() {
    let file = PageCache::new(64).open(MemStore::new()).unwrap();
    file.set_len(4096).unwrap();
    let handle = Arc::clone(&file.pin(0).unwrap().handle);
    drop(file);
    let (closed, was_open) = (Arc::downgrade(&handle), Cell::new(false));
    let guard = Guard { handle: Arc::downgrade(&handle), was_open: &was_open };
    drop(Kept { guard: Dangling(MaybeUninit::new(guard)), handle });
    assert!(was_open.get());
    assert!(closed.upgrade().is_none());
}
