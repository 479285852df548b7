//! An array of rwlocks, one for each segment of equal length: what several file systems for
//! persistent memory do for a file's ranges.
//!
//! A claim takes the locks of all segments that it touches, in ascending order. Two claims on different
//! units of one segment wait for each other although they do not overlap, and a claim on everything
//! takes every lock. The locks are `parking_lot`'s, of one word each, adjacent in memory.

use std::ops::{Range, RangeInclusive};

use parking_lot::RawRwLock;
use parking_lot::lock_api::RawRwLock as _;
use spanlock::Mode;

/// The maximum number of segments.
pub const SEGMENTS: u64 = 256;

/// A range lock that is an array of rwlocks.
pub struct SegmentLocks {
    segments: Box<[RawRwLock]>,
    units_per_segment: u64,
}

/// A held claim; dropping it releases.
#[must_use]
pub struct SegmentGuard<'a> {
    held: &'a [RawRwLock],
    mode: Mode,
}

impl SegmentLocks {
    /// A lock over `units` units, in [`SEGMENTS`] segments, or as many as there are units. Units past the last
    /// one belong to the last segment.
    pub fn new(units: u64) -> SegmentLocks {
        let units_per_segment = units.div_ceil(SEGMENTS).max(1);
        let count = units.div_ceil(units_per_segment).max(1);
        let segments = (0..count).map(|_| RawRwLock::INIT).collect();
        SegmentLocks { segments, units_per_segment }
    }

    /// Claims `range` in `mode`, waiting as long as it takes.
    #[inline]
    pub fn lock(&self, range: Range<u64>, mode: Mode) -> SegmentGuard<'_> {
        if range.is_empty() {
            return SegmentGuard { held: &[], mode };
        }
        let held = &self.segments[self.segments_of(range)];
        for segment in held {
            match mode {
                Mode::Shared => segment.lock_shared(),
                Mode::Exclusive => segment.lock_exclusive(),
            }
        }
        SegmentGuard { held, mode }
    }

    #[inline]
    fn segments_of(&self, range: Range<u64>) -> RangeInclusive<usize> {
        let last = self.segments.len() - 1;
        let segment_of = |unit: u64| ((unit / self.units_per_segment) as usize).min(last);
        segment_of(range.start)..=segment_of(range.end - 1)
    }
}

impl Drop for SegmentGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        for segment in self.held {
            // SAFETY: the guard was built after each of these was locked in this mode, and it
            // unlocks each once.
            unsafe {
                match self.mode {
                    Mode::Shared => segment.unlock_shared(),
                    Mode::Exclusive => segment.unlock_exclusive(),
                }
            }
        }
    }
}
