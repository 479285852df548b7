//! The capacity of a cache, and changing it: pages are evicted until few enough frames are used.
//!
//! Some pages may not be evictable for any length of time: those of a store that fails, those that only a sync may
//! write, those with guards. Requests for other pages need frames meanwhile. So while the cache waits for such pages
//! it allows some frames more than are used, up to the old capacity; and if it waits in vain it keeps that one. The
//! limits on dirty pages and permits are those of the new capacity only as long as pages become clean.

use std::io;
use std::time::{Duration, Instant};

use crate::options::LEAST_CAPACITY;
use crate::order::leaf::lock_leaf;
use crate::order::may_wait_for_clean;
use crate::pages::dirty_limit::{DirtyPages, Pins};
use crate::pages::eviction::Victims;
use crate::pages::pool::{Pool, Resizing};
use crate::pages::reclaim::TIMEOUT;
use crate::sync::blocking::{MutexGuard, PoisonError};

/// After this time without an evicted page, other requests have the limits of the old capacity again. A store that takes
/// so long to answer is not waited for elsewhere either. If this time were shorter, writers of other files could fill the
/// frames of a slow store between two answers, and no progress would be seen.
const PAUSE: Duration = Duration::from_secs(5);

impl Pool {
    /// The capacity after the last change that succeeded.
    pub(crate) fn capacity(&self) -> usize {
        self.resizing().capacity
    }

    /// Sets the capacity, and evicts pages until no more frames are used. The caller holds nothing.
    ///
    /// Fails if pages above the new capacity cannot be evicted for a long time. Then the capacity stays as it was.
    /// A later call replaces one that has not ended.
    pub(crate) fn set_capacity(&self, frames: usize) -> io::Result<()> {
        let most = self.frames.most();
        if frames < LEAST_CAPACITY || frames > most as usize {
            let message = format!("the cache can have from {LEAST_CAPACITY} to {most} pages");
            return Err(refused(frames, io::ErrorKind::InvalidInput, &message));
        }
        let old = self.capacity();
        // Before any limit is changed: with those of a capacity that is refused, other requests could fail.
        if let Some(cause) = self.held_by_users(frames, old) {
            return Err(still(frames, old, &cause));
        }
        let (call, old) = {
            let mut resizing = self.resizing();
            resizing.calls += 1;
            self.set_limits(frames);
            (resizing.calls, resizing.capacity)
        };
        self.evict_excess(call, frames, old)
    }

    /// Sets what depends on the capacity.
    fn set_limits(&self, frames: usize) {
        self.dirty.set_frames(self.dirty_limit_in(frames), frames);
        self.permits.set_frames(frames);
        self.task_pins.set_frames(frames);
        lock_leaf(&self.queues).set_frames(frames as u32);
        self.frames.set_count(frames as u32);
    }

    fn dirty_limit_in(&self, frames: usize) -> usize {
        let (limit, of) = self.dirty_part;
        let limit = (limit as u128 * frames as u128 / of as u128) as usize;
        limit.max(1)
    }

    /// Evicts pages until no more than `frames` are used, and returns their memory to the system.
    #[cfg_attr(debug_assertions, track_caller)]
    fn evict_excess(&self, call: u64, frames: usize, old: usize) -> io::Result<()> {
        may_wait_for_clean(&self.frames);
        let (mut least, mut progress) = (u32::MAX, Instant::now());
        loop {
            let held = self.held_by_users(frames, old);
            let Some(resizing) = self.resizing_by(call) else { return Ok(()) };
            if let Some(cause) = held {
                self.set_limits(old);
                return Err(still(frames, old, &cause));
            }
            self.frames.set_count(frames as u32);
            drop(resizing);
            let excess = self.evict_to(frames);
            let Some(mut resizing) = self.resizing_by(call) else { return Ok(()) };
            if excess == 0 {
                self.set_limits(frames);
                resizing.capacity = frames;
                return Ok(());
            }
            if excess < least {
                (least, progress) = (excess, Instant::now());
            }
            if progress.elapsed() >= TIMEOUT {
                self.set_limits(old);
                let cause = format!(
                    "{excess} pages above the new capacity could not be evicted for {TIMEOUT:?}"
                );
                return Err(still(frames, old, &cause));
            }
            let for_others = (frames + excess as usize + LEAST_CAPACITY).min(old.max(frames));
            self.set_limits(if progress.elapsed() < PAUSE { frames } else { old });
            self.frames.set_count(for_others as u32);
            drop(resizing);
            self.flusher.wait_for_progress();
        }
    }

    /// Evicts pages until no more than `frames` are used, as far as that is possible without waiting. Returns how many
    /// more are used.
    fn evict_to(&self, frames: usize) -> u32 {
        loop {
            let excess = self.frames.excess();
            if excess == 0 {
                return 0;
            }
            // Each of the frames in use may have to be examined, also those beyond the capacity.
            let used = excess.saturating_add(frames as u32);
            let Some(free) = self.evict_one_of(Victims::Any, used) else { return excess };
            free.give_back();
        }
    }

    /// Why users' guards and pins leave too little of so many frames to others, if they do, and the frames are fewer than
    /// before.
    fn held_by_users(&self, frames: usize, old: usize) -> Option<String> {
        if frames >= old {
            return None;
        }
        let guarded = self.frames.guarded() as usize;
        // Not the present limit, which may be that of the old capacity.
        let limit = DirtyPages::limit_in(self.dirty_limit_in(frames), frames);
        let pins = self.dirty.pins_of(limit);
        let kept = self.dirty_until_sync();
        let for_tasks = self.task_pins.count();
        if guarded >= frames {
            Some(format!("page guards hold {guarded} pages"))
        } else if for_tasks >= frames {
            Some(format!("{for_tasks} pages are kept for tasks that were not polled since"))
        } else if pins.are > pins.most {
            let Pins { are, most } = pins;
            Some(format!(
                "the number of pins is {are}, and a cache of that size has at most {most}"
            ))
        } else if kept > limit as u64 {
            Some(format!(
                "only a sync may write {kept} dirty pages, and a cache of that size has at most {limit}"
            ))
        } else {
            None
        }
    }

    /// How many dirty pages there are that only a sync may write.
    fn dirty_until_sync(&self) -> u64 {
        let owners = self.owners_by_age().into_iter().filter_map(|id| self.owner(id));
        owners.map(|owner| owner.pages().dirty_until_sync).sum()
    }

    fn resizing(&self) -> MutexGuard<'_, Resizing> {
        self.resizing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, unless a later call has begun.
    fn resizing_by(&self, call: u64) -> Option<MutexGuard<'_, Resizing>> {
        Some(self.resizing()).filter(|resizing| resizing.calls == call)
    }
}

fn refused(frames: usize, kind: io::ErrorKind, cause: &str) -> io::Error {
    io::Error::new(kind, format!("set_capacity to {frames} pages: {cause}"))
}

fn still(frames: usize, old: usize, cause: &str) -> io::Error {
    let cause = format!("{cause}; the capacity is still {old} pages");
    refused(frames, io::ErrorKind::ResourceBusy, &cause)
}

#[cfg(test)]
mod tests;
