//! Writeback: dirty pages are sent to the store.
//!
//! 1. Find the next run of ascending pages that are dirty or in flight, and have been since before this began: see
//!    `dirty_pages`. Pages that become dirty later are left to the next writeback.
//! 2. Claim the run shared. (An operation that holds the range exclusively, such as direct IO,
//!    starts after this step and passes its own claim.)
//!
//! For each page of the run, in ascending order:
//!
//! 3. Lock it, and check that it is still that page. Wait for an earlier writeback: at most one
//!    write of a page is in flight. If the page is clean now, nothing of it is sent. Once pages of
//!    this run are in flight, page guards are not waited for, since the holder of a guard may wait
//!    for one of these pages: the run ends before the guarded page. A sync waits for a guard of the
//!    first page; the flusher, and a writer that has to write pages back, skip it.
//! 4. Write-protect its mappings, and then clear the dirty mark: a store after that faults and
//!    marks the page again. Set the writeback mark.
//! 5. Copy its bytes, up to the size, to the request's buffer. Of a partial page copy the dirty
//!    ranges; or fill it and copy all of it, if the store writes blocks and the ranges are not
//!    whole blocks. Unlock it and keep a reference.
//!
//! Then:
//!
//! 6. Call the file's hook, if it has one: see `write_ahead`. If it refuses, mark the pages dirty again.
//! 7. Send the request, one write for each contiguous stretch of bytes. Nothing is locked. Writers
//!    of these pages wait until the writeback mark is cleared.
//! 8. Record that the pages are unstable, and clean. After an error keep it for the next sync, and
//!    mark the pages dirty again, from the first one that failed.
//! 9. Clear the writeback marks. After the last one the file may be closed. Release the claim.

use std::io;
use std::ops::Range;
use std::time::Duration;

use crate::diagnostics;
use crate::files::inode::{Inode, MappingClaim};
use crate::options::Steal;
use crate::pages::dirty_pages::Wanted;
use crate::pages::frame::{LockedPage, WaitLimit};
use crate::unwind;
use crate::writeback::in_flight::{AtGuard, InFlight};
use spanlock::Access;

/// After this many failures in a row a flush no longer tries parts of what failed.
const MOST_FAILURES: u32 = 16;

/// The longest that a writer which has to write pages back waits for a guard before it checks again.
const TIMEOUT: Duration = Duration::from_millis(5);

/// The result of flushing a run.
struct Flushed {
    /// The pages that were examined.
    run: Range<u64>,
    wrote: io::Result<()>,
    /// Whether a page was passed over, and none was sent.
    passed: bool,
}

impl Inode {
    /// Writes back the pages of a range that are dirty when this begins, and waits for those in flight. Continues after
    /// an error, and returns the first.
    ///
    /// A run that fails is tried again in halves, so that one page that cannot be written does not keep others from the
    /// store. After [`MOST_FAILURES`] failures in a row the rest is tried once, in whole runs.
    pub(crate) fn flush(&self, pages: Range<u64>) -> io::Result<()> {
        self.flush_up_to(pages, u64::MAX)
    }

    /// As `flush`, for the pages whose least tag is not above `tag`.
    pub(crate) fn flush_up_to(&self, pages: Range<u64>, tag: u64) -> io::Result<()> {
        let wanted = self.end_epoch().up_to_tag(tag);
        let mut outcome = Ok(());
        let limit = self.page_size.most_at_once();
        let (mut from, mut most, mut failures) = (pages.start, limit, 0);
        let next = |from, most| self.flush_next(from..pages.end, wanted, most, AtGuard::Wait);
        while let Some(Flushed { run, wrote, .. }) = next(from, most) {
            let len = run.end - run.start;
            let failed = wrote.is_err();
            outcome = unwind::first(outcome, wrote);
            failures = if failed { failures + 1 } else { 0 };
            if failed && len > 1 && failures < MOST_FAILURES {
                most = len / 2;
                continue;
            }
            from = run.end;
            most = match failures {
                0 => limit.min(2 * len),
                MOST_FAILURES.. => limit,
                _ => 1,
            };
        }
        outcome
    }

    /// As `flush`, for the whole file.
    pub(crate) fn flush_all(&self) -> io::Result<()> {
        self.flush(0..u64::MAX)
    }

    /// As `flush_all`, for the flusher: ends with the first error. The next round tries half of the run, and
    /// skips a page that fails alone. So a failing store gets one request a round, and one that fails for some
    /// pages receives all others.
    pub(crate) fn flush_round(&self) {
        let start = self.flush_position.start();
        let wanted = self.end_epoch();
        for pages in [start..u64::MAX, 0..start] {
            let mut from = pages.start;
            let next = |from| {
                self.flush_next(
                    from..pages.end,
                    wanted,
                    self.flush_position.most(),
                    AtGuard::PassOver,
                )
            };
            while let Some(Flushed { run, wrote, .. }) = next(from) {
                from = run.end;
                self.flush_position.note(run, &wrote);
                if let Err(error) = wrote {
                    diagnostics::background_error(self.store.label_at_open(), &error);
                    unwind::discard(error);
                    return;
                }
            }
        }
    }

