//! `FALLOC_FL_ZERO_RANGE`, which on ext4 must not fail while the kernel's cache has bytes that the disk does not have.
//!
//! ext4 discards what the kernel has cached of the range before it allocates blocks. If the disk is full, the call fails,
//! and bytes that were written since the last sync are gone: the range has what was on the disk before (Linux 6.18). So
//! on ext4 the file is written out first. If the call fails then, the kernel's cache may have zeroes that are not on
//! the disk, so it is discarded again.

use std::fs::File;
use std::io;

use crate::store::fallocate::Call;
use crate::sync::atomic::{AtomicI32, Ordering};

/// The errno of a write-out that was not part of a sync, or zero. The kernel reports an error once, so the next sync
/// reports it again.
#[derive(Debug, Default)]
pub(super) struct Unreported(AtomicI32);

impl Unreported {
    /// The outcome of a sync, or the error that no sync has reported.
    pub(super) fn or(&self, synced: io::Result<()>) -> io::Result<()> {
        // ORDERING: relaxed: a sync that runs at the same time need not report it.
        match self.0.swap(0, Ordering::Relaxed) {
            0 => synced,
            errno => synced.and(Err(io::Error::from_raw_os_error(errno))),
        }
    }

    fn keep(&self, error: &io::Error) {
        if let Some(errno) = error.raw_os_error() {
            self.0.store(errno, Ordering::Relaxed);
        }
    }
}

/// Zeroes a range; `Unsupported` if the file system or the system has no such call.
pub(super) fn run(file: &File, offset: u64, len: u64, unreported: &Unreported) -> io::Result<()> {
    let discards_first = is_ext(file)?;
    if discards_first {
        file.sync_data().inspect_err(|error| unreported.keep(error))?;
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
        let unreported = Unreported::default();
        assert!(unreported.or(Ok(())).is_ok());
        unreported.keep(&io::Error::from_raw_os_error(errno));
        assert_eq!(unreported.or(Ok(())).unwrap_err().raw_os_error(), Some(errno));
        assert!(unreported.or(Ok(())).is_ok());
        unreported.keep(&io::Error::from_raw_os_error(errno));
        let own = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(unreported.or(Err(own)).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(unreported.or(Ok(())).is_ok());
    }
}
