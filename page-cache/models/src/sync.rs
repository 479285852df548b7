//! The primitives of the cache: loom's.

pub(crate) use loom::sync::atomic;
pub(crate) use loom::{hint, thread};

/// loom tries every order anyway.
pub(crate) const SPINS_BEFORE_PARKING: u32 = 1;

/// loom treats SeqCst as AcqRel, except for this.
pub(crate) fn two_sided_barrier() {
    atomic::fence(atomic::Ordering::SeqCst);
}

/// A spinning thread yields, or loom would let it spin for ever.
pub(crate) struct Backoff;

impl Backoff {
    pub(crate) fn new() -> Backoff {
        Backoff
    }

    pub(crate) fn snooze(&self) {
        loom::thread::yield_now();
    }
}

pub(crate) mod blocking {
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;
}

/// loom's macro takes no `const` block.
macro_rules! const_thread_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = const $value:block;)*) => {
        loom::thread_local! { $($(#[$attribute])* $visibility static $name: $type = $value;)* }
    };
}
pub(crate) use const_thread_local as thread_local;
