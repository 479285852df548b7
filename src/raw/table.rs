//! The table of slots: where a single unit is claimed without a mutex.
//!
//! A unit has exactly one slot. Were there a second place to look, two threads could enter the same
//! unit twice; a unit whose slot is taken by another unit goes to the registry instead.

use std::ops::ControlFlow;

use crate::Span;
use crate::raw::slot::Word;
use crate::sync::{AtomicU64, Ordering, TABLE_BITS};

const SLOTS: usize = 1 << TABLE_BITS;

/// How many slots the scan of a table skips at a time when they are all free.
const STRIDE: usize = if SLOTS < 8 { SLOTS } else { 8 };

/// A direct-mapped table of slots, aligned so that eight of them share a cache line.
#[repr(align(64))]
pub(crate) struct Table {
    slots: [AtomicU64; SLOTS],
}

impl Table {
    pub(crate) fn new() -> Box<Table> {
        Box::new(Table { slots: std::array::from_fn(|_| AtomicU64::new(Word::FREE.bits())) })
    }

    /// The slot of a unit: neighbours are scattered by Fibonacci hashing, so that two threads
    /// working side by side do not write one cache line.
    #[inline]
    pub(crate) fn slot(&self, unit: u64) -> &AtomicU64 {
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        let index = unit.wrapping_mul(GOLDEN) >> (u64::BITS - TABLE_BITS);
        &self.slots[index as usize]
    }

    /// Calls `visit` with every slot that may hold a unit of `span` and is not free, until it breaks off.
    pub(crate) fn visit<'a, B>(
        &'a self,
        span: Span,
        mut visit: impl FnMut(&'a AtomicU64, Word) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if span.len() < SLOTS as u64 {
            return span.range().try_for_each(|unit| visit_used(self.slot(unit), &mut visit));
        }
        for slots in self.slots.chunks_exact(STRIDE) {
            // ORDERING: SeqCst, as in `visit_used`.
            let load = |slot: &AtomicU64| slot.load(Ordering::SeqCst);
            if slots.iter().fold(0, |any, slot| any | load(slot)) != Word::FREE.bits() {
                slots.iter().try_for_each(|slot| visit_used(slot, &mut visit))?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Calls `visit` with a slot that is not free.
#[inline]
pub(crate) fn visit_used<'a, B>(
    slot: &'a AtomicU64,
    visit: &mut impl FnMut(&'a AtomicU64, Word) -> ControlFlow<B>,
) -> ControlFlow<B> {
    // ORDERING: SeqCst, the range's side of the two-sided argument (raw.rs, I4); as an Acquire it
    // is paired with the Release of whoever left the slot.
    let word = Word::from_bits(slot.load(Ordering::SeqCst));
    if word == Word::FREE { ControlFlow::Continue(()) } else { visit(slot, word) }
}
