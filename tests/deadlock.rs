//! Cycles of waiting threads, made on purpose. The threads of a deadlock end with the process.

#![cfg(all(feature = "deadlock_detection", not(spanlock_loom)))]

use std::backtrace::BacktraceStatus;
use std::mem;
use std::panic::Location;
use std::pin::pin;
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Waker};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use spanlock::deadlock::{DeadlockedClaim, check_deadlock};
use spanlock::{
    Access, ClaimState, ExclusiveGuard, MappingLock, Mode, RangeLock, RangeRwLock, SharedGuard,
    lock_pair,
};

/// A lock that lives as long as the threads that wait for it.
fn eternal() -> &'static RangeLock {
    Box::leak(Box::default())
}

fn address(lock: &RangeLock) -> usize {
    std::ptr::from_ref(lock).addr()
}

/// The deadlocks on one of these locks. Other tests of the process have deadlocks of their own.
fn deadlocks_on(locks: &[&RangeLock]) -> Vec<Vec<DeadlockedClaim>> {
    let on_ours =
        |claim: &DeadlockedClaim| locks.iter().any(|lock| address(lock) == claim.lock_address());
    check_deadlock().into_iter().filter(|cycle| cycle.iter().any(on_ours)).collect()
}

/// Returns when that many claims wait for the lock.
fn until_waiting(lock: &RangeLock, claims: usize) {
    while lock.claims().iter().filter(|c| c.state == ClaimState::Waiting).count() < claims {
        thread::yield_now();
    }
}

/// Starts a thread that acquires a claim, meets the others at the barrier, and then waits for ever.
fn doomed<G: 'static>(
    barrier: &Arc<Barrier>,
    take: impl FnOnce() -> G + Send + 'static,
    wait: impl FnOnce() + Send + 'static,
) -> ThreadId {
    let barrier = Arc::clone(barrier);
    let thread = thread::spawn(move || {
        let _held = take();
        barrier.wait();
        wait();
        unreachable!("a thread in a deadlock goes on");
    });
    thread.thread().id()
}

#[test]
fn two_threads_that_take_two_locks_in_opposite_order_are_found() {
    let (a, b) = (eternal(), eternal());
    let barrier = Arc::new(Barrier::new(2));
    let line = line!() + 1;
    let one = doomed(&barrier, || a.lock_exclusive(0..10), || drop(b.lock_shared(7..8)));
    let two = doomed(&barrier, || b.lock_exclusive(5..9), || drop(a.lock_exclusive(..)));
    until_waiting(a, 1);
    until_waiting(b, 1);

    let found = deadlocks_on(&[a, b]);
    assert_eq!(found.len(), 1, "{found:?}");
    let mut cycle = found[0].clone();
    cycle.sort_by_key(|claim| claim.waiting().thread_id() != one);
    let [first, second] = &cycle[..] else { panic!("{cycle:?}") };
    assert_eq!((first.waiting().thread_id(), second.waiting().thread_id()), (one, two));

    assert_eq!(
        (first.lock_address(), first.waiting().range(), first.waiting().mode()),
        (address(b), 7..8, Mode::Shared)
    );
    let blocker = first.blocker();
    assert_eq!((blocker.thread_id(), blocker.range()), (two, 5..9));
    assert_eq!((blocker.mode(), blocker.state()), (Mode::Exclusive, ClaimState::Held));

    assert_eq!((second.lock_address(), second.waiting().range()), (address(a), 0..u64::MAX));
    let blocker = second.blocker();
    assert_eq!((blocker.thread_id(), blocker.range()), (one, 0..10));
    let location = blocker.location().expect("a held claim's place is known");
    assert_eq!((location.file(), location.line()), (file!(), line));

    for claim in &cycle {
        assert_eq!(claim.waiting().backtrace().status(), BacktraceStatus::Captured);
        let trace = claim.waiting().backtrace().to_string();
        // An optimised build inlines the frame, and has no debug information to tell.
        let names_us = trace.contains("two_threads_that_take_two_locks");
        assert!(names_us || !cfg!(debug_assertions), "{trace}");
        let wanted = std::backtrace::Backtrace::capture().status();
        assert_eq!(claim.blocker().backtrace().status(), wanted, "as the environment asks");
    }
    let text = first.to_string();
    assert!(text.contains("waits for 7..8 Shared of lock 0x"), "{text}");
    assert!(text.contains("behind 5..9 Exclusive Held by ThreadId"), "{text}");
    assert!(text.contains("tests/deadlock.rs:"), "{text}");
    assert_eq!(deadlocks_on(&[a, b]).len(), 1, "a deadlock stays one");
}

