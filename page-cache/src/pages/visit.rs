//! Visits: how a thread uses a file without having it open.
//!
//! The flusher and reclaim find a file by the number in a page's key. When the last handle of a
//! file is dropped, it waits until they have left, and refuses others: after that the store is
//! dropped too, and may be opened again.

use crate::sync::blocking::{Condvar, Mutex, PoisonError};
use std::ops::Deref;
use std::sync::Arc;

/// The number of visits to a file.
#[derive(Default)]
pub(crate) struct Visitors {
    count: Mutex<usize>,
    left: Condvar,
}

/// A visit: the file is not closed while it lasts.
pub(crate) struct Visit<T: ?Sized> {
    // Dropped in this order, so that the thread that waits for the visit to end has the last reference.
    file: Arc<T>,
    _leave: Leave,
}

struct Leave(Arc<Visitors>);

impl<T: ?Sized> Visit<T> {
    /// Begins a visit. The caller knows that the file still allows visits.
    pub(crate) fn new(visitors: &Arc<Visitors>, file: Arc<T>) -> Visit<T> {
        *visitors.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Visit { file, _leave: Leave(Arc::clone(visitors)) }
    }

    /// The same visit, with another reference to the file.
    pub(crate) fn map<U: ?Sized>(self, known: impl FnOnce(Arc<T>) -> Arc<U>) -> Visit<U> {
        Visit { file: known(self.file), _leave: self._leave }
    }
}

impl<T: ?Sized> Deref for Visit<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.file
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_all();
    }
}

impl Visitors {
    /// Waits until all visits have ended. The caller makes sure that none begins.
    pub(crate) fn wait_until_gone(&self) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = self.left.wait_while(count, |count| *count > 0);
        drop(gone.unwrap_or_else(PoisonError::into_inner));
    }
}
