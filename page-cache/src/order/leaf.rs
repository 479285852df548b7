//! Leaves: mutexes under which no other lock is taken.

use crate::sync::blocking::{Mutex, MutexGuard, PoisonError};
use std::ops::{Deref, DerefMut};

use crate::order::{Held, Lock};

/// A leaf that is locked.
pub(crate) struct Leaf<'a, T> {
    guard: MutexGuard<'a, T>,
    _held: Held,
}

/// Locks a leaf. Poisoning is ignored: a panic leaves the contents of a leaf consistent.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn lock_leaf<T>(mutex: &Mutex<T>) -> Leaf<'_, T> {
    let _held = Held::acquire(Lock::leaf());
    Leaf { guard: mutex.lock().unwrap_or_else(PoisonError::into_inner), _held }
}

impl<T> Deref for Leaf<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Leaf<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
