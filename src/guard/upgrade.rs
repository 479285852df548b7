//! Upgrades that wait, and their error.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{Exclusive, Guard, GuardMode, LockRef, Raw, Shared};
use crate::Mode;
use crate::deadlock::Held;
use crate::lock::after;
use crate::raw::{Pending, Unmet};

/// The error of an upgrade that waits. It contains the guard, still shared.
///
/// The upgrade is refused if the upgrade of an overlapping shared claim already waits: each would wait
/// forever for the other to release its shared claim. Of two such upgrades the later one is refused. To make
/// progress, release the guard, so that the other upgrade can be granted. Then lock exclusively, and read
/// again what was read under the shared claim.
///
/// An upgrade with a timeout or a deadline also fails when it times out
/// ([`timed_out`](UpgradeError::timed_out)).
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Waker};
/// use spanlock::RangeLock;
///
/// let lock = RangeLock::new();
/// let (a, b) = (lock.lock_shared(0..10), lock.lock_shared(5..20));
/// let mut first = pin!(a.upgrade_async());
/// assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
/// let refused = b.upgrade().unwrap_err();
/// assert_eq!(refused.to_string(), "cannot upgrade 5..20: another holder waits to upgrade a part of it");
/// drop(refused.into_guard());
/// assert!(first.poll(&mut Context::from_waker(Waker::noop())).is_ready());
/// ```
pub struct UpgradeError<L: LockRef, M: GuardMode> {
    guard: Guard<L, M>,
    cause: Unmet,
}

impl<L: LockRef, M: GuardMode> UpgradeError<L, M> {
    /// Returns the guard, unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{RangeLock, SharedGuard};
    ///
    /// fn writable(guard: SharedGuard<'_>) -> bool {
    ///     match guard.upgrade() {
    ///         Ok(_) => true,
    ///         Err(refused) => {
    ///             let shared: SharedGuard<'_> = refused.into_guard();
    ///             drop(shared);
    ///             false
    ///         }
    ///     }
    /// }
    ///
    /// assert!(writable(RangeLock::new().lock_shared(0..9)));
    /// ```
    pub fn into_guard(self) -> Guard<L, M> {
        self.guard
    }

    /// Returns whether the upgrade timed out. If not, it was refused because of another upgrade, and will be
    /// refused again while that one waits for this guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let reader = lock.lock_shared(0..10);
    /// let guard = lock.lock_shared(5..15);
    /// let error = guard.try_upgrade_for(Duration::from_millis(1)).unwrap_err();
    /// assert!(error.timed_out());
    /// assert_eq!(error.to_string(), "cannot upgrade 5..15: timed out");
    /// # drop(reader);
    /// ```
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.cause == Unmet::TimedOut
    }
}

impl<L: LockRef, M: GuardMode> fmt::Display for UpgradeError<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = self.guard.range();
        let cause = match self.cause {
            Unmet::Refused => "another holder waits to upgrade a part of it",
            Unmet::TimedOut => "timed out",
        };
        write!(f, "cannot upgrade {range:?}: {cause}")
    }
}

impl<L: LockRef, M: GuardMode> fmt::Debug for UpgradeError<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpgradeError").field(&self.guard).finish()
    }
}

impl<L: LockRef, M: GuardMode> std::error::Error for UpgradeError<L, M> {}

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

/// The future of [`Guard::upgrade_async`]: a pending upgrade of a guard from mode `M` to `N`.
///
/// It owns the guard. If it is dropped before it has resolved, it cancels the upgrade and releases the
/// claim. It is due as soon as it waits ([Fairness](crate::RangeLock#fairness)), so a pending future that is
/// no longer polled blocks other claims, as a due [`LockFuture`](crate::LockFuture) does.
///
/// # Panics
///
/// Polling it again after it has resolved panics.
///
/// # Examples
///
/// ```
/// use spanlock::{Exclusive, RangeLock, Shared, UpgradeFuture};
///
/// let lock = RangeLock::new();
/// let future: UpgradeFuture<&RangeLock, Shared, Exclusive> = lock.lock_shared(0..9).upgrade_async();
/// drop(future);
/// assert!(!lock.is_locked(..));
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct UpgradeFuture<L: LockRef, M: GuardMode, N: GuardMode> {
    guard: Option<Guard<L, M>>,
    pending: Option<Pending>,
    mode: N,
}

// Nothing in it is pinned: the registry identifies a claim by its number.
impl<L: LockRef, M: GuardMode, N: GuardMode> Unpin for UpgradeFuture<L, M, N> {}

impl<L: LockRef, M: GuardMode, N: GuardMode> UpgradeFuture<L, M, N> {
    /// The exclusive hold of the guard's range, once it is granted and the shared claim is released.
    fn poll_hold(
        guard: &mut Guard<L, M>,
        pending: &mut Option<Pending>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Unmet>> {
        let raw = guard.lock.raw();
        if let Some(queued) = pending {
            let Some(hold) = raw.poll(queued, context.waker()) else { return Poll::Pending };
            *pending = None;
            raw.unlock(guard.span, Mode::Shared, mem::replace(&mut guard.hold, hold));
            return Poll::Ready(Ok(()));
        }
        if guard.mode() == Mode::Exclusive {
            return Poll::Ready(Ok(()));
        }
        *pending = raw.upgrade_or_queue(guard.span, &mut guard.hold, context.waker())?;
        if pending.is_some() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl<L: LockRef, M: GuardMode, N: GuardMode> Future for UpgradeFuture<L, M, N> {
    type Output = Result<Guard<L, N>, UpgradeError<L, M>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let guard = this.guard.as_mut().expect("`UpgradeFuture` polled after completion");
        let upgraded = std::task::ready!(Self::poll_hold(guard, &mut this.pending, context));
        let guard = this.guard.take().expect("it was there");
        Poll::Ready(match upgraded {
            Ok(()) => {
                guard.record.set_mode(Mode::Exclusive);
                Ok(guard.with_mode(this.mode))
            }
            Err(cause) => Err(UpgradeError { guard, cause }),
        })
    }
}

impl<L: LockRef, M: GuardMode, N: GuardMode> Drop for UpgradeFuture<L, M, N> {
    fn drop(&mut self) {
        if let (Some(guard), Some(pending)) = (&self.guard, self.pending) {
            let raw = guard.lock.raw();
            if let Some(granted) = raw.withdraw(pending) {
                raw.unlock(guard.span, Mode::Exclusive, granted);
            }
        }
    }
}

impl<L: LockRef, M: GuardMode, N: GuardMode> fmt::Debug for UpgradeFuture<L, M, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradeFuture")
            .field("guard", &self.guard)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}
