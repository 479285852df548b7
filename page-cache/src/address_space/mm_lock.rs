//! The mm lock: a range lock of one unit, for its fairness.
#![allow(clippy::disallowed_types, reason = "a number that decides nothing is std's")]

use crate::order::{Held, Lock};
use spanlock::{ExclusiveGuard, Mode, RangeLock, SharedGuard};

/// The number that identifies an mm in the check of the lock order. Not `crate::sync`'s: a static, which
/// explorations that run side by side would share.
static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

pub(super) struct MmLock {
    lock: RangeLock,
    number: u64,
}

/// The mm lock, held by a fault.
pub(crate) struct MmShared<'a> {
    // Dropped in this order, so that the next holder finds the record removed.
    _held: Held,
    _guard: SharedGuard<'a>,
}

/// The mm lock, held to change the regions or to keep them unchanged.
pub(crate) struct MmExclusive<'a> {
    _held: Held,
    _guard: ExclusiveGuard<'a>,
}

/// A held mm lock, in either mode: what a fault takes for its witness.
pub(crate) trait MmClaim {}
impl MmClaim for MmShared<'_> {}
impl MmClaim for MmExclusive<'_> {}

impl MmLock {
    pub(super) fn new() -> MmLock {
        // ORDERING: relaxed: it only has to be unique.
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        MmLock { lock: RangeLock::new(), number }
    }

    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn shared(&self) -> MmShared<'_> {
        let _held = Held::acquire(Lock::mm(self.number).in_mode(Mode::Shared));
        let _guard = self.lock.lock_shared(0..1);
        _held.taken();
        MmShared { _held, _guard }
    }

    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn exclusive(&self) -> MmExclusive<'_> {
        let _held = Held::acquire(Lock::mm(self.number).in_mode(Mode::Exclusive));
        let _guard = self.lock.lock_exclusive(0..1);
        _held.taken();
        MmExclusive { _held, _guard }
    }

    #[cfg(test)]
    pub(super) fn is_waited_for(&self) -> bool {
        self.lock.claims().iter().any(|claim| claim.state == spanlock::ClaimState::Waiting)
    }
}
