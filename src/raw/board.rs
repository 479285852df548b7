//! The board: where claims of the registry are shown to those who do not take its mutex.
//!
//! Each claim of the registry that is held or due is shown in a [cell](crate::raw::cell), or else is
//! *unlisted*: it is counted in the [regions](crate::raw::regions) that it touches, and who is in one of them
//! asks under the mutex. A cell that was taken without the mutex is *watched* when somebody must wait for its
//! claim: a proxy comes into the registry, and the summary's bit tells whoever releases the cell to
//! take the mutex.

use crate::raw::cell::Met;
use crate::raw::place::Place;
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::summary::Summary;
use crate::raw::{Ledger, RawLock};
use crate::sync::{self, BOARD_CELLS, LOOKS, Ordering};
use crate::{Mode, Span};

/// The registry's side of the board.
#[derive(Default)]
pub(crate) struct Board {
    /// The proxies of claims that took their cells without the mutex.
    pub(super) proxies: [Option<ClaimId>; BOARD_CELLS],
}

impl RawLock {
    /// The summary as the registry reads it; who is in a cell that it shows is not yet known by this.
    pub(super) fn summary_hint(&self) -> Summary {
        // ORDERING: Relaxed: a hint. Whatever it leads to is decided in a slot, in a cell, or under the mutex.
        Summary::from_bits(self.summary.load(Ordering::Relaxed))
    }
}

