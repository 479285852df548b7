//! `UpgradeFuture`: an upgrade in an async task.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::UpgradeError;
use crate::Mode;
use crate::guard::{Guard, GuardMode, LockRef, Raw};
use crate::raw::{Pending, Unmet};

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
    pub(super) guard: Option<Guard<L, M>>,
    pub(super) pending: Option<Pending>,
    pub(super) mode: N,
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
        let guard = this.guard.take().expect("the guard is still there");
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
