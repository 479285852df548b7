//! Reclaim: finds a frame for a page, within the capacity of the cache.
//!
//! The caller holds no page, no other frame and no mapping claim, and has a permit: see `frame_permits`.
//!
//! 1. Take a frame from the free list.
//! 2. Otherwise examine the tails of the queues, which determine what to evict next. Skip pages
//!    that were used, or are pinned, locked, dirty or in flight. Queue a dirty page for pageout, by
//!    its number: it will be clean when it is examined again.
//! 3. Try the lock of any other page, and the latch on its bytes: a page that is being read, or has
//!    a guard, stays. Unmap it. If it is not pinned, prevent further reads, and then remove it from
//!    its file's pages and the index.
//! 4. If examining every page several times finds nothing, wake the flusher and try again. There
//!    are frames that are neither dirty nor held by a request, so this ends.
//! 5. After the capacity was lowered, dirty pages may hold all frames that may be used. They become clean only if a
//!    hook before their writeback can use a log on the same cache. So a thread in a hook gets a frame that is not to
//!    be used any more, if there is no other.
//!
//! This never waits for a file's store.

use std::io;
use std::time::{Duration, Instant};

use crate::diagnostics::{Wait, Waiting};
use crate::error::TryAgain;
use crate::order::leaf::lock_leaf;
use crate::order::may_wait_for_clean;
use crate::order::nested::is_inside_hook;
use crate::pages::eviction::{Verdict, Victims};
use crate::pages::frame::{FrameId, FreeFrame, Key, LockedPage, WaitLimit};
use crate::pages::pool::{Owner, Pool};
use crate::stats::Event;

/// The longest that a thread waits for a frame.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// How often each page is examined: twice in the small queue, once in main.
const LOOKS: u32 = 3;

/// How many pages are examined before other threads may use the queues.
const LOOKS_AT_ONCE: u32 = 32;

