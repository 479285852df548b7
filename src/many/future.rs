//! The future of a claim on several spans.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{GuardSet, disjoint};
use crate::guard::{LockRef, Raw};
use crate::raw::{ClaimId, Part, QueuedMany};

/// A future that locks several ranges of one lock and resolves to a [`GuardSet`].
///
/// It queues for all its ranges when it is first polled, and holds none of them until all are granted
/// together. If it is dropped before it has resolved, it leaves the queue, or releases all that it had
/// been granted. A pending future that is no longer polled blocks other claims; see
/// [`LockFuture`](crate::LockFuture), which it resembles in all other respects.
///
/// # Panics
///
/// Polling it again after it has resolved panics.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use spanlock::{Mode, RangeLock};
///
/// let lock = RangeLock::new();
/// let held = lock.lock_shared(5..6);
/// let mut future = pin!(lock.lock_many_async([(0..1, Mode::Exclusive), (5..9, Mode::Exclusive)]));
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(future.as_mut().poll(&mut context).is_pending());
/// assert!(!lock.is_locked(0..1), "all or nothing");
/// drop(held);
/// let Poll::Ready(guard) = future.as_mut().poll(&mut context) else { panic!("not granted") };
/// assert_eq!(guard.claims().len(), 2);
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct LockManyFuture<L: LockRef + Clone> {
    lock: L,
    parts: Vec<Part>,
    state: State,
}

#[derive(Debug)]
enum State {
    Unpolled,
    Queued(Box<[ClaimId]>),
    Resolved,
}

impl<L: LockRef + Clone> LockManyFuture<L> {
    pub(crate) fn new(lock: L, parts: Vec<Part>) -> Self {
        LockManyFuture { lock, parts: disjoint(parts), state: State::Unpolled }
    }
}

// Nothing in it is pinned: the registry identifies a claim by its number.
impl<L: LockRef + Clone> Unpin for LockManyFuture<L> {}

impl<L: LockRef + Clone> Future for LockManyFuture<L> {
    type Output = GuardSet<L>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let raw = this.lock.raw();
        match &this.state {
            State::Unpolled => match raw.lock_many_or_queue(&this.parts, context.waker()) {
                QueuedMany::Held(ids) => this.state = State::Queued(ids),
                QueuedMany::Waiting(ids) => {
                    this.state = State::Queued(ids);
                    return Poll::Pending;
                }
            },
            State::Queued(ids) => {
                if !raw.poll_many(ids, context.waker()) {
                    return Poll::Pending;
                }
            }
            State::Resolved => {}
        }
        let State::Queued(ids) = mem::replace(&mut this.state, State::Resolved) else {
            panic!("`LockManyFuture` polled after completion");
        };
        Poll::Ready(GuardSet::of_task(this.lock.clone(), mem::take(&mut this.parts), ids))
    }
}

impl<L: LockRef + Clone> Drop for LockManyFuture<L> {
    fn drop(&mut self) {
        if let State::Queued(ids) = &self.state {
            let raw = self.lock.raw();
            if raw.withdraw_many(ids) {
                raw.unlock_many(ids);
            }
        }
    }
}

impl<L: LockRef + Clone> fmt::Debug for LockManyFuture<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockManyFuture")
            .field("claims", &self.parts)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
