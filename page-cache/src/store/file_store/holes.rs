//! Where a range of a file has holes.
//!
//! Only the range is looked at: other threads may change the rest of the file at the same time, and it may have any number of
//! extents. Linux has these calls:
//!
//! - `FIEMAP` lists the extents of a range, including those that were preallocated and not written since. tmpfs does not
//!   have it. What the kernel has cached may be in an extent that is not listed (XFS, in a file that shares extents).
//! - `SEEK_DATA` also finds what the kernel has cached, but takes what was preallocated for a hole. It moves the position
//!   of the descriptor.
//! - `cachestat` (Linux 6.5) counts the pages of a range that the kernel has cached or swapped out. On tmpfs these are its
//!   blocks.
//!
//! So a part is a hole if `FIEMAP` lists no extent there and `SEEK_DATA` finds no data, and on tmpfs if it has no page.
//! `SEEK_HOLE` is not used, because it may search far past the range.

#[cfg(target_os = "linux")]
mod extents;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod pages;

#[cfg(target_os = "linux")]
pub(super) use linux::Holes;

/// Other systems are not asked.
#[cfg(not(target_os = "linux"))]
#[derive(Debug, Default)]
pub(super) struct Holes(());

#[cfg(not(target_os = "linux"))]
impl Holes {
    pub(super) fn with_own_position() -> Holes {
        Holes(())
    }

    pub(super) fn of(
        &self,
        _: &std::fs::File,
        _: std::ops::Range<u64>,
    ) -> std::io::Result<Option<Vec<std::ops::Range<u64>>>> {
        Ok(None)
    }
}
