//! Arrays of words that are exchanged for larger or smaller ones while they are read: the table of
//! slots, where a single unit is claimed without a mutex, and the
//! [regions](crate::raw::board::regions).
//!
//! A unit has exactly one slot: if there were two, two threads could each claim the unit in a
//! different one. A claim on a unit whose slot is taken by another unit takes a cell instead.
//!
//! The address of an array and the logarithm of its length are one word, so that one load says
//! where a unit's word is. Arrays are freed with the lock only, so that an old address stays valid.

#![allow(clippy::modulo_one, reason = "in models a block has one word")]

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::ptr;

use crate::Span;
use crate::raw::words::slot::Word;
use crate::sync::{AtomicPtr, AtomicU64, FIRST_TABLE_BITS, Ordering, const_constructor};

/// The logarithm of the number of words in a block. An array has at least two blocks.
const BLOCK_BITS: u32 = if FIRST_TABLE_BITS < 5 { FIRST_TABLE_BITS - 1 } else { 4 };

/// The units from a multiple of this number on have their words in one block.
const BLOCK: usize = 1 << BLOCK_BITS;

/// A claim on so many units visits their words one by one.
const FEW: u64 = 8;

/// The low bits of an address, which contain the shift. They are zero in the address of a
/// [`Block`].
const SHIFT: usize = 63;

/// Two cache lines, since processors prefetch cache lines in pairs.
#[repr(align(128))]
struct Block([AtomicU64; BLOCK]);

/// The current one of several arrays; null before the first.
pub(crate) struct Current(AtomicPtr<Block>);

/// All arrays that have been made.
#[derive(Default)]
pub(crate) struct Made(Vec<Box<[Block]>>);

/// An array of words, of a length that is a power of two.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    first: *const Block,
    /// By how much a hash is shifted to be the number of a block.
    shift: u32,
    lives: PhantomData<&'a Block>,
}

impl Current {
    const_constructor! {
        pub(crate) fn new() -> Current {
            Current(AtomicPtr::new(ptr::null_mut()))
        }
    }

    /// The array, if there is one.
    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> Option<Table<'_>> {
        let tagged = self.0.load(order);
        let first = tagged.map_addr(|address| address & !SHIFT).cast_const();
        let shift = (tagged.addr() & SHIFT) as u32;
        // An array lives as long as this, as `Made::get` requires.
        (!first.is_null()).then_some(Table { first, shift, lives: PhantomData })
    }

    /// Makes this the current array.
    pub(crate) fn store(&self, table: Table<'_>, order: Ordering) {
        let tagged = table.first.map_addr(|address| address | table.shift as usize);
        self.0.store(tagged.cast_mut(), order);
    }
}

impl Made {
    /// The array of 2^`bits` words. If there is none yet, it is made, and all its words are 0.
    ///
    /// # Safety
    ///
    /// The array must not be used after `self` is dropped.
    pub(crate) unsafe fn get<'a>(&mut self, bits: u32) -> Table<'a> {
        let length = 1 << (bits - BLOCK_BITS);
        let found = self.0.iter().position(|blocks| blocks.len() == length);
        let at = found.unwrap_or_else(|| {
            let block = || Block(std::array::from_fn(|_| AtomicU64::new(0)));
            self.0.push((0..length).map(|_| block()).collect());
            self.0.len() - 1
        });
        Table { first: self.0[at].as_ptr(), shift: shift(bits), lives: PhantomData }
    }
}

impl<'a> Table<'a> {
    /// The logarithm of its length.
    pub(crate) fn bits(self) -> u32 {
        u64::BITS + BLOCK_BITS - self.shift
    }

    pub(crate) fn len(self) -> u64 {
        1 << self.bits()
    }

    fn blocks(self) -> usize {
        1 << (self.bits() - BLOCK_BITS)
    }

