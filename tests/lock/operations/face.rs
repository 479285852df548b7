//! The public types of the lock, with each of their ways to lock a place.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use spanlock::{Access, Guard, GuardMode, LockFuture, LockRef, MappingLock, Mode, RangeLock};

use super::guard::{Boxed, Changeable};
use super::place::Place;

/// Which claims may overtake others.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fairness {
    Bounded,
    Strict,
}

/// How a claim is made.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Way {
    Try,
    For(Patience),
    Until(Patience),
    /// Blocking. Only for a claim that will be granted at once, since there is one thread.
    Wait,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Patience {
    /// A deadline in the past.
    None,
    /// Long enough to queue and time out.
    Some,
}

impl Patience {
    fn timeout(self) -> Duration {
        match self {
            Patience::None => Duration::ZERO,
            Patience::Some => Duration::from_micros(20),
        }
    }

    fn deadline(self) -> Instant {
        let now = Instant::now();
        match self {
            Patience::None => now.checked_sub(Duration::from_secs(1)).unwrap_or(now),
            Patience::Some => now + self.timeout(),
        }
    }
}

/// How a guard refers to its lock.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Reach {
    Borrows,
    Owns,
}

/// A future of a guard.
pub type Queued<'a> = Pin<Box<dyn Future<Output = Boxed<'a>> + 'a>>;

/// A lock on units, by one of its public types.
pub trait Face: 'static {
    fn over_units(fairness: Fairness) -> Self;

    /// The underlying lock.
    fn units(&self) -> &RangeLock;

    fn claim(self: &Arc<Self>, at: Place, mode: Mode, way: Way, reach: Reach) -> Option<Boxed<'_>>;

    fn queue(self: &Arc<Self>, at: Place, mode: Mode, reach: Reach) -> Queued<'_>;
}

fn boxed<'a, L: LockRef + Clone + 'a, M: Changeable<'a>>(guard: Guard<L, M>) -> Boxed<'a> {
    Box::new(guard)
}

fn future<'a, L, M>(future: LockFuture<L, M>) -> Queued<'a>
where
    L: LockRef + Clone + 'a,
    M: GuardMode + Changeable<'a>,
{
    Box::pin(async { boxed(future.await) })
}

macro_rules! claim {
    ($lock:expr, $at:expr, $way:expr, $lock_it:ident, $try:ident, $for:ident, $until:ident) => {
        match $way {
            Way::Try => $lock.$try($at.bounds()).map(boxed),
            Way::For(patience) => $lock.$for($at.bounds(), patience.timeout()).map(boxed),
            Way::Until(patience) => $lock.$until($at.bounds(), patience.deadline()).map(boxed),
            Way::Wait => Some(boxed($lock.$lock_it($at.bounds()))),
        }
    };
}

impl Face for RangeLock {
    fn over_units(fairness: Fairness) -> RangeLock {
        match fairness {
            Fairness::Bounded => RangeLock::new(),
            Fairness::Strict => RangeLock::fair(),
        }
    }

    fn units(&self) -> &RangeLock {
        self
    }

    #[rustfmt::skip]
    fn claim(
        self: &Arc<Self>,
        at: Place,
        mode: Mode,
        way: Way,
        reach: Reach,
    ) -> Option<Boxed<'_>> {
        match (mode, reach) {
            (Mode::Shared, Reach::Borrows) => claim!(
                self, at, way,
                lock_shared, try_lock_shared, try_lock_shared_for, try_lock_shared_until
            ),
            (Mode::Shared, Reach::Owns) => claim!(
                self, at, way,
                lock_shared_arc, try_lock_shared_arc,
                try_lock_shared_for_arc, try_lock_shared_until_arc
            ),
            (Mode::Exclusive, Reach::Borrows) => claim!(
                self, at, way,
                lock_exclusive, try_lock_exclusive, try_lock_exclusive_for, try_lock_exclusive_until
            ),
            (Mode::Exclusive, Reach::Owns) => claim!(
                self, at, way,
                lock_exclusive_arc, try_lock_exclusive_arc,
                try_lock_exclusive_for_arc, try_lock_exclusive_until_arc
            ),
        }
    }

    fn queue(self: &Arc<Self>, at: Place, mode: Mode, reach: Reach) -> Queued<'_> {
        match (mode, reach) {
            (Mode::Shared, Reach::Borrows) => future(self.lock_shared_async(at.bounds())),
            (Mode::Shared, Reach::Owns) => future(self.lock_shared_async_arc(at.bounds())),
            (Mode::Exclusive, Reach::Borrows) => future(self.lock_exclusive_async(at.bounds())),
            (Mode::Exclusive, Reach::Owns) => future(self.lock_exclusive_async_arc(at.bounds())),
        }
    }
}

/// An access with this mode, not always the same one.
fn access(mode: Mode, at: Place) -> Access {
    use Access::{
        BufferedRead, BufferedWrite, DirectRead, DirectWrite, Fault, Invalidate, PunchHole,
        Readahead, Shift, Truncate, Writeback,
    };
    let of_mode: &[Access] = match mode {
        Mode::Shared => &[BufferedRead, BufferedWrite, Fault, Writeback, Readahead],
        Mode::Exclusive => &[DirectRead, DirectWrite, Truncate, PunchHole, Invalidate, Shift],
    };
    of_mode[at.cells().start % of_mode.len()]
}

/// Over pages of one byte, so that its pages, its bytes and the units of the programs are the same.
impl Face for MappingLock {
    fn over_units(fairness: Fairness) -> MappingLock {
        match fairness {
            Fairness::Bounded => MappingLock::with_page_size(1),
            Fairness::Strict => MappingLock::fair().over_pages_of(1),
        }
    }

    fn units(&self) -> &RangeLock {
        self.pages()
    }

    fn claim(self: &Arc<Self>, at: Place, mode: Mode, way: Way, reach: Reach) -> Option<Boxed<'_>> {
        let (access, bytes) = (access(mode, at), at.units());
        let is_a_page = bytes.end - bytes.start == 1;
        match (way, reach) {
            (Way::Try, Reach::Owns) => self.try_lock_arc(access, bytes).map(boxed),
            (Way::Try, Reach::Borrows) if is_a_page => {
                self.try_lock_page(access, bytes.start).map(boxed)
            }
            (Way::Try, Reach::Borrows) => self.try_lock(access, bytes).map(boxed),
            (Way::For(patience), Reach::Borrows) => {
                self.try_lock_for(access, bytes, patience.timeout()).map(boxed)
            }
            (Way::For(patience), Reach::Owns) => {
                self.try_lock_for_arc(access, bytes, patience.timeout()).map(boxed)
            }
            (Way::Until(patience), Reach::Borrows) => {
                self.try_lock_until(access, bytes, patience.deadline()).map(boxed)
            }
            (Way::Until(patience), Reach::Owns) => {
                self.try_lock_until_arc(access, bytes, patience.deadline()).map(boxed)
            }
            (Way::Wait, Reach::Owns) => Some(boxed(self.lock_arc(access, bytes))),
            (Way::Wait, Reach::Borrows) if is_a_page => {
                Some(boxed(self.lock_page(access, bytes.start)))
            }
            (Way::Wait, Reach::Borrows) => Some(boxed(self.lock(access, bytes))),
        }
    }

    fn queue(self: &Arc<Self>, at: Place, mode: Mode, reach: Reach) -> Queued<'_> {
        match reach {
            Reach::Borrows => future(self.lock_async(access(mode, at), at.units())),
            Reach::Owns => future(self.lock_async_arc(access(mode, at), at.units())),
        }
    }
}
