//! redb's storage: a cached file for the bytes, a range lock for the locks.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::ops::{Bound, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{BackendError, StorageBackend};
use spanlock::{ArcExclusiveGuard, ArcSharedGuard, Mode, RangeLock};
use spanlock_page_cache::File;

/// What all engines on one file share: its bytes, and the locks on them.
#[derive(Clone)]
pub struct Device {
    pub file: File,
    locks: Arc<RangeLock>,
    counts: Arc<LockCounts>,
}

/// How often the engines locked ranges.
#[derive(Default)]
pub struct LockCounts {
    pub shared: AtomicU64,
    pub exclusive: AtomicU64,
    /// How many of these had to wait.
    pub waited: AtomicU64,
    /// How many attempts failed.
    pub refused: AtomicU64,
}

impl Device {
    pub fn new(file: File) -> Device {
        Device { file, locks: Arc::default(), counts: Arc::default() }
    }

    pub fn counts(&self) -> &LockCounts {
        &self.counts
    }

    /// Whether no engine has anything locked.
    pub fn is_unlocked(&self) -> bool {
        !self.locks.is_locked(..)
    }
}

/// One engine's access to the file: its locks conflict with those of the other engines.
pub struct Backend {
    device: Device,
    held: Mutex<HashMap<Range<u64>, Held>>,
}

enum Held {
    Shared(ArcSharedGuard),
    Exclusive(ArcExclusiveGuard),
}

impl Held {
    fn range(&self) -> Range<u64> {
        match self {
            Held::Shared(guard) => guard.range(),
            Held::Exclusive(guard) => guard.range(),
        }
    }
}

type Bounds = (Bound<u64>, Bound<u64>);

impl Backend {
    pub fn new(device: &Device) -> Backend {
        Backend { device: device.clone(), held: Mutex::default() }
    }

    fn try_lock(&self, bounds: Bounds, mode: Mode) -> bool {
        let locks = &self.device.locks;
        let held = match mode {
            Mode::Shared => locks.try_lock_shared_arc(bounds).map(Held::Shared),
            Mode::Exclusive => locks.try_lock_exclusive_arc(bounds).map(Held::Exclusive),
        };
        held.map(|held| self.keep(held, mode)).is_some()
    }

    fn lock(&self, bounds: Bounds, mode: Mode) {
        if self.try_lock(bounds, mode) {
            return;
        }
        self.device.counts.waited.fetch_add(1, Ordering::Relaxed);
        let locks = &self.device.locks;
        let held = match mode {
            Mode::Shared => Held::Shared(locks.lock_shared_arc(bounds)),
            Mode::Exclusive => Held::Exclusive(locks.lock_exclusive_arc(bounds)),
        };
        self.keep(held, mode);
    }

    fn try_or_refuse(&self, bounds: Bounds, mode: Mode) -> bool {
        let locked = self.try_lock(bounds, mode);
        self.device.counts.refused.fetch_add(u64::from(!locked), Ordering::Relaxed);
        locked
    }

    fn keep(&self, held: Held, mode: Mode) {
        let counts = &self.device.counts;
        let count = match mode {
            Mode::Shared => &counts.shared,
            Mode::Exclusive => &counts.exclusive,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.held().insert(held.range(), held);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Range<u64>, Held>> {
        self.held.lock().expect("nothing panics with it held")
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.device.file.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.device.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.device.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.device.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.device.file.write_all_at(data, offset)
    }

    fn close(&self) -> io::Result<()> {
        self.held().clear();
        Ok(())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        Ok(self.try_or_refuse((start, end), Mode::Exclusive))
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        Ok(self.try_or_refuse((start, end), Mode::Shared))
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.lock((start, end), Mode::Exclusive);
        Ok(())
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.lock((start, end), Mode::Shared);
        Ok(())
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        let range = as_range((start, end));
        match self.held().remove(&range) {
            Some(_) => Ok(()),
            None => {
                let message = format!("the range {range:?} is not locked by this engine");
                Err(io::Error::new(io::ErrorKind::InvalidInput, message).into())
            }
        }
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        Ok(self.device.locks.conflicts((start, end), Mode::Exclusive))
    }
}

/// The units between two bounds.
fn as_range((start, end): Bounds) -> Range<u64> {
    let from = match start {
        Bound::Included(at) => at,
        Bound::Excluded(at) => at + 1,
        Bound::Unbounded => 0,
    };
    let to = match end {
        Bound::Included(at) => at.saturating_add(1),
        Bound::Excluded(at) => at,
        Bound::Unbounded => u64::MAX,
    };
    from..to
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("file", &self.device.file).finish_non_exhaustive()
    }
}