#[test]
fn three_threads_in_a_cycle_on_one_lock_are_found() {
    let lock = eternal();
    let barrier = Arc::new(Barrier::new(3));
    let mut threads = [0, 10, 20].map(|start: u64| {
        let next = (start + 10) % 30;
        let take = move || lock.lock_exclusive(start..start + 5);
        doomed(&barrier, take, move || drop(lock.lock_shared(next..next + 2)))
    });
    until_waiting(lock, 3);
    let found = deadlocks_on(&[lock]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].len(), 3);
    let next = found[0].iter().cycle().skip(1);
    for (claim, next) in found[0].iter().zip(next) {
        assert_eq!(claim.blocker().thread_id(), next.waiting().thread_id());
        assert_eq!(
            claim.blocker().range(),
            claim.waiting().range().start..claim.waiting().range().start + 5
        );
    }
    let mut found: Vec<ThreadId> =
        found[0].iter().map(|claim| claim.waiting().thread_id()).collect();
    let order = |id: &ThreadId| format!("{id:?}");
    found.sort_by_key(order);
    threads.sort_by_key(order);
    assert_eq!(found, threads);
}

#[test]
fn a_thread_that_waits_for_itself_is_a_cycle_of_one() {
    let lock = eternal();
    let barrier = Arc::new(Barrier::new(1));
    let id = doomed(&barrier, || lock.lock_shared(0..10), || drop(lock.lock_exclusive(9..20)));
    until_waiting(lock, 1);
    let found = deadlocks_on(&[lock]);
    let [cycle] = &found[..] else { panic!("{found:?}") };
    let [claim] = &cycle[..] else { panic!("{cycle:?}") };
    assert_eq!((claim.waiting().thread_id(), claim.blocker().thread_id()), (id, id));
}

#[test]
fn a_reader_that_re_enters_behind_a_writer_is_found() {
    let lock = eternal();
    let barrier = Arc::new(Barrier::new(2));
    let reader = doomed(
        &barrier,
        || lock.lock_shared(0..10),
        || {
            until_waiting(lock, 1);
            drop(lock.lock_shared(5..6));
        },
    );
    doomed(&barrier, || (), || drop(lock.lock_exclusive(3..8)));
    until_waiting(lock, 2);
    let found = deadlocks_on(&[lock]);
    let [cycle] = &found[..] else { panic!("{found:?}") };
    assert_eq!(cycle.len(), 2);
    let again =
        cycle.iter().find(|claim| claim.waiting().thread_id() == reader).expect("the reader waits");
    let writer = again.blocker();
    assert_eq!((writer.state(), writer.range()), (ClaimState::Waiting, 3..8));
    assert!(writer.location().is_none());
    assert_eq!(writer.backtrace().status(), BacktraceStatus::Captured);
}

/// Locks more than 100..110, in the other mode, and keeps 100..110.
fn take_and_keep(lock: &RangeLock) -> SharedGuard<'_> {
    let (low, mut kept) = lock.lock_exclusive(90..200).split_at(100);
    drop(low);
    kept.shrink_to(100..110);
    kept.downgrade()
}

#[test]
fn the_kept_part_of_a_claim_still_blocks() {
    let (a, b) = (eternal(), eternal());
    let barrier = Arc::new(Barrier::new(2));
    doomed(&barrier, || take_and_keep(a), || drop(b.lock_exclusive(0..1)));
    let wanted = [(20..30, Mode::Exclusive), (109..120, Mode::Exclusive)];
    let many = doomed(&barrier, || b.lock_shared(0..1), || drop(a.lock_many(wanted)));
    until_waiting(a, 2);
    until_waiting(b, 1);
    let found = deadlocks_on(&[a, b]);
    let [cycle] = &found[..] else { panic!("{found:?}") };
    assert_eq!(cycle.len(), 2);
    let wait =
        cycle.iter().find(|claim| claim.waiting().thread_id() == many).expect("it is in the cycle");
    assert_eq!((wait.waiting().range(), wait.waiting().mode()), (109..120, Mode::Exclusive));
    assert_eq!((wait.blocker().range(), wait.blocker().mode()), (100..110, Mode::Shared));
}

