//! Visits: who works on a file without having it open.
//!
//! The flusher and reclaim come by the number that a page's key names. The last handle of a file,
//! on its way out, waits until they have left, and lets nobody else in: when it is gone the store is
//! gone too, and whatever it kept to itself may be opened again.

use crate::sync::blocking::{Condvar, Mutex, PoisonError};
use std::ops::Deref;
use std::sync::Arc;

use super::inode::Inode;

/// How many visits to a file there are.
#[derive(Default)]
pub(super) struct Visitors {
    count: Mutex<usize>,
    left: Condvar,
}

/// A file that is kept from closing for good.
pub(super) struct Visit {
    // Dropped in this order: who waits for the visit to end has the last reference then.
    file: Arc<Inode>,
    _leave: Leave,
}

struct Leave(Arc<Visitors>);

impl Visit {
    /// Enters a file which, as the caller knows, still lets visitors in.
    pub(super) fn new(file: &Arc<Inode>) -> Visit {
        let visitors = &file.visitors;
        *visitors.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Visit { file: Arc::clone(file), _leave: Leave(Arc::clone(visitors)) }
    }
}

impl Deref for Visit {
    type Target = Inode;

    fn deref(&self) -> &Inode {
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
    /// Waits until all have left. The caller sees to it that nobody enters.
    pub(super) fn wait_until_gone(&self) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = self.left.wait_while(count, |count| *count > 0);
        drop(gone.unwrap_or_else(PoisonError::into_inner));
    }
}
