//! Where the flusher's next round through a file begins, and how many pages it sends in one
//! request.

use crate::sync::atomic::{AtomicU64, Ordering};
use std::io;
use std::ops::Range;

/// Where the flusher's next round begins, and how many pages it sends in one request. What failed is
/// tried again in halves, one a round, and each success doubles what is asked for next.
///
/// ORDERING: relaxed throughout: both atomic numbers are hints; whichever values are read, some pages are tried.
pub(crate) struct FlushPosition {
    start: AtomicU64,
    most: AtomicU64,
    /// The most pages in one request.
    limit: u64,
}

impl FlushPosition {
    /// Asks for at most `limit` pages at once.
    pub(crate) fn new(limit: u64) -> FlushPosition {
        FlushPosition { start: AtomicU64::new(0), most: AtomicU64::new(limit), limit }
    }

    pub(crate) fn start(&self) -> u64 {
        self.start.load(Ordering::Relaxed)
    }

    /// The most pages that the next request is for.
    pub(crate) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }

    pub(crate) fn note(&self, run: Range<u64>, wrote: &io::Result<()>) {
        let len = run.end - run.start;
        let most = match wrote {
            Ok(()) => self.limit.min(2 * len.max(self.most())),
            Err(_) => 1.max(len / 2),
        };
        self.most.store(most, Ordering::Relaxed);
        if wrote.is_err() {
            let start = if len > 1 { run.start } else { run.end };
            self.start.store(start, Ordering::Relaxed);
        }
    }
}
