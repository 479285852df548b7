//! The contenders: the lock itself, its neighbours on crates.io, and the published algorithms.

use std::ops::Range;
use std::sync::TryLockError;

use crossbeam_utils::Backoff;
use range_lock::{VecRangeLock, VecRangeLockGuard};
use range_mutex::{RangeMutex, RangeMutexGuard};
use spanlock::{ExclusiveGuard, Mode, RangeLock, SharedGuard};

use super::contender::{Contender, Fill, Precision, Sharing};
use super::contenders::interval_tree::{IntervalTreeGuard, IntervalTreeLock};
use super::contenders::segments::{SegmentGuard, SegmentLocks};
use super::contenders::sorted_list::{SortedListGuard, SortedListLock};

impl Contender for RangeLock {
    const NAME: &'static str = "spanlock";
    type Shared<'a> = SharedGuard<'a>;
    type Exclusive<'a> = ExclusiveGuard<'a>;

    fn over(_units: u64) -> Self {
        RangeLock::new()
    }

    #[inline]
    fn lock_shared(&self, range: Range<u64>) -> SharedGuard<'_> {
        RangeLock::lock_shared(self, range)
    }

    #[inline]
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

    #[inline]
    fn lock_shared(&self, _range: Range<u64>) -> Self::Shared<'_> {
        self.read()
    }

    #[inline]
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

    #[inline]
    fn lock_shared(&self, _range: Range<u64>) -> Self::Shared<'_> {
        self.read().expect("no holder panics")
    }

    #[inline]
    fn lock_exclusive(&self, _range: Range<u64>) -> Self::Exclusive<'_> {
        self.write().expect("no holder panics")
    }
}

/// Crate `range-lock` guards a vector, so one byte stands for each unit. It cannot wait: a claim
/// that is refused is tried again, spinning and then yielding the processor.
pub struct RangeLockCrate(VecRangeLock<u8>);

impl Contender for RangeLockCrate {
    const NAME: &'static str = "range-lock";
    const SHARING: Sharing = Sharing::ExclusiveOnly;
    type Shared<'a> = VecRangeLockGuard<'a, u8>;
    type Exclusive<'a> = VecRangeLockGuard<'a, u8>;

    fn over(units: u64) -> Self {
        RangeLockCrate(VecRangeLock::new(vec![0; units as usize]))
    }

    #[inline]
    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_> {
        self.lock_exclusive(range)
    }

    #[inline]
    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_> {
        let range = within(&range, self.0.data_len());
        match self.0.try_lock(range.clone()) {
            Ok(guard) => guard,
            Err(refused) => self.retry(range, refused),
        }
    }
}

impl RangeLockCrate {
    #[cold]
    fn retry<'a>(
        &'a self,
        range: Range<usize>,
        mut refused: TryLockError<VecRangeLockGuard<'a, u8>>,
    ) -> VecRangeLockGuard<'a, u8> {
        let backoff = Backoff::new();
        loop {
            match refused {
                TryLockError::WouldBlock => backoff.snooze(),
                TryLockError::Poisoned(_) => panic!("a holder of the range lock panicked"),
            }
            match self.0.try_lock(range.clone()) {
                Ok(guard) => return guard,
                Err(again) => refused = again,
            }
        }
    }
}

/// Crate `range-mutex` guards a vector too; its waiting claims park.
pub struct RangeMutexCrate(RangeMutex<u8, Vec<u8>>);

impl Contender for RangeMutexCrate {
    const NAME: &'static str = "range-mutex";
    const SHARING: Sharing = Sharing::ExclusiveOnly;
    type Shared<'a> = RangeMutexGuard<'a, u8>;
    type Exclusive<'a> = RangeMutexGuard<'a, u8>;

    fn over(units: u64) -> Self {
        RangeMutexCrate(RangeMutex::new(vec![0; units as usize]))
    }

    #[inline]
    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_> {
        self.lock_exclusive(range)
    }

    #[inline]
    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_> {
        self.0.lock(within(&range, self.0.len()))
    }
}

/// The part of `range` that a vector of `len` elements has.
#[inline]
fn within(range: &Range<u64>, len: usize) -> Range<usize> {
    range.start as usize..(range.end as usize).min(len)
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
    type Shared<'a> = SortedListGuard<'a>;
    type Exclusive<'a> = SortedListGuard<'a>;

    fn over(_units: u64) -> Self {
        SortedListLock::new()
    }

    #[inline]
    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_> {
        self.lock(range, Mode::Shared)
    }

    #[inline]
    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_> {
        self.lock(range, Mode::Exclusive)
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

    #[inline]
    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_> {
        self.lock(range, Mode::Shared)
    }

    #[inline]
    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_> {
        self.lock(range, Mode::Exclusive)
    }
}
