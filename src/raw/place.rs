//! What is claimed, where a claim is stored, and where other threads can see it.

use crate::raw::registry::ClaimId;
use crate::raw::words::cell::TakenCell;
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
    /// Nothing: the span is empty.
    Nothing,
    /// The slot of its one unit.
    Slot,
    /// A reader's word beside this cell.
    Reader(u32),
    /// A cell. The claim may have been moved out of it since.
    Cell(TakenCell),
    /// A claim of the registry, or the first of a group of claims.
    Claim(ClaimId),
}

/// Where other threads can see a claim that is in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a slot. The registry's claim is the proxy of the claims in the slot.
    Slot,
    /// In the reader's word beside this cell. The registry's claim is the proxy of the claims in
    /// the word.
    Reader(u32),
    /// In this cell, which the claim took without the mutex. The registry's claim is its proxy.
    Cell(u32),
    /// In a cell that the registry took for the claim.
    Board(TakenCell),
    /// Nowhere: the claim is patient, and may be overtaken.
    Nowhere,
    /// Only in the registry. The claim is counted in the regions that it touches.
    Unlisted,
    /// The same, for a claim that was moved out of this cell.
    Moved(TakenCell),
}

impl Place {
    /// Whether the registry's claim is the proxy of claims in a slot, a reader's word or a cell.
    pub(crate) fn is_of_proxy(self) -> bool {
        self.is_word() || matches!(self, Place::Cell(_))
    }

    /// Whether the claim is counted in the regions that it touches.
    pub(crate) fn is_counted(self) -> bool {
        matches!(self, Place::Unlisted | Place::Moved(_))
    }

    /// Whether the registry's claim is the proxy of claims in a slot or a reader's word.
    pub(crate) fn is_word(self) -> bool {
        matches!(self, Place::Slot | Place::Reader(_))
    }
}
