//! Visits: how a thread uses a file without having it open.
//!
//! The flusher and reclaim find a file by the number in a page's key. When the last handle of a
//! file is dropped, it waits until they have left, and refuses others: after that the store is
//! dropped too, and may be opened again.

use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};
use std::ops::Deref;
use std::sync::Arc;

/// The number of visits to a file.
#[derive(Default)]
pub(crate) struct Visitors {
    visits: Mutex<Visits>,
    left: Condvar,
}

#[derive(Default)]
struct Visits {
    count: usize,
    /// Whether a thread waits until there are none. A notification is a system call, which each eviction would make
    /// otherwise.
    is_awaited: bool,
}

/// A visit: the file is not closed while it exists.
pub(crate) struct Visit<T: ?Sized> {
    // Dropped in this order, so that the thread that waits for the visit to end has the last reference.
    file: Arc<T>,
    _leave: Leave,
}

struct Leave(Arc<Visitors>);

impl<T: ?Sized> Visit<T> {
    /// Begins a visit. The caller knows that the file still allows visits.
    pub(crate) fn new(visitors: &Arc<Visitors>, file: Arc<T>) -> Visit<T> {
        visitors.visits().count += 1;
        Visit { file, _leave: Leave(Arc::clone(visitors)) }
    }

    /// The same visit, with another reference to the file; or its end, if there is none.
    pub(crate) fn map<U: ?Sized>(
        self,
        known: impl FnOnce(Arc<T>) -> Option<Arc<U>>,
    ) -> Option<Visit<U>> {
        Some(Visit { file: known(self.file)?, _leave: self._leave })
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
        let mut visits = self.0.visits();
        visits.count -= 1;
        let is_last = visits.is_awaited && visits.count == 0;
        drop(visits);
        if is_last {
            self.0.left.notify_all();
        }
    }
}

impl Visitors {
    /// Waits until all visits have ended. The caller makes sure that none begins.
    pub(crate) fn wait_until_gone(&self) {
        let mut visits = self.visits();
        visits.is_awaited = true;
        let gone = self.left.wait_while(visits, |visits| visits.count > 0);
        drop(gone.unwrap_or_else(PoisonError::into_inner));
    }

    fn visits(&self) -> MutexGuard<'_, Visits> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
