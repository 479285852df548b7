//! Upgrades that wait.

mod error;
mod future;

use std::time::{Duration, Instant};

use super::{Exclusive, Guard, GuardMode, LockRef, Raw, Shared};
use crate::Mode;
use crate::deadlock::Held;
use crate::lock::after;

pub use error::UpgradeError;
pub use future::UpgradeFuture;

impl<L: LockRef, M: GuardMode> Guard<L, M> {
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    fn upgrade_to<N: GuardMode>(
        mut self,
        mode: N,
        deadline: Option<Instant>,
    ) -> Result<Guard<L, N>, UpgradeError<L, M>> {
        if self.mode() == Mode::Exclusive {
            return Ok(self.with_mode(mode));
        }
        match self.lock.raw().upgrade(self.span, &mut self.hold, self.record, deadline) {
            Ok(()) => {
                self.record.end();
                let parts = [(self.span, Mode::Exclusive)];
                self.record = Held::by_this_thread(self.lock.raw().address(), parts);
                Ok(self.with_mode(mode))
            }
            Err(cause) => Err(UpgradeError { guard: self, cause }),
        }
    }
}

impl<L: LockRef> Guard<L, Shared> {
    /// Turns the shared claim into an exclusive one, blocking the current thread until no other claim is
    /// held on any of its units.
    ///
    /// No other claim holds a unit of the range exclusively in between, so what was read under the shared
    /// claim is still true. A thread that holds another claim on a part of the range deadlocks.
    ///
    /// # Fairness
    ///
    /// An upgrade that is granted immediately overtakes all waiting claims. One that waits overtakes all
    /// except those of [`lock_shared_recursive`](crate::RangeLock::lock_shared_recursive), which overtake it
    /// too.
    ///
    /// # Errors
    ///
    /// [`UpgradeError`], with the guard, if the upgrade of an overlapping claim already waits: the two would
    /// wait for each other.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let other = lock.lock_shared(0..10);
    /// let guard = lock.lock_shared(5..15);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| drop(other));
    ///     let guard = guard.upgrade().unwrap(); // waits until `other` is dropped
    ///     assert!(lock.try_lock_shared(7..8).is_none());
    ///     # drop(guard);
    /// });
    /// ```
    #[track_caller]
    pub fn upgrade(self) -> Result<Guard<L, Exclusive>, UpgradeError<L, Shared>> {
        self.upgrade_to(Exclusive, None)
    }

    /// Like [`upgrade`](Guard::upgrade), but waits at most `timeout`. With a timeout of zero it does not
    /// wait. With a timeout that exceeds the range of [`Instant`] it waits without limit.
    ///
    /// If it times out, the guard is still shared, and no other claim waits for the upgrade.
    ///
    /// # Errors
    ///
    /// [`UpgradeError`], with the guard, if it times out ([`timed_out`](UpgradeError::timed_out)), or if the
    /// upgrade of an overlapping claim already waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let reader = lock.lock_shared(0..10);
    /// let guard = lock.lock_shared(5..15);
    /// let guard = guard.try_upgrade_for(Duration::from_millis(1)).unwrap_err().into_guard();
    /// drop(reader);
    /// assert!(guard.try_upgrade_for(Duration::from_secs(1)).is_ok());
    /// ```
    #[track_caller]
    pub fn try_upgrade_for(
        self,
        timeout: Duration,
    ) -> Result<Guard<L, Exclusive>, UpgradeError<L, Shared>> {
        self.upgrade_to(Exclusive, after(timeout))
    }

    /// Like [`try_upgrade_for`](Guard::try_upgrade_for), but waits at most until `deadline`. With a deadline
    /// in the past it does not wait.
    ///
    /// # Errors
    ///
    /// As for [`try_upgrade_for`](Guard::try_upgrade_for).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let guard = lock.lock_shared(5..15);
    /// let guard = guard.try_upgrade_until(Instant::now() + Duration::from_secs(1)).unwrap();
    /// assert!(lock.try_lock_shared(7..8).is_none());
    /// # drop(guard);
    /// ```
    #[track_caller]
    pub fn try_upgrade_until(
        self,
        deadline: Instant,
    ) -> Result<Guard<L, Exclusive>, UpgradeError<L, Shared>> {
        self.upgrade_to(Exclusive, Some(deadline))
    }

