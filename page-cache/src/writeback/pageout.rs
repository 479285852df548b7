//! Pageout: reclaim asks the flusher to write a dirty page, so that it can be evicted.
//!
//! Reclaim, with any locks held:
//!
//! 1. Queue the page's number and wake the flusher. A work item is neither a lock nor a pin: a
//!    locked page would stay locked until the flusher gets to it, and the flusher may be waiting
//!    for that very page. A pinned page could not be evicted until then, although another thread
//!    may have cleaned it; and the flusher may wait for a frame, in a file's hook.
//! 2. If the queue is full the item is dropped, since the flusher has enough to do.
//!
//! The flusher, with nothing held, for each item:
//!
//! 3. Find the page and lock it, unless a page guard holds it. Check that it is dirty: it may have
//!    been truncated or written meanwhile.
//! 4. From here on the page keeps its file open, since closing takes the lock of every page and
//!    waits for its writeback. Try to claim the page and the dirty pages that follow it. A claim
//!    comes before page locks in the lock order, so waiting for it is not allowed here. An
//!    operation that holds the range exclusively writes the page or removes it.
//! 5. Prepare the page as for writeback, and unlock it; then the pages after it, in ascending
//!    order. The pages before it are left alone, because their locks come before its lock.
//! 6. Send the request, and record its result.
//! 7. Release the claim and the file. Clear the writeback marks after that: then the file may be closed.

use std::io;
use std::sync::Arc;

use crate::diagnostics;
use crate::files::inode::visit;
use crate::files::store_access::write_retry::Asker;
use crate::options::Steal;
use crate::pages::dirty_pages::Wanted;
use crate::pages::frame::Key;
use crate::pages::pool::{Guarded, Pool};
use crate::stats::Event;
use crate::unwind;
use crate::writeback::in_flight::{AtGuard, InFlight};
use spanlock::Access;

impl Pool {
    /// Does what was queued.
    pub(crate) fn run_pageouts(&self, file: u64, pages: Vec<u64>) {
        for page in pages {
            // The file has recorded the error.
            unwind::discard(self.write_out(Key { file, page }));
            self.flusher.report();
        }
    }

    /// Writes a page out, and what is dirty behind it, if it is still there and dirty.
    fn write_out(&self, key: Key) -> Option<io::Result<()>> {
        // A user's guard may keep it for long: then reclaim queues it again when it examines the page again.
        let page = self.find_unguarded(key).ok()??;
        let Key { file: id, page: number } = key;
        // Declared after the page, and so dropped before its lock.
        let file = visit(self, id)?;
        let may_leave = file.steal == Steal::Allowed;
        if !may_leave
            || !page.state().is_dirty()
            || file.write_retry.refusal(Asker::Flusher).is_some()
        {
            return None;
        }
        let run =
            number..number + file.unclean_run(number, file.flush_position.most(), Wanted::ALL);
        let bytes = file.page_size.bytes_of(&run);
        let claim = file.try_claim(Access::Writeback, bytes)?;
        self.counters.count(Event::Pageout);
        let mut request = InFlight::default();
        let mut put = file.put_in_flight(page, &mut request, AtGuard::PassOver);
        for ahead in run.skip(1) {
            let found = put.and_then(|()| self.find_unguarded(Key { file: id, page: ahead }));
            put = match found {
                Ok(Some(page)) => file.put_in_flight(page, &mut request, AtGuard::PassOver),
                Ok(None) => Ok(()),
                Err(Guarded) => break,
            };
        }
        let landed = file.transmit(request, &claim);
        let label = Arc::clone(file.store.label_at_open());
        drop(claim);
        drop(file);
        let outcome = landed.end();
        if let Err(error) = &outcome {
            diagnostics::background_error(&label, error);
        }
        Some(outcome)
    }
}

#[cfg(test)]
mod tests;
