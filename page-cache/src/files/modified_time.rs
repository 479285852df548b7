//! The time when a file's content last changed in the cache.
//!
//! A store's own time is that of its last write, which writeback may make at any time. So a file
//! may keep a time of its own
//! ([`FileOptions::keep_modified_time`](crate::FileOptions::keep_modified_time)): that of the last
//! write, store to a mapping, or change of size or extents. A sync and the close hand it to the
//! store if it, or the store's own time, may have changed since.
//!
//! The clock is coarse, as in kernels: it is a few milliseconds behind, and is cheaper to read than an exact one. A
//! file that keeps no time pays only for one comparison.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use crate::sync::blocking::{Mutex, PoisonError};

pub(crate) struct ModifiedTime {
    is_kept: bool,
    /// In nanoseconds since the epoch.
    nanos: AtomicI64,
    /// How often the time has changed.
    changes: AtomicU64,
    /// How many changes, of the time and of the store, there were when the store was given the time.
    in_store: AtomicU64,
    /// Held while the time is given to the store, so that an older time does not arrive last.
    giving: Mutex<()>,
}

impl ModifiedTime {
    /// For a file that keeps no time.
    pub(crate) fn of_store() -> ModifiedTime {
        ModifiedTime::new(0, false)
    }

    /// The time of a file that is opened. Without one from its store it is now.
    pub(crate) fn kept(stored: Option<SystemTime>) -> ModifiedTime {
        ModifiedTime::new(to_nanos(stored.unwrap_or_else(SystemTime::now)), true)
    }

    fn new(nanos: i64, is_kept: bool) -> ModifiedTime {
        let (changes, in_store) = (AtomicU64::new(0), AtomicU64::new(0));
        let nanos = AtomicI64::new(nanos);
        ModifiedTime { is_kept, nanos, changes, in_store, giving: Mutex::new(()) }
    }

    /// The time, if the file keeps one.
    pub(crate) fn get(&self) -> Option<SystemTime> {
        // ORDERING: relaxed: `give` has synchronised with the changes that it has counted.
        self.is_kept.then(|| from_nanos(self.nanos.load(Ordering::Relaxed)))
    }

    /// Records that the content changes now.
    #[inline]
    pub(crate) fn note_change(&self) {
        if self.is_kept {
            self.set(now());
        }
    }

    /// Sets the time.
    #[cold]
    pub(crate) fn set(&self, nanos: i64) {
        // ORDERING: relaxed: the count is changed after it.
        self.nanos.store(nanos, Ordering::Relaxed);
        // ORDERING: Release, paired with the Acquire in `all_changes`: who counts the change reads its time, or a later
        // one.
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Gives the time to the store, if the store may have another one. `of_store` counts the changes of the store.
    pub(crate) fn give(
        &self,
        of_store: impl Fn() -> u64,
        give: impl FnOnce(SystemTime) -> io::Result<()>,
    ) -> io::Result<()> {
        if !self.is_for_store(of_store()) {
            return Ok(());
        }
        let _giving = self.giving.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.all_changes(of_store());
        let Some(time) = self.get() else { return Ok(()) };
        // ORDERING: relaxed: it is written by the holder of the mutex only.
        if changes != self.in_store.load(Ordering::Relaxed) {
            give(time)?;
            self.in_store.store(changes, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether there is a time to give to the store. It is true until the store has it.
    pub(crate) fn is_for_store(&self, of_store: u64) -> bool {
        // ORDERING: relaxed: the caller knows of the changes that it waits for.
        self.is_kept && self.all_changes(of_store) != self.in_store.load(Ordering::Relaxed)
    }

    /// The changes of the time and of the store. Both numbers only increase, so the sum is the same only if both are.
    fn all_changes(&self, of_store: u64) -> u64 {
        self.changes.load(Ordering::Acquire) + of_store
    }
}

/// Nanoseconds since the epoch; the nearest that there is.
pub(crate) fn to_nanos(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(error) => i64::try_from(error.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}

fn from_nanos(nanos: i64) -> SystemTime {
    let duration = Duration::from_nanos(nanos.unsigned_abs());
    let time = match nanos < 0 {
        true => UNIX_EPOCH.checked_sub(duration),
        false => UNIX_EPOCH.checked_add(duration),
    };
    time.unwrap_or(UNIX_EPOCH)
}

#[cfg(target_os = "linux")]
fn now() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

#[cfg(not(target_os = "linux"))]
fn now() -> i64 {
    to_nanos(SystemTime::now())
}

#[cfg(test)]
mod tests;
