//! Regions: where claims without a cell may lie.
//!
//! There are regions of 1 unit, 64 units, 4096 units and so on. A claim without a cell is counted
//! in the regions of one size only, in all of them that it touches: the smallest size of which it
//! touches at most nine regions, or else the largest. The summary shows in which sizes there are
//! such claims.
//!
//! A claim that finds no conflicting claim counted in the regions that it touches, in each of these
//! sizes, need not ask the registry. Several regions may share a counter, as several units share a
//! slot: then a claim may ask the registry because of a count that belongs to another region.
//!
//! The low half of a counter is the number of claims, and the high half the number of exclusive
//! ones among them.

use crate::raw::Locked;
use crate::raw::words::summary::{SIZES, Summary};
use crate::raw::words::table::{Current, Made, Table};
use crate::sync::{self, AtomicU64, FIRST_REGIONS_BITS, Ordering};
use crate::{Mode, Span};

/// The binary logarithm of the factor from one size of regions to the next.
const STEP: u32 = 6;

/// A claim that touches more regions than this asks the registry without reading their counters.
const MOST: u64 = 16;

const ONE: u64 = 1;
const EXCLUSIVE: u64 = 1 << 32;

/// The counters.
pub(crate) struct Regions(Current);

/// What the mutex protects of the regions.
#[derive(Default)]
pub(crate) struct Counted {
    made: Made,
    /// How many claims are counted in regions of each size.
    claims: [u32; SIZES as usize],
    /// How many of all these claims are exclusive.
    exclusive: u32,
    /// The sum, over these claims, of the number of regions that each touches.
    regions: u64,
}

/// The size of region in which a claim on `span` is counted.
fn size_of(span: Span) -> u32 {
    (0..SIZES - 1).find(|size| span.len() <= 8 << (STEP * size)).unwrap_or(SIZES - 1)
}

/// The numbers of the regions of this size that `span` touches. Regions of another size may have
/// the same numbers.
fn touched(span: Span, size: u32) -> std::ops::RangeInclusive<u64> {
    let shift = STEP * size;
    span.start() >> shift..=(span.end() - 1) >> shift
}

fn counter(table: Table<'_>, region: u64, size: u32) -> &AtomicU64 {
    table.scattered(region.wrapping_mul(16).wrapping_add(u64::from(size)))
}

fn weight(mode: Mode) -> u64 {
    match mode {
        Mode::Shared => ONE,
        Mode::Exclusive => ONE + EXCLUSIVE,
    }
}

impl Regions {
    pub(crate) fn new() -> Regions {
        Regions(Current::new())
    }

    /// Whether a claim without a cell may conflict. `summary` was read after the new claim was
    /// written.
    pub(crate) fn may_meet(&self, summary: Summary, span: Span, mode: Mode) -> bool {
        summary.has_unlisted(mode) && summary.sizes().any(|size| self.may_meet_in(size, span, mode))
    }

    #[inline(never)]
    fn may_meet_in(&self, size: u32, span: Span, mode: Mode) -> bool {
        // ORDERING: SeqCst here and below, after the claim was written: a claim that is counted
        // later, or in an array that is published later, sees ours (I4). As an Acquire it orders us
        // after the claims that are not counted any more.
        let Some(table) = self.0.load(Ordering::SeqCst) else { return true };
        let touched = touched(span, size);
        touched.end() - touched.start() >= MOST
            || touched.into_iter().any(|region| {
                let counted = counter(table, region, size).load(Ordering::SeqCst);
                match mode {
                    Mode::Shared => counted >= EXCLUSIVE,
                    Mode::Exclusive => counted != 0,
                }
            })
    }
}

impl Locked<'_> {
    /// Counts a claim in the regions that it touches. Returns the bits to set in the summary.
    pub(crate) fn count(&mut self, span: Span, mode: Mode) -> u64 {
        let size = size_of(span);
        let counted = &mut self.protected.regions;
        counted.claims[size as usize] += 1;
        counted.exclusive += u32::from(mode == Mode::Exclusive);
        let regions = touched(span, size);
        counted.regions += regions.end() - regions.start() + 1;
        // ORDERING: Relaxed: it is written under the mutex.
        if self.core.regions.0.load(Ordering::Relaxed).is_none() {
            self.recount(FIRST_REGIONS_BITS);
        }
        self.add(span, size, weight(mode));
        Summary::unlisted(size, mode)
    }

    /// Removes a claim from the counts of the regions that it touches. Returns the bits to clear in
    /// the summary.
    pub(crate) fn uncount(&mut self, span: Span, mode: Mode) -> u64 {
        let size = size_of(span);
        let counted = &mut self.protected.regions;
        counted.claims[size as usize] -= 1;
        counted.exclusive -= u32::from(mode == Mode::Exclusive);
        let regions = touched(span, size);
        counted.regions -= regions.end() - regions.start() + 1;
        let still = match (counted.claims[size as usize], counted.exclusive) {
            (0, 0) => 0,
            (0, _) => {
                Summary::unlisted(size, Mode::Exclusive) & !Summary::unlisted(size, Mode::Shared)
            }
            (_, 0) => Summary::unlisted(size, Mode::Shared),
            (_, _) => Summary::unlisted(size, Mode::Exclusive),
        };
        self.change(span, size, |counted| counted - weight(mode));
        Summary::unlisted(size, Mode::Exclusive) & !still
    }

    fn add(&self, span: Span, size: u32, weight: u64) {
        self.change(span, size, |counted| counted + weight);
        // The slots are checked after this (I4).
        sync::counting_barrier();
    }

    fn change(&self, span: Span, size: u32, change: impl Fn(u64) -> u64) {
        let table = self.counters();
        for counter in touched(span, size).map(|region| counter(table, region, size)) {
            // ORDERING: Relaxed: counters are written under the mutex.
            let counted = counter.load(Ordering::Relaxed);
            // ORDERING: Release, paired with the load in `may_meet_in`: a thread that does not find
            // a claim counted any more happens after it.
            counter.store(change(counted), Ordering::Release);
        }
    }

    fn counters(&self) -> Table<'_> {
        // ORDERING: Relaxed: it is written under the mutex.
        self.core.regions.0.load(Ordering::Relaxed).expect("made when the first claim was counted")
    }

    /// Makes more counters if there are too few for the regions that are touched. Must be called
    /// only when every counted claim is in the registry.
    pub(crate) fn make_room(&mut self) {
        let regions = self.protected.regions.regions;
        if regions != 0 && regions * 16 > self.counters().len() {
            self.recount(self.counters().bits() + 1);
        }
    }

    /// Makes 2^`bits` counters, and counts all claims in them. The old counters are not changed any
    /// more: a thread that still reads them finds every claim there that it must see.
    #[cold]
    fn recount(&mut self, bits: u32) {
        // SAFETY: counters are freed with the core, when no thread uses the lock any more (I5).
        let new = unsafe { self.protected.regions.made.get(bits) };
        for (span, mode) in self.protected.registry.unlisted() {
            let size = size_of(span);
            for region in touched(span, size) {
                // ORDERING: Relaxed: published below.
                counter(new, region, size).fetch_add(weight(mode), Ordering::Relaxed);
            }
        }
        // ORDERING: SeqCst: as in `add`, a claim that does not find these counters is seen by the
        // claims that are counted in them from now on. As a Release it publishes what has been
        // counted in them.
        self.core.regions.0.store(new, Ordering::SeqCst);
    }
}

#[cfg(all(test, not(spanlock_loom)))]
mod tests;
