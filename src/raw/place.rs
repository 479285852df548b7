//! What is claimed, where a claim is, and where others can see it.

use crate::raw::cell::Tenant;
use crate::raw::registry::ClaimId;
use crate::{Mode, Span};

/// One span of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) span: Span,
    pub(crate) mode: Mode,
}

/// What an acquisition holds, consumed by its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// An empty span: nothing.
    Nothing,
    /// The slot of its one unit.
    Slot,
    /// A reader's word beside this cell.
    Reader(u32),
    /// A cell. The claim may have been moved out of it since.
    Cell(Tenant),
    /// A claim of the registry, or several of which this is the first.
    Claim(ClaimId),
}

/// Where others can see a claim that is in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a slot: the claim is a proxy of who is there.
    Slot,
    /// In the reader's word beside this cell: the claim is a proxy of who is there.
    Reader(u32),
    /// In a cell that its holder took without the mutex: the claim is his proxy.
    Cell(u32),
    /// In a cell that the registry took for it.
    Board(Tenant),
    /// Nowhere: the claim is patient, and may be passed.
    Nowhere,
    /// Only under the mutex; it is counted in the regions that it touches.
    Unlisted,
    /// The same, of a claim that was in a cell.
    Moved(Tenant),
}

impl Place {
    /// Whether the claim is there for another, which is in a slot, a reader's word or a cell.
    pub(crate) fn is_of_proxy(self) -> bool {
        self.is_word() || matches!(self, Place::Cell(_))
    }

    /// Whether the claim is counted in the regions that it touches.
    pub(crate) fn is_counted(self) -> bool {
        matches!(self, Place::Unlisted | Place::Moved(_))
    }

    /// Whether the claim is there for others that are in a slot or in a reader's word.
    pub(crate) fn is_word(self) -> bool {
        matches!(self, Place::Slot | Place::Reader(_))
    }
}
