//! The board: where claims of the registry are shown to the threads that do not take its mutex.
//!
//! Each claim of the registry that is held or due is shown in a [cell](crate::raw::words::cell), or
//! else is *unlisted*: it is counted in the [regions] that it touches. A new claim that finds a
//! conflicting count in one of its regions asks the registry, under the mutex.

pub(crate) mod make_way;
pub(crate) mod regions;
pub(crate) mod watch;

use crate::raw::place::Place;
use crate::raw::registry::ClaimId;
use crate::raw::words::summary::Summary;
use crate::raw::{Core, Locked, RawLock};
use crate::sync::{self, Ordering};
use crate::{Mode, Span};

pub(crate) use regions::{Counted, Regions};

impl Core {
    /// The summary, as a hint. The spans of the cells that it shows need not be visible yet.
    #[inline]
    pub(super) fn summary_hint(&self) -> Summary {
        // ORDERING: Relaxed: a hint. What follows from it is decided in a slot, in a cell, or under
        // the mutex.
        Summary::from_bits(self.summary.load(Ordering::Relaxed))
    }

    /// The summary. A thread that does not find a claim in it any more sees everything that was
    /// done under that claim.
    #[inline]
    pub(super) fn summary_now(&self) -> Summary {
        // ORDERING: Acquire, paired with `take_off`, `retract` and `unwatch`, and with the writes
        // that publish a claim, whose span is then visible.
        Summary::from_bits(self.summary.load(Ordering::Acquire))
    }
}

impl RawLock {
    /// The same of a lock that may have no core yet; then the board is empty.
    #[inline]
    pub(super) fn summary_hint(&self) -> Summary {
        self.existing_core().map_or(Summary::EMPTY, Core::summary_hint)
    }
}

impl Locked<'_> {
    /// Shows a claim on the board, before it has a number in the registry.
    pub(super) fn announce(&mut self, span: Span, mode: Mode) -> Place {
        let cells = &self.core.cells;
        let (place, bits) = match cells.take_common(self.core.summary_hint().unused()) {
            Some(taken) => {
                let cell = taken.cell();
                cells.show(cell, span);
                (Place::Board(taken), Summary::claim(cell, mode) | Summary::watch(cell))
            }
            None => (Place::Unlisted, self.count(span, mode)),
        };
        self.publish(bits, span, mode);
        place
    }

    /// Adds a claim to the summary, and adds proxies to the registry for the earlier claims that
    /// conflict with it.
    pub(super) fn publish(&mut self, bits: u64, span: Span, mode: Mode) {
        // ORDERING: SeqCst, the range's side of the two-sided argument (I4). As a Release it shows
        // the cell to the threads that read this summary; as an Acquire it orders us after the
        // claims that have left it.
        let before = self.core.summary.fetch_or(bits, Ordering::SeqCst);
        sync::two_sided_barrier();
        self.watch_all(Summary::from_bits(before), span, mode);
    }

    /// Records where an admitted claim is shown, and settles its cell if it has one.
    pub(super) fn settle(&mut self, id: ClaimId, place: Place) {
        self.registry().set_place(id, place);
        if let Place::Board(taken) = place {
            self.core.cells.settle(taken);
        }
    }

    /// Stops showing a claim that leaves.
    pub(super) fn retract(&mut self, place: Place, span: Span, mode: Mode) {
        let (bits, taken) = match place {
            Place::Slot | Place::Reader(_) | Place::Cell(_) | Place::Nowhere => return,
            Place::Board(taken) => (Summary::all_of(taken.cell()), Some(taken)),
            Place::Unlisted | Place::Moved(_) => (self.uncount(span, mode), None),
        };
        if bits != 0 {
            // ORDERING: Release, paired with every load of the summary by a new claim: a thread
            // that does not find this claim any more sees everything that was done under it.
            self.core.summary.fetch_and(!bits, Ordering::Release);
        }
        if let Some(taken) = taken {
            self.core.cells.free(taken);
        }
    }

    /// Writes to the summary whether a claim waits that new claims do not overtake.
    pub(super) fn set_queue(&mut self) {
        let has_queue = self.registry().has_queue();
        if self.core.summary_hint().has_queue() != has_queue {
            // ORDERING: Relaxed: a hint.
            self.core.summary.fetch_xor(Summary::QUEUE, Ordering::Relaxed);
        }
    }
}
