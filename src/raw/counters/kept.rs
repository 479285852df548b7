//! The counters of a lock, allocated when it first has something to count.
//!
//! Every count is Relaxed: the numbers order nothing, and a snapshot is as exact as it can be while
//! other threads continue to count.

use std::cell::Cell;
use std::time::Instant;

use crossbeam_utils::CachePadded;

use crate::Mode;
use crate::raw::counters::Path;
use crate::stats::{BUCKETS, ModeStats, Stats, WaitHistogram};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, const_constructor};

/// How many threads can count claims without sharing a cache line; a power of two.
const SHARDS: usize = 16;

pub(crate) struct Counters {
    kept: AtomicPtr<Kept>,
}

struct Kept {
    /// Claims, by the thread that made them: two threads on two units share no line here either.
    shards: [CachePadded<Shard>; SHARDS],
    /// What happens under the registry's mutex or beside it.
    waits: [Waits; 2],
    wakes: AtomicU64,
}

struct Shard {
    claims: [[AtomicU64; 3]; 2],
}

struct Waits {
    buckets: [AtomicU64; BUCKETS],
    nanoseconds: AtomicU64,
    withdrawn: AtomicU64,
}

impl Counters {
    const_constructor! {
        pub(crate) fn new() -> Counters {
            Counters { kept: AtomicPtr::new(std::ptr::null_mut()) }
        }
    }

    /// Counts a claim that did not wait.
    #[inline]
    pub(crate) fn granted(&self, path: Path, mode: Mode) {
        let shard = &self.kept().shards[shard()];
        add(&shard.claims[mode as usize][path as usize], 1);
    }

    /// Counts a claim that waited and was granted just now.
    pub(crate) fn granted_after(&self, wait: &Wait) {
        self.granted(Path::Registry, wait.mode);
        let nanoseconds = u64::try_from(wait.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let waits = &self.kept().waits[wait.mode as usize];
        add(&waits.buckets[WaitHistogram::bucket_of(nanoseconds)], 1);
        add(&waits.nanoseconds, nanoseconds);
    }

    /// Counts a claim that waited and was not granted.
    pub(crate) fn withdrawn_after(&self, wait: &Wait) {
        add(&self.kept().waits[wait.mode as usize].withdrawn, 1);
    }

    /// Counts a wake-up.
    pub(crate) fn woke(&self) {
        add(&self.kept().wakes, 1);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let Some(kept) = self.existing() else { return Stats::default() };
        Stats {
            shared: kept.of_mode(Mode::Shared),
            exclusive: kept.of_mode(Mode::Exclusive),
            wakes: get(&kept.wakes),
        }
    }

    #[inline]
    fn kept(&self) -> &Kept {
        match self.existing() {
            Some(kept) => kept,
            None => self.first_kept(),
        }
    }

    #[inline]
    fn existing(&self) -> Option<&Kept> {
        // ORDERING: Acquire, paired with the Release in `first_kept`.
        let kept = self.kept.load(Ordering::Acquire);
        // SAFETY: not null, it was made by `first_kept`, and lives as long as the lock.
        unsafe { kept.as_ref() }
    }

    #[cold]
    fn first_kept(&self) -> &Kept {
        let new = Box::into_raw(Box::new(Kept::new()));
        // ORDERING: Release for a thread that finds ours, Acquire for when we find another
        // thread's.
        let installed = self.kept.compare_exchange(
            std::ptr::null_mut(),
            new,
            Ordering::Release,
            Ordering::Acquire,
        );
        let kept = match installed {
            Ok(_) => new,
            Err(other) => {
                // SAFETY: `new` came from a box above, and no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
                other
            }
        };
        // SAFETY: not null, made by a `first_kept` call, and lives as long as the lock.
        unsafe { &*kept }
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        // ORDERING: Relaxed: no other thread uses the lock.
        let kept = self.kept.load(Ordering::Relaxed);
        if !kept.is_null() {
            // SAFETY: made from a box by `first_kept`, and no reference outlives the lock.
            drop(unsafe { Box::from_raw(kept) });
        }
    }
}

impl Kept {
    fn new() -> Kept {
        let zero = |_| AtomicU64::new(0);
        let shard = |_| {
            let claims = std::array::from_fn(|_| std::array::from_fn(zero));
            CachePadded::new(Shard { claims })
        };
        let waits = |_| Waits {
            buckets: std::array::from_fn(zero),
            nanoseconds: AtomicU64::new(0),
            withdrawn: AtomicU64::new(0),
        };
        Kept {
            shards: std::array::from_fn(shard),
            waits: std::array::from_fn(waits),
            wakes: AtomicU64::new(0),
        }
    }

    #[expect(deprecated, reason = "one count has two names")]
    fn of_mode(&self, mode: Mode) -> ModeStats {
        let claims = |path: Path| {
            self.shards.iter().map(|shard| get(&shard.claims[mode as usize][path as usize])).sum()
        };
        let waits = &self.waits[mode as usize];
        ModeStats {
            by_slot: claims(Path::Slot),
            by_cell: claims(Path::Cell),
            by_small_range: claims(Path::Cell),
            by_registry: claims(Path::Registry),
            withdrawn: get(&waits.withdrawn),
            waits: WaitHistogram::new(waits.buckets.each_ref().map(get), get(&waits.nanoseconds)),
        }
    }
}

/// When a claim began to wait, and in which mode.
#[derive(Debug)]
pub(crate) struct Wait {
    mode: Mode,
    since: Instant,
}

impl Wait {
    pub(crate) fn begin(mode: Mode) -> Wait {
        Wait { mode, since: Instant::now() }
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// The shard of this thread: threads take them in turn.
fn shard() -> usize {
    // Not from `crate::sync`: a model cannot reset a static between executions, and the lock is correct
    // whatever this is.
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    // A thread that is ending may have lost its number. Any shard is correct.
    let own = SHARD.try_with(|shard| {
        if shard.get() == usize::MAX {
            shard.set(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % SHARDS);
        }
        shard.get()
    });
    own.unwrap_or(0)
}
