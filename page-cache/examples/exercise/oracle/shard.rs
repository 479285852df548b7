//! A shard: 64 KiB of the file, with its own mutex, ticks and log.
//!
//! 1. A cell is settled if its sector has exactly one version, which covers all of it and certainly took
//!    effect, and if no write to the sector is in progress that began before that version had ended. All
//!    writes that are in progress or follow began after it, so its ticks need not be stored.
//! 2. Writes in progress are in a list of the shard. They are added to cells when they end.
//! 3. While a reader is in progress, all versions are kept that it may see.

use std::ops::{Range, RangeInclusive};

use super::log::{Entry, Log, Outcome};
use crate::oracle::allowed_versions::{
    Content, Effect, IN_FLIGHT, Mismatch, Tick, Version, View, check, prune,
};
use crate::oracle::knowledge::Reliability;
use crate::oracle::page_atomicity::{self, Seen, TornPage};
use crate::oracle::stamp::{SECTOR, sectors};
use crate::workload::op::{Op, Path};

/// Bytes of the file in a shard.
pub(super) const SHARD: u64 = 64 << 10;
const CELLS: usize = SHARD as usize / SECTOR;

#[derive(Default)]
pub(super) struct Shard {
    now: Tick,
    /// Empty as long as every sector is settled and zero.
    cells: Option<Box<[Cell]>>,
    writes: Vec<(Op, Version)>,
    reads: Vec<(Op, Tick)>,
    log: Log,
    doubt: Option<Doubt>,
}

/// Which bytes of the store may have been lost, so that earlier ones are read again.
#[derive(Clone, PartialEq, Eq)]
enum Doubt {
    /// What was written in this time.
    Since(RangeInclusive<Tick>),
    /// Anything: bytes were moved.
    Everything,
}

#[derive(Clone)]
enum Cell {
    Settled(Content),
    // Boxed, because most cells are settled, and should be small.
    #[expect(clippy::box_collection)]
    Contested(Box<Vec<Version>>),
}

/// What the oracle reports about the sectors that were read.
pub(super) struct Sight {
    /// The contents of the sectors that are settled and that no thread writes. They have not been compared yet.
    pub(super) settled: [Option<Content>; CELLS],
    /// What is wrong with the other sectors.
    pub(super) mismatch: Option<Mismatch>,
    pub(super) torn_page: Option<Box<TornPage>>,
}

/// The kind of reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Viewer {
    Reader,
    /// A reader that opens its store after a crash.
    Crash,
}

impl Viewer {
    fn sees(self, version: &Version) -> bool {
        self == Viewer::Crash || version.effect != Effect::Behind
    }
}

impl Shard {
    pub(super) fn begin_read(&mut self, op: &Op) {
        let now = self.tick();
        self.reads.push((op.clone(), now));
        self.log.begin(op, now);
    }

    /// Ends a read of `bytes`, which returned `found`.
    pub(super) fn end_read(
        &mut self,
        op: &Op,
        bytes: &Range<u64>,
        found: &[u8],
        outcome: Outcome,
    ) -> Sight {
        let now = self.tick();
        self.log.end(op, now, outcome);
        let reader = self.reads.iter().position(|(reader, _)| reader.is(op));
        let begun = reader.map_or(now, |index| self.reads.swap_remove(index).1);
        let (mut sight, seen) = self.look(bytes, found, begun, Viewer::Reader);
        if op.path.reads_whole_pages() && self.doubt.is_none() {
            sight.torn_page = page_atomicity::check(&seen).err();
        }
        sight
    }

    /// From now on what was written since `op` began, which continues, may be lost.
    pub(super) fn doubt(&mut self, op: &Op) {
        let now = self.tick();
        let reader = self.reads.iter().find(|(reader, _)| reader.is(op));
        let begun = reader.map_or(now, |&(_, begun)| begun);
        if self.doubt != Some(Doubt::Everything) {
            self.doubt = Some(Doubt::Since(begun..=now));
        }
    }

    pub(super) fn doubt_everything(&mut self) {
        self.doubt = Some(Doubt::Everything);
    }

