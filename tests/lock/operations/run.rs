//! One run of a program: the real lock and the naive one, side by side.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use spanlock::{
    ClaimState, ExclusiveGuard, LockExclusiveFuture, LockSharedFuture, ManyGuard, Mode, RangeLock,
    SharedGuard,
};

#[path = "../../../src/reference.rs"]
mod reference;

use super::place::{self, CELLS, Place};
use super::{Op, Wanted};
use reference::{Claim, Reference};

/// More guards or futures than this slow a run down without showing anything new.
const MOST_HELD: usize = 48;
const MOST_QUEUED: usize = 16;

enum Guard<'a> {
    Shared(SharedGuard<'a>),
    Exclusive(ExclusiveGuard<'a>),
    Many(#[expect(dead_code, reason = "held to be dropped")] ManyGuard<'a>),
}

enum Queued<'a> {
    Shared(Pin<Box<LockSharedFuture<'a>>>),
    Exclusive(Pin<Box<LockExclusiveFuture<'a>>>),
}

impl<'a> Queued<'a> {
    fn poll(&mut self, task: &Arc<Task>) -> Option<Guard<'a>> {
        let waker = Waker::from(Arc::clone(task));
        let mut context = Context::from_waker(&waker);
        let polled = match self {
            Queued::Shared(future) => future.as_mut().poll(&mut context).map(Guard::Shared),
            Queued::Exclusive(future) => future.as_mut().poll(&mut context).map(Guard::Exclusive),
        };
        match polled {
            Poll::Ready(guard) => Some(guard),
            Poll::Pending => None,
        }
    }
}

/// A task that counts its wakes.
#[derive(Default)]
struct Task {
    wakes: AtomicU32,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

struct Held<'a> {
    claim: Claim,
    cells: Range<usize>,
    guard: Guard<'a>,
}

struct Waiting<'a> {
    claim: Claim,
    cells: Range<usize>,
    queued: Queued<'a>,
    task: Arc<Task>,
}

pub struct Run<'a> {
    lock: &'a RangeLock,
    reference: Reference,
    held: Vec<Held<'a>>,
    waiting: Vec<Waiting<'a>>,
}

