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

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sync::atomic::{AtomicBool, AtomicI64, Ordering};

pub(crate) struct ModifiedTime {
    is_kept: bool,
    /// In nanoseconds since the epoch.
    ///
    /// ORDERING: relaxed, here and below: the time is approximate, and decides nothing except whether it
    /// is passed to the store. A thread that clears `is_in_store` has set the time before; a thread that
    /// passes the time on sets `is_in_store` before it reads the time. If a thread sees these in another
    /// order, the next sync passes the time on.
    nanos: AtomicI64,
    /// Whether the store has this time, as far as is known.
    is_in_store: AtomicBool,
}

impl ModifiedTime {
    /// For a file that keeps no time.
    pub(crate) fn of_store() -> ModifiedTime {
        let (nanos, is_in_store) = (AtomicI64::new(0), AtomicBool::new(true));
        ModifiedTime { is_kept: false, nanos, is_in_store }
    }

    /// The time of a file that is opened. Without one from its store it is now.
    pub(crate) fn kept(stored: Option<SystemTime>) -> ModifiedTime {
        let nanos = to_nanos(stored.unwrap_or_else(SystemTime::now));
        let (nanos, is_in_store) = (AtomicI64::new(nanos), AtomicBool::new(true));
        ModifiedTime { is_kept: true, nanos, is_in_store }
    }

    /// The time, if the file keeps one.
    pub(crate) fn get(&self) -> Option<SystemTime> {
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
        self.nanos.store(nanos, Ordering::Relaxed);
        self.is_in_store.store(false, Ordering::Relaxed);
    }

    /// Records that the store was written to, and has a time of its own.
    pub(crate) fn store_changed(&self) {
        self.is_in_store.store(false, Ordering::Relaxed);
    }

    /// The time to give to the store, if the store may have another one.
    pub(crate) fn take_for_store(&self) -> Option<SystemTime> {
        if !self.is_kept || self.is_in_store.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.get()
    }

    /// Whether there is a time to give to the store.
    pub(crate) fn is_for_store(&self) -> bool {
        self.is_kept && !self.is_in_store.load(Ordering::Relaxed)
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
