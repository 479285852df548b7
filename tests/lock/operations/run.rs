//! One run of a program: the real lock and the reference.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use spanlock::{ClaimState, Mode, RangeLock, lock_pair};

#[path = "bypass.rs"]
mod bypass;
#[path = "../../../src/reference.rs"]
mod reference;

use super::face::{Face, Fairness, Reach, Way};
use super::guard::{AnyGuard, Boxed};
use super::place::{self, CELLS, Place};
use super::{Op, Part};
use bypass::Wanted;
use reference::{Claim, Reference, Refused};

/// More guards or futures than this slow a run down without showing anything new.
const MOST_HELD: usize = 48;
const MOST_QUEUED: usize = 16;

enum Guard<'a> {
    One(Boxed<'a>),
    /// Of several places. It can only be dropped.
    Several(#[expect(dead_code, reason = "held to be dropped")] Box<dyn fmt::Debug + 'a>),
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
    parts: Vec<Wanted>,
    /// It is certainly not overtaken.
    is_due: bool,
    future: Pin<Box<dyn Future<Output = Guard<'a>> + 'a>>,
    task: Arc<Task>,
    /// The claim that this one is the upgrade of, and which goes with it.
    upgrades: Option<Claim>,
}

pub struct Run<'a, F> {
    face: &'a Arc<F>,
    lock: &'a RangeLock,
    another: &'a RangeLock,
    fairness: Fairness,
    reference: Reference,
    held: Vec<Held<'a>>,
    waiting: Vec<Waiting<'a>>,
}

