//! The contenders: the lock itself, other crates, and published algorithms.

use std::ops::Range;
use std::sync::TryLockError;

use crossbeam_utils::Backoff;
use range_lock::{VecRangeLock, VecRangeLockGuard};
use range_mutex::{RangeMutex, RangeMutexGuard};
use spanlock::{ExclusiveGuard, Mode, RangeLock, SharedGuard};

use super::contender::{Contender, Fill, Precision, Sharing};
use super::contenders::bravo::{BravoLock, BravoReadGuard, BravoWriteGuard};
use super::contenders::cheating::{CheatingGuard, CheatingLock};
use super::contenders::interval_tree::{IntervalTreeGuard, IntervalTreeLock};
use super::contenders::segments::{SegmentGuard, SegmentLocks};
use super::contenders::skip_list::{SkipListGuard, SkipListLock};
use super::contenders::sorted_list::{SortedListGuard, SortedListLock, Yielding};

impl Contender for RangeLock {
    const NAME: &'static str = "spanlock";
    type Shared<'a> = SharedGuard<'a>;
    type Exclusive<'a> = ExclusiveGuard<'a>;

    fn over(_units: u64) -> Self {
        RangeLock::new()
    }

    #[inline(always)]
    fn lock_shared(&self, range: Range<u64>) -> SharedGuard<'_> {
        RangeLock::lock_shared(self, range)
    }

    #[inline(always)]
    fn lock_exclusive(&self, range: Range<u64>) -> ExclusiveGuard<'_> {
        RangeLock::lock_exclusive(self, range)
    }
}

impl Contender for parking_lot::RwLock<()> {
    const NAME: &'static str = "parking_lot::RwLock";
    const PRECISION: Precision = Precision::Whole;
    type Shared<'a> = parking_lot::RwLockReadGuard<'a, ()>;
    type Exclusive<'a> = parking_lot::RwLockWriteGuard<'a, ()>;

    fn over(_units: u64) -> Self {
        parking_lot::RwLock::new(())
    }

    #[inline(always)]
    fn lock_shared(&self, _range: Range<u64>) -> Self::Shared<'_> {
        self.read()
    }

    #[inline(always)]
    fn lock_exclusive(&self, _range: Range<u64>) -> Self::Exclusive<'_> {
        self.write()
    }
}

impl Contender for std::sync::RwLock<()> {
    const NAME: &'static str = "std::sync::RwLock";
    const PRECISION: Precision = Precision::Whole;
    type Shared<'a> = std::sync::RwLockReadGuard<'a, ()>;
    type Exclusive<'a> = std::sync::RwLockWriteGuard<'a, ()>;

    fn over(_units: u64) -> Self {
        std::sync::RwLock::new(())
    }

    #[inline(always)]
    fn lock_shared(&self, _range: Range<u64>) -> Self::Shared<'_> {
        self.read().expect("no holder panics")
    }

    #[inline(always)]
    fn lock_exclusive(&self, _range: Range<u64>) -> Self::Exclusive<'_> {
        self.write().expect("no holder panics")
    }
}

impl Contender for BravoLock {
    const NAME: &'static str = "BRAVO rwlock (Dice, Kogan)";
    const PRECISION: Precision = Precision::Whole;
    type Shared<'a> = BravoReadGuard<'a>;
    type Exclusive<'a> = BravoWriteGuard<'a>;

    fn over(_units: u64) -> Self {
        BravoLock::new()
    }

    #[inline(always)]
    fn lock_shared(&self, _range: Range<u64>) -> Self::Shared<'_> {
        self.read()
    }

    #[inline(always)]
    fn lock_exclusive(&self, _range: Range<u64>) -> Self::Exclusive<'_> {
        self.write()
    }
}

/// A lock without a shared mode, over a vector in which each unit is one byte.
pub struct ExclusiveOnly<L>(L);

/// The operations of such a lock.
pub trait Unshared: Sync + Sized + 'static {
    const NAME: &'static str;
    type Guard<'a>;

    fn around(bytes: Vec<u8>) -> Self;

    fn len(&self) -> usize;

    fn lock(&self, range: Range<usize>) -> Self::Guard<'_>;
}

impl<L: Unshared> Contender for ExclusiveOnly<L> {
    const NAME: &'static str = L::NAME;
    const SHARING: Sharing = Sharing::ExclusiveOnly;
    type Shared<'a> = L::Guard<'a>;
    type Exclusive<'a> = L::Guard<'a>;

    fn over(units: u64) -> Self {
        ExclusiveOnly(L::around(vec![0; units as usize]))
    }

    #[inline(always)]
    fn lock_shared(&self, range: Range<u64>) -> L::Guard<'_> {
        self.lock_exclusive(range)
    }

    #[inline(always)]
    fn lock_exclusive(&self, range: Range<u64>) -> L::Guard<'_> {
        self.0.lock(range.start as usize..(range.end as usize).min(self.0.len()))
    }
}

