//! FreeBSD's range lock with its "cheating" (Konstantin Belousov, `sys/kern/kern_rangelock.c`, in
//! FreeBSD 15; the first version is of 2023, the cheating of 2024).
//!
//! The file's comment describes it. A new lock is one word, and is an rwlock for everything, whatever
//! ranges are requested: it *cheats*. This ends with the first claim whose mode conflicts with that of
//! the held claims, even if its range does not. This claim waits until all claims that were granted so
//! far are released (*draining*). From then on the lock stores the range of each claim in the sorted
//! list of Kogan et al. Conflicting claims sleep there, and each release wakes all of them. So a file
//! that is used by one thread at a time, or only read, does not pay for ranges.
//!
//! While the lock cheats, a thread that holds a claim and requests another, disjoint one waits for
//! itself. In FreeBSD, callers announce this (`rangelock_may_recurse`); here they call
//! [`stop_cheating`](CheatingLock::stop_cheating).
//!
//! Differences: in FreeBSD the word becomes the head of the list; here the head is another word. There
//! a release from the list always takes the lock of a sleep queue; here it checks a flag, and takes the
//! lock only if a thread sleeps. There a shared claim that finds a conflicting node after its own
//! withdraws before it sleeps; here, as in the paper, it waits where it is.

use std::ops::Range;
use std::ptr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use parking_lot_core::{DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN};
use spanlock::Mode;

use super::sorted_list::{Sleeping, SortedList, SortedListGuard};

/// The lock still cheats. A word without this bit is 0, and stays 0.
const CHEATING: usize = 1;
/// It cheats and is held exclusively.
const WRITER: usize = 2;
/// It stops cheating when its holders have left. Until then there are no new holders.
const DRAINING: usize = 4;
/// It cheats and is held shared: the unit of the count of holders.
const READER: usize = 8;

/// A range lock that is an rwlock until the first conflict.
pub struct CheatingLock {
    word: AtomicUsize,
    list: SortedList<Sleeping>,
}

/// A held claim; dropping it releases.
#[must_use]
pub struct CheatingGuard<'a> {
    lock: &'a CheatingLock,
    claim: Claim<'a>,
}

enum Claim<'a> {
    /// On the word, in this mode.
    OfAll(Mode),
    /// In the list, whose guard releases it.
    InList { _guard: SortedListGuard<'a, Sleeping> },
}

impl CheatingLock {
    /// An unlocked lock that cheats.
    pub fn new() -> CheatingLock {
        CheatingLock { word: AtomicUsize::new(CHEATING), list: SortedList::new() }
    }

    /// Claims `range` in `mode`, waiting as long as it takes.
    #[inline]
    pub fn lock(&self, range: Range<u64>, mode: Mode) -> CheatingGuard<'_> {
        // Acquire: pairs with the release of the last holder that drained.
        let claim = if self.word.load(Acquire) & CHEATING != 0
            && !range.is_empty()
            && self.lock_all(mode)
        {
            Claim::OfAll(mode)
        } else {
            Claim::InList { _guard: self.list.lock(range, mode) }
        };
        CheatingGuard { lock: self, claim }
    }

    /// Ends the cheating, and waits until the claims that were granted so far are released. For a caller that
    /// will hold several claims at the same time.
    pub fn stop_cheating(&self) {
        let mut word = self.word.load(Acquire);
        while word & CHEATING != 0 {
            let held = word & (WRITER | DRAINING) != 0 || word >= READER;
            let wanted = if held { word | DRAINING } else { 0 };
            match self.word.compare_exchange_weak(word, wanted, Acquire, Acquire) {
                Ok(_) if held => return self.wait_until_drained(),
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Whether the lock is still an rwlock for everything.
    pub fn is_cheating(&self) -> bool {
        self.word.load(Relaxed) & CHEATING != 0
    }

    /// Takes the word, or starts to end the cheating if it is taken. Returns whether the word was taken for this claim.
    #[inline]
    fn lock_all(&self, mode: Mode) -> bool {
        let mut word = self.word.load(Relaxed);
        loop {
            if word & CHEATING == 0 {
                // Acquire: as in `lock`.
                self.word.load(Acquire);
                return false;
            }
            let conflict = match mode {
                Mode::Shared => word & (WRITER | DRAINING) != 0,
                Mode::Exclusive => word != CHEATING,
            };
            let wanted = match mode {
                _ if conflict => word | DRAINING,
                Mode::Shared => word + READER,
                Mode::Exclusive => word | WRITER,
            };
            match self.word.compare_exchange_weak(word, wanted, Acquire, Relaxed) {
                Ok(_) if conflict => {
                    self.wait_until_drained();
                    return false;
                }
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    #[inline]
    fn unlock_all(&self, mode: Mode) {
        let mut word = self.word.load(Relaxed);
        loop {
            let left = match mode {
                Mode::Shared => word - READER,
                Mode::Exclusive => word & !WRITER,
            };
            let drained = left == CHEATING | DRAINING;
            let wanted = if drained { 0 } else { left };
            match self.word.compare_exchange_weak(word, wanted, Release, Relaxed) {
                Ok(_) if drained => return self.wake_all(),
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    #[cold]
    fn wait_until_drained(&self) {
        while self.word.load(Acquire) & CHEATING != 0 {
            let validate = || self.word.load(Relaxed) & CHEATING != 0;
            // SAFETY: the key is the address of the word, at which no other thread parks; the closures
            // neither panic nor call into the parking lot.
            unsafe {
                parking_lot_core::park(
                    ptr::from_ref(&self.word).addr(),
                    validate,
                    || (),
                    |_, _| (),
                    DEFAULT_PARK_TOKEN,
                    None,
                );
            }
        }
    }

    #[cold]
    fn wake_all(&self) {
        // SAFETY: the key is the address of the word, at which no other thread parks.
        unsafe {
            parking_lot_core::unpark_all(ptr::from_ref(&self.word).addr(), DEFAULT_UNPARK_TOKEN);
        }
    }
}

impl Drop for CheatingGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Claim::OfAll(mode) = self.claim {
            self.lock.unlock_all(mode);
        }
    }
}
