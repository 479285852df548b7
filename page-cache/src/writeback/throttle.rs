//! Throttle: a writer whose file has its share of dirty pages writes some of them back first.
//!
//! 1. With nothing held, or only an IO lock: if the file has more than half of its share of dirty
//!    pages, wake the flusher. If it has all of it, write a run of its pages back. See
//!    `dirty_limit` for the share.
//! 2. A page is admitted under its lock, immediately before it becomes dirty, so that concurrent
//!    writers together do not exceed the limit. A writer that is refused releases the page before
//!    it starts again here.
//!
//! A writer of a file that has no dirty page, and cannot have one because other files have all that
//! are allowed, writes through.
//!
//! A writer waits only for the store of its own file. If the store fails, the writer gets the
//! error. For a quarter of a second after a failure at most, it gets the last error immediately.

use std::io;
use std::time::{Duration, Instant};

use crate::error::TryAgain;
use crate::files::inode::Inode;
use crate::files::store_access::write_retry::Asker;
use crate::options::{Sends, Steal};
use crate::order::may_wait_for_clean;
use crate::pages::dirty_limit::By;
use crate::sync::atomic::Ordering;
use crate::unwind;

/// The longest that a writer waits until other files have fewer dirty pages.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether writing back pages of a file allowed it more dirty pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Made,
    /// The file has no dirty page; other files have all that are allowed.
    WithOthers,
}

impl Inode {
    /// Makes a writer write pages back if the file has its share of the dirty pages. The caller holds nothing; or
    /// the IO lock, if a direct read faults its memory in.
    ///
    /// Errors are not returned: the file keeps them.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn throttle(&self) {
        may_wait_for_clean(&self.cache.frames);
        if self.cache.dirty.worth_cleaning() {
            self.throttle_slow();
        }
    }

    #[cold]
    fn throttle_slow(&self) {
        let own = self.own_dirty();
        if self.cache.dirty.presses(own) {
            self.hasten();
        }
        if !self.cache.dirty.has_room(own, By::Write) {
            // The file keeps the error. This writer gets it only if it can dirty no page.
            unwind::discard(self.make_room());
        }
    }

    /// Wakes the flusher for the file, unless it was woken before and has not begun.
    fn hasten(&self) {
        // All writers of a file above half of its share come here, so the mark is read before it is written.
        if !self.hastened.load(Ordering::Relaxed) && !self.hastened.swap(true, Ordering::Relaxed) {
            self.cache.flusher.hasten(self.id);
        }
    }

    /// The error of a thread that has guards, and so must not wait, if its file may not have one more dirty page:
    /// the error that it would get without guards, if that is known; otherwise that it would have to wait. Wakes
    /// the flusher.
    #[cold]
    pub(crate) fn no_room_with_guards(&self) -> io::Error {
        if self.steal == Steal::Refused {
            return self.no_room();
        }
        self.hasten();
        let wait = || TryAgain::without_guards("because no more pages of the file may be dirty");
        self.write_retry.last_error().unwrap_or_else(wait)
    }

    /// Cleans pages of the file until it may have one more that is dirty, for a store to a mapping. If other files
    /// have all, the caller must write through. It may hold what is allowed for `throttle`.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn throttle_store(&self) -> io::Result<Room> {
        self.throttle();
        let mut room = Room::Made;
        let start = Instant::now();
        while room == Room::Made && !self.has_room(By::Mapping) {
            room = self.make_room()?;
            if room == Room::WithOthers && self.sends == Sends::WholePages {
                self.wait_for_others(start)?;
                room = Room::Made;
            }
        }
        Ok(room)
    }

    /// Waits until other files may have fewer dirty pages, for a file whose bytes cannot be written
    /// through. Fails after ten seconds. The caller holds no more than an IO lock.
    pub(crate) fn wait_for_others(&self, start: Instant) -> io::Result<()> {
        may_wait_for_clean(&self.cache.frames);
        if start.elapsed() >= TIMEOUT {
            return Err(self.no_room_beside_others());
        }
        self.cache.flusher.wait_for_progress();
        Ok(())
    }

    /// Whether the file may have one more dirty page. This must be the rule of `admit_dirty`: otherwise a
    /// store to a mapping that this allows and `admit_dirty` refuses would retry for ever.
    pub(crate) fn has_room(&self, by: By) -> bool {
        self.cache.dirty.has_room(self.own_dirty(), by)
    }

    /// Makes the flusher write back pages of the file, and waits a little while. For a caller that
    /// must not wait for the store, and holds nothing.
    pub(crate) fn have_room_made(&self) -> io::Result<Room> {
        may_wait_for_clean(&self.cache.frames);
        if self.steal == Steal::Refused {
            return Err(self.no_room());
        }
        self.cache.flusher.hasten(self.id);
        let room = if self.own_dirty().pages == 0 { Room::WithOthers } else { Room::Made };
        if room == Room::Made && self.write_retry.fails() {
            return self.write_retry.last().map_or(Ok(room), Err);
        }
        self.cache.flusher.wait_for_progress();
        Ok(room)
    }

    /// Cleans some pages of the file. The caller holds no more than an IO lock.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn make_room(&self) -> io::Result<Room> {
        may_wait_for_clean(&self.cache.frames);
        if self.steal == Steal::Refused {
            return Err(self.no_room());
        }
        self.cache.flusher.hasten_others(self.id);
        if self.own_dirty().pages == 0 {
            return Ok(Room::WithOthers);
        }
        if let Some(error) = self.write_retry.refusal(Asker::Writer) {
            return Err(error);
        }
        // Another thread may have cleaned the last page by now.
        self.flush_some().map(|()| Room::Made)
    }

    #[cold]
    fn no_room(&self) -> io::Error {
        let message = format!(
            "no more pages of the file may be dirty: it has {}, and only a sync writes them (no_steal)",
            self.own_dirty().pages
        );
        io::Error::new(io::ErrorKind::QuotaExceeded, message)
    }

    /// The error of a request that has waited for others to have fewer dirty pages.
    #[cold]
    pub(crate) fn no_room_beside_others(&self) -> io::Error {
        let message = format!(
            "no more pages may be dirty, for {TIMEOUT:?}: all files together have {}",
            self.cache.dirty.count()
        );
        io::Error::new(io::ErrorKind::ResourceBusy, message)
    }
}
