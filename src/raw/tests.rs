//! Random programs of one thread that only tries to lock, with claims in every kind of place. The
//! lock must agree with a list of guards on what is held, and nothing must be left of claims that
//! were released.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::{ControlFlow, Range};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::due::Patience;
use super::place::Hold;
use super::slot::{UNITS, Word};
use super::{Pending, Queued, RawLock};
use crate::Mode::{self, Exclusive, Shared};
use crate::sync::{BOARD_CELLS, MOST_PASSES, Ordering, common_cells};
use crate::{ClaimState, LockFuture, RangeGuard, RangeLock, Span};

/// What kind of claims a program makes.
#[derive(Clone, Copy)]
struct Kind {
    /// The lowest unit: it decides whether the units fit into slots.
    base: u64,
    units: u64,
    longest: u64,
    guards: usize,
}

struct Program<'a> {
    rng: fastrand::Rng,
    kind: Kind,
    lock: &'a RangeLock,
    guards: Vec<RangeGuard<'a>>,
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

fn conflict(a: Mode, b: Mode) -> bool {
    a == Exclusive || b == Exclusive
}

impl<'a> Program<'a> {
    fn new(seed: u64, kind: Kind, lock: &'a RangeLock) -> Program<'a> {
        Program { rng: fastrand::Rng::with_seed(seed), kind, lock, guards: Vec::new() }
    }

    fn range(&mut self) -> Range<u64> {
        let Kind { base, units, longest, .. } = self.kind;
        let start = self.rng.u64(..units);
        // Lengths of every order of magnitude.
        let most = 1 << self.rng.u32(..=longest.ilog2());
        let len = if self.rng.bool() { 1 } else { self.rng.u64(1..=most) };
        base + start..base + (start + len).min(units)
    }

    fn mode(&mut self) -> Mode {
        if self.rng.u8(..3) == 0 { Exclusive } else { Shared }
    }

    fn take(&mut self) -> Option<RangeGuard<'a>> {
        (!self.guards.is_empty())
            .then(|| self.guards.swap_remove(self.rng.usize(..self.guards.len())))
    }

    fn is_free(&self, range: &Range<u64>, mode: Mode) -> bool {
        let blocks =
            |guard: &RangeGuard<'_>| overlap(&guard.range(), range) && conflict(guard.mode(), mode);
        !self.guards.iter().any(blocks)
    }

    fn step(&mut self) {
        match self.rng.u8(..16) {
            0..6 if self.guards.len() < self.kind.guards => self.claim(),
            0..9 => drop(self.take()),
            9 => self.open_or_shut(),
            10 => self.downgrade(),
            11 | 12 => self.upgrade(),
            13 => self.split(),
            14 => self.shrink(),
            _ => self.look(),
        }
    }

    fn claim(&mut self) {
        let (range, mode) = (self.range(), self.mode());
        let guard = self.lock.try_lock(range.clone(), mode);
        assert_eq!(guard.is_some(), self.is_free(&range, mode), "{mode:?} {range:?}");
        self.guards.extend(guard);
    }

    fn open_or_shut(&mut self) {
        match self.rng.bool() {
            true => self.lock.raw.open(),
            false => self.lock.raw.shut(),
        }
    }

    fn downgrade(&mut self) {
        if let Some(guard) = self.take() {
            self.guards.push(guard.downgrade());
        }
    }

    fn upgrade(&mut self) {
        let Some(guard) = self.take() else { return };
        let is_alone = self.is_free(&guard.range(), Exclusive);
        let upgraded = guard.try_upgrade();
        assert_eq!(upgraded.is_ok(), is_alone);
        self.guards.push(upgraded.unwrap_or_else(|guard| guard));
    }

    fn split(&mut self) {
        let Some(guard) = self.take() else { return };
        let at = self.rng.u64(guard.range().start..=guard.range().end);
        let (lower, upper) = guard.split_at(at);
        self.guards.extend([lower, upper].into_iter().filter(|guard| !guard.range().is_empty()));
    }