    pub(super) fn trust(&mut self) {
        self.doubt = None;
    }

    pub(super) fn forget_read(&mut self, op: &Op) {
        self.reads.retain(|(reader, _)| !reader.is(op));
    }

    /// Checks `found`, read at `bytes` by `op`, which began earlier and has not ended.
    pub(super) fn look_since(&mut self, op: &Op, bytes: &Range<u64>, found: &[u8]) -> Sight {
        let now = self.tick();
        let reader = self.reads.iter().find(|(reader, _)| reader.is(op));
        let begun = reader.map_or(now, |&(_, begun)| begun);
        self.look(bytes, found, begun, Viewer::Crash).0
    }

    /// Checks `found`, read at `bytes` when all other operations have ended.
    pub(super) fn inspect(&mut self, bytes: &Range<u64>, found: &[u8]) -> Sight {
        let now = self.tick();
        self.look(bytes, found, now, Viewer::Reader).0
    }

    fn look(
        &mut self,
        bytes: &Range<u64>,
        found: &[u8],
        begun: Tick,
        viewer: Viewer,
    ) -> (Sight, Vec<Seen>) {
        let mut sight = Sight { settled: [None; CELLS], mismatch: None, torn_page: None };
        let mut contested = Vec::new();
        let (doubt, viewer) = match &self.doubt {
            None => (None, viewer),
            Some(Doubt::Since(doubt)) => (Some(doubt.clone()), Viewer::Crash),
            Some(Doubt::Everything) => return (sight, contested),
        };
        let view = View { begun, doubt };
        for (index, (sector, part)) in sectors(bytes.start, found.len()).enumerate() {
            let whole = sector..sector + SECTOR as u64;
            match self.cell(sector) {
                Cell::Settled(content) if !self.is_written(&whole) => {
                    sight.settled[index] = Some(content);
                }
                cell => {
                    let bytes = bytes.start + part.start as u64..bytes.start + part.end as u64;
                    let mut versions = self.versions(&cell, &whole);
                    versions.retain(|version| viewer.sees(version));
                    match check(&versions, &found[part], &bytes, &view) {
                        Ok(seen) => contested.extend(seen),
                        Err(mismatch) => sight.mismatch = sight.mismatch.or(Some(mismatch)),
                    }
                    self.tidy(sector);
                }
            }
        }
        (sight, contested)
    }

    pub(super) fn begin_write(
        &mut self,
        op: &Op,
        bytes: &Range<u64>,
        content: Content,
        store: Reliability,
    ) {
        let begun = self.tick();
        let effect = match (unsure(op), store) {
            (Effect::Possible, Reliability::Failing) => Effect::Partial,
            (effect, _) => effect,
        };
        let bytes = bytes.clone();
        self.writes.push((op.clone(), Version { content, bytes, begun, ended: IN_FLIGHT, effect }));
        self.log.begin(op, begun);
    }

    /// Ends a write of `part`, the bytes of `op` in this shard. `end` is where the file ended, if that is known.
    pub(super) fn end_write(
        &mut self,
        end: Option<u64>,
        op: &Op,
        part: &Range<u64>,
        certain: &Range<u64>,
        outcome: Outcome,
    ) {
        let ended = self.tick();
        self.log.end(op, ended, outcome);
        let Some(index) = self.writes.iter().position(|(writer, _)| writer.is(op)) else {
            return;
        };
        let (_, version) = self.writes.swap_remove(index);
        let alone = !self.is_written(part);
        if alone && version.content == Content::Zero && self.cells.is_none() {
            return;
        }
        let from = certain.start.clamp(part.start, part.end);
        let to = certain.end.clamp(from, part.end);
        let cut = match (end, version.content) {
            (None, Content::Of(_)) => Effect::Piecemeal,
            _ => unsure(op),
        };
        let end = end.unwrap_or(part.end).clamp(to, part.end);
        for (bytes, effect) in [
            (part.start..from, unsure(op)),
            (from..to, Effect::Certain),
            (to..end, cut),
            (end..part.end, Effect::Behind),
        ] {
            let version = Version { bytes, effect, ended, ..version.clone() };
            self.settle(&version, alone);
        }
    }