impl<'a, F: Face> Run<'a, F> {
    pub fn on(face: &'a Arc<F>, another: &'a RangeLock, fairness: Fairness) -> Run<'a, F> {
        let reference = Reference::new(CELLS);
        let lock = face.units();
        let (held, waiting) = (Vec::new(), Vec::new());
        Run { face, lock, another, fairness, reference, held, waiting }
    }

    pub fn step(&mut self, op: Op) {
        match op {
            Op::Claim(way, reach, part) => self.claim(way, reach, part),
            Op::Release(which) => {
                if let Some(which) = among(which, self.held.len()) {
                    self.release(which);
                }
            }
            Op::Queue(reach, part) => {
                let future = self.face.queue(part.at, part.mode(), reach);
                self.queue(&[part], part.at.cells(), async { Guard::One(future.await) });
            }
            Op::QueueMany(parts) => {
                let wanted = parts.map(|part| (part.at.bounds(), part.mode()));
                let future = self.lock.lock_many_async(wanted);
                let guard = async { Guard::Several(Box::new(future.await)) };
                self.queue(&parts, 0..0, guard);
            }
            Op::Poll(which) => self.poll(which),
            Op::PollElsewhere(which) => {
                if let Some(which) = among(which, self.waiting.len()) {
                    let waiting = &mut self.waiting[which];
                    // Once granted, it was the last task that was woken.
                    if self.fairness == Fairness::Bounded || !self.reference.holds(waiting.claim) {
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
            Op::Many(parts) => self.unless_it_blocks(&parts, |run| {
                Box::new(run.lock.lock_many(parts.map(|part| (part.at.bounds(), part.mode()))))
            }),
            Op::Pair(parts) => self.unless_it_blocks(&parts, |run| run.pair(parts, run.lock)),
            Op::PairWithAnother(parts) => {
                self.unless_it_blocks(&parts[..1], |run| {
                    let [part, other] = parts;
                    let free = Part { wanted: super::Wanted::Shared, ..other };
                    run.pair([part, free], run.another)
                });
            }
            Op::Look(at) => self.look(at),
            Op::Upgrade(which) => self.change(which, Run::upgrade),
        }
    }

    /// A task is woken once, when its claim is granted, and not before.
    pub fn compare_wakes(&self) {
        if self.fairness == Fairness::Bounded {
            return self.compare_succession();
        }
        for waiting in &self.waiting {
            let wakes = waiting.task.wakes.load(Ordering::Relaxed);
            let granted = self.reference.holds(waiting.claim);
            assert_eq!(wakes, u32::from(granted), "wakes of a claim on {:?}", waiting.cells);
        }
    }

    /// Releases and cancels everything, after which nothing may be locked.
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

    fn claim(&mut self, way: Way, reach: Reach, part: Part) {
        let Part { at, .. } = part;
        let parts = [(at.cells(), part.mode())];
        if matches!(way, Way::Wait) && !self.is_sure_of(&parts) {
            return;
        }
        let expected = self.expect(&parts);
        let guard = self.face.claim(at, part.mode(), way, reach);
        if let Some(claim) = self.compare(expected, guard.is_some(), &parts)
            && let Some(guard) = guard
        {
            assert_eq!(guard.mode(), part.mode(), "the mode of a guard");
            self.hold(claim, at.cells(), Guard::One(guard));
        }
    }

    fn hold(&mut self, claim: Claim, cells: Range<usize>, guard: Guard<'a>) {
        if let Guard::One(guard) = &guard {
            assert_eq!(guard.range(), units_of(&**guard, &cells), "the range of a guard");
        }
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

    fn queue(
        &mut self,
        parts: &[Part],
        cells: Range<usize>,
        future: impl Future<Output = Guard<'a>> + 'a,
    ) {
        let wanted: Vec<_> = parts.iter().map(|part| (part.at.cells(), part.mode())).collect();
        let expected = self.expect(&wanted);
        let (future, task) = (Box::pin(future), Arc::default());
        let claim = expected.unwrap_or_else(|Refused| self.reference.arrive(&wanted));
        let is_due = self.is_due_at_once(claim, &wanted);
        let mut waiting =
            Waiting { claim, cells, parts: wanted.clone(), is_due, future, task, upgrades: None };
        let guard = waiting.poll();
        if expected.is_err() {
            // It has been in the queue meanwhile, and is named again if it has overtaken others.
            self.reference.leave(claim);
        }
        waiting.claim = match self.compare(expected, guard.is_some(), &wanted) {
            Some(claim) => claim,
            None => self.reference.arrive(&wanted),
        };
        match guard {
            Some(guard) => self.hold(waiting.claim, waiting.cells, guard),
            None => self.wait(waiting),
        }
    }

    fn wait(&mut self, waiting: Waiting<'a>) {
        self.waiting.push(waiting);
        if self.waiting.len() > MOST_QUEUED {
            self.abandon(0);
        }
    }

    fn poll(&mut self, which: u8) {
        let Some(which) = among(which, self.waiting.len()) else { return };
        let waiting = &mut self.waiting[which];
        let expected = self.reference.holds(waiting.claim);
        if self.fairness == Fairness::Bounded {
            waiting.task.wakes.store(0, Ordering::Relaxed);
        }
        let guard = waiting.poll();
        match self.fairness {
            Fairness::Strict => {
                assert_eq!(guard.is_some(), expected, "a later poll on {:?}", waiting.cells);
            }
            Fairness::Bounded => self.compare_poll(which, guard.is_some()),
        }
        if let Some(guard) = guard {
            let Waiting { claim, cells, .. } = self.waiting.swap_remove(which);
            self.hold(claim, cells, guard);
        }
    }

    fn abandon(&mut self, which: usize) {
        let waiting = self.waiting.swap_remove(which);
        drop(waiting.future);
        self.reference.leave(waiting.claim);
        if let Some(own) = waiting.upgrades {
            self.reference.leave(own);
        }
    }

    fn change(&mut self, which: u8, change: impl FnOnce(&mut Self, Held<'a>)) {
        if let Some(which) = among(which, self.held.len()) {
            let held = self.held.swap_remove(which);
            change(self, held);
        }
    }

    fn downgrade(&mut self, held: Held<'a>) {
        let Held { claim, cells, guard } = held;
        let Guard::One(guard) = guard else { return self.hold(claim, cells, guard) };
        self.reference.downgrade(claim);
        let guard = guard.downgrade();
        assert_eq!(guard.mode(), Mode::Shared, "the mode of a downgraded guard");
        self.hold(claim, cells, Guard::One(guard));
    }

    fn try_upgrade(&mut self, held: Held<'a>) {
        let Held { claim, cells, guard } = held;
        let guard = match guard {
            Guard::One(guard) if guard.mode() == Mode::Shared => {
                let expected = self.expect_upgrade(claim, &cells);
                let upgraded = guard.try_upgrade();
                self.compare_upgrade(claim, &cells, expected, upgraded.is_ok());
                Guard::One(upgraded.unwrap_or_else(|guard| guard))
            }
            other => other,
        };
        self.hold(claim, cells, guard);
    }

    fn upgrade(&mut self, held: Held<'a>) {
        let Held { claim, cells, guard } = held;
        let guard = match guard {
            Guard::One(guard)
                if guard.mode() == Mode::Shared && self.fairness == Fairness::Strict =>
            {
                guard
            }
            other => return self.hold(claim, cells, other),
        };
        let granted = self.reference.try_upgrade(claim).is_ok();
        let queued = if granted { Ok(claim) } else { self.reference.arrive_upgrade(claim) };
        let mut future = guard.upgrade_async();
        let task = Arc::<Task>::default();
        let waker = Waker::from(Arc::clone(&task));
        match (future.as_mut().poll(&mut Context::from_waker(&waker)), queued) {
            (Poll::Ready(Ok(guard)), Ok(_)) if granted => {
                assert_eq!(guard.mode(), Mode::Exclusive, "the mode of an upgraded guard");
                self.hold(claim, cells, Guard::One(guard));
            }
            (Poll::Ready(Err(guard)), Err(_)) => self.hold(claim, cells, Guard::One(guard)),
            (Poll::Pending, Ok(upgrade)) if !granted => {
                let future = Box::pin(async {
                    match future.await {
                        Ok(guard) => Guard::One(guard),
                        Err(_) => panic!("an upgrade that waited was refused"),
                    }
                });
                let (parts, is_due) = (vec![(cells.clone(), Mode::Exclusive)], true);
                let upgrades = Some(claim);
                self.wait(Waiting { claim: upgrade, cells, parts, is_due, future, task, upgrades });
            }
            (polled, queued) => panic!(
                "the first poll of an upgrade on {cells:?} was ready: {}; expected: {granted}, {queued:?}",
                polled.is_ready(),
            ),
        }
    }

    fn split(&mut self, held: Held<'a>, at: u8) {
        let Held { claim, cells, guard } = held;
        let Guard::One(guard) = guard else { return self.hold(claim, cells, guard) };
        let at = cells.start + usize::from(at) % (cells.len() + 1);
        let unit = if cells.is_empty() { guard.range().start } else { place::units(at..at).start };
        let [lower, upper] = guard.split_at(unit).map(Guard::One);
        let upper_claim = self.reference.split_at(claim, at);
        self.hold(claim, cells.start..at, lower);
        self.hold(upper_claim, at..cells.end, upper);
    }

    fn shrink(&mut self, held: Held<'a>, from: u8, to: u8) {
        let Held { claim, cells, guard } = held;
        let Guard::One(mut guard) = guard else { return self.hold(claim, cells, guard) };
        let ends = [from, to].map(|end| cells.start + usize::from(end) % (cells.len() + 1));
        let kept = ends[0].min(ends[1])..ends[0].max(ends[1]);
        guard.shrink_to(if cells.is_empty() { guard.range() } else { place::units(kept.clone()) });
        self.reference.shrink_to(claim, kept.clone());
        self.hold(claim, kept, Guard::One(guard));
    }

    fn reenter(&mut self, at: Place) {
        let parts = [(at.cells(), Mode::Shared)];
        let is_sure = self.fairness == Fairness::Strict || self.is_sure_of(&parts);
        let claim = self.reference.arrive_ahead(at.cells());
        if is_sure && self.reference.holds(claim) {
            let guard = self.lock.lock_shared_recursive(at.bounds());
            self.hold(claim, at.cells(), Guard::One(Box::new(guard)));
        } else {
            self.reference.leave(claim);
        }
    }

    fn try_many(&mut self, parts: [Part; 3]) {
        let wanted = parts.map(|part| (part.at.cells(), part.mode()));
        let expected = self.expect(&wanted);
        let guard = self.lock.try_lock_many(parts.map(|part| (part.at.bounds(), part.mode())));
        if let Some(claim) = self.compare(expected, guard.is_some(), &wanted)
            && let Some(guard) = guard
        {
            self.hold(claim, 0..0, Guard::Several(Box::new(guard)));
        }
    }

    /// A blocking claim on several places, if it will not block.
    fn unless_it_blocks(
        &mut self,
        parts: &[Part],
        lock: impl FnOnce(&Self) -> Box<dyn fmt::Debug + 'a>,
    ) {
        let parts: Vec<_> = parts.iter().map(|part| (part.at.cells(), part.mode())).collect();
        if self.is_sure_of(&parts) {
            let claim = self.reference.arrive(&parts);
            let guard = lock(self);
            self.hold(claim, 0..0, Guard::Several(guard));
        }
    }

    fn pair(&self, [a, b]: [Part; 2], lock: &'a RangeLock) -> Box<dyn fmt::Debug + 'a> {
        let (of_a, of_b) = (a.at.bounds(), b.at.bounds());
        Box::new(lock_pair(self.lock, of_a, a.mode(), lock, of_b, b.mode()))
    }

    /// Compares the lock's snapshots and queries.
    fn look(&mut self, at: Place) {
        if self.fairness == Fairness::Bounded {
            return self.look_past(at);
        }
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

impl<'a> Waiting<'a> {
    fn poll(&mut self) -> Option<Guard<'a>> {
        let waker = Waker::from(Arc::clone(&self.task));
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(guard) => Some(guard),
            Poll::Pending => None,
        }
    }
}

/// The units that a guard on these cells should have. Where an empty one is says nothing: a mapping's is
/// on page 0, wherever its bytes would be.
fn units_of<'a>(guard: &dyn AnyGuard<'a>, cells: &Range<usize>) -> Range<u64> {
    match guard.range() {
        nothing if cells.is_empty() && nothing.is_empty() => nothing,
        _ => place::units(cells.clone()),
    }
}

/// The one of `count` things that a number selects.
fn among(number: u8, count: usize) -> Option<usize> {
    (count != 0).then(|| usize::from(number) % count.max(1))
}
