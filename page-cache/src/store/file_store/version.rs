//! The version of a file: its length and its times.
//!
//! Every change of a file, and of its metadata, sets its time of change (ctime) to the kernel's coarse clock, which
//! advances with the kernel's tick, every 1 to 10 ms. The file system rounds it down to its own precision. So a change
//! shortly after another may leave all times as they were. But a change that is made once the coarse clock, rounded
//! down, has passed the time of change is visible in that time. So [`of`] waits until then, and reads the file's times
//! after it has read the clock.
//!
//! The clock has to be the one that the times are taken from. So this is done only for file systems that are known to
//! use it. Those of other machines (NFS, SMB, 9P) have other clocks, those in user space (FUSE) may have any.
//!
//! A store through a shared mapping is a change too. The file system learns of the first one to a page if it maps clean
//! pages as read-only, also those of a writable mapping (`page_mkwrite`). tmpfs has no need of that, since it never
//! writes pages back: after a read, a page can be stored to, and no time changes.
//!
//! The precision is not known. It is at most the greatest power of ten that divides the time, in nanoseconds. A time
//! in whole seconds may have a precision of two seconds: nothing waits so long, and the file has no version. Nor has a
//! file whose time is the last one that 32 bits for seconds can have, since later changes may leave it as it is.

use std::fs::File;
use std::io;

use crate::store::version::Version;

#[cfg(not(target_os = "linux"))]
pub(super) fn of(_: &File) -> io::Result<Option<Version>> {
    Ok(None)
}

#[cfg(target_os = "linux")]
pub(super) use linux::of;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::Metadata;
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, Instant, UNIX_EPOCH};

    use rustix::time::{ClockId, clock_gettime};

    use super::{File, Version, io};
    use crate::store::file_store::file_system::{BTRFS, EXT, F2FS, XFS, type_of};
    use crate::sync::thread;

    const SECOND: i128 = 1_000_000_000;

    /// The longest that is waited for the clock.
    const PATIENCE: Duration = Duration::from_millis(100);

    /// File systems that take their times from the kernel's coarse clock, and note the time of the first store to a page
    /// through a mapping.
    const KNOWN: [u32; 4] = [EXT, XFS, BTRFS, F2FS];

    /// The last time of file systems that have 32 bits for seconds, 2038-01-19: some ext2 to ext4 and XFS. They record
    /// every later time as this one.
    const LAST_OF_32_BITS: i128 = i32::MAX as i128 * SECOND;

    /// The version of a file. `None` if it cannot be told from later ones.
    pub(in crate::store::file_store) fn of(file: &File) -> io::Result<Option<Version>> {
        if !KNOWN.contains(&type_of(file)?) {
            return Ok(None);
        }
        let begun = Instant::now();
        loop {
            let now = clock();
            let metadata = file.metadata()?;
            let changed = i128::from(metadata.ctime()) * SECOND + i128::from(metadata.ctime_nsec());
            let Some(visible) = visible_from(changed) else { return Ok(None) };
            let left = visible - now;
            if left <= 0 {
                return Ok(Some(version(&metadata)));
            }
            let left = u64::try_from(left).map_or(Duration::MAX, Duration::from_nanos);
            if begun.elapsed().saturating_add(left) > PATIENCE {
                return Ok(None);
            }
            thread::sleep(left);
        }
    }

    /// From when on a change of a file is visible in its time of change, if that is `changed` now. `None` if no change
    /// may ever be.
    pub(super) fn visible_from(changed: i128) -> Option<i128> {
        if changed == LAST_OF_32_BITS {
            return None;
        }
        let precisions = (0..9).rev().map(|power| 10_i128.pow(power));
        let is_whole = changed.rem_euclid(SECOND) == 0;
        let precision = precisions.into_iter().find(|precision| changed % precision == 0);
        Some(changed + if is_whole { 2 * SECOND } else { precision.unwrap_or(1) })
    }

    /// The coarse clock, in nanoseconds since the epoch.
    fn clock() -> i128 {
        let now = clock_gettime(ClockId::RealtimeCoarse);
        i128::from(now.tv_sec) * SECOND + i128::from(now.tv_nsec)
    }

    fn version(metadata: &Metadata) -> Version {
        let created = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let created = created.unwrap_or_default();
        let times =
            [[metadata.ctime(), metadata.ctime_nsec()], [metadata.mtime(), metadata.mtime_nsec()]];
        let times = times.into_iter().flatten().map(i64::cast_unsigned);
        let created = [created.as_secs(), u64::from(created.subsec_nanos())];
        Version::new([metadata.len()].into_iter().chain(times).chain(created))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