    /// Returns a future that upgrades the claim as [`upgrade`](Guard::upgrade) does. If it is dropped before
    /// it has resolved, it cancels the upgrade and releases the shared claim.
    ///
    /// # Errors
    ///
    /// The future resolves to [`UpgradeError`] if the upgrade of an overlapping claim already waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let (a, b) = (lock.lock_shared(0..10), lock.lock_shared(5..15));
    /// let mut upgrade = pin!(a.upgrade_async());
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(upgrade.as_mut().poll(&mut context).is_pending());
    /// drop(b);
    /// assert!(matches!(upgrade.poll(&mut context), Poll::Ready(Ok(_))));
    /// ```
    pub fn upgrade_async(self) -> UpgradeFuture<L, Shared, Exclusive> {
        UpgradeFuture { guard: Some(self), pending: None, mode: Exclusive }
    }
}

impl<L: LockRef> Guard<L, Mode> {
    /// Turns the claim into an exclusive one, blocking the current thread until no other claim is held
    /// on any of its units. Has no effect if it is already exclusive.
    ///
    /// # Fairness
    ///
    /// As for [`Guard<L, Shared>::upgrade`](Guard::upgrade).
    ///
    /// # Errors
    ///
    /// [`UpgradeError`], with the guard, if the upgrade of an overlapping claim already waits: the two would
    /// wait for each other.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock, Mode};
    ///
    /// let lock = MappingLock::new();
    /// let guard = lock.lock(Access::Fault, 0..4096).upgrade().unwrap();
    /// assert_eq!(guard.mode(), Mode::Exclusive);
    /// ```
    #[track_caller]
    pub fn upgrade(self) -> Result<Self, UpgradeError<L, Mode>> {
        self.upgrade_to(Mode::Exclusive, None)
    }

    /// Like [`upgrade`](Guard::upgrade), but waits at most `timeout`. With a timeout of zero it does not
    /// wait. With a timeout that exceeds the range of [`Instant`] it waits without limit.
    ///
    /// If it times out, the guard is still shared, and no other claim waits for the upgrade.
    ///
    /// # Errors
    ///
    /// [`UpgradeError`], with the guard, if it times out ([`timed_out`](UpgradeError::timed_out)), or if the
    /// upgrade of an overlapping claim already waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use spanlock::{Access, MappingLock, Mode};
    ///
    /// let lock = MappingLock::new();
    /// let guard = lock.lock(Access::Fault, 0..4096).try_upgrade_for(Duration::from_secs(1)).unwrap();
    /// assert_eq!(guard.mode(), Mode::Exclusive);
    /// ```
    #[track_caller]
    pub fn try_upgrade_for(self, timeout: Duration) -> Result<Self, UpgradeError<L, Mode>> {
        self.upgrade_to(Mode::Exclusive, after(timeout))
    }

    /// Like [`try_upgrade_for`](Guard::try_upgrade_for), but waits at most until `deadline`. With a deadline
    /// in the past it does not wait.
    ///
    /// # Errors
    ///
    /// As for [`try_upgrade_for`](Guard::try_upgrade_for).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use spanlock::{Access, MappingLock, Mode};
    ///
    /// let lock = MappingLock::new();
    /// let deadline = Instant::now() + Duration::from_secs(1);
    /// let guard = lock.lock(Access::Fault, 0..4096).try_upgrade_until(deadline).unwrap();
    /// assert_eq!(guard.mode(), Mode::Exclusive);
    /// ```
    #[track_caller]
    pub fn try_upgrade_until(self, deadline: Instant) -> Result<Self, UpgradeError<L, Mode>> {
        self.upgrade_to(Mode::Exclusive, Some(deadline))
    }

    /// Returns a future that upgrades the claim as [`upgrade`](Guard::upgrade) does. If it is dropped before
    /// it has resolved, it cancels the upgrade and releases the claim.
    ///
    /// # Errors
    ///
    /// The future resolves to [`UpgradeError`] if the upgrade of an overlapping claim already waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// let upgrade = pin!(lock.lock(0..10, Mode::Shared).upgrade_async());
    /// let Poll::Ready(Ok(guard)) = upgrade.poll(&mut Context::from_waker(Waker::noop())) else {
    ///     panic!("no claim is in the way")
    /// };
    /// assert_eq!(guard.mode(), Mode::Exclusive);
    /// ```
    pub fn upgrade_async(self) -> UpgradeFuture<L, Mode, Mode> {
        UpgradeFuture { guard: Some(self), pending: None, mode: Mode::Exclusive }
    }
}
