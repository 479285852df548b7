//! Pageout: reclaim has the flusher write a dirty page that it would rather take.
//!
//! Reclaim, holding whatever it holds:
//!
//! 1. Pin the page: a work item is a reference, not a lock. A page that was locked now would stay so
//!    until the flusher comes to it, and the flusher may be waiting for that very page.
//! 2. Queue the item and wake the flusher. If the queue is full the item is dropped: the flusher is
//!    busy with pages enough.
//!
//! The flusher, holding nothing, for each item:
//!
//! 3. Lock the page, unless a user's guard keeps it. Check again that it is a page of a file, and dirty: it may have been truncated
//!    or cleaned in between, and then there is nothing to do.
//! 4. From here on the page keeps its file open, since closing passes through the lock of every
//!    page and waits for its writeback. Try to claim the page and the dirty ones that follow it: a
//!    claim comes before page locks, so to wait for it now is forbidden. Who is in the way holds the
//!    range exclusively, and will write the page or take it out.
//! 5. Put the page on its way, as writeback does, and unlock it; likewise the pages ahead, ascending.
//!    Those before it are left alone: their locks come before its own.
//! 6. Send the request, and note how it went.
//! 7. Drop the claim and release the file. Only then clear the writeback marks: after that the
//!    file may be gone.

use std::io;

use crate::PAGE_SIZE;
use crate::diagnostics;
use crate::files::inode::visit;
use crate::options::Steal;
use crate::pages::dirty_pages::Wanted;
use crate::pages::frame::{DetachedPin, Key, Pin};
use crate::pages::pool::{Guarded, Pool};
use crate::stats::Event;
use crate::writeback::flush::{AtGuard, InFlight};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

impl Pool {
    /// Does what was queued.
    pub(crate) fn run_pageouts(&self, queue: Vec<DetachedPin>) {
        for item in queue {
            // What went wrong was noted by the file.
            drop(self.write_out(self.frames.attach(item)));
            self.flusher.report();
        }
    }

    /// Writes a page out, and what is dirty behind it, if it is still there and dirty.
    fn write_out(&self, item: Pin<'_>) -> Option<io::Result<()>> {
        // A user's guard may keep it for long: then it is queued again when its turn comes again.
        let page = item.lock_unless_guarded().ok()?;
        let Key { file: id, page: number } = page.key();
        // Declared after the page, and so dropped before its lock.
        let file = visit(self, id)?;
        let may_leave = file.steal == Steal::Allowed;
        if !may_leave || !page.state().is_dirty() || file.standing.refusal().is_some() {
            return None;
        }
        let run = number..number + file.unclean_run(number, file.round.most(), Wanted::ALL);
        let bytes = run.start * PAGE..run.end * PAGE;
        let claim = file.try_claim(Access::Writeback, bytes)?;
        self.counters.count(Event::Pageout);
        let mut request = InFlight::default();
        let mut put = file.put_on_way(page, &mut request, AtGuard::PassOver);
        for ahead in run.skip(1) {
            let found = put.and_then(|()| self.find_unguarded(Key { file: id, page: ahead }));
            put = match found {
                Ok(Some(page)) => file.put_on_way(page, &mut request, AtGuard::PassOver),
                Ok(None) => Ok(()),
                Err(Guarded) => break,
            };
        }
        let landed = file.transmit(request, &claim);
        if let Some(error) = landed.error() {
            diagnostics::background_error(file.store.label_at_open(), error);
        }
        drop(claim);
        drop(file);
        Some(landed.end())
    }
}

#[cfg(test)]
mod tests;
