//! A position in a list of segments.

use std::cell::Cell;
use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;

/// A part of a request's memory.
pub(crate) trait Segment {
    fn bytes(&self) -> u64;
}

impl Segment for IoSlice<'_> {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

impl Segment for IoSliceMut<'_> {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

impl Segment for Range<u64> {
    fn bytes(&self) -> u64 {
        self.end - self.start
    }
}

/// Finds the segment of a position; from where it was found last, since requests go forwards.
#[derive(Default)]
pub(crate) struct Cursor {
    last: Cell<SegmentStart>,
}

#[derive(Clone, Copy, Default)]
struct SegmentStart {
    segment: usize,
    /// How many bytes all segments before it have.
    before: u64,
}

impl Cursor {
    /// The segment that contains a position, and the offset in it.
    pub(crate) fn find(&self, segments: &[impl Segment], position: u64) -> Option<(usize, u64)> {
        let last = self.last.get();
        let SegmentStart { mut segment, mut before } =
            if position < last.before { SegmentStart::default() } else { last };
        while let Some(bytes) = segments.get(segment).map(Segment::bytes) {
            if position - before < bytes {
                self.last.set(SegmentStart { segment, before });
                return Some((segment, position - before));
            }
            segment += 1;
            before += bytes;
        }
        None
    }
}

/// How many bytes all segments have; `u64::MAX` if the sum is greater.
pub(crate) fn total(segments: &[impl Segment]) -> u64 {
    segments.iter().fold(0, |total: u64, segment| total.saturating_add(segment.bytes()))
}
