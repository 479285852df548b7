//! The capacity of a cache, and changing it: pages are evicted until few enough frames are used.

use std::io;
use std::time::Instant;

use crate::options::LEAST_CAPACITY;
use crate::order::leaf::lock_leaf;
use crate::order::may_wait_for_clean;
use crate::pages::eviction::Victims;
use crate::pages::pool::Pool;
use crate::pages::reclaim::TIMEOUT;
use crate::sync::blocking::PoisonError;

impl Pool {
    /// Sets the capacity, and evicts pages until no more frames are used. The caller holds nothing.
    ///
    /// Fails if pages above the new capacity cannot be evicted for a long time. No thread gets
    /// their frames then either.
    pub(crate) fn set_capacity(&self, frames: usize) -> io::Result<()> {
        let most = self.frames.most();
        if frames < LEAST_CAPACITY || frames > most as usize {
            let message = format!("the cache can have from {LEAST_CAPACITY} to {most} pages");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        {
            let _one_at_a_time = self.resizing.lock().unwrap_or_else(PoisonError::into_inner);
            let (limit, of) = self.dirty_part;
            let limit = (limit as u128 * frames as u128 / of as u128) as usize;
            self.dirty.set_frames(limit.max(1), frames);
            self.permits.set_frames(frames);
            lock_leaf(&self.queues).set_frames(frames as u32);
            self.frames.set_count(frames as u32);
        }
        self.evict_excess()
    }

    /// Evicts pages until no more frames are used than allowed, and returns their memory to the
    /// system.
    #[cfg_attr(debug_assertions, track_caller)]
    fn evict_excess(&self) -> io::Result<()> {
        may_wait_for_clean(&self.frames);
        let mut progress = Instant::now();
        loop {
            let excess = self.frames.excess();
            if excess == 0 {
                return Ok(());
            }
            match self.evict(Victims::Any) {
                Some(free) => {
                    free.give_back();
                    progress = Instant::now();
                }
                None if progress.elapsed() >= TIMEOUT || self.frames.are_all_guarded() => {
                    let message =
                        format!("{excess} pages above the new capacity cannot be evicted");
                    return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
                }
                None => self.flusher.wait_for_progress(),
            }
        }
    }
}
