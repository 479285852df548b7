//! Claims on a range of each of two locks, which may be the same lock.

mod acquire;

use std::cmp::Ordering;
use std::fmt;
use std::future::Future;
use std::ops::RangeBounds;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::{GuardSet, LockManyFuture};
use crate::guard::{Guard, LockRef, Raw};
use crate::raw::Part;
use crate::{LockFuture, Mode, RangeLock, Span};

pub use acquire::{
    lock_pair, lock_pair_arc, lock_pair_async, lock_pair_async_arc, try_lock_pair,
    try_lock_pair_arc, try_lock_pair_for, try_lock_pair_for_arc, try_lock_pair_until,
    try_lock_pair_until_arc,
};

/// The guard of a range of each of two locks, or of two ranges of one lock. Dropping it releases both.
///
/// `L` is its reference to each lock. [`PairGuard`] and [`ArcPairGuard`] are aliases for [`RangeLock`]s.
///
/// # Examples
///
/// ```
/// use spanlock::{GuardPair, Mode, RangeLock, lock_pair};
///
/// let (source, target) = (RangeLock::new(), RangeLock::new());
/// let guard: GuardPair<&RangeLock> =
///     lock_pair(&source, 0..8, Mode::Shared, &target, 16..24, Mode::Exclusive);
/// assert!(source.try_lock_shared(..).is_some());
/// assert!(target.try_lock_shared(20..21).is_none());
/// # drop(guard);
/// ```
#[must_use = "a guard that is dropped immediately locks nothing"]
pub struct GuardPair<L: LockRef> {
    held: Held<L>,
}

/// The guard of two [`RangeLock`]s that borrows them.
///
/// # Examples
///
/// ```
/// use spanlock::{Mode, PairGuard, RangeLock, lock_pair};
///
/// let (source, target) = (RangeLock::new(), RangeLock::new());
/// let guard: PairGuard<'_> =
///     lock_pair(&source, 0..8, Mode::Shared, &target, 16..24, Mode::Exclusive);
/// # drop(guard);
/// ```
pub type PairGuard<'a> = GuardPair<&'a RangeLock>;

/// The guard of two [`RangeLock`]s that owns an `Arc` of each.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{ArcPairGuard, Mode, RangeLock, lock_pair_arc};
///
/// let lock = Arc::new(RangeLock::new());
/// let guard: ArcPairGuard =
///     lock_pair_arc(&lock, 0..8, Mode::Shared, &lock, 4..16, Mode::Exclusive);
/// std::thread::spawn(move || drop(guard)).join().unwrap();
/// ```
pub type ArcPairGuard = GuardPair<Arc<RangeLock>>;

enum Held<L: LockRef> {
    Two(Guard<L, Mode>, Guard<L, Mode>),
    Same(GuardSet<L>),
}

/// A claim to be acquired on one of the two.
struct Wanted<L> {
    lock: L,
    span: Span,
    mode: Mode,
}

/// The two, in the order in which they are acquired.
enum InOrder<L> {
    Two(Wanted<L>, Wanted<L>),
    Same(L, Vec<Part>),
}

impl<L: LockRef> Wanted<L> {
    #[track_caller]
    fn new(lock: L, range: impl RangeBounds<u64>, mode: Mode) -> Self {
        Wanted { lock, span: Span::from_range(range), mode }
    }

    /// By address, so that any two callers claim any two locks in the same order.
    fn in_order(self, other: Wanted<L>) -> InOrder<L> {
        match self.lock.raw().address().cmp(&other.lock.raw().address()) {
            Ordering::Less => InOrder::Two(self, other),
            Ordering::Greater => InOrder::Two(other, self),
            Ordering::Equal => {
                let part = |of: &Wanted<L>| Part { span: of.span, mode: of.mode };
                let parts = vec![part(&self), part(&other)];
                InOrder::Same(self.lock, parts)
            }
        }
    }
}