impl Pool {
    /// Waits for a free frame. The caller has a permit, so one becomes free soon.
    ///
    /// Fails if none becomes free for ten seconds, and immediately if guards hold all frames.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn free_frame(&self) -> io::Result<FreeFrame<'_>> {
        self.free_frame_within(WaitLimit::Unlimited)
    }

    /// As `free_frame`, but waits no longer than `wait_limit` allows.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn free_frame_within(&self, wait_limit: WaitLimit) -> io::Result<FreeFrame<'_>> {
        may_wait_for_clean(&self.frames);
        if let Some(free) = self.try_free_frame() {
            return Ok(free);
        }
        let start = Instant::now();
        let _waiting = Waiting::new(Wait::Frame);
        loop {
            if let Some(frames) = self.frames.all_guarded() {
                let message = format!("page guards hold all {frames} frames");
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            if wait_limit.is_over() {
                return Err(TryAgain::timed_out("no frame became free in time"));
            }
            self.flusher.wait_for_progress();
            if let Some(free) = self.try_free_frame().or_else(|| self.frame_for_hook()) {
                return Ok(free);
            }
            if start.elapsed() >= TIMEOUT {
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "no frame became free in 10 seconds",
                ));
            }
        }
    }

    /// A free frame, if there is one or a page can be evicted without waiting.
    pub(crate) fn try_free_frame(&self) -> Option<FreeFrame<'_>> {
        self.frames.take_free().or_else(|| self.evict_within_capacity(Victims::Any))
    }

    /// A frame beyond the capacity, for a thread in a hook.
    fn frame_for_hook(&self) -> Option<FreeFrame<'_>> {
        if is_inside_hook(&self.frames) { self.frames.take_beyond_capacity() } else { None }
    }

    /// A frame from which a page was evicted. While more frames are used than the capacity allows, such frames are not
    /// used again.
    fn evict_within_capacity(&self, victims: Victims) -> Option<FreeFrame<'_>> {
        loop {
            let free = self.evict(victims)?;
            if self.frames.excess() == 0 {
                return Some(free);
            }
            free.give_back();
        }
    }

    /// At most `most` frames: free ones, and those of pages that were cached recently and not used since.
    pub(crate) fn cold_frames(&self, most: usize) -> Vec<FreeFrame<'_>> {
        let next =
            || self.frames.take_free().or_else(|| self.evict_within_capacity(Victims::Small));
        std::iter::from_fn(next).take(most).collect()
    }

    /// At most `most` frames: free ones, and at most `others_give` of pages that were cached
    /// recently and not used since.
    pub(crate) fn frames_for_hint(
        &self,
        most: usize,
        others_give: &mut usize,
    ) -> Vec<FreeFrame<'_>> {
        let next = || {
            self.frames.take_free().or_else(|| {
                *others_give = others_give.checked_sub(1)?;
                self.evict(Victims::Small)
            })
        };
        std::iter::from_fn(next).take(most).collect()
    }

    /// Evicts a page, if that is possible without waiting, and returns whether it was.
    pub(crate) fn try_evict(&self, key: Key) -> bool {
        let Some(frame) = self.index.peek(&self.frames, key) else { return false };
        let Some(page) = LockedPage::try_for_eviction(&self.frames, frame) else { return false };
        let evicted = page.key() == key && self.evict_page(page).is_some();
        if evicted {
            self.counters.count(Event::Eviction);
        }
        evicted
    }

    /// How many pages may be read by one request so that none of them is evicted for another.
    pub(crate) fn cold_frames_at_most(&self) -> u64 {
        u64::from(lock_leaf(&self.queues).small_target() / 2)
    }

    /// The frame of an evicted page, if a page can be evicted.
    pub(crate) fn evict(&self, victims: Victims) -> Option<FreeFrame<'_>> {
        self.evict_one_of(victims, self.frames.count())
    }

    /// The same, if `frames` frames are in use.
    pub(super) fn evict_one_of(&self, victims: Victims, frames: u32) -> Option<FreeFrame<'_>> {
        let mut looks_left = frames.saturating_mul(LOOKS);
        while looks_left > 0 {
            if let Some(page) = self.find_victim(victims, &mut looks_left)
                && let Some(free) = self.evict_page(page)
            {
                self.counters.count(Event::Eviction);
                return Some(free);
            }
        }
        None
    }

    /// Examines some pages, and locks the first that can be evicted. Sets `looks_left` to zero when
    /// examining more pages could find nothing.
    fn find_victim(&self, victims: Victims, looks_left: &mut u32) -> Option<LockedPage<'_>> {
        let mut dirty = Vec::new();
        let mut victim = None;
        let mut queues = lock_leaf(&self.queues);
        for _ in 0..LOOKS_AT_ONCE.min(*looks_left) {
            if victims == Victims::Small && !queues.small_gives() {
                *looks_left = 0;
                break;
            }
            *looks_left -= 1;
            victim = queues.step(victims, |id| self.look(id, &mut dirty));
            if victim.is_some() {
                break;
            }
        }
        drop(queues);
        dirty.into_iter().for_each(|key| self.flusher.queue(key));
        victim
    }

    fn look(&self, id: FrameId, dirty: &mut Vec<Key>) -> Verdict<LockedPage<'_>> {
        let Some(frame) = self.frames.get(id) else { return Verdict::Busy };
        if frame.pass_over() {
            return Verdict::Used;
        }
        if frame.state().waits_for_pageout() {
            // It is a hint: the page may be another by now, and need not be dirty when the flusher reaches it.
            dirty.push(frame.key());
        }
        LockedPage::try_for_eviction(&self.frames, frame).map_or(Verdict::Busy, Verdict::Taken)
    }

    fn evict_page<'a>(&'a self, page: LockedPage<'a>) -> Option<FreeFrame<'a>> {
        // An owner that is being closed removes its pages itself.
        let owner = self.owner(page.key().file)?;
        let free = self.take_out_unpinned(page, &*owner);
        owner.page_left(self);
        free
    }

    /// Evicts a clean page, unless it is being read or is pinned.
    ///
    /// No claim covers this, so an exclusive holder may find the page missing from the set at any moment. From
    /// then on it cannot be read: there is no reader, and new ones are refused, before it is removed.
    pub(crate) fn take_out_unpinned<'a>(
        &self,
        page: LockedPage<'a>,
        owner: &dyn Owner,
    ) -> Option<FreeFrame<'a>> {
        let number = page.key().page;
        let latch = page.try_latch()?;
        // A thread that read the entry before this reads it again once it has the latch.
        if page.state().is_mapped() {
            page.frame().entries.unmap_all();
            page.clear_mapped();
        }
        let forget = || {
            latch.void();
            owner.page_leaves(number);
        };
        let out = self.index.remove_unpinned(&self.frames, &page, forget);
        if !out {
            return None;
        }
        lock_leaf(&self.queues).evicted(page.id(), page.key());
        page.retire()
    }
}

#[cfg(test)]
mod tests;