impl<'a> Run<'a> {
    pub fn on(lock: &'a RangeLock) -> Run<'a> {
        let reference = Reference::new(CELLS);
        Run { lock, reference, held: Vec::new(), waiting: Vec::new() }
    }

    pub fn step(&mut self, op: Op) {
        let lock = self.lock;
        match op {
            Op::TryShared(at) => {
                let guard = lock.try_lock_shared(at.bounds()).map(Guard::Shared);
                self.tried(at, Mode::Shared, guard);
            }
            Op::TryExclusive(at) => {
                let guard = lock.try_lock_exclusive(at.bounds()).map(Guard::Exclusive);
                self.tried(at, Mode::Exclusive, guard);
            }
            Op::HurryShared(at) => {
                let guard = lock.try_lock_shared_for(at.bounds(), Duration::ZERO);
                self.tried(at, Mode::Shared, guard.map(Guard::Shared));
            }
            Op::HurryExclusive(at) => {
                let guard = lock.try_lock_exclusive_for(at.bounds(), Duration::ZERO);
                self.tried(at, Mode::Exclusive, guard.map(Guard::Exclusive));
            }
            Op::Release(which) => {
                if let Some(which) = among(which, self.held.len()) {
                    self.release(which);
                }
            }
            Op::QueueShared(at) => {
                let future = Box::pin(lock.lock_shared_async(at.bounds()));
                self.queue(at, Mode::Shared, Queued::Shared(future));
            }
            Op::QueueExclusive(at) => {
                let future = Box::pin(lock.lock_exclusive_async(at.bounds()));
                self.queue(at, Mode::Exclusive, Queued::Exclusive(future));
            }
            Op::Poll(which) => self.poll(which),
            Op::PollElsewhere(which) => {
                if let Some(which) = among(which, self.waiting.len()) {
                    let waiting = &mut self.waiting[which];
                    // Once granted, it was the last task that was woken.
                    if !self.reference.holds(waiting.claim) {
                        waiting.task = Arc::default();
                    }
                }
                self.poll(which);
            }
            Op::Abandon(which) => {
                if let Some(which) = among(which, self.waiting.len()) {
                    self.abandon(which);
                }
            }
            Op::Downgrade(which) => self.change(which, Run::downgrade),
            Op::TryUpgrade(which) => self.change(which, Run::try_upgrade),
            Op::Split(which, at) => self.change(which, |run, held| run.split(held, at)),
            Op::Shrink(which, from, to) => {
                self.change(which, |run, held| run.shrink(held, from, to));
            }
            Op::Reenter(at) => self.reenter(at),
            Op::TryMany(parts) => self.try_many(parts),
            Op::Look(at) => self.look(at),
        }
    }

    /// A task is woken once, when its claim is granted, and not before.
    pub fn compare_wakes(&self) {
        for waiting in &self.waiting {
            let wakes = waiting.task.wakes.load(Ordering::Relaxed);
            let granted = self.reference.holds(waiting.claim);
            assert_eq!(wakes, u32::from(granted), "wakes of a claim on {:?}", waiting.cells);
        }
    }

    /// Gives everything up, after which the whole must be free.
    pub fn finish(mut self) {
        self.look(Place::All);
        while let Some(last) = self.waiting.len().checked_sub(1) {
            self.abandon(last);
            self.compare_wakes();
        }
        while let Some(last) = self.held.len().checked_sub(1) {
            self.release(last);
        }
        assert_eq!(self.lock.claims(), [], "a claim was left behind");
        assert!(self.lock.try_lock_exclusive(..).is_some(), "a claim was left behind, unseen");
    }

    fn tried(&mut self, at: Place, mode: Mode, guard: Option<Guard<'a>>) {
        let expected = self.reference.try_arrive(&[(at.cells(), mode)]);
        assert_eq!(guard.is_some(), expected.is_ok(), "a try at {:?} was granted", at.units());
        if let (Some(guard), Ok(claim)) = (guard, expected) {
            self.hold(claim, at.cells(), guard);
        }
    }

    fn hold(&mut self, claim: Claim, cells: Range<usize>, guard: Guard<'a>) {
        let range = match &guard {
            Guard::Shared(guard) => guard.range(),
            Guard::Exclusive(guard) => guard.range(),
            Guard::Many(_) => place::units(cells.clone()),
        };
        assert_eq!(range, place::units(cells.clone()), "the range of a guard");
        self.held.push(Held { claim, cells, guard });
        if self.held.len() > MOST_HELD {
            self.release(0);
        }
    }

    fn release(&mut self, which: usize) {
        let held = self.held.swap_remove(which);
        drop(held.guard);
        self.reference.leave(held.claim);
    }

    fn queue(&mut self, at: Place, mode: Mode, mut queued: Queued<'a>) {
        let claim = self.reference.arrive(&[(at.cells(), mode)]);
        let task = Arc::default();
        let guard = queued.poll(&task);
        let granted = self.reference.holds(claim);
        assert_eq!(guard.is_some(), granted, "the first poll at {:?} was ready", at.units());
        let cells = at.cells();
        match guard {
            Some(guard) => self.hold(claim, cells, guard),
            None => self.waiting.push(Waiting { claim, cells, queued, task }),
        }
        if self.waiting.len() > MOST_QUEUED {
            self.abandon(0);
        }
    }

    fn poll(&mut self, which: u8) {
        let Some(which) = among(which, self.waiting.len()) else { return };
        let waiting = &mut self.waiting[which];
        let guard = waiting.queued.poll(&waiting.task);
        let granted = self.reference.holds(waiting.claim);
        assert_eq!(guard.is_some(), granted, "a later poll on {:?} was ready", waiting.cells);
        if let Some(guard) = guard {
            let Waiting { claim, cells, .. } = self.waiting.swap_remove(which);
            self.hold(claim, cells, guard);
        }
    }

    fn abandon(&mut self, which: usize) {
        let waiting = self.waiting.swap_remove(which);
        drop(waiting.queued);
        self.reference.leave(waiting.claim);
    }

    fn change(&mut self, which: u8, change: impl FnOnce(&mut Run<'a>, Held<'a>)) {
        if let Some(which) = among(which, self.held.len()) {
            let held = self.held.swap_remove(which);
            change(self, held);
        }
    }

    fn downgrade(&mut self, held: Held<'a>) {
        let Held { claim, cells, guard } = held;
        let guard = match guard {
            Guard::Exclusive(guard) => {
                self.reference.downgrade(claim);
                Guard::Shared(guard.downgrade())
            }
            other => other,
        };
        self.hold(claim, cells, guard);
    }

    fn try_upgrade(&mut self, held: Held<'a>) {
        let Held { claim, cells, guard } = held;
        let guard = match guard {
            Guard::Shared(guard) => {
                let expected = self.reference.try_upgrade(claim);
                let upgraded = guard.try_upgrade();
                assert_eq!(upgraded.is_ok(), expected.is_ok(), "an upgrade on {cells:?} succeeded");
                upgraded.map_or_else(Guard::Shared, Guard::Exclusive)
            }
            other => other,
        };
        self.hold(claim, cells, guard);
    }

    fn split(&mut self, held: Held<'a>, at: u8) {
        let Held { claim, cells, guard } = held;
        let at = cells.start + usize::from(at) % (cells.len() + 1);
        let unit = place::units(at..at).start;
        let [lower, upper] = match guard {
            Guard::Shared(guard) => <[_; 2]>::from(guard.split_at(unit)).map(Guard::Shared),
            Guard::Exclusive(guard) => <[_; 2]>::from(guard.split_at(unit)).map(Guard::Exclusive),
            Guard::Many(_) => return self.hold(claim, cells, guard),
        };
        let upper_claim = self.reference.split_at(claim, at);
        self.hold(claim, cells.start..at, lower);
        self.hold(upper_claim, at..cells.end, upper);
    }

    fn shrink(&mut self, held: Held<'a>, from: u8, to: u8) {
        let Held { claim, cells, mut guard } = held;
        let ends = [from, to].map(|end| cells.start + usize::from(end) % (cells.len() + 1));
        let kept = ends[0].min(ends[1])..ends[0].max(ends[1]);
        match &mut guard {
            Guard::Shared(guard) => guard.shrink_to(place::units(kept.clone())),
            Guard::Exclusive(guard) => guard.shrink_to(place::units(kept.clone())),
            Guard::Many(_) => return self.hold(claim, cells, guard),
        }
        self.reference.shrink_to(claim, kept.clone());
        self.hold(claim, kept, guard);
    }

    /// A recursive claim, unless it would block this thread.
    fn reenter(&mut self, at: Place) {
        let claim = self.reference.arrive_ahead(at.cells());
        if self.reference.holds(claim) {
            let guard = self.lock.lock_shared_recursive(at.bounds());
            self.hold(claim, at.cells(), Guard::Shared(guard));
        } else {
            self.reference.leave(claim);
        }
    }

    fn try_many(&mut self, parts: [(Place, Wanted); 3]) {
        let mode = |wanted| match wanted {
            Wanted::Shared => Mode::Shared,
            Wanted::Exclusive => Mode::Exclusive,
        };
        let expected = self.reference.try_arrive(&parts.map(|(at, w)| (at.cells(), mode(w))));
        let guard = self.lock.try_lock_many(parts.map(|(at, w)| (at.bounds(), mode(w))));
        assert_eq!(guard.is_some(), expected.is_ok(), "a try at several places was granted");
        if let (Some(guard), Ok(claim)) = (guard, expected) {
            self.hold(claim, 0..0, Guard::Many(guard));
        }
    }

    /// What the lock says of itself.
    fn look(&mut self, at: Place) {
        let claims_there = || self.reference_claims(at.cells());
        let is_locked = claims_there().any(|(claim, _)| self.reference.holds(claim));
        assert_eq!(self.lock.is_locked(at.bounds()), is_locked, "{:?} is locked", at.units());
        let is_claimed = claims_there().next().is_some();
        let is_claimed_exclusively = claims_there().any(|(_, mode)| mode == Mode::Exclusive);
        assert_eq!(self.lock.conflicts(at.bounds(), Mode::Exclusive), is_claimed);
        assert_eq!(self.lock.conflicts(at.bounds(), Mode::Shared), is_claimed_exclusively);
        self.compare_claims();
    }

    fn reference_claims(&self, cells: Range<usize>) -> impl Iterator<Item = (Claim, Mode)> {
        cells.flat_map(|cell| self.reference.queue(cell).iter().copied())
    }

    /// Compares the snapshot cell by cell, since several readers of a unit may be shown as one, and
    /// the units of one claim as several.
    fn compare_claims(&self) {
        let snapshot = self.lock.claims();
        for cell in 0..CELLS {
            let units = place::units(cell..cell + 1);
            let mut shown: Vec<_> = snapshot
                .iter()
                .filter(|claim| claim.range.start < units.end && units.start < claim.range.end)
                .map(|claim| (claim.state == ClaimState::Waiting, claim.mode))
                .collect();
            let mut expected: Vec<_> = self
                .reference_claims(cell..cell + 1)
                .map(|(claim, mode)| (!self.reference.holds(claim), mode))
                .collect();
            for claims in [&mut shown, &mut expected] {
                claims.sort_unstable();
                let readers = claims.iter().filter(|claim| **claim == (false, Mode::Shared));
                let surplus = readers.count().saturating_sub(1);
                claims.drain(..surplus);
            }
            assert_eq!(shown, expected, "what is shown of {units:?}");
        }
    }
}

/// The one of `count` things that a number names.
fn among(number: u8, count: usize) -> Option<usize> {
    (count != 0).then(|| usize::from(number) % count.max(1))
}
