//! What one sector may hold: the versions of it that a reader may still see.
//!
//! Time is counted in ticks, per shard of the oracle: a tick passes whenever an operation is noted
//! to begin or to end there. An operation is noted to begin before it does, and to end after it
//! did, so what the ticks call ordered was ordered. What they call concurrent may have been.
//!
//! 1. A version is *superseded* at a moment, on some bytes, if a later one covers them: one that
//!    began after the version had ended, and had ended itself by that moment.
//! 2. A reader may see, on bytes that every version covers whole or not at all, exactly the
//!    versions there that were not superseded when it began.
//! 3. Zeroes are versions too: of a hole, of a truncation, of the file as it was made.
//!
//! 4. A store through a mapping that meets a change of the length is cut off where the end was at the
//!    time, and so is what a failed write leaves, in the middle of a sector too: of such a version,
//!    every byte for itself may be there or not.
//!
//! 5. A sync that fails may lose what was written since the last that did not: whatever such a version
//!    superseded may be seen again, until a sync succeeds.
//!
//! Part 2 takes reads and writes to be atomic within a sector; [`page`](crate::oracle::page_check) adds what is
//! known of pages.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use crate::oracle::page_check::Seen;
use crate::oracle::stamp::{SECTOR, Stamp};
use crate::workload::op::Path;

/// A moment, as a shard of the oracle counts them.
pub type Tick = u64;

/// The end of what has not ended.
pub const IN_FLIGHT: Tick = Tick::MAX;

static ZEROES: [u8; SECTOR] = [0; SECTOR];

/// What a write leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Zero,
    Of(Stamp),
}

impl Content {
    /// Whether its operation writes all bytes of a page in one step.
    pub fn is_atomic(self) -> bool {
        match self {
            Content::Zero => true,
            Content::Of(stamp) => stamp.path() != Path::Store,
        }
    }

    fn sector(self, offset: u64) -> [u8; SECTOR] {
        match self {
            Content::Zero => ZEROES,
            Content::Of(stamp) => stamp.sector(offset),
        }
    }

    /// Whether `bytes`, `within` the sector at `offset`, are of this content.
    #[inline]
    pub fn matches(self, bytes: &[u8], offset: u64, within: usize) -> bool {
        match self {
            Content::Zero => *bytes == ZEROES[..bytes.len()],
            Content::Of(stamp) => *bytes == stamp.sector(offset)[within..within + bytes.len()],
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Zero => write!(f, "zeroes"),
            Content::Of(stamp) => write!(f, "{stamp}"),
        }
    }
}

/// Whether a write came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Certain,
    /// It did not come to its end, yet or for ever: it may be there, and supersedes nothing.
    Possible,
    /// As [`Possible`](Effect::Possible), and perhaps up to the middle of a page: its store fails.
    Partial,
    /// As [`Possible`](Effect::Possible), and of any of its bytes.
    Piecemeal,
    /// As [`Possible`](Effect::Possible), in the store alone: behind the end of the file.
    Behind,
}

/// What one write made of some bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub content: Content,
    pub bytes: Range<u64>,
    pub begun: Tick,
    pub ended: Tick,
    pub effect: Effect,
}

impl Version {
    /// What was there before everything else.
    pub const fn initial(content: Content, sector: u64) -> Version {
        Version {
            content,
            bytes: sector..sector + SECTOR as u64,
            begun: 0,
            ended: 0,
            effect: Effect::Certain,
        }
    }

    pub fn covers(&self, bytes: &Range<u64>) -> bool {
        self.bytes.start <= bytes.start && bytes.end <= self.bytes.end
    }

    /// Part 1 of the rules, apart from which bytes the two cover.
    fn supersedes(&self, earlier: &Version, view: &View) -> bool {
        self.effect == Effect::Certain
            && earlier.ended < self.begun
            && self.ended < view.begun
            && !view.doubts(self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.content)?;
        match (self.ended, self.effect) {
            (0, _) => write!(f, "settled")?,
            (IN_FLIGHT, _) => write!(f, "in flight since tick {}", self.begun)?,
            (ended, Effect::Certain) => write!(f, "ticks {} to {ended}", self.begun)?,
            (ended, _) => write!(f, "in part or not at all, ticks {} to {ended}", self.begun)?,
        }
        write!(f, ")")
    }
}

/// Since when a reader sees a sector, and what of it may have been lost.
#[derive(Clone, Debug)]
pub struct View {
    pub begun: Tick,
    /// From the last sync that succeeded to one that failed: what was written meanwhile.
    pub doubt: Option<RangeInclusive<Tick>>,
}

