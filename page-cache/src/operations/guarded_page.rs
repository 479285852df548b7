//! Page guards, shared and exclusive.
//!
//! 1. Look the page up without locks. If it is uptodate and no thread writes it, take the guard in one atomic step.
//!    Then check that it is the right page, and that all of it lies within the file. No claim is needed, as for a read
//!    or a write that hits: an operation with an exclusive claim waits for the latch of each of its pages.
//! 2. Otherwise find it in the index, which pins it, and wait for the guard. If the page is not uptodate, read it by
//!    the steps of a buffered read, and keep the pin, so that it is not evicted before the guard is taken.
//! 3. In a page that contains the end of the file, zero the bytes after it under the page lock, since a mapping
//!    may have stored to them. Fail for a page past the end.
//! 4. For an exclusive guard wait for the page's writeback, and count the page as dirty. If the limit does not allow
//!    one more dirty page, release the guard, write some pages back, and start again.
//! 5. When an exclusive guard is dropped: if its bytes were borrowed mutably, mark the page dirty. Otherwise it is
//!    as clean as before. Unlock it.
//!
//! The holder of an exclusive claim may wait for a guard, and so may any thread that waits for that
//! holder. So a thread that has a guard, of any file, never waits for a claim, a frame permit or
//! the limit on dirty pages: where it would have to, it gets an error that says to try again
//! without guards. It waits for other guards, in an order that the caller chooses, and for the
//! store.

mod exclusive;
mod for_tasks;
mod several;

use std::io;
use std::mem;
use std::time::{Duration, Instant};

pub(crate) use exclusive::GuardedPage;

use crate::error::{Request, TryAgain};
use crate::files::inode::{Inode, MappingClaim};
use crate::pages::dirty_limit::{By, DirtyPages};
use crate::pages::frame::guard::{ExclusiveGuard, Refused, SharedGuard, has_any};
use crate::pages::frame::{Frame, Pin, State, WaitLimit, WaitTimedOut};
use crate::stats::Event;
use crate::writeback::throttle::Room;
use spanlock::Access;

/// The longest that a writer waits until other files have fewer dirty pages.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The message of the `expect` on a wait without a limit.
pub(crate) const NO_LIMIT: &str = "a wait without a limit ends with a guard or an error";

/// A pin that was counted, and does not exist yet. The count ends when this is dropped.
struct AdmittedPin<'a>(&'a DirtyPages);

impl Drop for AdmittedPin<'_> {
    fn drop(&mut self) {
        self.0.remove_pin();
    }
}