    /// Flushes some pages of the file, if there are any. Like a round, but tries half of a run that
    /// failed immediately, and fails if a single page fails. If all of them have guards, waits for
    /// the first, but not long: the flusher may have made room by now, and the holder of the guard
    /// may wait for this thread.
    pub(crate) fn flush_some(&self) -> io::Result<()> {
        let wanted = self.end_epoch();
        loop {
            let (start, most) = (self.flush_position.start(), self.flush_position.most());
            let flushed = [start..u64::MAX, 0..start]
                .into_iter()
                .find_map(|pages| self.flush_next_unguarded(pages, wanted, most));
            let Some(Flushed { run, wrote, .. }) = flushed else {
                self.wait_for_guard(wanted);
                return Ok(());
            };
            let len = run.end - run.start;
            self.flush_position.note(run, &wrote);
            if wrote.is_ok() || len == 1 {
                return wrote;
            }
        }
    }

    /// Waits for the guard of the first dirty page, or for a few milliseconds; then the flusher may write that page.
    fn wait_for_guard(&self, wanted: Wanted) {
        let first = self.first_unclean(0..u64::MAX, wanted);
        let Some(pin) = first.and_then(|page| self.find(page)) else { return };
        let locked = pin.lock_within(WaitLimit::after(TIMEOUT));
        if locked.is_ok_and(|page| page.state().is_dirty()) {
            self.cache.flusher.wait_for_progress();
        }
    }

    /// Flushes the first run of a range, of `most` pages at most, that no guard keeps, if there is one.
    fn flush_next_unguarded(
        &self,
        pages: Range<u64>,
        wanted: Wanted,
        most: u64,
    ) -> Option<Flushed> {
        let mut from = pages.start;
        loop {
            let flushed = self.flush_next(from..pages.end, wanted, most, AtGuard::PassOver)?;
            if !flushed.passed {
                return Some(flushed);
            }
            from = flushed.run.end;
        }
    }

    /// Flushes the first run of a range, of `most` pages at most, if there is one.
    fn flush_next(
        &self,
        pages: Range<u64>,
        wanted: Wanted,
        most: u64,
        at_guard: AtGuard,
    ) -> Option<Flushed> {
        let run = self.run_at(self.first_unclean(pages.clone(), wanted)?, pages.end, wanted, most);
        let claim = self.claim(Access::Writeback, self.page_size.bytes_of(&run));
        let flushed = self.flush_run(run, &claim, at_guard);
        drop(claim);
        self.cache.flusher.report();
        Some(flushed)
    }

    /// As `flush`, for an operation that has claimed the range; ends with the first error.
    pub(crate) fn flush_claimed(
        &self,
        pages: Range<u64>,
        claim: &MappingClaim<'_>,
    ) -> io::Result<()> {
        let wanted = self.end_epoch();
        let mut from = pages.start;
        while let Some(first) = self.first_unclean(from..pages.end, wanted) {
            self.check_steal()?;
            let run = self.run_at(first, pages.end, wanted, self.page_size.most_at_once());
            let flushed = self.flush_run(run, claim, AtGuard::Wait);
            flushed.wrote?;
            from = flushed.run.end;
        }
        Ok(())
    }

    /// Writes a locked, unmapped page back, if it is dirty, without releasing its lock.
    pub(crate) fn write_locked(
        &self,
        page: &LockedPage<'_>,
        claim: &MappingClaim<'_>,
    ) -> io::Result<()> {
        let mut request = InFlight::default();
        if page.state().is_dirty() {
            self.check_steal()?;
            self.gather(page, &mut request);
        }
        self.transmit(request, claim).end()
    }

    /// Refuses to write dirty pages unless that was requested explicitly.
    pub(crate) fn check_steal(&self) -> io::Result<()> {
        if self.steal == Steal::Allowed {
            return Ok(());
        }
        let message = "the range has dirty pages that only a sync writes (no_steal)";
        Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
    }

    fn run_at(&self, first: u64, end: u64, wanted: Wanted, most: u64) -> Range<u64> {
        let most = most.min(end - first);
        first..first + self.unclean_run(first, most, wanted).max(1)
    }

    /// Flushes a run, up to a page that a guard keeps.
    fn flush_run(&self, run: Range<u64>, claim: &MappingClaim<'_>, at_guard: AtGuard) -> Flushed {
        let mut request = InFlight::default();
        let mut end = run.start;
        let mut passed = false;
        for number in run.clone() {
            let at_guard = if request.is_empty() { at_guard } else { AtGuard::PassOver };
            let found = match at_guard {
                AtGuard::Wait => Ok(self.find_locked(number)),
                AtGuard::PassOver => self.cache.find_unguarded(self.key(number)),
            };
            let put = found.and_then(|page| match page {
                Some(page) => self.put_in_flight(page, &mut request, at_guard),
                None => Ok(()),
            });
            if put.is_err() {
                passed = request.is_empty();
                end = if passed { number + 1 } else { number };
                break;
            }
            end = number + 1;
        }
        let wrote = self.transmit(request, claim).end();
        Flushed { run: run.start..end, wrote, passed }
    }
}

#[cfg(test)]
mod tests;
