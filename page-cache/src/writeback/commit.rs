//! Sync (`fsync`): everything written before is durable, or the caller gets an error.
//!
//! 1. Write back the dirty pages of the requested range, and, in the whole file, what an earlier
//!    failed sync left to be sent again.
//! 2. Remove what a failed request left in the store past the end, and set the length again if a
//!    failed sync may have undone a change of it. Hand the store the time of the last change, if
//!    the cache keeps it.
//! 3. Sync the store, once for all callers that have got this far. What was sent to the store
//!    before is being committed.
//! 4. If that fails, mark the pages that are still cached dirty again. The rest of what was sent
//!    since the last successful sync is broken: see `unstable`. All callers that waited for this
//!    sync get the error.
//! 5. Otherwise what was committed is stable. A caller whose pages may have been lost in another
//!    failed sync gets that error too; and every caller gets one while the file is broken.
//!
//! Nothing is held between the steps.

use std::io;
use std::ops::Range;

use crate::Store;
use crate::error::{SharedError, described};
use crate::files::durability::sync_group::Scope;
use crate::files::durability::unstable::Part;
use crate::files::inode::Inode;
use crate::pages::dirty_limit::By;
use crate::sync::atomic::Ordering;
use crate::unwind;
use spanlock::Access;

/// How many broken ranges an error names.
const MOST_NAMED: usize = 4;

impl Inode {
    /// Makes the dirty bytes in a range of pages durable, and everything that was sent to the store before.
    /// Pages whose least tag is above `tag` may stay dirty.
    pub(crate) fn sync(&self, scope: Scope, pages: Range<u64>, tag: u64) -> io::Result<()> {
        let failures = self.store.unstable().failures();
        let wrote = self.flush_up_to(pages, tag);
        let wrote = unwind::first(wrote, self.flush_owed());
        let note = |error: &io::Error| self.write_errors.note(error);
        let trimmed = self.trim_at_last().inspect_err(note);
        let resized = self.set_len_again().inspect_err(note);
        let timed = self.hand_time_over().inspect_err(note);
        let synced =
            self.syncs.join(scope, |scope| self.sync_store(scope)).map_err(io::Error::from);
        [trimmed, resized, timed, synced]
            .into_iter()
            .fold(wrote, unwind::first)
            .and_then(|()| self.check_committed(failures))
    }

    /// Whether a sync would have nothing to do.
    pub(crate) fn is_settled(&self) -> bool {
        // ORDERING: relaxed: what another thread does meanwhile is not covered by the caller's sync.
        let untrimmed = self.untrimmed.load(Ordering::Relaxed);
        let is_due = untrimmed || self.modified.is_for_store(self.store.changes());
        self.own_dirty().pages == 0 && !is_due && self.store.unstable().is_settled()
    }

    /// Gives the store the time of the last change, if the cache keeps it.
    pub(crate) fn hand_time_over(&self) -> io::Result<()> {
        self.modified.give(|| self.store.changes(), |time| self.store.set_modified(time))
    }

    /// The outcome of a sync, of a file that may be broken.
    pub(crate) fn unless_broken(&self, outcome: io::Result<()>) -> io::Result<()> {
        let (ranges, cause) = {
            let unstable = self.store.unstable();
            (unstable.broken(self.size()), unstable.cause().cloned())
        };
        match (named(&ranges), outcome) {
            (None, outcome) => outcome,
            (Some(ranges), Err(error)) => {
                Err(described(error, |error| format!("{error}; {ranges}")))
            }
            (Some(ranges), Ok(())) => {
                let cause = cause.map_or_else(|| io::ErrorKind::Other.into(), io::Error::from);
                // The errno stays with the sync that failed: an error cannot carry both.
                Err(io::Error::new(cause.kind(), format!("{ranges} since a sync failed: {cause}")))
            }
        }
    }

    /// Syncs the store. Only one thread at a time does so.
    fn sync_store(&self, scope: Scope) -> Result<(), SharedError> {
        let size = self.size();
        self.store.note(|unstable| unstable.begin_commit(size));
        let outcome = match scope {
            Scope::Data => self.store.sync_data(),
            Scope::All => self.store.sync(),
        };
        match outcome {
            Ok(()) => {
                self.store.note(|unstable| unstable.committed(scope));
                Ok(())
            }
            Err(error) => {
                self.write_errors.note(&error);
                let shared = SharedError::from(error);
                let owed = self.store.note(|unstable| unstable.failed(shared.clone()));
                owed.into_iter().for_each(|page| self.dirty_again(page));
                Err(shared)
            }
        }
    }

    /// Marks a page dirty whose bytes a failed sync may have lost, if it is still cached.
    fn dirty_again(&self, number: u64) {
        // The bytes of a page that is not were recorded as lost when the page left the cache.
        let Some(page) = self.find_locked(number) else { return };
        page.wait_for_writeback();
        let Some(owed) = self.store.unstable().owed(number) else { return };
        let ranges = match owed {
            _ if page.state().is_uptodate() => None,
            Part::Ranges(ranges) => Some(ranges),
            Part::Whole => return self.store.note(|unstable| unstable.page_left(number)),
        };
        if !page.state().is_dirty() && !self.admit_dirty(number, By::FailedSync) {
            return self.store.note(|unstable| unstable.page_left(number));
        }
        if let Some(owed) = ranges {
            let mut ranges = self.dirty_ranges(&page);
            ranges.add(&owed);
            self.partial.set(number, ranges);
        }
        page.set_dirty();
    }

    fn flush_owed(&self) -> io::Result<()> {
        let owed = self.store.unstable().all_owed();
        let mut outcome = Ok(());
        for page in owed {
            outcome = unwind::first(outcome, self.flush(page..page + 1));
        }
        outcome
    }

    /// Sets the length of the store, if it is unknown, or a failed sync may have undone a change of it.
    pub(crate) fn set_len_again(&self) -> io::Result<()> {
        if self.store.unstable().owes_length() {
            let (end, _io) = self.io_at_end();
            let claimed = self.store.held().min(end)..u64::MAX;
            let _claim = self.claim(Access::Truncate, claimed);
            if self.store.unstable().owes_length() {
                self.store.set_len(end)?;
            }
        }
        Ok(())
    }

    fn check_committed(&self, failures: u64) -> io::Result<()> {
        let unstable = self.store.unstable();
        if unstable.failures() == failures && unstable.owes_nothing() {
            return Ok(());
        }
        let cause = unstable.cause().cloned();
        Err(cause.map_or_else(|| io::ErrorKind::Other.into(), io::Error::from))
    }
}

/// Names ranges of bytes, if there are any.
fn named(ranges: &[Range<u64>]) -> Option<String> {
    let shown = &ranges[..ranges.len().min(MOST_NAMED)];
    let names: Vec<String> = shown.iter().map(|r| format!("{}..{}", r.start, r.end)).collect();
    let more = match ranges.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more ranges"),
    };
    (!ranges.is_empty()).then(|| format!("bytes {}{more} may be lost", names.join(", ")))
}
