//! `FALLOC_FL_ZERO_RANGE`, which on ext4 must not fail while the kernel's cache has bytes that the disk does not have.
//!
//! ext4 discards what the kernel has cached of the range before it allocates blocks. If the disk is full, the call fails,
//! and bytes that were written since the last sync are gone: the range has what was on the disk before (Linux 6.18). So
//! on ext4 the range is written out first. If the call fails then, the kernel's cache may have zeroes that are not on
//! the disk, so it is discarded again.

use std::fs::File;
use std::io;

use crate::store::fallocate::Call;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::blocking::{Mutex, PoisonError};

type Errno = i32;

/// What a file has to remember of its calls.
#[derive(Debug, Default)]
pub(super) struct ZeroRange {
    /// Whether its file system has no such call. Then nothing is written out for it again.
    is_missing: AtomicBool,
    /// The error of a write-out that was not part of a sync. The kernel reports an error once, so the next sync reports it
    /// again. Locked during a write-out: a sync at the same time waits until its error is here.
    unreported: Mutex<Option<Errno>>,
}

impl ZeroRange {
    /// Zeroes a range; `Unsupported` if the file system or the system has no such call.
    pub(super) fn run(&self, file: &File, offset: u64, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        // ORDERING: relaxed: another thread that does not know yet makes a call too many.
        if self.is_missing.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let discards_first = discards_first(file)?;
        if discards_first {
            self.keep_error_of(|| write_out(file, offset, len))?;
        }
        let done = Call::ZeroRange.run(file, offset, len);
        match &done {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.is_missing.store(true, Ordering::Relaxed);
            }
            Err(_) if discards_first => forget(file, offset, len),
            _ => {}
        }
        done
    }

    /// The outcome of a sync that has ended, or the error that no sync has reported.
    pub(super) fn or_unreported(&self, synced: io::Result<()>) -> io::Result<()> {
        match self.unreported.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => synced,
            Some(errno) => synced.and(Err(io::Error::from_raw_os_error(errno))),
        }
    }

    fn keep_error_of(&self, write_out: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut unreported = self.unreported.lock().unwrap_or_else(PoisonError::into_inner);
        let done = write_out();
        if let Some(errno) = done.as_ref().err().and_then(io::Error::raw_os_error) {
            *unreported = Some(errno);
        }
        done
    }
}

/// The start and the length of the pages of a range, whatever the size of a page: Linux has none larger than 64 KiB.
#[cfg(target_os = "linux")]
fn whole_pages(offset: u64, len: u64) -> (u64, u64) {
    const LARGEST: u64 = 1 << 16;
    let start = offset - offset % LARGEST;
    let end = (offset + len).next_multiple_of(LARGEST);
    (start, end - start)
}

#[cfg(target_os = "linux")]
fn discards_first(file: &File) -> io::Result<bool> {
    use super::file_system::{EXT, type_of};
    Ok(type_of(file)? == EXT)
}

/// Writes out what the kernel has cached of a range, and waits for that. Unlike a sync, it does not wait for the
/// journal or for the disk's own cache, which takes milliseconds each time.
#[cfg(target_os = "linux")]
fn write_out(file: &File, offset: u64, len: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use libc::{
        SYNC_FILE_RANGE_WAIT_AFTER, SYNC_FILE_RANGE_WAIT_BEFORE, SYNC_FILE_RANGE_WRITE,
        sync_file_range,
    };

    let all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    // A range ends before 2^63, the longest file, but its last page may not. A length of zero is all that follows.
    let (start, len) = whole_pages(offset, len);
    let len = if start + len > i64::MAX as u64 { 0 } else { len };
    // SAFETY: the call gets no memory, and the descriptor is open.
    match unsafe { sync_file_range(file.as_raw_fd(), start as i64, len as i64, all) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Discards what the kernel has cached of a range, in whole pages. A dirty page stays, and is newer than the disk.
#[cfg(target_os = "linux")]
fn forget(file: &File, offset: u64, len: u64) {
    use std::num::NonZeroU64;

    use rustix::fs::{Advice, fadvise};

    let (start, len) = whole_pages(offset, len);
    // An error changes nothing: the caller returns that of the call.
    let _ = fadvise(file, start, NonZeroU64::new(len), Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn discards_first(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(not(target_os = "linux"))]
fn write_out(_: &File, _: u64, _: u64) -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn forget(_: &File, _: u64, _: u64) {}

#[cfg(all(test, target_os = "linux", not(spanlock_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_write_out_is_reported_by_the_next_sync_and_once() {
        let errno = rustix::io::Errno::IO.raw_os_error();
        let file = ZeroRange::default();
        let fail = || file.keep_error_of(|| Err(io::Error::from_raw_os_error(errno)));
        assert!(file.or_unreported(Ok(())).is_ok());
        assert_eq!(fail().unwrap_err().raw_os_error(), Some(errno));
        assert_eq!(file.or_unreported(Ok(())).unwrap_err().raw_os_error(), Some(errno));
        assert!(file.or_unreported(Ok(())).is_ok());
        fail().unwrap_err();
        let own = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(file.or_unreported(Err(own)).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(file.or_unreported(Ok(())).is_ok());
    }

    /// The kernel has reported it to the write-out, and not to the sync.
    #[test]
    fn the_error_of_a_write_out_is_reported_by_a_sync_that_returns_while_it_is_under_way() {
        let errno = rustix::io::Errno::IO.raw_os_error();
        let file = ZeroRange::default();
        let (tell, told) = std::sync::mpsc::channel();
        let synced = std::thread::scope(|scope| {
            let written = file.keep_error_of(|| {
                scope.spawn(|| tell.send(file.or_unreported(Ok(()))));
                // The sync must not return before the error is kept. This gives it time to do so.
                let early = told.recv_timeout(std::time::Duration::from_millis(100)).ok();
                early.map_or(Err(io::Error::from_raw_os_error(errno)), |early| early)
            });
            assert_eq!(written.unwrap_err().raw_os_error(), Some(errno));
            told.recv().unwrap()
        });
        assert_eq!(synced.unwrap_err().raw_os_error(), Some(errno));
    }

    #[test]
    fn the_pages_of_a_range_contain_it_also_at_the_end_of_the_longest_file() {
        assert_eq!(whole_pages(0, 1), (0, 1 << 16));
        assert_eq!(whole_pages((1 << 16) - 1, 2), (0, 1 << 17));
        let last = i64::MAX as u64 - 1;
        assert_eq!(whole_pages(last, 1), ((1 << 63) - (1 << 16), 1 << 16));
    }
}