#[test]
fn the_released_part_of_a_claim_blocks_no_other() {
    let (a, b) = (RangeLock::new(), RangeLock::new());
    let (a, b) = (&a, &b);
    thread::scope(|scope| {
        let ready = Arc::new(Barrier::new(3));
        let [one, two] = [Arc::clone(&ready), Arc::clone(&ready)];
        scope.spawn(move || {
            let _kept = take_and_keep(a);
            one.wait();
            one.wait();
            drop(b.lock_exclusive(0..1));
        });
        scope.spawn(move || {
            let _kept = b.lock_shared(0..1);
            two.wait();
            two.wait();
            // The first thread had both of these, and kept 100..110 for reading only.
            drop(a.lock_many([(95..96, Mode::Exclusive), (105..120, Mode::Shared)]));
        });
        ready.wait();
        let in_the_way = a.lock_exclusive(115..116);
        ready.wait();
        until_waiting(a, 1);
        until_waiting(b, 1);
        assert!(deadlocks_on(&[a, b]).is_empty());
        drop(in_the_way);
    });
}

#[test]
fn a_mapping_and_a_lock_around_data_are_found_by_the_address_of_the_lock_beneath() {
    let mapping: &'static MappingLock = Box::leak(Box::default());
    let data: &'static RangeRwLock<Vec<u8>> = Box::leak(Box::new(vec![0; 10].into()));
    let barrier = Arc::new(Barrier::new(2));
    let line = line!() + 1;
    doomed(&barrier, || mapping.lock_page(Access::Fault, 7), || drop(data.write(..)));
    doomed(&barrier, || data.read(3..4), || drop(mapping.lock(Access::Truncate, 0..u64::MAX)));
    until_waiting(mapping.pages(), 1);
    until_waiting(data.indices(), 1);
    let found = deadlocks_on(&[mapping.pages()]);
    let [cycle] = &found[..] else { panic!("{found:?}") };
    assert_eq!(cycle.len(), 2);
    assert!(cycle.iter().any(|claim| claim.lock_address() == address(data.indices())));
    let lines = cycle.iter().map(|claim| claim.blocker().location().expect("held").line());
    let mut lines: Vec<u32> = lines.collect();
    lines.sort_unstable();
    assert_eq!(lines, [line, line + 1]);
}

#[test]
fn plain_waiting_is_no_deadlock() {
    let (a, b) = (RangeLock::new(), RangeLock::new());
    thread::scope(|scope| {
        let held = a.lock_exclusive(0..10);
        scope.spawn(|| {
            let _chain = b.lock_exclusive(0..10);
            drop(a.lock_shared(5..6));
        });
        until_waiting(&a, 1);
        scope.spawn(|| drop(b.lock_shared(3..4)));
        until_waiting(&b, 1);
        // Waits for one part, holds none of the other meanwhile.
        scope.spawn(|| drop(b.lock_many([(9..30, Mode::Exclusive), (50..60, Mode::Shared)])));
        until_waiting(&b, 3);
        assert!(deadlocks_on(&[&a, &b]).is_empty());
        drop(held);
    });
    assert!(deadlocks_on(&[&a, &b]).is_empty());
}

#[test]
fn claims_with_a_timeout_and_tasks_are_not_followed() {
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(0..10);
    let timeout = std::time::Duration::from_millis(1);
    assert!(lock.try_lock_shared_for(3..4, timeout).is_none());
    let mut task = pin!(lock.lock_shared_async(3..4));
    assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(deadlocks_on(&[&lock]).is_empty());
    drop(held);
}