    fn shrink(&mut self) {
        let Some(mut guard) = self.take() else { return };
        let Range { start, end } = guard.range();
        let from = self.rng.u64(start..end);
        let to = self.rng.u64(from + 1..=end);
        guard.shrink_to(from..to);
        self.guards.push(guard);
    }

    fn look(&mut self) {
        let (range, mode) = (self.range(), self.mode());
        assert_eq!(self.lock.conflicts(range.clone(), mode), !self.is_free(&range, mode));
        assert_eq!(self.lock.is_locked(range.clone()), !self.is_free(&range, Exclusive));
        let mut shown: Vec<_> = self
            .lock
            .claims()
            .into_iter()
            .map(|claim| {
                assert_eq!(claim.state, ClaimState::Held);
                (claim.range.start, claim.range.end, claim.mode)
            })
            .collect();
        let mut held: Vec<_> = self
            .guards
            .iter()
            .map(|guard| (guard.range().start, guard.range().end, guard.mode()))
            .collect();
        // Several readers of a unit are shown as one claim if they share a slot.
        for claims in [&mut shown, &mut held] {
            claims.sort_unstable();
            claims.dedup_by(|a, b| a == b && a.1 - a.0 == 1);
        }
        assert_eq!(shown, held);
    }

    fn run(mut self, steps: usize) {
        for _ in 0..steps {
            self.step();
        }
        while let Some(guard) = self.take() {
            drop(guard);
            self.look();
        }
    }
}

/// Checks that nothing is held, shown, counted or watched, that the lock can be closed to readers'
/// words, and that every cell can be taken.
pub(super) fn assert_idle(lock: &RawLock) {
    let all = lock.try_lock(Span::ALL, Exclusive).expect("nothing is held");
    lock.unlock(Span::ALL, Exclusive, all);
    lock.shut();
    assert_eq!(lock.summary.load(Ordering::Relaxed), 0, "somebody is on the board");
    let used = lock.visit_slots(Span::ALL, |_, word: Word| ControlFlow::Break(word));
    assert!(used.is_continue(), "a slot is not free: {used:?}");
    let core = lock.core();
    let books = core.books.lock();
    assert!(books.regions.is_empty() && core.regions.are_empty(), "somebody is counted");
    assert!(books.proxies.iter().all(Option::is_none), "somebody is watched");
    drop(books);
    let readers =
        (0..BOARD_CELLS as u32).map(|cell| core.cells.readers(cell).load(Ordering::Relaxed));
    assert_eq!(readers.sum::<u64>(), 0, "a reader is in a cell");
    let common = (common_cells() << (64 - BOARD_CELLS)).count_ones() as u64;
    let spans = (0..common).map(|at| Span::from_range(at * 10..at * 10 + 5));
    let holds: Vec<_> =
        spans.map(|span| (span, lock.try_lock(span, Shared).expect("it is free"))).collect();
    for (span, hold) in holds {
        assert!(matches!(hold, Hold::Cell(_)), "a cell was lost");
        lock.unlock(span, Shared, hold);
    }
}

fn run(kind: Kind) {
    for seed in 0..10 {
        let lock = RangeLock::new();
        // In the second round the lock has the core and the table that the first one has made.
        for round in 0..2 {
            Program::new(seed * 2 + round, kind, &lock).run(300);
            assert_idle(&lock.raw);
        }
    }
}

#[test]
fn a_few_units_are_held_as_acquired_and_nothing_is_left_of_them() {
    run(Kind { base: 0, units: 4, longest: 4, guards: 8 });
}

#[test]
fn units_and_ranges_are_held_as_acquired_and_nothing_is_left_of_them() {
    run(Kind { base: 0, units: 64, longest: 32, guards: 24 });
}

#[test]
fn more_claims_than_cells_are_held_as_acquired_and_leave_no_count() {
    run(Kind { base: 1 << 20, units: 1 << 16, longest: 1 << 12, guards: 80 });
}

#[test]
fn claims_of_every_length_are_held_as_acquired_and_leave_no_count() {
    run(Kind { base: 0, units: 1 << 62, longest: 1 << 61, guards: 60 });
}