impl<L: LockRef> GuardPair<L> {
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    fn lock(a: Wanted<L>, b: Wanted<L>) -> Self {
        let held = match a.in_order(b) {
            InOrder::Two(a, b) => {
                let first = Guard::lock(a.lock, a.span, a.mode);
                Held::Two(first, Guard::lock(b.lock, b.span, b.mode))
            }
            InOrder::Same(lock, parts) => Held::Same(GuardSet::lock(lock, parts)),
        };
        GuardPair { held }
    }

    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    fn try_lock(a: Wanted<L>, b: Wanted<L>) -> Option<Self> {
        let held = match a.in_order(b) {
            InOrder::Two(a, b) => {
                let first = Guard::try_lock(a.lock, a.span, a.mode)?;
                Held::Two(first, Guard::try_lock(b.lock, b.span, b.mode)?)
            }
            InOrder::Same(lock, parts) => Held::Same(GuardSet::try_lock(lock, parts)?),
        };
        Some(GuardPair { held })
    }

    /// Without a deadline it waits without limit.
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    fn lock_until(a: Wanted<L>, b: Wanted<L>, deadline: Option<Instant>) -> Option<Self> {
        let held = match a.in_order(b) {
            InOrder::Two(a, b) => {
                let first = Guard::lock_until(a.lock, a.span, a.mode, deadline)?;
                Held::Two(first, Guard::lock_until(b.lock, b.span, b.mode, deadline)?)
            }
            InOrder::Same(lock, parts) => Held::Same(GuardSet::lock_until(lock, parts, deadline)?),
        };
        Some(GuardPair { held })
    }
}

impl<L: LockRef> fmt::Debug for GuardPair<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("GuardPair");
        match &self.held {
            Held::Two(first, second) => shown.field(first).field(second),
            Held::Same(both) => shown.field(both),
        };
        shown.finish()
    }
}

/// A future that locks a range of each of two locks and resolves to a [`GuardPair`].
///
/// It locks the range of the lock with the lower address first, and queues for the other range once it holds
/// the first. For two ranges of one lock it is like a [`LockManyFuture`]. If it is dropped before it has
/// resolved, it leaves the queue and releases what it holds. In all other respects it is like
/// [`LockFuture`].
///
/// # Panics
///
/// Polling it again after it has resolved panics.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Waker};
/// use spanlock::{Mode, RangeLock, lock_pair_async};
///
/// let (a, b) = (RangeLock::new(), RangeLock::new());
/// let reader = b.lock_shared(..);
/// let mut pair = Box::pin(lock_pair_async(&a, .., Mode::Exclusive, &b, .., Mode::Exclusive));
/// assert!(pair.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
/// drop(pair);
/// assert!(!a.is_locked(..));
/// # drop(reader);
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct LockPairFuture<L: LockRef + Clone> {
    state: State<L>,
}

enum State<L: LockRef + Clone> {
    /// The second future is polled once the first has resolved.
    Two(LockFuture<L, Mode>, Option<Guard<L, Mode>>, LockFuture<L, Mode>),
    Same(LockManyFuture<L>),
}

impl<L: LockRef + Clone> LockPairFuture<L> {
    fn new(a: Wanted<L>, b: Wanted<L>) -> Self {
        let future = |of: Wanted<L>| LockFuture::new(of.lock, of.span, of.mode);
        let state = match a.in_order(b) {
            InOrder::Two(a, b) => State::Two(future(a), None, future(b)),
            InOrder::Same(lock, parts) => State::Same(LockManyFuture::new(lock, parts)),
        };
        LockPairFuture { state }
    }
}

// Nothing in it is pinned.
impl<L: LockRef + Clone> Unpin for LockPairFuture<L> {}

impl<L: LockRef + Clone> Future for LockPairFuture<L> {
    type Output = GuardPair<L>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let held = match &mut self.state {
            State::Two(first, held, second) => {
                if held.is_none() {
                    *held = Some(ready!(Pin::new(first).poll(context)));
                }
                let second = ready!(Pin::new(second).poll(context));
                Held::Two(held.take().expect("the first is held"), second)
            }
            State::Same(many) => Held::Same(ready!(Pin::new(many).poll(context))),
        };
        Poll::Ready(GuardPair { held })
    }
}

impl<L: LockRef + Clone> fmt::Debug for LockPairFuture<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("LockPairFuture");
        match &self.state {
            State::Two(first, held, second) => shown.field(first).field(held).field(second),
            State::Same(many) => shown.field(many),
        };
        shown.finish()
    }
}
