//! What a task's blocking work does, so that the task then gets its guard without waiting.
//!
//! The work takes the guard itself, and so waits for all that the task would have to wait for. It releases the guard
//! before it ends: a guard belongs to a thread, and no thread may have to wait for one that is on its way to another.
//! What it leaves for the task is a pin, which keeps nobody waiting.

use std::io;

use super::{GuardedPage, NO_LIMIT};
use crate::error::TryAgain;
use crate::files::inode::Inode;
use crate::pages::frame::guard::{SharedGuard, has_any};
use crate::pages::frame::{Pin, WaitLimit};

impl Inode {
    /// An exclusive guard of a page, if that is possible without waiting, and without asking the store how long it can
    /// be.
    pub(crate) fn page_mut_for_task(&self, number: u64) -> io::Result<Option<GuardedPage<'_>>> {
        if let Some(page) = self.page_mut_hit(number) {
            return Ok(Some(page));
        }
        if self.is_storable(number) {
            return self.page_mut_missed(number, WaitLimit::NoWait);
        }
        let allowed = self.check_in_no_store().and_then(|()| self.check_writable());
        allowed.map_err(|error| self.task_failed("page_mut", number, error))?;
        Ok(None)
    }

    /// Waits for a shared guard of a page, and releases it. The page stays pinned, if one more page may.
    pub(crate) fn load_for_task(&self, number: u64) -> io::Result<Option<Pin<'_>>> {
        let guard = self.page(number, WaitLimit::Unlimited)?.expect(NO_LIMIT);
        Ok(self.pin_for_task(&guard))
    }

    /// Waits for an exclusive guard of a page, and releases it. The page stays pinned, if one more page may.
    pub(crate) fn load_mut_for_task(&self, number: u64) -> io::Result<Option<Pin<'_>>> {
        let guard = self.page_mut(number, WaitLimit::Unlimited)?.expect(NO_LIMIT);
        Ok(self.pin_for_task(&guard.downgrade()))
    }

    fn pin_for_task<'a>(&self, guard: &SharedGuard<'a>) -> Option<Pin<'a>> {
        self.cache.task_pins.admit().then(|| guard.pin())
    }

    /// Fails if this thread has guards. A task must not wait then: what its work waits for may wait for these guards.
    pub(crate) fn check_task_may_wait(
        &self,
        operation: &'static str,
        number: u64,
    ) -> io::Result<()> {
        match has_any() {
            true => {
                Err(self.task_failed(operation, number, TryAgain::without_guards("for a page")))
            }
            false => Ok(()),
        }
    }

    /// The error of a task whose work does not tell why it failed.
    pub(crate) fn task_failed(
        &self,
        operation: &'static str,
        number: u64,
        error: io::Error,
    ) -> io::Error {
        self.failed(self.guard_request(operation, number), error)
    }
}
