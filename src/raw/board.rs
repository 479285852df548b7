//! The board: where claims of the registry are shown to those who do not take its mutex.
//!
//! Each claim of the registry that is held or due is shown in a [cell](crate::raw::cell), or else is
//! *unlisted*: it is counted in the [regions](crate::raw::regions) that it touches, and who is in one of them
//! asks under the mutex.

use crate::raw::place::Place;
use crate::raw::registry::ClaimId;
use crate::raw::summary::Summary;
use crate::raw::{Ledger, RawLock};
use crate::sync::{self, Ordering};
use crate::{Mode, Span};

impl RawLock {
    /// The summary as the registry reads it; who is in a cell that it shows is not yet known by this.
    #[inline]
    pub(super) fn summary_hint(&self) -> Summary {
        // ORDERING: Relaxed: a hint. Whatever it leads to is decided in a slot, in a cell, or under the mutex.
        Summary::from_bits(self.summary.load(Ordering::Relaxed))
    }

    /// Who is on the board: whoever finds that a claim is not there any more follows it.
    #[inline]
    pub(super) fn summary_now(&self) -> Summary {
        // ORDERING: Acquire, paired with `leave_cell`, `clear` and `unwatch`, and with the writes that publish a claim,
        // whose span is seen then.
        Summary::from_bits(self.summary.load(Ordering::Acquire))
    }
}

impl Ledger<'_> {
    /// Shows a claim, before it has a number.
    pub(super) fn announce(&mut self, span: Span, mode: Mode) -> Place {
        let cells = &self.core.cells;
        let (place, bits) = match cells.take_common(self.lock.summary_hint().unused()) {
            Some(tenant) => {
                let cell = tenant.cell();
                cells.show(cell, span);
                (Place::Board(tenant), Summary::claim(cell, mode) | Summary::watch(cell))
            }
            None => (Place::Unlisted, self.count(span, mode)),
        };
        self.publish(bits, span, mode);
        place
    }

    /// Enters a claim in the summary, and has the registry know those who were there before and are in its way.
    pub(super) fn publish(&mut self, bits: u64, span: Span, mode: Mode) {
        // ORDERING: SeqCst, the range's side of the two-sided argument (I4). As a Release it shows the cell to
        // whoever reads this summary; as an Acquire it makes us follow whoever is not there any more.
        let before = self.lock.summary.fetch_or(bits, Ordering::SeqCst);
        sync::two_sided_barrier();
        self.watch_all(Summary::from_bits(before), span, mode);
    }

    /// Lets the registry and the board know where a claim that is now admitted is shown.
    pub(super) fn settle(&mut self, id: ClaimId, place: Place) {
        self.registry().set_place(id, place);
        if let Place::Board(tenant) = place {
            self.core.cells.settle(tenant);
        }
    }

    /// Stops showing a claim that leaves.
    pub(super) fn retract(&mut self, place: Place, span: Span, mode: Mode) {
        let (bits, tenant) = match place {
            Place::Slot | Place::Reader(_) | Place::Cell(_) | Place::Nowhere => return,
            Place::Board(tenant) => (Summary::all_of(tenant.cell()), Some(tenant)),
            Place::Unlisted | Place::Moved(_) => (self.uncount(span, mode), None),
        };
        if bits != 0 {
            // ORDERING: Release, paired with every load of the summary by a newcomer: who finds that a claim
            // has left the board sees what it did.
            self.lock.summary.fetch_and(!bits, Ordering::Release);
        }
        if let Some(tenant) = tenant {
            self.core.cells.free(tenant);
        }
    }

    /// Says whether some claim waits that newcomers do not pass.
    pub(super) fn set_queue(&mut self) {
        let has_queue = self.registry().has_queue();
        if self.lock.summary_hint().has_queue() != has_queue {
            // ORDERING: Relaxed: a hint.
            self.lock.summary.fetch_xor(Summary::QUEUE, Ordering::Relaxed);
        }
    }
}