    /// Ends a write that did not take effect.
    pub(super) fn refuse_write(&mut self, op: &Op) {
        let ended = self.tick();
        self.log.end(op, ended, Outcome::Failed);
        self.writes.retain(|(writer, _)| !writer.is(op));
    }

    pub(super) fn begin_other(&mut self, op: &Op) {
        let now = self.tick();
        self.log.begin(op, now);
    }

    pub(super) fn end_other(&mut self, op: &Op, outcome: Outcome) {
        let now = self.tick();
        self.log.end(op, now, outcome);
    }

    pub(super) fn entries_of(&self, bytes: &Range<u64>) -> Vec<Entry> {
        self.log.entries_of(bytes)
    }

    /// Adds `version` to its cells. It is `alone` if no other thread is writing there.
    fn settle(&mut self, version: &Version, alone: bool) {
        let replaces = alone && self.reads.is_empty() && version.effect == Effect::Certain;
        let len = (version.bytes.end - version.bytes.start) as usize;
        for (sector, part) in sectors(version.bytes.start, len) {
            let cells =
                self.cells.get_or_insert_with(|| vec![Cell::Settled(Content::Zero); CELLS].into());
            let cell = &mut cells[index_of(sector)];
            match cell {
                Cell::Settled(Content::Zero) if alone && version.content == Content::Zero => {}
                Cell::Settled(content) if replaces && part.len() == SECTOR => {
                    *content = version.content;
                }
                Cell::Settled(content) => {
                    let initial = Version::initial(*content, sector);
                    *cell = Cell::Contested(Box::new(vec![initial, version.clone()]));
                    self.tidy(sector);
                }
                Cell::Contested(versions) => {
                    versions.push(version.clone());
                    self.tidy(sector);
                }
            }
        }
    }

    /// Removes the versions of a contested sector that no thread can see, and settles the sector if that is
    /// possible.
    fn tidy(&mut self, sector: u64) {
        let oldest_reader = self.reads.iter().map(|&(_, begun)| begun).min();
        let oldest_reader = oldest_reader.unwrap_or(self.now + 1);
        let Some(cells) = &mut self.cells else { return };
        let Cell::Contested(versions) = &mut cells[index_of(sector)] else { return };
        prune(versions, sector, oldest_reader);
        let whole = sector..sector + SECTOR as u64;
        if let [last] = &versions[..]
            && last.covers(&whole)
            && !self
                .writes
                .iter()
                .any(|(_, write)| overlaps(&write.bytes, &whole) && write.begun < last.ended)
        {
            cells[index_of(sector)] = Cell::Settled(last.content);
        }
    }

    fn cell(&self, sector: u64) -> Cell {
        match &self.cells {
            Some(cells) => cells[index_of(sector)].clone(),
            None => Cell::Settled(Content::Zero),
        }
    }

    fn versions(&self, cell: &Cell, sector: &Range<u64>) -> Vec<Version> {
        let writes = self.writes.iter().map(|(_, version)| version);
        let writes = writes.filter(|version| overlaps(&version.bytes, sector)).cloned();
        match cell {
            Cell::Settled(content) => {
                [Version::initial(*content, sector.start)].into_iter().chain(writes).collect()
            }
            Cell::Contested(versions) => versions.iter().cloned().chain(writes).collect(),
        }
    }

    fn is_written(&self, bytes: &Range<u64>) -> bool {
        self.writes.iter().any(|(_, write)| overlaps(&write.bytes, bytes))
    }

    fn tick(&mut self) -> Tick {
        self.now += 1;
        self.now
    }
}

/// The effect of what `op` writes, as long as it is not known whether it took effect.
fn unsure(op: &Op) -> Effect {
    match op.path {
        Path::Store | Path::GuardWrite | Path::GuardBytes | Path::OwnedWrite | Path::ListWrite => {
            Effect::Piecemeal
        }
        _ => Effect::Possible,
    }
}

fn index_of(sector: u64) -> usize {
    (sector % SHARD) as usize / SECTOR
}

fn overlaps(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}
