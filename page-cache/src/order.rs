//! The lock order, checked while operations run (invariant 12).
//!
//! A thread takes locks of one cache in this order, and never takes one of a lower rank than one that it holds:
//!
//! | rank | lock | several held by one thread |
//! | --- | --- | --- |
//! | 1 | the IO lock of a file | of two files, in the order of their numbers, which is that in which they were first opened |
//! | 2 | an mm's lock | never |
//! | 3 | the mapping lock of a file | never, also not of two files |
//! | 4 | page locks | of one file, ascending |
//! | 5 | the page tables of an address space, for one access | never |
//! | 6 | the latch on a page's bytes | never |
//! | 7 | a stripe of the index | never |
//! | 8 | leaves: sets of pages, lists, page tables | never |
//!
//! What follows from it:
//!
//! - Memory that can fault is touched where the mm could be taken, and nowhere else: not under a
//!   mapping claim, a page lock or a latch. User memory may be a mapping of another file: then that
//!   file's mapping lock and pages come below the IO lock of the first.
//! - A thread that waits for pages to become clean, or for a frame, holds nothing from rank 3 on:
//!   writeback takes all of these. It takes neither IO locks nor an mm, so those may be held.
//! - Waiting for the end of a writeback is allowed everywhere above the leaves: its completion takes
//!   nothing but leaves.
//! - An attempt that does not wait is allowed in any order. What it acquires is recorded, and later
//!   acquisitions are checked against it.
//! - A user's guard of a page is outside of this order, though it has a page lock or a latch: `operations/guarded_page`
//!   says why it does not deadlock.
//! - If a store of one cache is a file of another cache, the first cache comes before the second.
//!   An operation is checked in each cache separately; the mm is common to all.
//! - In one cache, files with a hook come before files without. A hook runs with what a request to the store has held,
//!   and may use files without a hook: inside a hook the order starts again. See `before_writeback`.
//!
//! With debug assertions every acquisition is checked and recorded, whether or not it has to wait,
//! and one against the order panics with both places named. Without them nothing of this is compiled.
//! Under shuttle the acquisitions are traced instead, for the gallery, which breaks the order.
//! The holder of a lock is the thread that took it, until the record that came with it is dropped,
//! on whichever thread that is.

pub(crate) mod leaf;
pub(crate) mod nested;
#[cfg(spanlock_shuttle)]
pub(crate) mod trace;

#[cfg(not(any(debug_assertions, spanlock_shuttle)))]
mod absent;
#[cfg(all(debug_assertions, not(spanlock_shuttle)))]
mod check;
#[cfg(spanlock_shuttle)]
mod traced;

use std::fmt;
use std::ops::Range;

use crate::page::Key;
use spanlock::Mode;

#[cfg(not(any(debug_assertions, spanlock_shuttle)))]
pub(crate) use absent::{Held, InHook, may_wait_for_clean};
#[cfg(all(debug_assertions, not(spanlock_shuttle)))]
pub(crate) use check::{Held, InHook, may_wait_for_clean};
#[cfg(spanlock_shuttle)]
pub(crate) use traced::{Held, InHook, may_wait_for_clean};

#[cfg(all(feature = "model", not(any(debug_assertions, spanlock_shuttle))))]
pub(crate) use absent::may_fault;
#[cfg(all(feature = "model", debug_assertions, not(spanlock_shuttle)))]
pub(crate) use check::may_fault;
#[cfg(all(feature = "model", spanlock_shuttle))]
pub(crate) use traced::may_fault;

/// Something that belongs to a cache.
pub(crate) trait InCache {
    /// Identifies a cache among those that exist; never zero.
    fn cache(&self) -> usize;
}

/// Something that belongs to one page at a time.
pub(crate) trait OfPage: InCache {
    fn key(&self) -> Key;
}

