//! The caches from which this thread is inside a request to a store, or a subscriber to events.
//!
//! A store is called with pages locked or in flight, with claims held, and by the threads that
//! write pages back. A store that uses a file of the same cache would wait for what its own caller
//! holds. So each thread keeps a list of the caches from which it is inside a request, and an
//! operation on a file of one of these fails immediately. A store may use files of another cache,
//! whose stores must not use files of the first.
//!
//! A subscriber to the cache's events is called in the same situations, by caches that it does not know. It cannot use a
//! file of any cache.
//!
//! A store that passes its work to another thread is not detected. That thread waits for what
//! operations on its own file hold, and not for another file's store; so it deadlocks only if the
//! file that it uses is stored in the file that waits.

use std::cell::{Cell, RefCell};

use crate::order::InCache;
use crate::sync::thread_local;

thread_local! {
    /// The length of the list, so that a thread that is not inside a store need not read it.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static CACHES: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    static HOOKS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// In the list, stands for all caches. `Frames::cache` is never zero.
const ANY_CACHE: usize = 0;

/// Records that this thread is inside a store or a subscriber, until it is dropped.
pub(crate) struct Inside(());

impl Inside {
    /// Enters a subscriber.
    #[cfg(feature = "tracing")]
    pub(crate) fn of_any() -> Inside {
        Inside::of(ANY_CACHE)
    }

    /// Enters a store of the cache that `Frames::cache` identifies.
    pub(crate) fn of(cache: usize) -> Inside {
        // A thread that ends has no list any more, and may still drop a file that it kept.
        let _ = CACHES.try_with(|caches| caches.borrow_mut().push(cache));
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        Inside(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
        let _ = CACHES.try_with(|caches| caches.borrow_mut().pop());
    }
}

/// Records that this thread is inside a file's hook, until it is dropped. A hook may use only those files of its
/// cache that have no hook.
pub(crate) struct InsideHook(());

impl InsideHook {
    pub(crate) fn of(cache: usize) -> InsideHook {
        let _ = HOOKS.try_with(|caches| caches.borrow_mut().push(cache));
        InsideHook(())
    }
}

impl Drop for InsideHook {
    fn drop(&mut self) {
        let _ = HOOKS.try_with(|caches| caches.borrow_mut().pop());
    }
}

/// Whether this thread is inside a hook of a file of the cache.
pub(crate) fn is_inside_hook(of: &impl InCache) -> bool {
    HOOKS.try_with(|caches| caches.borrow().contains(&of.cache())).unwrap_or(false)
}

/// Whether this thread is inside a store of the cache, or a subscriber.
#[inline]
pub(crate) fn is_inside(of: &impl InCache) -> bool {
    DEPTH.with(Cell::get) > 0 && is_listed(of.cache())
}

#[cold]
fn is_listed(cache: usize) -> bool {
    let is_in = |caches: &[usize]| caches.contains(&cache) || caches.contains(&ANY_CACHE);
    CACHES.try_with(|caches| is_in(&caches.borrow())).unwrap_or(false)
}