impl View {
    fn doubts(&self, version: &Version) -> bool {
        let since = |doubt: &RangeInclusive<Tick>| {
            version.ended >= *doubt.start() && version.begun <= *doubt.end()
        };
        self.doubt.as_ref().is_some_and(since)
    }
}

impl From<Tick> for View {
    /// For a reader that began at that time, if nothing is lost.
    fn from(begun: Tick) -> View {
        View { begun, doubt: None }
    }
}

/// Bytes of a sector that are no version a reader may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the file.
    pub bytes: Range<u64>,
    /// What the reader may see there.
    pub expected: Vec<Version>,
}

/// Checks `found`, read at `bytes` of the file within one sector by a reader with this
/// `view`, against all versions that cover some of the sector. Returns which versions it shows.
pub fn check(
    versions: &[Version],
    found: &[u8],
    bytes: &Range<u64>,
    view: &View,
) -> Result<Vec<Seen>, Mismatch> {
    let sector = bytes.start - bytes.start % SECTOR as u64;
    let mut borders: Vec<u64> = versions
        .iter()
        .flat_map(|version| [version.bytes.start, version.bytes.end])
        .filter(|&border| bytes.start < border && border < bytes.end)
        .chain([bytes.start, bytes.end])
        .collect();
    borders.sort_unstable();
    borders.dedup();
    let mut seen = Vec::with_capacity(borders.len() - 1);
    for border in borders.windows(2) {
        let segment = border[0]..border[1];
        let from = (segment.start - bytes.start) as usize;
        let to = (segment.end - bytes.start) as usize;
        let within = (segment.start - sector) as usize;
        let visible = visible(versions, &segment, view);
        let matches =
            |version: &&Version| version.content.matches(&found[from..to], sector, within);
        let shown: Vec<Version> = visible.clone().filter(matches).cloned().collect();
        if shown.is_empty() && !is_pieced(visible.clone(), &found[from..to], sector, within) {
            let expected = visible.cloned().collect();
            return Err(Mismatch { bytes: segment, expected });
        }
        // Where bytes may be pieced together, what matches may be so by chance.
        if visible.clone().all(|version| version.effect != Effect::Piecemeal) {
            let possible = visible.cloned().collect();
            seen.push(Seen { bytes: segment, possible, found: shown });
        }
    }
    Ok(seen)
}

/// Whether `found`, `within` a sector, is one of the versions but for bytes of piecemeal ones.
fn is_pieced<'a>(
    versions: impl Iterator<Item = &'a Version> + Clone,
    found: &[u8],
    sector: u64,
    within: usize,
) -> bool {
    let pieces = versions.clone().filter(|version| version.effect == Effect::Piecemeal);
    let pieces: Vec<_> = pieces.map(|version| version.content.sector(sector)).collect();
    let is_of = |bytes: &[u8; SECTOR], index: usize| bytes[within + index] == found[index];
    let mut whole = versions.filter(|version| version.effect != Effect::Piecemeal);
    !pieces.is_empty()
        && whole.any(|version| {
            let whole = version.content.sector(sector);
            (0..found.len())
                .all(|index| is_of(&whole, index) || pieces.iter().any(|piece| is_of(piece, index)))
        })
}

fn visible<'a>(
    versions: &'a [Version],
    segment: &Range<u64>,
    view: &'a View,
) -> impl Iterator<Item = &'a Version> + Clone + use<'a> {
    let segment = segment.clone();
    let here = move |version: &&Version| version.covers(&segment);
    versions.iter().filter(here.clone()).filter(move |version| {
        !versions.iter().filter(here.clone()).any(|later| later.supersedes(version, view))
    })
}

/// Forgets the versions of `sector` that a reader which began at `oldest_reader` or later cannot
/// see.
pub fn prune(versions: &mut Vec<Version>, sector: u64, oldest_reader: Tick) {
    let view = View::from(oldest_reader);
    let end = sector + SECTOR as u64;
    let mut index = 0;
    while index < versions.len() {
        let version = &versions[index];
        let bytes = version.bytes.start.max(sector)..version.bytes.end.min(end);
        if is_covered(versions, version, bytes, &view) {
            versions.remove(index);
        } else {
            index += 1;
        }
    }
}

/// Whether versions that supersede `version` cover `bytes` between them.
fn is_covered(versions: &[Version], version: &Version, bytes: Range<u64>, view: &View) -> bool {
    let mut covered = bytes.start;
    while covered < bytes.end {
        let reach = versions
            .iter()
            .filter(|later| later.bytes.start <= covered && later.supersedes(version, view))
            .map(|later| later.bytes.end)
            .max();
        match reach {
            Some(reach) if reach > covered => covered = reach,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
