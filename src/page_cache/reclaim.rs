//! Reclaim: a frame for a page that is to be cached, out of a cache that keeps to its capacity.
//!
//! The caller holds no page and no mapping claim.
//!
//! 1. Take a frame off the free list.
//! 2. Else let the hand of a clock run over the frames. It passes over a page that was used since
//!    it last came by, and over one that is pinned, locked, dirty or on its way to the store.
//! 3. Try the lock of any other page; unmap it; take it out of the index if nobody has it pinned.
//! 4. If twice around finds nothing, wake the flusher and wait until it has cleaned something.

use crate::sync::atomic::Ordering;
use std::io;

use super::PathLock;
use super::cache::Shared;
use super::frame::{FreeFrame, LockedPage};
use super::order::may_wait_for_clean;
use super::stats::Event;

impl<L: PathLock> Shared<L> {
    /// A free frame; waits for one to become clean if need be.
    ///
    /// Fails if pages can be cleaned no more: with what the store says to it.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn free_frame(&self) -> io::Result<FreeFrame<'_>> {
        may_wait_for_clean();
        if let Some(free) = self.try_free_frame() {
            return Ok(free);
        }
        let start = self.flusher.progress();
        loop {
            let now = self.flusher.wait_for_progress();
            if let Some(free) = self.try_free_frame() {
                return Ok(free);
            }
            if let Some(error) = now.failed_since(&start) {
                return Err(error);
            }
        }
    }

    /// A free frame, if there is one or one can be made free at once.
    pub(super) fn try_free_frame(&self) -> Option<FreeFrame<'_>> {
        self.frames.take_free().or_else(|| self.evict())
    }

    fn evict(&self) -> Option<FreeFrame<'_>> {
        let count = self.frames.count() as usize;
        for _ in 0..2 * count {
            let at = self.hand.fetch_add(1, Ordering::Relaxed) % count;
            let frame = self.frames.get(at as u32)?;
            if frame.pass_over() {
                continue;
            }
            if let Some(page) = LockedPage::try_for_eviction(&self.frames, frame)
                && let Some(free) = self.evict_page(page)
            {
                self.counters.count(Event::Eviction);
                return Some(free);
            }
        }
        None
    }

    fn evict_page<'a>(&'a self, page: LockedPage<'a>) -> Option<FreeFrame<'a>> {
        // A file that is being closed drops its pages itself.
        let file = self.file(page.key().file)?;
        file.unmap(&page);
        file.take_out_unpinned(page)
    }
}
