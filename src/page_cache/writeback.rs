//! Writeback: dirty pages go to the store.
//!
//! 1. Find the first run of pages, ascending, that are dirty or on their way.
//! 2. Claim the run shared. (A path that holds its range exclusively already, as direct IO does,
//!    comes in after this step with its own claim for a witness.)
//!
//! For each page of the run, ascending:
//!
//! 3. Lock it, and check that it is the page. Wait for an earlier writeback: at most one write of a
//!    page is in flight. If it is clean by then, it ends the request before it.
//! 4. Write-protect its mappings, and only then clear the dirty mark: who stores from here on
//!    faults, and marks it again. Set the writeback mark.
//! 5. Copy its bytes, up to the size, to the request's buffer; unlock it, keep a reference.
//!
//! Then:
//!
//! 6. Send the request. Nothing is locked; writers of its pages wait for the mark to go.
//! 7. On an error mark the pages dirty again, and keep the error for those who sync. Clear the
//!    writeback mark. Drop the claim.

use std::io;
use std::ops::Range;

use super::fill::write_full;
use super::frame::{LockedPage, Pin};
use super::inode::{Claim, Inode};
use super::stats::Event;
use super::{PAGE_SIZE, PathLock};
use crate::Access;

const PAGE: u64 = PAGE_SIZE as u64;

/// The most pages in one request.
const RUN: u64 = 64;

/// Pages on their way, and a copy of their bytes.
struct InFlight<'a> {
    pages: Vec<Pin<'a>>,
    first: u64,
    bytes: Vec<u8>,
}

impl<L: PathLock> Inode<L> {
    /// Writes back what is dirty in a range of pages, and waits for what is on its way. Goes on
    /// after an error, and returns the first.
    pub(super) fn flush(&self, pages: Range<u64>) -> io::Result<()> {
        let mut outcome = Ok(());
        let mut from = pages.start;
        while let Some(first) = self.first_unclean(from..pages.end) {
            let run = self.run_at(first, pages.end);
            let claim = self.claim(Access::Writeback, run.start * PAGE..run.end * PAGE);
            let wrote = self.flush_run(run.clone(), &claim);
            drop(claim);
            self.cache.flusher.report(&wrote);
            outcome = outcome.and(wrote);
            from = run.end;
        }
        outcome
    }

    /// As `flush`, for the whole file.
    pub(super) fn flush_all(&self) -> io::Result<()> {
        self.flush(0..u64::MAX)
    }

    /// As `flush`, for a path that has claimed the range.
    pub(super) fn flush_claimed(&self, pages: Range<u64>, claim: &Claim<'_, L>) -> io::Result<()> {
        let mut from = pages.start;
        while let Some(first) = self.first_unclean(from..pages.end) {
            let run = self.run_at(first, pages.end);
            self.flush_run(run.clone(), claim)?;
            from = run.end;
        }
        Ok(())
    }

    /// Writes back one run of this file, for a writer that has dirtied its share. An error comes
    /// back to the next sync.
    pub(super) fn clean_some(&self) {
        if let Some(first) = self.first_unclean(0..u64::MAX) {
            let run = self.run_at(first, u64::MAX);
            // The pages stay dirty, and the error is noted.
            let _ = self.flush(run);
        }
    }

    /// Writes a locked, unmapped page back, if it is dirty, without letting go of its lock.
    pub(super) fn write_locked(
        &self,
        page: &LockedPage<'_>,
        _claim: &Claim<'_, L>,
    ) -> io::Result<()> {
        let mut request = InFlight::at(page.key().page);
        if page.state().is_dirty() {
            self.prepare(page, &mut request);
        }
        self.send(request)
    }

    fn run_at(&self, first: u64, end: u64) -> Range<u64> {
        let most = RUN.min(end - first);
        first..first + self.unclean_run(first, most).max(1)
    }

    fn flush_run(&self, run: Range<u64>, _claim: &Claim<'_, L>) -> io::Result<()> {
        let mut outcome = Ok(());
        let mut request = InFlight::at(run.start);
        for number in run {
            if let Some(page) = self.find_locked(number) {
                page.wait_for_writeback();
                if page.state().is_dirty() {
                    self.write_protect(&page);
                    self.prepare(&page, &mut request);
                    continue;
                }
            }
            let sent = self.send(std::mem::replace(&mut request, InFlight::at(number + 1)));
            outcome = outcome.and(sent);
        }
        outcome.and(self.send(request))
    }

    /// Puts a locked, dirty page, which nobody can store to, on its way.
    fn prepare<'a>(&self, page: &LockedPage<'a>, request: &mut InFlight<'a>) {
        page.begin_writeback();
        let number = page.key().page;
        let left = self.size().saturating_sub(number * PAGE).min(PAGE) as usize;
        // The page before may have been the last, and copied in part, when its turn came.
        request.bytes.resize(((number - request.first) * PAGE) as usize, 0);
        if let Some(latch) = page.frame().read_unused() {
            request.bytes.extend_from_slice(&latch.bytes()[..left]);
        }
        request.pages.push(page.pin());
    }

    fn send(&self, request: InFlight<'_>) -> io::Result<()> {
        let outcome = write_full(&*self.store, &request.bytes, request.first * PAGE);
        let outcome = outcome.map_err(|(_, error)| error);
        if let Err(error) = &outcome {
            self.note_write_error(error);
        }
        for (number, page) in (request.first..).zip(request.pages) {
            match outcome {
                Ok(()) => self.cache.counters.count(Event::Writeback),
                Err(_) => page.redirty(),
            }
            page.end_writeback();
            self.note_clean(number, || !page.frame().state().is_clean());
        }
        outcome
    }
}

impl InFlight<'_> {
    fn at(first: u64) -> Self {
        InFlight { pages: Vec::new(), first, bytes: Vec::new() }
    }
}