/// A lock, or a part of one, that a thread requests.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    rank: Rank,
    /// The cache that it belongs to.
    #[cfg_attr(
        any(not(debug_assertions), spanlock_shuttle),
        expect(dead_code, reason = "nothing is checked")
    )]
    cache: usize,
    /// The file, or the mm.
    owner: u64,
    /// Bytes or pages of the file.
    units: Range<u64>,
    #[cfg_attr(not(spanlock_shuttle), expect(dead_code, reason = "nothing is traced"))]
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Io,
    Mm,
    Mapping,
    Page,
    Walk,
    Latch,
    Stripe,
    Leaf,
}

impl Lock {
    /// The IO lock of a file, over some bytes.
    #[inline(always)]
    pub(crate) fn io(cache: &impl InCache, file: u64, bytes: &Range<u64>) -> Lock {
        Lock {
            rank: Rank::Io,
            cache: cache.cache(),
            owner: file,
            units: bytes.clone(),
            mode: Mode::Exclusive,
        }
    }

    /// The lock of an mm, by its number.
    #[inline(always)]
    pub(crate) fn mm(number: u64) -> Lock {
        Lock { rank: Rank::Mm, cache: 0, owner: number, units: 0..0, mode: Mode::Exclusive }
    }

    /// The mapping lock of a file, over some pages.
    #[inline(always)]
    pub(crate) fn mapping(cache: &impl InCache, file: u64, pages: Range<u64>) -> Lock {
        Lock {
            rank: Rank::Mapping,
            cache: cache.cache(),
            owner: file,
            units: pages,
            mode: Mode::Exclusive,
        }
    }

    /// The lock of one page.
    #[inline(always)]
    pub(crate) fn page(frame: &impl OfPage) -> Lock {
        Lock::of_page(Rank::Page, frame.cache(), key_of(frame))
    }

    /// The page tables of an mm.
    #[inline(always)]
    pub(crate) fn walk() -> Lock {
        Lock { rank: Rank::Walk, cache: 0, owner: 0, units: 0..0, mode: Mode::Exclusive }
    }

    /// The latch on one page's bytes.
    #[inline(always)]
    pub(crate) fn latch(frame: &impl OfPage) -> Lock {
        Lock::of_page(Rank::Latch, frame.cache(), key_of(frame))
    }

    /// A stripe of the index.
    #[inline(always)]
    pub(crate) fn stripe() -> Lock {
        Lock { rank: Rank::Stripe, cache: 0, owner: 0, units: 0..0, mode: Mode::Exclusive }
    }

    /// A lock that is held for a few instructions, while no other lock is taken.
    #[inline(always)]
    pub(crate) fn leaf() -> Lock {
        Lock { rank: Rank::Leaf, cache: 0, owner: 0, units: 0..0, mode: Mode::Exclusive }
    }

    #[inline(always)]
    fn of_page(rank: Rank, cache: usize, key: Key) -> Lock {
        let units = key.page..key.page;
        Lock { rank, cache, owner: key.file, units, mode: Mode::Exclusive }
    }

    /// The same lock, requested in a mode. The order does not depend on the mode; the wait-for graph does.
    #[inline(always)]
    pub(crate) fn in_mode(self, mode: Mode) -> Lock {
        Lock { mode, ..self }
    }
}

/// The page that a frame seems to cache: an atomic load would not be optimised away.
#[inline(always)]
fn key_of(frame: &impl OfPage) -> Key {
    if cfg!(any(debug_assertions, spanlock_shuttle)) {
        frame.key()
    } else {
        Key { file: 0, page: 0 }
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lock { rank, owner, units, .. } = self;
        match rank {
            Rank::Io => write!(f, "the IO lock of file {owner} over bytes {units:?}"),
            Rank::Mm => write!(f, "the mm lock of address space {owner}"),
            Rank::Mapping => write!(f, "the mapping lock of file {owner} over pages {units:?}"),
            Rank::Page => write!(f, "the lock of page {} of file {owner}", units.start),
            Rank::Walk => f.write_str("the page tables of an address space"),
            Rank::Latch => write!(f, "the bytes of page {} of file {owner}", units.start),
            Rank::Stripe => f.write_str("a stripe of the index"),
            Rank::Leaf => f.write_str("a leaf lock"),
        }
    }
}

#[cfg(all(test, debug_assertions, not(spanlock_shuttle)))]
mod tests;
