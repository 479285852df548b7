//! The broken ranges of a file: bytes that a failed sync may have lost and that the cache cannot send again. Every sync
//! of the file fails until they are repaired.
//!
//! A broken range is repaired in these steps. A failed sync leads back from the last two states: to
//! rewritten if the cache still has the bytes, otherwise to lost.
//!
//! | state | becomes | by |
//! | --- | --- | --- |
//! | lost | rewritten | a write to the cache |
//! | | sent | a write past the cache, a punch, a truncation |
//! | rewritten | sent | the writeback of its page |
//! | | lost | the eviction of its page |
//! | sent | committing | a sync that begins |
//! | committing | not broken | the same sync, if it succeeds |

use std::ops::Range;

use super::MOST_RANGES;
use super::ranges::Ranges;

const EVERYTHING: Range<u64> = 0..u64::MAX;

/// How far the repair of a range has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Repair {
    Lost,
    Rewritten,
    Sent(Copied),
    Committing(Copied),
}

/// Whether the cache could send a range again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Copied {
    Gone,
    Cached,
}

#[derive(Debug, Default)]
pub(super) struct BrokenRanges {
    ranges: Ranges<Repair>,
}

impl BrokenRanges {
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many ranges are stored.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.ranges.iter().count()
    }

    pub(super) fn overlap(&self, range: &Range<u64>) -> bool {
        self.ranges.iter().any(|(broken, _)| broken.start < range.end && range.start < broken.end)
    }

    /// The broken ranges before `size`, adjacent ones joined.
    pub(super) fn before(&self, size: u64) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (range, _) in self.ranges.iter().filter(|(range, _)| range.start < size) {
            let end = range.end.min(size);
            match ranges.last_mut().filter(|last| last.end == range.start) {
                Some(last) => last.end = end,
                None => ranges.push(range.start..end),
            }
        }
        ranges
    }

    pub(super) fn lose(&mut self, range: Range<u64>) {
        self.ranges.set(range, Repair::Lost);
        self.limit();
    }

    /// Bytes were written to the cache.
    pub(super) fn rewritten(&mut self, range: Range<u64>) {
        self.ranges.update(range, |repair| match repair {
            Repair::Lost => Some(Repair::Rewritten),
            other => Some(other),
        });
        self.limit();
    }

    /// Bytes of a cached page were sent.
    pub(super) fn sent(&mut self, range: Range<u64>) {
        self.ranges.update(range, |repair| match repair {
            Repair::Rewritten => Some(Repair::Sent(Copied::Cached)),
            other => Some(other),
        });
    }

    /// The store was given new bytes that the cache does not have, or was truncated.
    pub(super) fn sent_past(&mut self, range: Range<u64>) {
        self.ranges.update(range, |_| Some(Repair::Sent(Copied::Gone)));
        self.limit();
    }

    /// The page with these bytes leaves the cache.
    pub(super) fn page_left(&mut self, bytes: Range<u64>) {
        self.ranges.update(bytes, |repair| match repair {
            Repair::Lost | Repair::Rewritten => Some(Repair::Lost),
            Repair::Sent(_) => Some(Repair::Sent(Copied::Gone)),
            Repair::Committing(_) => Some(Repair::Committing(Copied::Gone)),
        });
    }

    pub(super) fn collapsed(&mut self, offset: u64, len: u64) {
        self.ranges.update(offset..offset + len, |_| None);
        let moved = self.ranges.take(&(offset + len..u64::MAX));
        for (range, repair) in moved {
            self.ranges.set(range.start - len..range.end - len, repair);
        }
    }

    pub(super) fn inserted(&mut self, offset: u64, len: u64) {
        let moved = self.ranges.take(&(offset..u64::MAX));
        for (range, repair) in moved {
            self.ranges.set(range.start + len..range.end.saturating_add(len), repair);
        }
    }

    /// A shift failed, and may have moved bytes to anywhere in `moved`. If a range from its start on was broken, all of
    /// it is lost.
    pub(super) fn shift_failed(&mut self, moved: Range<u64>) {
        if !self.ranges.take(&(moved.start..u64::MAX)).is_empty() {
            self.lose(moved);
        }
    }

    /// A sync begins, of a file of `size` bytes.
    pub(super) fn begin_commit(&mut self, size: u64) {
        self.ranges.update(EVERYTHING, |repair| match repair {
            Repair::Sent(copied) => Some(Repair::Committing(copied)),
            other => Some(other),
        });
        // What is not in the file is not lost.
        self.ranges.update(size..u64::MAX, |_| Some(Repair::Committing(Copied::Gone)));
    }

    /// The sync has succeeded.
    pub(super) fn committed(&mut self) {
        self.ranges.update(EVERYTHING, |repair| match repair {
            Repair::Committing(_) => None,
            other => Some(other),
        });
        self.limit();
    }

    /// The sync has failed. `cached` are the bytes that it may have lost and that are still cached.
    pub(super) fn failed(&mut self, cached: impl Iterator<Item = Range<u64>>) {
        for range in cached {
            self.ranges.update(range, |repair| match repair {
                Repair::Sent(Copied::Cached) | Repair::Committing(Copied::Cached) => {
                    Some(Repair::Rewritten)
                }
                other => Some(other),
            });
        }
        self.ranges.update(EVERYTHING, |repair| match repair {
            Repair::Sent(_) | Repair::Committing(_) => Some(Repair::Lost),
            other => Some(other),
        });
    }

    fn limit(&mut self) {
        self.ranges.limit(MOST_RANGES, Ord::min);
    }
}