#[test]
fn units_beyond_a_packed_word_are_held_as_acquired_and_nothing_is_left_of_them() {
    run(Kind { base: (1 << 48) - 3, units: 8, longest: 8, guards: 30 });
}

/// Claims that wait, whose futures are polled at random.
struct Queue<'a> {
    program: Program<'a>,
    waiting: Vec<Pin<Box<LockFuture<&'a RangeLock, Mode>>>>,
}

impl<'a> Queue<'a> {
    fn step(&mut self) {
        match self.program.rng.u8(..8) {
            0..3 if self.waiting.len() < self.program.kind.guards => {
                let (range, mode) = (self.program.range(), self.program.mode());
                self.poll(Box::pin(self.program.lock.lock_async(range, mode)));
            }
            0..5 => {
                if let Some(future) = self.take() {
                    self.poll(future);
                }
            }
            5 => drop(self.take()),
            6 => self.program.open_or_shut(),
            _ => drop(self.program.take()),
        }
    }

    fn take(&mut self) -> Option<Pin<Box<LockFuture<&'a RangeLock, Mode>>>> {
        let at = (!self.waiting.is_empty()).then(|| self.program.rng.usize(..self.waiting.len()));
        at.map(|at| self.waiting.swap_remove(at))
    }

    fn poll(&mut self, mut future: Pin<Box<LockFuture<&'a RangeLock, Mode>>>) {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(guard) => {
                let (range, mode) = (guard.range(), guard.mode());
                assert!(self.program.is_free(&range, mode), "{mode:?} {range:?} is held by two");
                self.program.guards.push(guard);
            }
            Poll::Pending => self.waiting.push(future),
        }
    }

    /// Polls all futures until each has been granted.
    fn end(mut self) {
        let mut turns = 0;
        while !self.waiting.is_empty() {
            self.program.guards.clear();
            let waiting = std::mem::take(&mut self.waiting);
            waiting.into_iter().for_each(|future| self.poll(future));
            turns += 1;
            assert!(turns < 10_000, "no claim is granted");
        }
    }
}

#[test]
fn claims_that_wait_and_are_granted_or_withdrawn_exclude_each_other_and_leave_nothing() {
    let few = Kind { base: 0, units: 4, longest: 4, guards: 6 };
    let many = Kind { base: 0, units: 1 << 16, longest: 1 << 14, guards: 50 };
    for (seed, kind) in (0..40).map(|seed| (seed, if seed % 4 == 0 { many } else { few })) {
        for lock in [RangeLock::new(), RangeLock::fair()] {
            let program = Program::new(seed, kind, &lock);
            let mut queue = Queue { program, waiting: Vec::new() };
            for _ in 0..200 {
                queue.step();
            }
            queue.end();
            assert_idle(&lock.raw);
        }
    }
}

/// The summary shows whether claims wait. If any does, a new claim that is blocked does not spin.
#[test]
fn the_summary_shows_that_claims_wait_for_as_long_as_one_does() {
    let lock = RangeLock::fair();
    let is_shown = || lock.raw.summary_hint().has_queue();
    let held = lock.lock_exclusive(0..9);
    let mut waiting = [0..3, 3..6].map(|range| Box::pin(lock.lock_exclusive_async(range)));
    assert!(!is_shown());
    for future in &mut waiting {
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(is_shown());
    }
    let [first, second] = waiting;
    drop(first);
    assert!(is_shown());
    drop(held);
    assert!(!is_shown(), "it is granted");
    drop(second);
}

fn span(start: u64, end: u64) -> Span {
    Span::from_range(start..end)
}

/// Spans with units 3 and 4.
const WIDE: [Range<u64>; 2] = [3..5, 0..1 << 60];

fn queue(lock: &RawLock, span: Span) -> Pending {
    match lock.lock_or_queue(span, Exclusive, Waker::noop()) {
        Queued::Waiting(pending) => pending,
        Queued::Held(hold) => panic!("held: {hold:?}"),
    }
}

/// Does what the owner of a claim does when it is awake. Returns whether the claim is held now.
fn look_again(lock: &RawLock, pending: Pending, patience: Patience) -> bool {
    let mut ledger = lock.core().enter(lock);
    let is_held = ledger.look_again(pending.id, patience);
    ledger.close();
    is_held
}