    /// The word of a unit.
    #[inline]
    pub(crate) fn word(self, unit: u64) -> &'a AtomicU64 {
        let (block, within) = place(unit, self.shift);
        &self.block(block)[within]
    }

    /// A word for a key whose neighbours have their words far apart.
    #[inline]
    pub(crate) fn scattered(self, key: u64) -> &'a AtomicU64 {
        let index = (key.wrapping_mul(GOLDEN) >> (self.shift - BLOCK_BITS)) as usize;
        &self.block(index / BLOCK)[index % BLOCK]
    }

    #[inline]
    fn block(self, number: usize) -> &'a [AtomicU64; BLOCK] {
        // SAFETY: the array has 2^bits words, from `first` on, in blocks, and every index is less;
        // it lives as long as `'a`.
        unsafe { &(*self.first.add(number)).0 }
    }

    /// All its words, in order.
    pub(crate) fn words(self) -> impl Iterator<Item = &'a AtomicU64> {
        (0..self.blocks()).flat_map(move |number| self.block(number))
    }

    /// Calls `visit` with every slot that may hold a unit of `span` and is not free, until it
    /// returns `Break`.
    #[inline(always)]
    pub(crate) fn visit<B>(
        self,
        span: Span,
        mut visit: impl FnMut(&'a AtomicU64, Word) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if span.len() <= FEW {
            return span.range().try_for_each(|unit| visit_used(self.word(unit), &mut visit));
        }
        let (first, last) = (span.start() >> BLOCK_BITS, (span.end() - 1) >> BLOCK_BITS);
        if last - first >= self.blocks() as u64 {
            return (0..self.blocks()).try_for_each(|block| self.visit_block(block, &mut visit));
        }
        let mut touched = (first..=last).map(|block| place(block << BLOCK_BITS, self.shift).0);
        touched.try_for_each(|block| self.visit_block(block, &mut visit))
    }

    #[inline(always)]
    fn visit_block<B>(
        self,
        block: usize,
        visit: &mut impl FnMut(&'a AtomicU64, Word) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let slots = self.block(block);
        // ORDERING: SeqCst, as in `visit_used`.
        let any = slots.iter().fold(0, |any, slot| any | slot.load(Ordering::SeqCst));
        match any == Word::FREE.bits() {
            true => ControlFlow::Continue(()),
            false => slots.iter().try_for_each(|slot| visit_used(slot, visit)),
        }
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn shift(bits: u32) -> u32 {
    u64::BITS + BLOCK_BITS - bits
}

/// The index of a unit's word among 2^`bits`. Words that are apart in an array are apart in one of
/// twice the length, too.
pub(crate) fn index(unit: u64, bits: u32) -> usize {
    let (block, within) = place(unit, shift(bits));
    block * BLOCK + within
}

/// The block in which a unit's word is, and its index there.
///
/// Fibonacci hashing selects a block of words for the units that belong together. So a range
/// touches few cache lines, and two threads that work in different places seldom write to the same
/// ones. The words of a unit and of the next one are in different cache lines, for threads that
/// work side by side.
#[inline]
fn place(unit: u64, shift: u32) -> (usize, usize) {
    let hash = (unit >> BLOCK_BITS).wrapping_mul(GOLDEN);
    // Other bits of the hash, or the words of units at regular distances would coincide.
    let within = (unit >> 1 ^ unit << 3 ^ hash >> 20) as usize % BLOCK;
    ((hash >> shift) as usize, within)
}

/// Calls `visit` with a slot that is not free.
#[inline]
pub(crate) fn visit_used<'a, B>(
    slot: &'a AtomicU64,
    visit: &mut impl FnMut(&'a AtomicU64, Word) -> ControlFlow<B>,
) -> ControlFlow<B> {
    // ORDERING: SeqCst, the range's side of the two-sided argument (raw.rs, I4); as an Acquire it
    // is paired with the Release of the claims that left the slot.
    let word = Word::from_bits(slot.load(Ordering::SeqCst));
    if word == Word::FREE { ControlFlow::Continue(()) } else { visit(slot, word) }
}

#[cfg(all(test, not(spanlock_loom)))]
mod tests;
