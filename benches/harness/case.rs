//! A case: one workload on one lock, with a number of threads.

use std::cell::LazyCell;
use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::Backoff;

use super::contender::{About, Contender};
use super::processors::keep_apart;

/// One workload on one lock, which is prepared when it is first run.
pub struct Case {
    pub contender: &'static str,
    run: LazyCell<Run, Box<dyn FnOnce() -> Run>>,
}

type Run = Box<dyn Fn(u64) -> Duration>;

impl Case {
    /// `prepare` builds the lock and everything else that is not timed. It returns the timed run.
    pub fn new<L: Contender, R>(prepare: impl FnOnce() -> R + 'static) -> Case
    where
        R: Fn(u64) -> Duration + 'static,
    {
        Case::named(L::NAME, prepare)
    }

    /// The same for what is not a lock.
    pub fn named<R>(contender: &'static str, prepare: impl FnOnce() -> R + 'static) -> Case
    where
        R: Fn(u64) -> Duration + 'static,
    {
        let prepare = || -> Run { Box::new(prepare()) };
        Case { contender, run: LazyCell::new(Box::new(prepare)) }
    }

    /// How long `operations` operations took.
    pub fn run(&self, operations: u64) -> Duration {
        (self.run)(operations)
    }
}

/// The same timed run, with `guards` held for as long as it exists.
pub fn while_holding<G>(guards: G, run: impl Fn(u64) -> Duration) -> impl Fn(u64) -> Duration {
    move |operations| {
        let _held = &guards;
        run(operations)
    }
}

/// A [`Case`] for each contender that `$workload` can be done with.
macro_rules! each_contender {
    ($workload:ident($($argument:expr),* $(,)?)) => {
        [
            $workload::<spanlock::RangeLock>($($argument),*),
            $workload::<parking_lot::RwLock<()>>($($argument),*),
            $workload::<std::sync::RwLock<()>>($($argument),*),
            $workload::<$crate::harness::contenders::bravo::BravoLock>($($argument),*),
            $workload::<$crate::harness::adapters::RangeLockCrate>($($argument),*),
            $workload::<$crate::harness::adapters::RangeMutexCrate>($($argument),*),
            $workload::<$crate::harness::contenders::interval_tree::IntervalTreeLock>($($argument),*),
            $workload::<$crate::harness::contenders::sorted_list::SortedListLock>($($argument),*),
            $workload::<$crate::harness::contenders::cheating::CheatingLock>($($argument),*),
            $workload::<$crate::harness::contenders::skip_list::SkipListLock>($($argument),*),
            $workload::<$crate::harness::contenders::segments::SegmentLocks>($($argument),*),
        ]
        .into_iter()
        .flatten()
    };
}
pub(crate) use each_contender;

/// All contenders, in the order of the tables.
pub fn contenders() -> impl Iterator<Item = About> {
    each_contender!(about())
}

fn about<L: Contender>() -> Option<About> {
    Some(About::of::<L>())
}

/// A lock that lives as long as the process, so that a case can keep its guards.
pub fn immortal<L: Contender>(units: u64) -> &'static L {
    Box::leak(Box::new(L::over(units)))
}

/// The same, of which one thread may hold several claims at the same time.
pub fn immortal_for_many<L: Contender>(units: u64) -> &'static L {
    Box::leak(Box::new(L::over_for_many(units)))
}

/// The same, after many of its units were held at the same time, so that a lock that grows with its use has grown.
pub fn immortal_after_many<L: Contender>(units: u64) -> &'static L {
    let lock = immortal_for_many::<L>(units);
    for _ in 0..16 {
        let held: Vec<_> = (0..64).map(|unit| lock.lock_shared(unit..unit + 1)).collect();
        drop(held);
    }
    lock
}

/// How long `operations` operations took, divided equally among `threads` threads.
///
/// `work` gets the number of the thread and its number of operations. The time is measured from the start of
/// the first thread to the end of the last. With one thread no other is started.
pub fn time_on_threads(
    threads: usize,
    operations: u64,
    work: impl Fn(usize, u64) + Sync,
) -> Duration {
    if threads == 1 {
        let start = Instant::now();
        work(0, operations);
        return start.elapsed();
    }
    let share = operations.div_ceil(threads as u64);
    let line = StartLine { arrived: AtomicUsize::new(0), expected: threads };
    let (line, work) = (&line, &work);
    let runs: Vec<Range<Instant>> = thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    keep_apart(thread, threads);
                    line.wait();
                    let start = Instant::now();
                    work(thread, share);
                    start..Instant::now()
                })
            })
            .collect();
        started.into_iter().map(|run| run.join().expect("no workload panics")).collect()
    });
    let first = runs.iter().map(|run| run.start).min().expect("at least one thread");
    let last = runs.iter().map(|run| run.end).max().expect("at least one thread");
    let surplus = (share * threads as u64) as f64 / operations as f64;
    (last - first).div_f64(surplus)
}

/// A barrier that spins first: waking parked threads one by one would be part of a short run.
struct StartLine {
    arrived: AtomicUsize,
    expected: usize,
}

impl StartLine {
    fn wait(&self) {
        self.arrived.fetch_add(1, AcqRel);
        let backoff = Backoff::new();
        while self.arrived.load(Acquire) < self.expected {
            backoff.snooze();
        }
    }
}