impl Inode {
    /// A shared guard of a page; `None` if it would have to wait and must not.
    #[inline(always)]
    pub(crate) fn page(
        &self,
        number: u64,
        wait_limit: WaitLimit,
    ) -> io::Result<Option<SharedGuard<'_>>> {
        match self.page_hit(number) {
            Some(guard) => Ok(Some(guard)),
            None => self.page_missed(number, wait_limit),
        }
    }

    /// An exclusive guard of a page; `None` if it would have to wait and must not.
    #[inline(always)]
    pub(crate) fn page_mut(
        &self,
        number: u64,
        wait_limit: WaitLimit,
    ) -> io::Result<Option<GuardedPage<'_>>> {
        match self.page_mut_hit(number) {
            Some(page) => Ok(Some(page)),
            None => self.page_mut_missed(number, wait_limit),
        }
    }

    /// As `page`, of a page of which a guard is not available without waiting.
    #[cold]
    pub(crate) fn page_missed(
        &self,
        number: u64,
        wait_limit: WaitLimit,
    ) -> io::Result<Option<SharedGuard<'_>>> {
        let failed = |error| self.no_guard("page", number, wait_limit, error);
        self.page_slow(number, wait_limit).map_err(failed)
    }

    /// As `page_mut`, of a page of which a guard is not available without waiting.
    #[cold]
    pub(crate) fn page_mut_missed(
        &self,
        number: u64,
        wait_limit: WaitLimit,
    ) -> io::Result<Option<GuardedPage<'_>>> {
        let failed = |error| self.no_guard("page_mut", number, wait_limit, error);
        self.page_mut_slow(number, wait_limit).map_err(failed)
    }

    /// A pin of a page, which was uptodate; `None` if it would have to wait and must not.
    pub(crate) fn pin(&self, number: u64, wait_limit: WaitLimit) -> io::Result<Option<Pin<'_>>> {
        let failed = |error| self.failed(self.guard_request("pin", number), error);
        if !self.cache.dirty.admit_pin() {
            let most = self.cache.dirty.pins().most;
            let message = format!("the cache has {most} pins, and can have no more at once");
            return Err(failed(io::Error::new(io::ErrorKind::ResourceBusy, message)));
        }
        let admitted = AdmittedPin(&self.cache.dirty);
        let guard = self.page_slow(number, wait_limit).map_err(failed)?;
        Ok(guard.map(|guard| {
            mem::forget(admitted);
            guard.pin()
        }))
    }

    /// A shared guard of the page in a frame, if it is the right page, and the guard is available
    /// without waiting.
    #[inline(always)]
    pub(crate) fn page_in<'a>(&'a self, frame: &'a Frame, number: u64) -> Option<SharedGuard<'a>> {
        let guard = SharedGuard::try_new(&self.cache.frames, frame, self.address())?;
        if guard.key() != self.key(number) || !self.is_whole(number) {
            return None;
        }
        self.count(Event::Hit);
        Some(guard)
    }

    /// An exclusive guard of the page in a frame, if it is the right page, and the guard is
    /// available without waiting.
    #[inline(always)]
    pub(crate) fn page_mut_in<'a>(
        &'a self,
        frame: &'a Frame,
        number: u64,
    ) -> Option<GuardedPage<'a>> {
        let guard = ExclusiveGuard::try_new(&self.cache.frames, frame, self.address())?;
        if guard.key() != self.key(number) || !self.is_whole(number) {
            return None;
        }
        let has_room = guard.is_dirty() || !self.cache.dirty.worth_cleaning();
        if !has_room || !self.is_storable(number) {
            return None;
        }
        let page = self.admitted(guard, By::Write).ok()?;
        self.count(Event::Hit);
        Some(page)
    }

    #[inline(always)]
    pub(crate) fn page_hit(&self, number: u64) -> Option<SharedGuard<'_>> {
        let frame = self.cache.index.peek(&self.cache.frames, self.key(number))?;
        self.page_in(frame, number)
    }

    #[inline(always)]
    pub(crate) fn page_mut_hit(&self, number: u64) -> Option<GuardedPage<'_>> {
        let frame = self.cache.index.peek(&self.cache.frames, self.key(number))?;
        self.page_mut_in(frame, number)
    }

    #[cold]
    fn page_slow<'a>(
        &'a self,
        number: u64,
        wait_limit: WaitLimit,
    ) -> io::Result<Option<SharedGuard<'a>>> {
        loop {
            let take = |pin: &Pin<'a>| pin.guard(self.address(), wait_limit);
            let Some(guard) = self.obtain(number, wait_limit, take)? else { return Ok(None) };
            let inside = self.bytes_inside(number);
            if guard.bytes()[inside..].iter().all(|&byte| byte == 0) {
                return Ok(Some(guard));
            }
            drop(guard);
            if wait_limit == WaitLimit::NoWait {
                return Ok(None);
            }
            self.wipe_past_the_end(number, wait_limit)?;
        }
    }

    #[cold]
    fn page_mut_slow<'a>(
        &'a self,
        number: u64,
        wait_limit: WaitLimit,
    ) -> io::Result<Option<GuardedPage<'a>>> {
        let start = Instant::now();
        let by = if has_any() { By::Guard } else { By::Write };
        self.check_in_no_store()?;
        self.check_page_inside(number)?;
        self.check_storable(number)?;
        if by == By::Write && wait_limit == WaitLimit::Unlimited {
            self.throttle();
        }
        loop {
            let take = |pin: &Pin<'a>| pin.guard_exclusively(self.address(), wait_limit);
            let Some(mut guard) = self.obtain(number, wait_limit, take)? else { return Ok(None) };
            let inside = self.bytes_inside(number);
            guard.bytes_mut()[inside..].fill(0);
            match self.admitted(guard, by) {
                Ok(page) => return Ok(Some(page)),
                Err(_) if wait_limit == WaitLimit::NoWait => return Ok(None),
                Err(_) if by == By::Guard => return Err(self.no_room_with_guards()),
                Err(_) => self.wait_for_room(start, wait_limit)?,
            }
        }
    }

    /// A guard of a page, cached or not; `None` if it would have to wait and must not.
    fn obtain<'a, G>(
        &'a self,
        number: u64,
        wait_limit: WaitLimit,
        take: impl Fn(&Pin<'a>) -> Result<G, Refused>,
    ) -> io::Result<Option<G>> {
        self.check_in_no_store()?;
        let (mut brought_in, mut event) = (None, Event::Hit);
        loop {
            self.check_page_inside(number)?;
            if let Some(pin) = brought_in.take().or_else(|| self.find(number)) {
                match take(&pin) {
                    Ok(guard) => {
                        self.check_page_inside(number)?;
                        self.count(event);
                        return Ok(Some(guard));
                    }
                    Err(Refused::NotUptodate) => {}
                    Err(Refused::Own) => return Err(guarded_by_itself()),
                    Err(Refused::Full) => return Err(full_of_guards()),
                    Err(Refused::TimedOut) if wait_limit == WaitLimit::NoWait => return Ok(None),
                    Err(Refused::TimedOut) => return Err(TryAgain::timed_out(HELD_BY_ANOTHER)),
                }
            }
            if wait_limit == WaitLimit::NoWait {
                return Ok(None);
            }
            event = Event::Miss;
            brought_in = self.bring_in_for_guard(number, wait_limit)?;
        }
    }

    /// The page, pinned, and uptodate when last seen. `None` if it lies past the end, or must be looked up again.
    fn bring_in_for_guard(
        &self,
        number: u64,
        wait_limit: WaitLimit,
    ) -> io::Result<Option<Pin<'_>>> {
        let has_guards = has_any();
        if !has_guards
            && let Some((pin, _)) = self.read_ahead_within(number..number + 1, wait_limit)
        {
            return Ok(Some(pin));
        }
        // Not while it has a permit, which other requests to the file may need.
        drop(self.claim_for_guard(number, wait_limit)?);
        let _permit = match has_guards {
            true => {
                self.try_acquire_permit().ok_or_else(|| TryAgain::without_guards("for a frame"))?
            }
            false => self.acquire_permit_within(wait_limit)?,
        };
        let mut free = Some(self.frame_to_fill(self.cache.free_frame_within(wait_limit)?));
        let claim = self.claim_for_guard(number, wait_limit)?;
        if self.bytes_inside(number) == 0 {
            return Ok(None);
        }
        let locked = self
            .find_or_make_within(number, &mut free, wait_limit)
            .map_err(|WaitTimedOut| TryAgain::timed_out(HELD_BY_ANOTHER))?;
        let Some(locked) = locked else { return Ok(None) };
        Ok(Some(self.fill(locked, &claim)?.pin()))
    }

    fn claim_for_guard(&self, number: u64, wait_limit: WaitLimit) -> io::Result<MappingClaim<'_>> {
        let bytes = self.page_size.bytes_of(&(number..number + 1));
        if let Some(claim) = self.try_claim(Access::BufferedRead, bytes.clone()) {
            return Ok(claim);
        }
        if has_any() {
            let what = "for a size or extent change, or for direct IO";
            return Err(TryAgain::without_guards(what));
        }
        match wait_limit {
            WaitLimit::Until { end, .. } => {
                let claim = self.claim_until(Access::BufferedRead, bytes, end);
                claim.ok_or_else(|| TryAgain::timed_out(CLAIMED_BY_ANOTHER))
            }
            _ => Ok(self.claim_page(Access::BufferedRead, number)),
        }
    }

    fn wait_for_room(&self, start: Instant, wait_limit: WaitLimit) -> io::Result<()> {
        if wait_limit.is_over() {
            return Err(TryAgain::timed_out("no more pages of the file may be dirty"));
        }
        // To write pages back is to wait for the store.
        let room = match wait_limit {
            WaitLimit::Unlimited => self.make_room()?,
            _ => self.have_room_made()?,
        };
        if room == Room::Made {
            return Ok(());
        }
        if start.elapsed() >= TIMEOUT {
            return Err(self.no_room_beside_others());
        }
        self.cache.flusher.wait_for_progress();
        Ok(())
    }

    /// Wipes what a mapping stored behind the end of the file, in its last page. A truncation that
    /// is about to do that may be waiting for a guard of the caller's own.
    fn wipe_past_the_end(&self, number: u64, wait_limit: WaitLimit) -> io::Result<()> {
        let Some(pin) = self.find(number) else { return Ok(()) };
        // A write-through that is under way has its bytes in the page before the file ends behind
        // them, but is in flight.
        match pin.guard_exclusively(self.address(), wait_limit) {
            Ok(mut guard) if guard.key() == self.key(number) => {
                let inside = self.bytes_inside(number);
                guard.bytes_mut()[inside..].fill(0);
                Ok(())
            }
            Ok(_) | Err(Refused::NotUptodate) => Ok(()),
            Err(Refused::Own) => Err(guarded_by_itself()),
            Err(Refused::Full) => Err(full_of_guards()),
            Err(Refused::TimedOut) => Err(TryAgain::timed_out(HELD_BY_ANOTHER)),
        }
    }

    /// Whether all of a page lies within the file.
    #[inline]
    fn is_whole(&self, number: u64) -> bool {
        number < self.page_size.number(self.size())
    }

    /// The error of a request for a guard. If its timeout has passed, it says how long that was.
    fn no_guard(
        &self,
        operation: &'static str,
        number: u64,
        wait_limit: WaitLimit,
        error: io::Error,
    ) -> io::Error {
        let error = match wait_limit {
            WaitLimit::Until { timeout, .. } if TryAgain::is_timeout(&error) => {
                TryAgain::timed_out(format!("no guard after {timeout:?}: {error}"))
            }
            _ => error,
        };
        self.failed(self.guard_request(operation, number), error)
    }

    fn guard_request(&self, operation: &'static str, number: u64) -> Request {
        let page = self.page_size.bytes();
        Request::new(operation, number.saturating_mul(page), page)
    }

    fn check_page_inside(&self, number: u64) -> io::Result<()> {
        let size = self.size();
        if number < self.page_size.count(size) {
            return Ok(());
        }
        let message = format!("page {number} is past the end of the file, at {size} bytes");
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
    }
}

const HELD_BY_ANOTHER: &str = "another thread holds the page";

const CLAIMED_BY_ANOTHER: &str =
    "another thread changes the size or the extents of the file, or uses direct IO";

/// The error of a thread that would wait for itself.
#[cold]
fn guarded_by_itself() -> io::Error {
    let message = "this thread holds a guard of the page that excludes another";
    io::Error::new(io::ErrorKind::Deadlock, message)
}

#[cold]
fn full_of_guards() -> io::Error {
    let message =
        format!("the page has {} shared guards, and can have no more", State::MOST_GUARDS);
    io::Error::new(io::ErrorKind::ResourceBusy, message)
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
