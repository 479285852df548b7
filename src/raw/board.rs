//! The board: where claims of the registry are shown to those who do not take its mutex.
//!
//! Each claim of the registry, held or waiting, is shown in a [cell](crate::raw::cell), or else is
//! *unlisted*: the [summary](crate::raw::summary) says that there is such a claim, and who may be in its way
//! asks under the mutex. A cell that was taken without the mutex is *watched* when somebody must wait for its
//! claim: a proxy comes into the registry, and the summary's bit tells whoever lets go of the cell to
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
    /// The claims that found no cell, and how many of them are exclusive.
    unlisted: Vec<ClaimId>,
    exclusive: u32,
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
                self.books.board.unlisted.push(ClaimId::NONE);
                self.books.board.exclusive += u32::from(mode == Mode::Exclusive);
                (
                    Place::Unlisted(self.books.board.unlisted.len() as u32 - 1),
                    Summary::unlisted(mode),
                )
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
            Place::Unlisted(position) => self.books.board.unlisted[position as usize] = id,
            Place::Slot => {}
        }
    }

    /// Stops showing a claim of this mode that leaves.
    pub(super) fn retract(&mut self, place: Place, mode: Mode) {
        match place {
            Place::Slot | Place::Cell(_) => {}
            Place::Board(cell) => {
                self.clear(Summary::all_of(cell));
                self.core.cells.free(cell);
            }
            Place::Unlisted(position) => {
                let board = &mut self.books.board;
                board.unlisted.swap_remove(position as usize);
                let moved = board.unlisted.get(position as usize).copied();
                if let Some(id) = moved.filter(|&id| id != ClaimId::NONE) {
                    self.registry().set_place(id, place);
                }
                self.unlist(mode);
            }
        }
    }

    /// Takes a claim of this mode off the count of those that are not listed.
    fn unlist(&mut self, mode: Mode) {
        let board = &mut self.books.board;
        board.exclusive -= u32::from(mode == Mode::Exclusive);
        let still = match (board.unlisted.is_empty(), board.exclusive) {
            (true, _) => 0,
            (false, 0) => Summary::unlisted(Mode::Shared),
            (false, _) => return,
        };
        self.clear(Summary::unlisted(Mode::Exclusive) & !still);
    }

    /// Shows claims that found no cell, as long as cells have become free.
    pub(super) fn list(&mut self) {
        while let Some(&id) = self.books.board.unlisted.last() {
            let cells = &self.core.cells;
            let Some(cell) = cells.take_common(self.lock.summary_hint().unused()) else { return };
            let (span, mode) = (self.registry().span(id), self.registry().mode(id));
            cells.show(cell, span);
            cells.settle(cell);
            // ORDERING: Relaxed: who reads this asks under the mutex, since a claim is unlisted still; who reads that
            // none is, by the Release in `clear`, sees the cell.
            let bits = Summary::claim(cell, mode) | Summary::watch(cell);
            self.lock.summary.fetch_or(bits, Ordering::Relaxed);
            // Only now, so that each summary shows it one way or the other.
            self.books.board.unlisted.pop();
            self.unlist(mode);
            self.registry().set_place(id, Place::Board(cell));
        }
    }

    /// Shows the new span of a claim, a part of the old one.
    pub(super) fn narrow(&self, place: Place, span: Span) {
        if let Place::Board(cell) | Place::Cell(cell) = place {
            self.core.cells.show(cell, span);
        }
    }

    /// Shows that an exclusive claim is shared now.
    pub(super) fn weaken(&mut self, place: Place) {
        match place {
            Place::Board(cell) | Place::Cell(cell) => self.clear(Summary::exclusive(cell)),
            Place::Unlisted(_) => self.unlist(Mode::Exclusive),
            Place::Slot => {}
        }
    }

    /// Shows that a shared claim is exclusive now, if it can be. Returns who was there before.
    pub(super) fn strengthen(&mut self, place: Place) -> Summary {
        let bits = match place {
            Place::Board(cell) | Place::Cell(cell) => {
                self.core.cells.unsettle(cell);
                Summary::exclusive(cell)
            }
            Place::Unlisted(_) => {
                self.books.board.exclusive += 1;
                Summary::unlisted(Mode::Exclusive)
            }
            Place::Slot => 0,
        };
        // ORDERING: SeqCst, as in `publish`: slots and cells are looked at after it.
        let before = self.lock.summary.fetch_or(bits, Ordering::SeqCst);
        sync::two_sided_barrier();
        Summary::from_bits(before)
    }

    /// Says whether some claim waits.
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
        // From here on the cell stays with its claim until we let go of the mutex.
        let (span, mode) = (self.core.cells.span(cell), summary.mode_of(cell));
        let proxy = self.registry().hold(span, mode, Queueing::InLine);
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
                    // Who let go of it was told to take the mutex, and expects the proxy.
                    return;
                }
                self.books.board.proxies[cell as usize] = None;
            }
            Place::Board(_) | Place::Unlisted(_) => return,
        }
        self.books.registry.remove(proxy, &mut self.wakes.0);
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