impl Ledger<'_> {
    /// Shows a claim, before it has a number, and orders that before the looks at slots and cells that
    /// follow. Returns who was there before.
    pub(super) fn publish(&mut self, span: Span, mode: Mode) -> (Place, Summary) {
        let cells = &self.core.cells;
        let (place, bits) = match cells.take_common(self.lock.summary_hint().unused()) {
            Some(cell) => {
                cells.show(cell, span);
                (Place::Board(cell), Summary::claim(cell, mode) | Summary::watch(cell))
            }
            None => {
                let (size, bits) = self.count(span, mode);
                (Place::Unlisted(size), bits)
            }
        };
        // ORDERING: SeqCst, the range's side of the two-sided argument (I4). As a Release it shows the cell to
        // whoever reads this summary; as an Acquire it makes us follow whoever is not there any more.
        let before = self.lock.summary.fetch_or(bits, Ordering::SeqCst);
        sync::two_sided_barrier();
        (place, Summary::from_bits(before))
    }

    /// Lets the registry and the board know where a claim that is now admitted is shown.
    pub(super) fn settle(&mut self, id: ClaimId, place: Place) {
        self.registry().set_place(id, place);
        match place {
            Place::Board(cell) | Place::Cell(cell) => self.core.cells.settle(cell),
            Place::Slot | Place::Unlisted(_) | Place::Nowhere => {}
        }
    }

    /// Stops showing a claim that leaves.
    pub(super) fn retract(&mut self, place: Place, span: Span, mode: Mode) {
        match place {
            Place::Slot | Place::Cell(_) | Place::Nowhere => {}
            Place::Board(cell) => {
                self.clear(Summary::all_of(cell));
                self.core.cells.free(cell);
            }
            Place::Unlisted(size) => {
                let gone = self.uncount(span, size, mode);
                self.clear(gone);
            }
        }
    }

    /// Shows the new span of a claim, a part of the old one.
    pub(super) fn narrow(&mut self, place: Place, from: Span, to: Span, mode: Mode) {
        match place {
            Place::Board(cell) | Place::Cell(cell) => self.core.cells.show(cell, to),
            Place::Unlisted(size) => self.uncount_rest(from, to, size, mode),
            Place::Slot | Place::Nowhere => {}
        }
    }

    /// Shows that an exclusive claim is shared now.
    pub(super) fn weaken(&mut self, place: Place, span: Span) {
        let gone = match place {
            Place::Board(cell) | Place::Cell(cell) => Summary::exclusive(cell),
            Place::Unlisted(size) => self.count_weaker(span, size),
            Place::Slot | Place::Nowhere => return,
        };
        self.clear(gone);
    }

    /// Shows that a shared claim is exclusive now, if it can be. Returns who was there before.
    pub(super) fn strengthen(&mut self, place: Place, span: Span) -> Summary {
        let bits = match place {
            Place::Board(cell) | Place::Cell(cell) => {
                self.core.cells.unsettle(cell);
                Summary::exclusive(cell)
            }
            Place::Unlisted(size) => self.count_stronger(span, size),
            Place::Slot | Place::Nowhere => 0,
        };
        // ORDERING: SeqCst, as in `publish`: slots and cells are looked at after it.
        let before = self.lock.summary.fetch_or(bits, Ordering::SeqCst);
        sync::two_sided_barrier();
        Summary::from_bits(before)
    }

    /// Says whether some claim waits that newcomers do not pass.
    pub(super) fn set_queue(&mut self) {
        let has_queue = self.registry().has_queue();
        if self.lock.summary_hint().has_queue() != has_queue {
            // ORDERING: Relaxed: a hint.
            if has_queue {
                self.lock.summary.fetch_or(Summary::QUEUE, Ordering::Relaxed);
            } else {
                self.lock.summary.fetch_and(!Summary::QUEUE, Ordering::Relaxed);
            }
        }
    }

    fn clear(&self, bits: u64) {
        if bits == 0 {
            return;
        }
        // ORDERING: Release, paired with every load of the summary by a newcomer: who finds that a claim
        // has left the board sees what it did.
        self.lock.summary.fetch_and(!bits, Ordering::Release);
    }

    /// Watches the cells of `before` whose claims are in the way of one that is now shown.
    pub(super) fn watch_cells(&mut self, before: Summary, span: Span, mode: Mode) {
        for cell in before.unwatched().conflicting(mode) {
            if !self.core.cells.span(cell).overlaps(span) {
                continue;
            }
            let Some(id) = self.watch_cell(cell) else { continue };
            let (theirs, held) = (self.registry().span(id), self.registry().mode(id));
            if !theirs.overlaps(span) || !held.conflicts_with(mode) {
                // The cell has changed hands meanwhile, or its claim was downgraded.
                self.unwatch(id);
            }
        }
    }

    /// Has the registry know the claim in a cell: by its proxy, which is returned, unless the claim has left.
    pub(super) fn watch_cell(&mut self, cell: u32) -> Option<ClaimId> {
        // ORDERING: Acquire here, on failure and in between: whoever finds that the cell is not in use any more
        // follows the claim that was there.
        let mut summary = Summary::from_bits(self.lock.summary.load(Ordering::Acquire));
        loop {
            if !summary.uses(cell) || summary.watches(cell) {
                return self.books.board.proxies[cell as usize].filter(|_| summary.uses(cell));
            }
            let watched = summary.bits() | Summary::watch(cell);
            match self.lock.summary.compare_exchange_weak(
                summary.bits(),
                watched,
                Ordering::Acquire,
                Ordering::Acquire,
            ) {
                Ok(_) => break,
                Err(bits) => summary = Summary::from_bits(bits),
            }
        }
        // From here on the cell stays with its claim until we release the mutex.
        let (span, mode) = (self.core.cells.span(cell), summary.mode_of(cell));
        let proxy = self.registry().hold(span, mode, Queueing::Due);
        self.registry().set_place(proxy, Place::Cell(cell));
        self.books.board.proxies[cell as usize] = Some(proxy);
        Some(proxy)
    }

    /// Takes the watch of a slot or a cell back.
    pub(super) fn unwatch(&mut self, proxy: ClaimId) {
        match self.registry().place(proxy) {
            Place::Slot => {
                let unit = self.registry().span(proxy).start();
                self.unwatch_slot(unit);
            }
            Place::Cell(cell) => {
                // ORDERING: Release: whoever looks whether he is watched, and is not any more, follows those
                // for whom he was. Relaxed would do for the claim's own sake.
                let before = self.lock.summary.fetch_and(!Summary::watch(cell), Ordering::Release);
                if !Summary::from_bits(before).uses(cell) {
                    // Who released it was told to take the mutex, and expects the proxy.
                    return;
                }
                self.books.board.proxies[cell as usize] = None;
            }
            Place::Board(_) | Place::Unlisted(_) | Place::Nowhere => return,
        }
        self.books.registry.remove(proxy, &mut self.wakes.heirs);
    }

    /// Takes back the watches in `span` that are of no use any more: nobody waits for those who are watched, and
    /// nobody is to keep them out.
    pub(super) fn unwatch_idle(&mut self, span: Span) {
        for proxy in self.registry().idle_proxies(span) {
            self.unwatch(proxy);
        }
    }

    /// Whether a claim conflicts that was in a cell in `before` and is not in the registry. One that may
    /// yet find that it must let go is given a moment to do so.
    pub(super) fn cells_conflict(&self, before: Summary, span: Span, mode: Mode) -> bool {
        let mut there = before.unwatched();
        for _ in 0..LOOKS {
            match self.core.cells.meet(there, span, mode) {
                None => return false,
                Some(Met::Settled) => return true,
                Some(Met::Undecided) => sync::pause(),
            }
            // ORDERING: Acquire: whoever finds that a claim has left follows it.
            let now = self.lock.summary.load(Ordering::Acquire);
            there = there.and(Summary::from_bits(now));
        }
        true
    }
}
