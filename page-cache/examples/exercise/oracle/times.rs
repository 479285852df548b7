//! When the file was last changed, as far as that is known.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::workload::op::Path;

/// When the file was last changed: at a time in the past that was set, unless it was changed since.
#[derive(Default)]
pub struct Times {
    set: Mutex<Option<SystemTime>>,
    /// How many operations since have begun that may change the file, and how many have changed it.
    begun: AtomicU64,
    made: AtomicU64,
    /// Set when the file was synced since.
    synced: AtomicBool,
}

impl Times {
    /// To be called before an operation.
    pub fn begin(&self, path: Path) {
        if may_change(path) {
            self.begun.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// To be called when it has ended.
    pub fn end(&self, path: Path, result: &io::Result<u64>) {
        if counts(path) && result.as_ref().is_ok_and(|&count| count > 0) {
            self.made.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// To be called when the time was set, as long as no operation is in progress that may change the file.
    pub fn set(&self, time: SystemTime) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = Some(time);
        self.begun.store(0, Ordering::Relaxed);
        self.made.store(0, Ordering::Relaxed);
        self.synced.store(false, Ordering::Relaxed);
    }

    /// To be called when a sync has succeeded, as long as no other operation is in progress.
    pub fn sync(&self) {
        self.synced.store(true, Ordering::Relaxed);
    }

    /// The time that a crash leaves, if that is known: it was set and synced, and the file was not changed since.
    pub fn after_crash(&self) -> Option<SystemTime> {
        let is_durable =
            self.synced.load(Ordering::Relaxed) && self.begun.load(Ordering::Relaxed) == 0;
        let set = *self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.filter(|_| is_durable)
    }

    /// Compares the time that the file reports, as long as no operation is in progress that may change the file.
    pub fn check(&self, found: Option<SystemTime>) -> io::Result<()> {
        let set = *self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(found), Some(set)) = (found, set) else { return Ok(()) };
        let (begun, made) = (self.begun.load(Ordering::Relaxed), self.made.load(Ordering::Relaxed));
        match found > set {
            true if begun > 0 => Ok(()),
            false if found == set && made == 0 => Ok(()),
            _ => Err(io::Error::other(format!(
                "the time of the last change is {found:?}, and {set:?} was set before {made} to {begun} changes"
            ))),
        }
    }
}

fn may_change(path: Path) -> bool {
    // The store may keep no time.
    path.may_change() || matches!(path, Path::Reopen | Path::Discard)
}

/// Whether its result is how many bytes it wrote.
fn counts(path: Path) -> bool {
    matches!(
        path,
        Path::Write
            | Path::VectoredWrite
            | Path::TaggedWrite
            | Path::MemoryWrite
            | Path::CopyWrite
            | Path::DurableWrite
            | Path::DirectWrite
            | Path::VectoredDirectWrite
            | Path::WholeDirectWrite
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{Path, SystemTime, Times};

    #[test]
    fn a_time_that_was_set_stays_until_the_file_is_changed_and_not_longer() {
        let (times, set) = (Times::default(), UNIX_EPOCH + Duration::from_secs(7));
        let stays = |times: &Times| times.check(Some(set)).is_ok();
        let moves = |times: &Times| times.check(Some(SystemTime::now())).is_ok();
        assert!(stays(&times) && moves(&times) && times.check(None).is_ok());
        times.set(set);
        assert!(stays(&times) && !moves(&times));
        times.begin(Path::Read);
        times.end(Path::Read, &Ok(5));
        assert!(stays(&times) && !moves(&times));
        times.begin(Path::Write);
        assert!(stays(&times) && moves(&times));
        times.end(Path::Write, &Ok(5));
        assert!(!stays(&times) && moves(&times));
        times.set(set);
        assert!(stays(&times) && !moves(&times));
    }

    #[test]
    fn a_time_is_durable_once_it_was_synced_until_the_file_is_changed() {
        let (times, set) = (Times::default(), UNIX_EPOCH + Duration::from_secs(7));
        times.sync();
        assert_eq!(times.after_crash(), None);
        times.set(set);
        assert_eq!(times.after_crash(), None);
        times.sync();
        times.begin(Path::Read);
        assert_eq!(times.after_crash(), Some(set));
        times.begin(Path::Write);
        assert_eq!(times.after_crash(), None);
    }
}
