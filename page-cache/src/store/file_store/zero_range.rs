//! `FALLOC_FL_ZERO_RANGE`, which on ext4 must not fail while the kernel's cache has bytes that the disk does not have.
//!
//! ext4 discards what the kernel has cached of the range before it allocates blocks. If the disk is full, the call fails,
//! and bytes that were written since the last sync are gone: the range has what was on the disk before (Linux 6.18). So
//! on ext4 the file is written out first. If the call fails then, the kernel's cache may have zeroes that are not on
//! the disk, so it is discarded again.

use std::fs::File;
use std::io;

use crate::store::fallocate::Call;
use crate::sync::blocking::{Mutex, MutexGuard, PoisonError};

/// The errno of a write-out that was not part of a sync. The kernel reports an error once, so the next sync reports it
/// again.
///
/// A sync that runs at the same time as the write-out may have been asked to make durable what could not be written,
/// and the kernel does not report that to it any more. So the mutex is held during the write-out, and a sync takes it
/// when it has returned.
#[derive(Debug, Default)]
pub(super) struct Unreported(Mutex<Option<i32>>);

impl Unreported {
    /// The outcome of a sync, which has returned, or the error that no sync has reported.
    pub(super) fn or(&self, synced: io::Result<()>) -> io::Result<()> {
        match self.lock().take() {
            None => synced,
            Some(errno) => synced.and(Err(io::Error::from_raw_os_error(errno))),
        }
    }

    /// Runs a write-out, and keeps its error for the next sync.
    fn write_out(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut unreported = self.lock();
        sync().inspect_err(|error| *unreported = error.raw_os_error().or(*unreported))
    }

    fn lock(&self) -> MutexGuard<'_, Option<i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Zeroes a range; `Unsupported` if the file system or the system has no such call.
pub(super) fn run(file: &File, offset: u64, len: u64, unreported: &Unreported) -> io::Result<()> {
    let discards_first = is_ext(file)?;
    if discards_first {
        unreported.write_out(|| file.sync_data())?;
    }
    let done = Call::ZeroRange.run(file, offset, len);
    if discards_first && done.is_err() {
        forget(file, offset, len);
    }
    done
}

#[cfg(target_os = "linux")]
fn is_ext(file: &File) -> io::Result<bool> {
    use super::file_system::{EXT, type_of};
    Ok(type_of(file)? == EXT)
}

/// Discards what the kernel has cached of a range, in whole pages. A dirty page stays, and is newer than the disk.
#[cfg(target_os = "linux")]
fn forget(file: &File, offset: u64, len: u64) {
    use std::num::NonZeroU64;

    use rustix::fs::{Advice, fadvise};

    /// The largest page that Linux has.
    const LARGEST: u64 = 1 << 16;
    let start = offset - offset % LARGEST;
    let end = offset.saturating_add(len).next_multiple_of(LARGEST);
    // An error changes nothing: the caller returns that of the call.
    let _ = fadvise(file, start, NonZeroU64::new(end - start), Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn is_ext(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(not(target_os = "linux"))]
fn forget(_: &File, _: u64, _: u64) {}

#[cfg(all(test, target_os = "linux", not(spanlock_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_write_out_is_reported_by_the_next_sync_and_once() {
        let errno = rustix::io::Errno::IO.raw_os_error();
        let fail = |unreported: &Unreported| {
            let failed = unreported.write_out(|| Err(io::Error::from_raw_os_error(errno)));
            assert_eq!(failed.unwrap_err().raw_os_error(), Some(errno));
        };
        let unreported = Unreported::default();
        assert!(unreported.or(Ok(())).is_ok());
        fail(&unreported);
        assert_eq!(unreported.or(Ok(())).unwrap_err().raw_os_error(), Some(errno));
        assert!(unreported.or(Ok(())).is_ok());
        fail(&unreported);
        let own = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(unreported.or(Err(own)).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(unreported.or(Ok(())).is_ok());
    }

    /// The kernel has reported it to the write-out, and not to the sync.
    #[test]
    fn the_error_of_a_write_out_is_reported_by_a_sync_that_returns_while_it_is_under_way() {
        let errno = rustix::io::Errno::IO.raw_os_error();
        let unreported = Unreported::default();
        let (tell, told) = std::sync::mpsc::channel();
        let synced = std::thread::scope(|scope| {
            let synced = unreported.write_out(|| {
                scope.spawn(|| tell.send(unreported.or(Ok(()))));
                // The sync must not return before the error is kept. This gives it time to do so.
                let early = told.recv_timeout(std::time::Duration::from_millis(100)).ok();
                early.map_or(Err(io::Error::from_raw_os_error(errno)), |early| early)
            });
            assert_eq!(synced.unwrap_err().raw_os_error(), Some(errno));
            told.recv().unwrap()
        });
        assert_eq!(synced.unwrap_err().raw_os_error(), Some(errno));
    }
}
