//! What is claimed, where a claim is stored, where other threads can see it, and what an attempt
//! returns.

use std::ptr;

use crate::raw::registry::ClaimId;
use crate::raw::words::cell::TakenCell;
use crate::sync::AtomicU64;
use crate::{Mode, Span};

/// One span of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) span: Span,
    pub(crate) mode: Mode,
}

/// What an acquisition holds, consumed by its release: a [`Kind`] in one word, so that it stays in
/// a register. A claim on one unit has the address of the word that it entered; the kind is in the
/// low bits, which are zero in that address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold(*const AtomicU64);

// SAFETY: what it points to is used as a shared reference, and is `Sync`.
unsafe impl Send for Hold {}
// SAFETY: the same.
unsafe impl Sync for Hold {}

/// Why a claim could not be acquired without the mutex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// There is a conflicting claim, held or queued.
    Conflict,
    /// There is a conflicting claim that may still be taken back.
    Undecided,
    /// The unit's slot is in use by another unit.
    Collision,
    /// Every cell is taken, and no claim can be moved out of one. Conflicting claims have not been
    /// looked for.
    NoCell,
    /// Only the registry can decide.
    Registry,
}

/// A hold or an obstacle, in one word for the same reason.
#[derive(Clone, Copy)]
pub(super) struct Attempted(Hold);

/// What a [`Hold`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: the span is empty.
    Nothing,
    /// The slot of its one unit.
    Slot,
    /// A reader's word.
    Reader,
    /// A cell. The claim may have been moved out of it since.
    Cell(TakenCell),
    /// A claim of the registry, or the first of a group of claims.
    Claim(ClaimId),
}

const SLOT: usize = 0;
const READER: usize = 1;
const CELL: usize = 2;
const CLAIM: usize = 3;
const NOTHING: usize = 4;
const REFUSED: usize = 5;
const KIND: usize = (1 << Hold::KIND_BITS) - 1;

const _: () = assert!(align_of::<AtomicU64>() > KIND);

impl Hold {
    /// How many low bits have the kind.
    pub(crate) const KIND_BITS: u32 = 3;

    pub(crate) const NOTHING: Hold = Hold(ptr::without_provenance(NOTHING));

    /// A claim in the slot of its one unit.
    #[inline]
    pub(crate) fn slot(slot: &AtomicU64) -> Hold {
        Hold(ptr::from_ref(slot))
    }

    /// A claim in a reader's word.
    #[inline]
    pub(crate) fn reader(word: &AtomicU64) -> Hold {
        Hold(ptr::from_ref(word).map_addr(|address| address | READER))
    }

    #[inline]
    pub(crate) fn cell(taken: TakenCell) -> Hold {
        Hold(ptr::without_provenance((taken.bits() as usize) << Hold::KIND_BITS | CELL))
    }

    /// A claim of the registry. If an address has 32 bits, 29 are left for the number, which are enough: memory has
    /// no room for 2^29 claims there.
    pub(crate) fn claim(id: ClaimId) -> Hold {
        Hold(ptr::without_provenance((id.number() as usize) << Hold::KIND_BITS | CLAIM))
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        let bits = (self.0.addr() >> Hold::KIND_BITS) as u32;
        match self.0.addr() & KIND {
            SLOT => Kind::Slot,
            READER => Kind::Reader,
            CELL => Kind::Cell(TakenCell::from_bits(bits)),
            CLAIM => Kind::Claim(ClaimId::from_number(bits)),
            _ => Kind::Nothing,
        }
    }

    /// The word that a claim on one unit has entered: a slot or a reader's word. If it was a slot,
    /// and the table has been exchanged since, it is closed, and the claim is in another slot.
    ///
    /// # Safety
    ///
    /// The lock of the claim must outlive the reference.
    #[inline]
    pub(crate) unsafe fn word<'a>(self) -> Option<&'a AtomicU64> {
        let word = self.0.map_addr(|address| address & !KIND);
        // SAFETY: made from a reference to a word of the lock, which lives as long as the lock
        // (I5).
        (self.0.addr() & KIND <= READER).then(|| unsafe { &*word })
    }
}

impl Attempted {
    #[inline]
    pub(super) fn held(hold: Hold) -> Attempted {
        Attempted(hold)
    }

    #[inline]
    pub(super) fn refused(obstacle: Obstacle) -> Attempted {
        Attempted(Hold(ptr::without_provenance((obstacle as usize) << Hold::KIND_BITS | REFUSED)))
    }

    #[inline(always)]
    pub(super) fn result(self) -> Result<Hold, Obstacle> {
        let address = self.0.0.addr();
        if address & KIND != REFUSED {
            return Ok(self.0);
        }
        Err(match address >> Hold::KIND_BITS {
            0 => Obstacle::Conflict,
            1 => Obstacle::Undecided,
            2 => Obstacle::Collision,
            3 => Obstacle::NoCell,
            _ => Obstacle::Registry,
        })
    }
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

#[cfg(all(test, not(spanlock_loom)))]
mod tests;
