//! What waiting costs: the number of wake-ups, and how often a queued claim is overtaken.

#![cfg(not(spanlock_loom))]

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use spanlock::{Mode, RangeLock};

/// The tasks that were woken, in order.
#[derive(Default)]
struct Woken {
    tasks: Mutex<VecDeque<usize>>,
    wakes: AtomicU64,
}

struct TaskWaker {
    task: usize,
    woken: Arc<Woken>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.woken.wakes.fetch_add(1, Ordering::Relaxed);
        self.woken.tasks.lock().expect("no panic while it is locked").push_back(self.task);
    }
}

/// Queues that many claims on one held range, releases it, and polls each task that is woken. Returns
/// the number of wake-ups.
fn wakes_of(lock: &RangeLock, claims: usize, mode: impl Fn(usize) -> Mode) -> u64 {
    let woken = Arc::new(Woken::default());
    let wakers: Vec<Waker> = (0..claims)
        .map(|task| Arc::new(TaskWaker { task, woken: Arc::clone(&woken) }).into())
        .collect();
    let held = lock.lock_exclusive(10..20);
    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = (0..claims)
        .map(|task| match mode(task) {
            Mode::Shared => Box::pin(async { drop(lock.lock_shared_async(10..20).await) }) as _,
            Mode::Exclusive => {
                Box::pin(async { drop(lock.lock_exclusive_async(10..20).await) }) as _
            }
        })
        .collect();
    for (task, waker) in tasks.iter_mut().zip(&wakers) {
        assert!(task.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    }
    assert_eq!(woken.wakes.load(Ordering::Relaxed), 0, "no task is woken without a reason");
    drop(held);
    let mut done = 0;
    loop {
        let next = woken.tasks.lock().expect("no panic while it is locked").pop_front();
        let Some(task) = next else { break };
        assert_eq!(task, done, "granted in order of arrival");
        let polled = tasks[task].as_mut().poll(&mut Context::from_waker(&wakers[task]));
        assert!(polled.is_ready(), "a task is woken once its claim is granted, not before");
        done += 1;
    }
    assert_eq!(done, claims);
    assert!(!lock.is_locked(..));
    woken.wakes.load(Ordering::Relaxed)
}

#[test]
fn ten_thousand_queued_claims_cause_ten_thousand_wakes() {
    const MANY: usize = if cfg!(miri) { 100 } else { 10_000 };
    const SOME: usize = if cfg!(miri) { 30 } else { 1_000 };
    let lock = RangeLock::new();
    let every_seventh = |task| if task % 7 == 0 { Mode::Exclusive } else { Mode::Shared };
    assert_eq!(wakes_of(&lock, MANY, |_| Mode::Exclusive), MANY as u64);
    assert_eq!(wakes_of(&lock, SOME, |_| Mode::Shared), SOME as u64);
    assert_eq!(wakes_of(&lock, SOME, every_seventh), SOME as u64);
    #[cfg(feature = "stats")]
    {
        let stats = lock.stats();
        let wakes = (MANY + 2 * SOME) as u64;
        assert_eq!(stats.wakes, wakes);
        assert_eq!(stats.shared.waits.count() + stats.exclusive.waits.count(), wakes);
    }
}

/// Wakes by setting a flag.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn each_of_many_readers_overtakes_a_queued_writer_once_at_most() {
    const READERS: u64 = 2;
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 2_000 };
    let lock = RangeLock::new();
    let (granted, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut passed_most = 0;
    thread::scope(|scope| {
        for reader in 0..READERS {
            let (lock, granted, stop) = (&lock, &granted, &stop);
            scope.spawn(move || {
                for turn in 0_u64.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let unit = (turn * 7 + reader) % 64;
                    let _held = lock.lock_shared(unit..unit + 1);
                    granted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for _ in 0..ROUNDS {
            let before = granted.load(Ordering::SeqCst);
            while granted.load(Ordering::SeqCst) < before + 2 * READERS {
                thread::yield_now();
            }
            let flag = Arc::new(Flag(AtomicBool::new(false)));
            let waker = Waker::from(Arc::clone(&flag));
            let mut context = Context::from_waker(&waker);
            let mut writer = pin!(lock.lock_exclusive_async(..));
            let mut polled = writer.as_mut().poll(&mut context);
            let queued_at = granted.load(Ordering::SeqCst);
            while polled.is_pending() {
                while !flag.0.swap(false, Ordering::Acquire) {
                    thread::yield_now();
                }
                polled = writer.as_mut().poll(&mut context);
            }
            // Granted: no thread reads until `polled` is dropped.
            let passed = granted.load(Ordering::SeqCst) - queued_at;
            passed_most = passed_most.max(passed);
            let Poll::Ready(held) = polled else { unreachable!("the loop ended") };
            assert_eq!(lock.claims().iter().filter(|c| c.mode == Mode::Exclusive).count(), 1);
            drop(held);
        }
        stop.store(true, Ordering::Relaxed);
    });
    // A reader may hold its claim already, and not have counted it yet, when the writer queues.
    assert!(passed_most <= READERS, "{passed_most} claims of {READERS} readers passed a writer");
}

/// Parks the thread until it is woken.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        thread::park();
    }
}

/// More threads than there are processors. In a debug build a writer that yields until it succeeds
/// is passed by a median of 700,000 to 1,300,000 readers. One that queues is passed by a few tens,
/// or by a time slice's worth of readers, some 20,000, in those rounds in which its thread is
/// preempted before it has queued.
#[test]
fn a_writer_is_overtaken_by_few_of_many_readers_whether_it_is_a_thread_or_a_future() {
    const READERS: usize = 8;
    const ROUNDS: usize = if cfg!(miri) { 3 } else { 50 };
    const FEW: u64 = 100_000;
    let lock = RangeLock::new();
    let (stop, granted) = (AtomicBool::new(false), AtomicU64::new(0));
    let median = thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    drop(lock.lock_shared(5..6));
                    granted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let passed = |writes: &dyn Fn()| {
            let mut passed: Vec<u64> = (0..ROUNDS)
                .map(|_| {
                    let start = granted.load(Ordering::SeqCst);
                    while granted.load(Ordering::SeqCst) < start + READERS as u64 {
                        thread::yield_now();
                    }
                    let before = granted.load(Ordering::SeqCst);
                    writes();
                    granted.load(Ordering::SeqCst) - before
                })
                .collect();
            passed.sort_unstable();
            passed[ROUNDS / 2]
        };
        let median = [
            passed(&|| drop(lock.lock_exclusive(5..6))),
            passed(&|| drop(block_on(lock.lock_exclusive_async(5..6)))),
        ];
        stop.store(true, Ordering::Relaxed);
        median
    });
    assert!(median.iter().all(|&passed| passed < FEW), "a thread, a future: {median:?}");
}
