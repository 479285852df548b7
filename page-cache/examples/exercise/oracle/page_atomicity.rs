//! Whether a read is atomic within each page: it returns all of a write to the page, or none of it.

use std::ops::Range;

use crate::oracle::allowed_versions::{Effect, IN_FLIGHT, Version};
use crate::page_size::page_size;

/// Bytes within a sector, and which versions they match.
#[derive(Debug)]
pub struct Seen {
    pub bytes: Range<u64>,
    /// The versions that the reader might see there.
    pub possible: Vec<Version>,
    /// Those among them that it may have seen.
    pub found: Vec<Version>,
}

/// A page of which a read returned some bytes from after a write, and others from before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornPage {
    pub newer: (Range<u64>, Version),
    pub older: (Range<u64>, Version),
}

/// Checks that `seen`, which is from one read, contains no torn page.
///
/// Bytes may match several versions, as zeroes do. A page is torn only if no choice among the matching versions
/// makes it whole.
pub fn check(seen: &[Seen]) -> Result<(), Box<TornPage>> {
    for (index, one) in seen.iter().enumerate() {
        for other in &seen[index + 1..] {
            if page_of(&one.bytes) == page_of(&other.bytes) {
                check_pair(one, other)?;
            }
        }
    }
    Ok(())
}

fn check_pair(one: &Seen, other: &Seen) -> Result<(), Box<TornPage>> {
    let mut torn = None;
    for first in &one.found {
        for second in &other.found {
            if is_torn(first, second, other) {
                torn = Some(((one, first), (other, second)));
            } else if is_torn(second, first, one) {
                torn = Some(((other, second), (one, first)));
            } else {
                return Ok(());
            }
        }
    }
    match torn {
        Some(((newer, version), (older, before))) => Err(Box::new(TornPage {
            newer: (newer.bytes.clone(), version.clone()),
            older: (older.bytes.clone(), before.clone()),
        })),
        None => Ok(()),
    }
}

/// Whether `newer`, seen elsewhere in the page, should have been seen at `place` too, where
/// `older` was.
///
/// A settled version has lost its ticks, but is older than whatever else is possible there.
fn is_torn(newer: &Version, older: &Version, place: &Seen) -> bool {
    let comes_whole = match newer.effect {
        Effect::Certain => true,
        Effect::Possible => newer.ended == IN_FLIGHT,
        Effect::Partial | Effect::Piecemeal | Effect::Behind => false,
    };
    comes_whole
        && newer.content.is_atomic()
        && place.possible.contains(newer)
        && older.ended < newer.begun
}

fn page_of(bytes: &Range<u64>) -> u64 {
    bytes.start / page_size()
}

#[cfg(test)]
mod tests;
