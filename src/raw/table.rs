//! Arrays of words that are exchanged for larger or smaller ones while they are read: the table of
//! slots, where a single unit is claimed without a mutex, and the [regions](crate::raw::regions).
//!
//! A unit has exactly one slot: if there were two, two threads could each claim the unit in a
//! different one. A claim on a unit whose slot is taken by another unit takes a cell instead.
//!
//! The address of an array and the logarithm of its length are one word, so that one load says
//! where a unit's word is. Arrays are freed with the lock only, so that an old address stays valid.

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::ptr;

use crate::Span;
use crate::raw::slot::Word;
use crate::sync::{AtomicPtr, AtomicU64, FIRST_TABLE_BITS, Ordering, const_constructor};

/// How many words are in a [`Line`]: two cache lines, since processors prefetch cache lines in
/// pairs.
const LINE: usize = if FIRST_TABLE_BITS < 4 { 1 << FIRST_TABLE_BITS } else { 16 };

/// The low bits of an address, which contain the logarithm of the length. They are zero in the
/// address of a [`Line`].
const BITS: usize = 63;

#[repr(align(128))]
struct Line([AtomicU64; LINE]);

/// The current one of several arrays; null before the first.
pub(crate) struct Current(AtomicPtr<Line>);

/// All arrays that have been made.
#[derive(Default)]
pub(crate) struct Made(Vec<Box<[Line]>>);

/// An array of words, of a length that is a power of two.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    first: *const Line,
    bits: u32,
    lives: PhantomData<&'a Line>,
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
        let first = tagged.map_addr(|address| address & !BITS).cast_const();
        let bits = (tagged.addr() & BITS) as u32;
        // An array lives as long as this, as `Made::get` requires.
        (!first.is_null()).then_some(Table { first, bits, lives: PhantomData })
    }

    /// Makes this the current array.
    pub(crate) fn store(&self, table: Table<'_>, order: Ordering) {
        let tagged = table.first.map_addr(|address| address | table.bits as usize);
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
        let length = (1usize << bits).div_ceil(LINE);
        let found = self.0.iter().position(|lines| lines.len() == length);
        let at = found.unwrap_or_else(|| {
            let line = || Line(std::array::from_fn(|_| AtomicU64::new(0)));
            self.0.push((0..length).map(|_| line()).collect());
            self.0.len() - 1
        });
        Table { first: self.0[at].as_ptr(), bits, lives: PhantomData }
    }
}

impl<'a> Table<'a> {
    /// The logarithm of its length.
    pub(crate) fn bits(self) -> u32 {
        self.bits
    }

    pub(crate) fn len(self) -> u64 {
        1 << self.bits
    }

    #[inline]
    pub(crate) fn index(self, unit: u64) -> usize {
        index(unit, self.bits)
    }

    #[inline]
    pub(crate) fn word(self, unit: u64) -> &'a AtomicU64 {
        self.at(self.index(unit))
    }

    #[inline]
    fn at(self, index: usize) -> &'a AtomicU64 {
        // Loom's atomics are larger, and do not fill a `Line` exactly.
        let is_dense = const { size_of::<Line>() == LINE * size_of::<AtomicU64>() };
        // SAFETY: the array has 2^bits words, from `first` on, in lines, and every index is less;
        // it lives as long as `'a`.
        unsafe {
            if is_dense {
                &*self.first.cast::<AtomicU64>().add(index)
            } else {
                &(*self.first.add(index / LINE)).0[index % LINE]
            }
        }
    }

    /// All its words, in order.
    pub(crate) fn words(self) -> impl Iterator<Item = &'a AtomicU64> {
        (0..1usize << self.bits).map(move |index| self.at(index))
    }

    /// Calls `visit` with every slot that may hold a unit of `span` and is not free, until it
    /// returns `Break`.
    pub(crate) fn visit<B>(
        self,
        span: Span,
        mut visit: impl FnMut(&'a AtomicU64, Word) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if span.len() < self.len() {
            return span.range().try_for_each(|unit| visit_used(self.word(unit), &mut visit));
        }
        for line in (0..1usize << self.bits).step_by(LINE) {
            let slots = || (line..line + LINE).map(|index| self.at(index));
            // ORDERING: SeqCst, as in `visit_used`.
            let load = |slot: &AtomicU64| slot.load(Ordering::SeqCst);
            if slots().fold(0, |any, slot| any | load(slot)) != Word::FREE.bits() {
                slots().try_for_each(|slot| visit_used(slot, &mut visit))?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// The index of a unit's word among 2^`bits`. Fibonacci hashing scatters neighbouring units, so
/// that two threads that work on neighbouring units do not write to the same cache line. In an
/// array of half the length the index is half as large.
#[inline]
pub(crate) fn index(unit: u64, bits: u32) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    (unit.wrapping_mul(GOLDEN) >> (u64::BITS - bits)) as usize
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
