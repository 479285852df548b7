//! Moving a claim out of its cell, into the registry, so that a new claim that finds every cell
//! taken can use the cell.
//!
//! So a claim that is held for a long time does not occupy a cell that short claims could use.
//! While it is held, short claims only check the counters of their regions in addition. The owner
//! of the moved claim is not notified. When it releases the claim, it finds in the cell's word that
//! the claim was moved; then it takes the mutex, and releases the claim in the registry.
//!
//! Before the cell is free for another claim, the moved claim is counted in its regions, and the
//! claims that conflict with it are watched (raw.rs, I6). If a claim is released and moved at the same
//! time, a compare-exchange of the cell's word decides. Claims in cells that belong to one thread are
//! not moved, so that their release needs no compare-exchange.

use crate::Span;
use crate::raw::place::Place;
use crate::raw::registry::ClaimId;
use crate::raw::words::cell::TakenCell;
use crate::raw::words::summary::Summary;
use crate::raw::{Core, Locked, RawLock};
use crate::sync::{self, Ordering};

impl RawLock {
    /// Moves a claim out of its cell, and takes that cell.
    #[cold]
    #[inline(never)]
    pub(in crate::raw) fn make_way(&self, core: &Core) -> Option<TakenCell> {
        let is_settled = |cell| core.cells.is_settled(cell);
        if !sync::moves_claims() || !core.summary_hint().used().common().any(is_settled) {
            return None;
        }
        let mut locked = core.enter(self);
        let is_moved = locked.make_way();
        locked.close();
        is_moved.then(|| core.cells.take(|| core.summary_hint().unused())).flatten()
    }
}

impl Locked<'_> {
    /// Moves a claim out of its cell, if one can be moved. The cells take turns.
    pub(in crate::raw) fn make_way(&mut self) -> bool {
        let summary = self.core.summary_hint();
        let common = summary.used().common();
        let last = self.protected.moved_last;
        // A claim of the registry that is shown in a cell is watched but has no proxy. It is not
        // moved: its owner does not check the cell when it releases the claim.
        let has_owner =
            |cell: u32| !summary.watches(cell) || self.protected.proxies[cell as usize].is_some();
        let mut cells = common.skip_while(|&cell| cell <= last).chain(common);
        let seize = |cell| if has_owner(cell) { self.core.cells.seize(cell) } else { None };
        let Some(taken) = cells.find_map(seize) else { return false };
        self.protected.moved_last = taken.cell();
        self.move_out(taken);
        true
    }

    fn move_out(&mut self, taken: TakenCell) {
        let cell = taken.cell();
        let id = self.watch_cell(cell).expect("a claim that is settled is in the summary");
        let (span, mode) = (self.registry().span(id), self.registry().mode(id));
        let counted = self.count(span, mode);
        self.publish(counted, span, mode);
        self.registry().set_place(id, Place::Moved(taken));
        self.protected.proxies[cell as usize] = None;
        // ORDERING: Relaxed: the claim is still held, so no claim has to happen after it. A claim
        // that does not find it in the cell reads a summary that continues the release sequence of
        // `publish`, and finds it counted.
        self.core.summary.fetch_and(!Summary::all_of(cell), Ordering::Relaxed);
        self.core.cells.hand_on(taken);
        self.unwatch_idle(span);
    }

    /// The number in the registry of a claim that was moved out of its cell.
    pub(in crate::raw) fn moved(&mut self, span: Span, taken: TakenCell) -> ClaimId {
        let claim = self.registry().in_place(span, Place::Moved(taken));
        claim.expect("a claim is in its cell, or was moved")
    }
}

#[cfg(all(test, not(spanlock_loom)))]
mod tests;
