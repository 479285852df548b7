//! BRAVO over an rwlock: readers of a biased lock publish themselves in a table of their own
//! (Dice and Kogan, "BRAVO: Biased Locking for Reader-Writer Locks", USENIX ATC 2019).
//!
//! Readers of a lock that is biased towards readers do not write the lock's cache line. A reader
//! hashes its thread and the lock to an entry of one global table, and writes the lock's address there
//! if the entry is free. If the lock is still biased after that, the reader holds the lock. All other
//! readers take the underlying rwlock. A writer takes the underlying rwlock exclusively, withdraws the
//! bias, and waits until no entry of the table contains its lock. A reader on the slow path restores
//! the bias if nine times as long has passed as the last withdrawal took. So writers lose at most a
//! fixed part of their time.
//!
//! It ignores the range, like every rwlock. As in the paper, the table has 4,096 entries for all locks
//! together, the hash is of the thread and the lock, and the factor is nine. The underlying lock is
//! `parking_lot`'s, which is measured on its own too. Differences from the paper: the thread is
//! identified by the address of a thread-local variable, and a writer that waits for an entry spins and
//! then yields the processor.

use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};
use std::time::Instant;

use crossbeam_utils::Backoff;
use parking_lot::RawRwLock;
use parking_lot::lock_api::RawRwLock as _;

/// The number of entries: how many readers of all locks together can be in the table.
const ENTRIES: usize = 4_096;

/// At most a tenth of the time is spent on withdrawals.
const INHIBITION: u64 = 9;

/// The locks of the readers on the fast path, one entry for each reader.
static VISIBLE_READERS: [AtomicPtr<BravoLock>; ENTRIES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; ENTRIES];

/// An rwlock that can be biased towards readers.
pub struct BravoLock {
    biased: AtomicBool,
    /// When the bias may be restored, in nanoseconds of [`now`].
    inhibited_until: AtomicU64,
    underlying: RawRwLock,
}

/// A shared claim; dropping it releases.
#[must_use]
pub struct BravoReadGuard<'a> {
    lock: &'a BravoLock,
    /// The reader's entry; `None` if it holds the underlying lock.
    entry: Option<&'static AtomicPtr<BravoLock>>,
}

/// An exclusive claim; dropping it releases.
#[must_use]
pub struct BravoWriteGuard<'a> {
    lock: &'a BravoLock,
}

impl BravoReadGuard<'_> {
    /// Whether it is on the fast path, without the underlying lock.
    pub fn came_the_fast_way(&self) -> bool {
        self.entry.is_some()
    }
}

impl BravoLock {
    /// An unlocked lock; its first reader on the slow path biases it.
    pub fn new() -> BravoLock {
        BravoLock {
            biased: AtomicBool::new(false),
            inhibited_until: AtomicU64::new(0),
            underlying: RawRwLock::INIT,
        }
    }

    /// Takes the lock shared, waiting as long as it takes.
    #[inline]
    pub fn read(&self) -> BravoReadGuard<'_> {
        if self.biased.load(Relaxed) {
            let entry = &VISIBLE_READERS[self.entry_of_this_thread()];
            let this = ptr::from_ref(self).cast_mut();
            // SeqCst here and below: of a reader that writes its entry and then reads the bias,
            // and a writer that withdraws the bias and then reads the entries, one sees the other.
            if entry.compare_exchange(ptr::null_mut(), this, SeqCst, Relaxed).is_ok() {
                if self.biased.load(SeqCst) {
                    return BravoReadGuard { lock: self, entry: Some(entry) };
                }
                entry.store(ptr::null_mut(), Release);
            }
        }
        self.read_slowly()
    }

    #[cold]
    fn read_slowly(&self) -> BravoReadGuard<'_> {
        self.underlying.lock_shared();
        // No writer withdraws the bias while the underlying lock is held.
        if !self.biased.load(Relaxed) && now() >= self.inhibited_until.load(Relaxed) {
            self.biased.store(true, Release);
        }
        BravoReadGuard { lock: self, entry: None }
    }

    /// Takes the lock exclusively, waiting as long as it takes.
    #[inline]
    pub fn write(&self) -> BravoWriteGuard<'_> {
        self.underlying.lock_exclusive();
        if self.biased.load(Relaxed) {
            self.withdraw_bias();
        }
        BravoWriteGuard { lock: self }
    }

    #[cold]
    fn withdraw_bias(&self) {
        self.biased.store(false, SeqCst);
        let begin = now();
        let this = ptr::from_ref(self).cast_mut();
        for entry in &VISIBLE_READERS {
            let backoff = Backoff::new();
            // SeqCst: see `read`. It also acquires what the reader released.
            while entry.load(SeqCst) == this {
                backoff.snooze();
            }
        }
        let end = now();
        self.inhibited_until.store(end + INHIBITION * (end - begin), Relaxed);
    }

    /// Whether readers may use the fast path now.
    pub fn is_biased(&self) -> bool {
        self.biased.load(Acquire)
    }

    #[inline]
    fn entry_of_this_thread(&self) -> usize {
        thread_local! {
            static HERE: u8 = const { 0 };
        }
        let thread = HERE.with(|here| ptr::from_ref(here).addr() as u64);
        let lock = ptr::from_ref(self).addr() as u64;
        // Multiplying by 2^64 over the golden ratio spreads the sum over the upper bits.
        let hash = thread.wrapping_add(lock.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (hash >> 52) as usize
    }
}

/// Nanoseconds since the first call.
fn now() -> u64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGIN.elapsed().as_nanos()).expect("no process runs for centuries")
}

impl Drop for BravoReadGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.entry {
            Some(entry) => entry.store(ptr::null_mut(), Release),
            // SAFETY: the guard was built after the underlying lock was taken shared, and it
            // releases that once.
            None => unsafe { self.lock.underlying.unlock_shared() },
        }
    }
}

impl Drop for BravoWriteGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the guard was built after the underlying lock was taken exclusively, and it
        // releases that once.
        unsafe { self.lock.underlying.unlock_exclusive() }
    }
}
