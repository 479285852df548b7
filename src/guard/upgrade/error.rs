//! `UpgradeError`: an upgrade that was refused or timed out.

use std::fmt;

use crate::guard::{Guard, GuardMode, LockRef};
use crate::raw::Unmet;

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
    pub(super) guard: Guard<L, M>,
    pub(super) cause: Unmet,
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