#[test]
fn a_patient_claim_is_overtaken_a_limited_number_of_times() {
    for wanted in WIDE {
        let lock = RawLock::new();
        let (unit, wanted) = (span(3, 4), Span::from_range(wanted));
        let mut hold = lock.lock(unit, Exclusive);
        let pending = queue(&lock, wanted);
        for passes in 1..=MOST_PASSES {
            assert!(!look_again(&lock, pending, Patience::Lasts), "it was not woken");
            assert!(!lock.conflicts(span(4, 5), Shared), "it may be overtaken");
            lock.unlock(unit, Exclusive, hold);
            hold = lock.try_lock(unit, Exclusive).expect("it may be overtaken");
            assert!(!look_again(&lock, pending, Patience::Lasts));
            assert_eq!(lock.conflicts(span(4, 5), Shared), passes == MOST_PASSES, "{passes}");
        }
        lock.unlock(unit, Exclusive, hold);
        assert!(look_again(&lock, pending, Patience::Lasts), "it was not granted");
        lock.unlock(wanted, Exclusive, Hold::Claim(pending.id));
        assert_idle(&lock);
    }
}

#[test]
fn a_claim_whose_patience_is_over_is_not_overtaken_whether_or_not_it_was_woken() {
    for wanted in WIDE {
        let lock = RawLock::new();
        let (unit, wanted) = (span(3, 4), Span::from_range(wanted));
        let hold = lock.lock(unit, Exclusive);
        let pending = queue(&lock, wanted);
        assert!(!look_again(&lock, pending, Patience::IsOver));
        assert!(lock.conflicts(span(4, 5), Shared) && lock.try_lock(span(4, 5), Shared).is_none());
        lock.unlock(unit, Exclusive, hold);
        assert!(look_again(&lock, pending, Patience::Lasts), "it was not granted");
        lock.unlock(wanted, Exclusive, Hold::Claim(pending.id));
        assert_idle(&lock);
    }
}

/// Readers that overlap one another in time could starve it.
#[test]
fn a_writer_that_is_woken_and_finds_only_readers_is_not_overtaken_again() {
    for wanted in WIDE {
        let lock = RawLock::new();
        let (unit, wanted) = (span(3, 4), Span::from_range(wanted));
        let hold = lock.lock(unit, Exclusive);
        let pending = queue(&lock, wanted);
        lock.unlock(unit, Exclusive, hold);
        let reader = lock.try_lock(unit, Shared).expect("it may be overtaken");
        assert!(!look_again(&lock, pending, Patience::Lasts));
        assert!(lock.conflicts(span(4, 5), Shared), "readers pass it");
        lock.unlock(unit, Shared, reader);
        assert!(look_again(&lock, pending, Patience::Lasts), "it was not granted");
        lock.unlock(wanted, Exclusive, Hold::Claim(pending.id));
        assert_idle(&lock);
    }
}

/// The task has no clock, and is not polled.
#[test]
fn a_task_is_due_once_enough_later_claims_have_become_due_before_it() {
    for wanted in WIDE {
        let lock = RangeLock::new();
        let mut context = Context::from_waker(Waker::noop());
        let held = lock.lock_exclusive(3..4);
        let mut task = Box::pin(lock.lock_exclusive_async(wanted));
        assert!(task.as_mut().poll(&mut context).is_pending());
        let mut others = Vec::new();
        for passes in 1..=MOST_PASSES {
            assert!(!lock.conflicts(4..5, Shared));
            let mut other = Box::pin(lock.lock_many_async([(3..4, Shared)]));
            assert!(other.as_mut().poll(&mut context).is_pending());
            others.push(other);
            assert_eq!(lock.conflicts(4..5, Shared), passes == MOST_PASSES, "{passes}");
        }
        drop(held);
        assert!(lock.is_locked(3..4) && !lock.is_locked(4..5), "it is behind the others");
        drop(others);
        assert!(lock.is_locked(4..5), "it was not granted");
        drop(task);
        assert_idle(&lock.raw);
    }
}