#[test]
fn a_lock_at_the_place_of_another_inherits_no_forgotten_guard() {
    let other = RangeLock::new();
    let mut place = RangeLock::new();
    let at = address(&place);
    mem::forget(place.lock_exclusive(0..10));
    place = RangeLock::new();
    assert_eq!(address(&place), at);
    let (place, other) = (&place, &other);
    thread::scope(|scope| {
        let ready = Arc::new(Barrier::new(3));
        let [one, two] = [Arc::clone(&ready), Arc::clone(&ready)];
        scope.spawn(move || {
            let held = place.lock_exclusive(0..10);
            one.wait();
            until_waiting(place, 1);
            until_waiting(other, 1);
            let found = deadlocks_on(&[place, other]);
            drop(held);
            assert!(found.is_empty(), "{found:?}");
        });
        scope.spawn(move || {
            let _held = other.lock_exclusive(..);
            two.wait();
            drop(place.lock_shared(3..4));
        });
        ready.wait();
        // This thread forgot a guard of the lock that was at `place`.
        drop(other.lock_shared(7..8));
    });
}

#[test]
fn both_claims_of_a_pair_are_known_by_the_call_that_took_them() {
    let (a, b) = (eternal(), eternal());
    let barrier = Arc::new(Barrier::new(1));
    let line = line!() + 3;
    doomed(
        &barrier,
        || lock_pair(a, 0..9, Mode::Shared, b, 0..9, Mode::Exclusive),
        || drop(b.lock_shared(3..4)),
    );
    until_waiting(b, 1);
    let found = deadlocks_on(&[b]);
    let location = found[0][0].blocker().location().expect("held");
    assert_eq!((location.file(), location.line()), (file!(), line));
}

#[test]
fn a_holder_that_waits_behind_a_claim_on_both_is_found() {
    let lock: &RangeLock = Box::leak(Box::new(RangeLock::fair()));
    let barrier = Arc::new(Barrier::new(2));
    let ask_for_more = || {
        until_waiting(lock, 1);
        drop(lock.lock_exclusive(20..30));
    };
    doomed(&barrier, || lock.lock_exclusive(0..10), ask_for_more);
    doomed(&barrier, || (), || drop(lock.lock_exclusive(..)));
    until_waiting(lock, 2);
    let found = deadlocks_on(&[lock]);
    let [cycle] = &found[..] else { panic!("{found:?}") };
    let states = cycle.iter().map(|claim| claim.blocker().state());
    assert_eq!(cycle.len(), 2);
    assert!(states.clone().any(|state| state == ClaimState::Held));
    assert!(states.clone().any(|state| state == ClaimState::Waiting));
}

/// Acquires a claim in a thread that then runs `wait`. Another thread that has the guard can end what
/// looks like a deadlock.
fn holder(
    lock: &'static RangeLock,
    range: std::ops::Range<u64>,
    wait: impl FnOnce() + Send + 'static,
) -> (ExclusiveGuard<'static>, JoinHandle<()>) {
    let (send, receive) = mpsc::channel();
    let thread = thread::spawn(move || {
        send.send(lock.lock_exclusive(range)).expect("the test waits for it");
        wait();
    });
    (receive.recv().expect("a guard"), thread)
}

#[test]
fn a_claim_that_may_overtake_a_patient_one_does_not_wait_for_it() {
    for _ in 0..50 {
        let lock = eternal();
        let reader = lock.lock_shared(20..21);
        let (held, asks_for_more) = holder(lock, 0..10, || {
            until_waiting(lock, 1);
            // Due at once: it waits for a reader only.
            drop(lock.lock_exclusive(20..30));
        });
        let wants_all = thread::spawn(|| drop(lock.lock_exclusive(..)));
        until_waiting(lock, 2);
        let before = deadlocks_on(&[lock]);
        drop(reader);
        // The first to be due goes first: it is a deadlock if that wants all.
        let after = deadlocks_on(&[lock]);
        assert_eq!(before.len(), after.len(), "a deadlock that came to an end: {before:?}");
        drop(held);
        for thread in [asks_for_more, wants_all] {
            thread.join().expect("no deadlock any more");
        }
    }
}