pub type RangeLockCrate = ExclusiveOnly<VecRangeLock<u8>>;

/// It cannot wait: a claim that is refused is tried again, first after spinning, then after yielding the processor.
impl Unshared for VecRangeLock<u8> {
    const NAME: &'static str = "range-lock";
    type Guard<'a> = VecRangeLockGuard<'a, u8>;

    fn around(bytes: Vec<u8>) -> Self {
        VecRangeLock::new(bytes)
    }

    #[inline]
    fn len(&self) -> usize {
        self.data_len()
    }

    #[inline]
    fn lock(&self, range: Range<usize>) -> Self::Guard<'_> {
        match self.try_lock(range.clone()) {
            Ok(guard) => guard,
            Err(refused) => retry(self, range, refused),
        }
    }
}

#[cold]
fn retry<'a>(
    lock: &'a VecRangeLock<u8>,
    range: Range<usize>,
    mut refused: TryLockError<VecRangeLockGuard<'a, u8>>,
) -> VecRangeLockGuard<'a, u8> {
    let backoff = Backoff::new();
    loop {
        match refused {
            TryLockError::WouldBlock => backoff.snooze(),
            TryLockError::Poisoned(_) => panic!("a holder of the range lock panicked"),
        }
        match lock.try_lock(range.clone()) {
            Ok(guard) => return guard,
            Err(again) => refused = again,
        }
    }
}

pub type RangeMutexCrate = ExclusiveOnly<RangeMutex<u8, Vec<u8>>>;

/// Its waiting claims park.
impl Unshared for RangeMutex<u8, Vec<u8>> {
    const NAME: &'static str = "range-mutex";
    type Guard<'a> = RangeMutexGuard<'a, u8>;

    fn around(bytes: Vec<u8>) -> Self {
        RangeMutex::new(bytes)
    }

    #[inline]
    fn len(&self) -> usize {
        RangeMutex::len(self)
    }

    #[inline]
    fn lock(&self, range: Range<usize>) -> Self::Guard<'_> {
        RangeMutex::lock(self, range)
    }
}

impl Contender for IntervalTreeLock {
    const NAME: &'static str = "interval tree (Kara, Bueso)";
    type Shared<'a> = IntervalTreeGuard<'a>;
    type Exclusive<'a> = IntervalTreeGuard<'a>;

    fn over(_units: u64) -> Self {
        IntervalTreeLock::new()
    }

    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_> {
        self.lock(range, Mode::Shared)
    }

    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_> {
        self.lock(range, Mode::Exclusive)
    }
}

impl Contender for SortedListLock {
    const NAME: &'static str = "sorted list (Kogan et al.)";
    const FILL: Fill = Fill::Descending;
    type Shared<'a> = SortedListGuard<'a, Yielding>;
    type Exclusive<'a> = SortedListGuard<'a, Yielding>;

    fn over(_units: u64) -> Self {
        SortedListLock::new()
    }

    #[inline(always)]
    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_> {
        self.lock(range, Mode::Shared)
    }

    #[inline(always)]
    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_> {
        self.lock(range, Mode::Exclusive)
    }
}

impl Contender for CheatingLock {
    const NAME: &'static str = "FreeBSD's, cheating (Belousov)";
    const PRECISION: Precision = Precision::WholeAtFirst;
    const FILL: Fill = Fill::Descending;
    type Shared<'a> = CheatingGuard<'a>;
    type Exclusive<'a> = CheatingGuard<'a>;

    fn over(_units: u64) -> Self {
        CheatingLock::new()
    }

    fn over_for_many(_units: u64) -> Self {
        let lock = CheatingLock::new();
        lock.stop_cheating();
        lock
    }

    #[inline(always)]
    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_> {
        self.lock(range, Mode::Shared)
    }

    #[inline(always)]
    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_> {
        self.lock(range, Mode::Exclusive)
    }
}

impl Contender for SkipListLock {
    const NAME: &'static str = "skip list (after Kim et al.)";
    const SHARING: Sharing = Sharing::ExclusiveOnly;
    type Shared<'a> = SkipListGuard<'a>;
    type Exclusive<'a> = SkipListGuard<'a>;

    fn over(_units: u64) -> Self {
        SkipListLock::new()
    }

    #[inline(always)]
    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_> {
        self.lock(range)
    }

    #[inline(always)]
    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_> {
        self.lock(range)
    }
}

impl Contender for SegmentLocks {
    const NAME: &'static str = "256 segment rwlocks";
    const PRECISION: Precision = Precision::Segments;
    type Shared<'a> = SegmentGuard<'a>;
    type Exclusive<'a> = SegmentGuard<'a>;

    fn over(units: u64) -> Self {
        SegmentLocks::new(units)
    }

    #[inline(always)]
    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_> {
        self.lock(range, Mode::Shared)
    }

    #[inline(always)]
    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_> {
        self.lock(range, Mode::Exclusive)
    }
}