#[test]
fn held_claims_are_listed_before_waiting_ones_on_the_same_span() {
    for wanted in [span(3, 4), span(3, 5), Span::ALL] {
        let lock = RawLock::fair();
        let hold = lock.lock(wanted, Shared);
        let pending = queue(&lock, wanted);
        let claims: Vec<bool> = lock.claims(Span::ALL).iter().map(|claim| claim.is_held).collect();
        assert_eq!(claims, [true, false]);
        assert!(lock.withdraw(pending).is_none());
        lock.unlock(wanted, Shared, hold);
        assert_idle(&lock);
    }
}

/// Whether any claim is watched.
fn is_watched(lock: &RawLock) -> bool {
    let slots = lock.visit_slots(Span::ALL, |_, word| match word.has_waiters() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    let proxies = &lock.core().books.lock().proxies;
    slots.is_break() || proxies.iter().any(Option::is_some)
}

#[test]
fn a_claim_is_not_watched_any_more_once_the_claims_that_it_blocked_are_withdrawn() {
    let spans = [span(3, 4), span(3, 5), span(0, 1 << 50)];
    for (held, mode) in spans.into_iter().flat_map(|held| [(held, Shared), (held, Exclusive)]) {
        let lock = RawLock::new();
        let hold = lock.lock(held, mode);
        let unit_3 = span(3, 4);
        assert!(lock.try_lock(Span::ALL, Exclusive).is_none() && !is_watched(&lock));
        assert!(lock.try_lock(unit_3, Exclusive).is_none() && !is_watched(&lock));
        assert!(lock.conflicts(span(2, 9), Exclusive) && !is_watched(&lock));
        assert_eq!(lock.claims(Span::ALL).len(), 1);
        assert!(!is_watched(&lock));
        let [waits, also] = [span(2, 4), unit_3].map(|span| queue(&lock, span));
        assert!(is_watched(&lock));
        assert!(lock.withdraw(waits).is_none() && is_watched(&lock));
        assert!(lock.withdraw(also).is_none() && !is_watched(&lock));
        lock.unlock(held, mode, hold);
        assert_idle(&lock);
    }
}

/// As many readers as fit are counted in a reader's word, as many as fit in the slot, and the
/// others take a cell or are in the registry.
#[test]
fn more_readers_of_a_unit_than_fit_into_a_word_are_all_counted() {
    let lock = RawLock::new();
    lock.open();
    let unit = span(3, 4);
    let mut readers: Vec<_> = (0..40_000).map(|_| lock.lock(unit, Shared)).collect();
    let in_words = readers.iter().filter(|hold| matches!(hold, Hold::Reader(_))).count();
    assert_eq!(in_words, (1 << 14) - 1);
    assert!(
        readers.contains(&Hold::Slot)
            && matches!(readers.last(), Some(Hold::Cell(_) | Hold::Claim(_)))
    );
    while let Some(hold) = readers.pop() {
        if readers.len() % 10_000 == 0 {
            assert!(lock.try_lock(unit, Exclusive).is_none());
        }
        lock.unlock(unit, Shared, hold);
    }
    assert_idle(&lock);
}

/// Such a reader is found in the same ways as one in a slot.
#[test]
fn a_reader_of_an_open_lock_has_a_word_of_its_own_until_the_lock_is_shut() {
    let lock = RawLock::new();
    lock.open();
    let [one, two] = [span(1, 2), span(2, 3)];
    let held = [one, two].map(|unit| lock.lock(unit, Shared));
    assert!(matches!(held, [Hold::Reader(_), Hold::Slot]), "a word has one unit: {held:?}");
    lock.shut();
    assert!([one, two].iter().all(|&unit| lock.is_locked(unit)));
    assert!(lock.try_lock(one, Exclusive).is_none(), "a reader is still there");
    lock.unlock(one, Shared, held[0]);
    let again = lock.lock(one, Shared);
    assert_eq!(again, Hold::Slot);
    lock.unlock(one, Shared, again);
    lock.unlock(two, Shared, held[1]);
    assert_idle(&lock);
}

#[test]
fn the_table_grows_with_the_held_units_and_shrinks_after_a_scan_that_finds_few() {
    let lock = RawLock::new();
    let bits = || lock.table().expect("units have met").bits();
    let units = (0..1000).map(|unit| span(unit * 7, unit * 7 + 1));
    let held: Vec<_> = units.map(|unit| (unit, lock.lock(unit, Exclusive))).collect();
    assert!((11..=13).contains(&bits()), "2 to 8 slots a unit: 2^{}", bits());
    let in_slots = held.iter().filter(|(_, hold)| *hold == Hold::Slot).count();
    assert!(in_slots > 900, "{in_slots}");
    assert!(lock.try_lock(Span::ALL, Shared).is_none());
    held.into_iter().for_each(|(unit, hold)| lock.unlock(unit, Exclusive, hold));
    let all = lock.try_lock(Span::ALL, Exclusive).expect("nothing is held");
    assert_eq!(bits(), crate::sync::FIRST_TABLE_BITS);
    lock.unlock(Span::ALL, Exclusive, all);
    assert_idle(&lock);
}

/// A scan of the table combines the words of a line. The bits of these words cancel each other if
/// they are combined by exclusive or.
#[test]
fn readers_whose_words_cancel_each_other_are_found() {
    let lock = RangeLock::new();
    let two_units_make_a_table = [lock.lock_exclusive(0..1), lock.lock_exclusive(1..2)];
    drop(two_units_make_a_table);
    for (a, b, c) in (0..8).flat_map(|a| (0..a).flat_map(move |b| (0..b).map(move |c| (a, b, c)))) {
        let units = [a, b, c, a ^ b ^ c];
        let _held = units.map(|unit| lock.lock_shared(unit..unit + 1));
        assert!(lock.conflicts(0..50, Exclusive), "{units:?}");
        assert!(lock.try_lock_exclusive(0..50).is_none(), "{units:?}");
    }
}

#[test]
fn no_unit_loses_its_holder_when_the_table_shrinks() {
    for seed in 0..20 {
        let lock = RawLock::new();
        let mut rng = fastrand::Rng::with_seed(seed);
        let units: BTreeSet<u64> = (0..1000).map(|_| rng.u64(..UNITS)).collect();
        let units = units.into_iter().map(|unit| span(unit, unit + 1));
        let mut held: Vec<_> = units.map(|unit| (unit, lock.lock(unit, Shared))).collect();
        rng.shuffle(&mut held);
        let before = lock.table().expect("units have met").bits();
        for (unit, hold) in held.split_off(50) {
            lock.unlock(unit, Shared, hold);
        }
        let all = lock.try_lock(Span::ALL, Shared).expect("all are readers");
        lock.unlock(Span::ALL, Shared, all);
        assert!(lock.table().expect("there was one").bits() <= before);
        for (unit, hold) in held {
            assert!(lock.try_lock(unit, Exclusive).is_none(), "{unit:?} has lost its holder");
            lock.unlock(unit, Shared, hold);
            let hold = lock.try_lock(unit, Exclusive).expect("it is not held");
            lock.unlock(unit, Exclusive, hold);
        }
        assert_idle(&lock);
    }
}

/// The other readers may leave after the attempt and before the upgrade is queued.
#[test]
fn an_upgrade_that_queues_when_the_other_readers_have_left_is_held() {
    for wanted in [span(3, 4), span(3, 5), span(0, 1 << 60)] {
        let lock = RawLock::new();
        let hold = lock.lock(wanted, Shared);
        let mut ledger = lock.core().enter(&lock);
        let queued = ledger.admit_upgrade(wanted, hold, || unreachable!("nothing blocks it"));
        ledger.close();
        let Some(Queued::Held(upgraded)) = queued else { panic!("{queued:?}") };
        lock.unlock(wanted, Shared, hold);
        assert!(lock.claims(Span::ALL).iter().all(|claim| claim.is_held));
        assert!(lock.conflicts(wanted, Shared));
        lock.unlock(wanted, Exclusive, upgraded);
        assert_idle(&lock);
    }
}
