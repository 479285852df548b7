//! Which versions of a sector a reader may see: this decides whether a read was right.
//!
//! Time is counted in ticks, by each shard of the oracle: a tick passes whenever the begin or the end of an
//! operation is recorded there. The begin is recorded before the operation begins, and the end after it has
//! ended. So if one operation ended before another began by the ticks, it did so in fact. Operations that
//! overlap by the ticks may have overlapped or not.
//!
//! 1. A version is *superseded* at a time, on some bytes, if a later version covers these bytes: one that
//!    began after the version had ended, and that has itself ended by that time.
//! 2. Take bytes that each version covers completely or not at all. A reader may see there exactly the
//!    versions that were not superseded when it began.
//! 3. Zeroes are versions too: those of a hole, of a truncation, and of a new file.
//!
//! 4. A store through a mapping that runs while the length changes takes effect only up to the end that the
//!    file has at that time. So does a failed write. Either may end within a sector: each byte of such a
//!    version may be there or not, independently of the others.
//!
//! 5. A sync that fails may lose what was written since the last sync that succeeded: a reader may see
//!    again what such a version superseded, until a sync succeeds.
//!
//! Rule 2 assumes that reads and writes are atomic within a sector;
//! [`page_atomicity`](crate::oracle::page_atomicity) adds what holds for whole pages.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use crate::oracle::page_atomicity::Seen;
use crate::oracle::stamp::{SECTOR, Stamp};
use crate::workload::op::Path;

/// A time, as a shard of the oracle counts it.
pub type Tick = u64;

/// The end of a version whose operation has not ended.
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

/// Whether a write took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Certain,
    /// It has not ended, or it failed: its bytes may be there, and supersede nothing.
    Possible,
    /// As [`Possible`](Effect::Possible), and it may end within a page, because its store fails.
    Partial,
    /// As [`Possible`](Effect::Possible), for each of its bytes independently.
    Piecemeal,
    /// As [`Possible`](Effect::Possible), but only in the store: past the end of the file.
    Behind,
}

/// What one write wrote to some bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub content: Content,
    pub bytes: Range<u64>,
    pub begun: Tick,
    pub ended: Tick,
    pub effect: Effect,
}

impl Version {
    /// What was there before any operation.
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

    /// Rule 1, without comparing which bytes the two cover.
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

/// When a reader began, and what of a sector may have been lost.
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

/// Bytes of a sector that match no version which the reader may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the file.
    pub bytes: Range<u64>,
    /// What the reader may see there.
    pub expected: Vec<Version>,
}

/// Compares `found`, which a reader with this `view` read at `bytes` of the file, within one sector, with all
/// versions that cover a part of the sector. Returns the versions that it matches.
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
        // If bytes of several versions may be mixed, a match may be a coincidence.
        if visible.clone().all(|version| version.effect != Effect::Piecemeal) {
            let possible = visible.cloned().collect();
            seen.push(Seen { bytes: segment, possible, found: shown });
        }
    }
    Ok(seen)
}

/// Whether `found`, `within` a sector, matches one of the versions, except for bytes of versions that may be there
/// in part.
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

/// Whether the versions that supersede `version` together cover `bytes`.
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