#[test]
fn a_claim_that_became_due_too_late_waits_for_those_that_were_due_before() {
    for _ in 0..50 {
        let lock = eternal();
        let other = lock.lock_exclusive(2..3);
        let (held, waits) = holder(lock, 5..6, || drop(lock.lock_exclusive(0..3)));
        until_waiting(lock, 1);
        let parts = [(0..1, Mode::Exclusive), (5..6, Mode::Exclusive)];
        let wants_both = thread::spawn(|| drop(lock.lock_many(parts)));
        until_waiting(lock, 3);
        drop(other);
        // The first to be due goes first: it is a deadlock if that wants both.
        while !waits.is_finished() && deadlocks_on(&[lock]).is_empty() {
            thread::yield_now();
        }
        drop(held);
        for thread in [waits, wants_both] {
            thread.join().expect("no deadlock any more");
        }
    }
}

#[test]
fn threads_that_keep_an_order_are_never_reported() {
    const ROUNDS: u64 = 2_000;
    let locks = [eternal(), eternal(), eternal()];
    let workers: Vec<_> =
        (0..4).map(|seed| thread::spawn(move || work_in_order(locks, seed, ROUNDS))).collect();
    while !workers.iter().all(|worker| worker.is_finished()) {
        let found = deadlocks_on(&locks);
        assert!(found.is_empty(), "{found:?}");
        // A thread that looks without a pause keeps the workers from the mutex that it takes.
        thread::sleep(Duration::from_millis(1));
    }
    workers.into_iter().for_each(|worker| worker.join().expect("a worker does not panic"));
}

/// Makes claims in all ways: at most one at a time on each lock, except recursive ones, and on the locks
/// in order.
fn work_in_order(locks: [&'static RangeLock; 3], seed: u64, rounds: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut range = move || {
        let start = rng.u64(..12);
        start..start + rng.u64(1..8)
    };
    let [a, b, c] = locks;
    for round in 0..rounds {
        match round % 5 {
            0 => drop((a.lock_exclusive(range()), b.lock_shared(range()), c.lock_exclusive(3..4))),
            1 => {
                let (low, mut high) = a.lock_exclusive(0..20).split_at(10);
                drop(low);
                high.shrink_to(12..15);
                drop((high, c.lock_exclusive(range())));
            }
            2 => {
                let span = range();
                let reader = a.lock_exclusive(span.clone()).downgrade();
                let again = a.lock_shared_recursive(span);
                drop((reader, again, b.lock_exclusive(range())));
            }
            3 => {
                let upgraded = b.lock_shared(range()).try_upgrade();
                let last = c.lock_shared(range());
                drop((upgraded, last));
            }
            _ => {
                let parts = [(range(), Mode::Exclusive), (range(), Mode::Shared)];
                drop((a.lock_many(parts.clone()), b.lock_many(parts)));
            }
        }
    }
}

#[test]
fn the_claims_of_a_lock_are_listed_with_their_threads_and_since_when() {
    let lock = eternal();
    let other = RangeLock::new();
    let before = Instant::now();
    let held = lock.lock_exclusive(5..9);
    let apart = (lock.lock_shared(20..21), other.lock_shared(7..8));
    let location = Location::caller().line() - 1;
    let between = Instant::now();
    let waiter = thread::Builder::new().name("the waiter".to_owned());
    let waiter =
        waiter.spawn(move || drop(lock.lock_many([(7..8, Mode::Shared)]))).expect("a thread");
    until_waiting(lock, 1);

    let claims = lock.thread_claims();
    let seen: Vec<_> = claims.iter().map(|c| (c.range(), c.mode(), c.state())).collect();
    let wanted = [
        (5..9, Mode::Exclusive, ClaimState::Held),
        (7..8, Mode::Shared, ClaimState::Waiting),
        (20..21, Mode::Shared, ClaimState::Held),
    ];
    assert_eq!(seen, wanted);
    assert!(before <= claims[0].since() && claims[2].since() <= between);
    assert!(claims[1].since() >= between);
    assert_eq!(claims[2].location().map(Location::line), Some(location));
    let owner = [&claims[0], &claims[2]].map(|claim| claim.thread_id() == thread::current().id());
    assert_eq!((owner, claims[1].thread_id()), ([true; 2], waiter.thread().id()));
    assert_eq!(claims[1].thread_name(), Some("the waiter"));
    assert!(claims[1].to_string().contains(" (the waiter) for "), "{}", claims[1]);

    drop(held);
    waiter.join().expect("granted");
    drop(apart);
    assert!(lock.thread_claims().is_empty());
}
