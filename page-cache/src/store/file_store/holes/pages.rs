//! `cachestat`: how many pages of a range the kernel has cached or swapped out.

use std::fs::File;
use std::ops::Range;

use rustix::io::{Errno, Result};
use rustix::param::page_size;

/// The parts of a range of a file on tmpfs in which no page exists, in ascending order.
pub(super) fn gaps(file: &File, range: &Range<u64>) -> Result<Vec<Range<u64>>> {
    let mut gaps = Vec::new();
    if !range.is_empty() {
        let size = page_size() as u64;
        find(file, range.start / size..range.end.div_ceil(size), &mut gaps)?;
        for gap in &mut gaps {
            *gap = (gap.start * size).max(range.start)..(gap.end * size).min(range.end);
        }
    }
    Ok(gaps)
}

/// Finds runs of pages that do not exist. Halves the range as long as some of its pages exist and others do not.
fn find(file: &File, pages: Range<u64>, gaps: &mut Vec<Range<u64>>) -> Result<()> {
    let wanted = pages.end - pages.start;
    let exist = count(file, &pages)?;
    if exist == 0 {
        match gaps.last_mut().filter(|last| last.end == pages.start) {
            Some(last) => last.end = pages.end,
            None => gaps.push(pages),
        }
    } else if exist < wanted {
        let middle = pages.start + wanted / 2;
        find(file, pages.start..middle, gaps)?;
        find(file, middle..pages.end, gaps)?;
    }
    Ok(())
}

/// How many of the pages exist.
// The number of the call is the same on most machines; these are known.
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_pointer_width = "64"))]
fn count(file: &File, pages: &Range<u64>) -> Result<u64> {
    use std::os::fd::AsRawFd;

    const CACHESTAT: libc::c_long = 451;

    #[repr(C)]
    #[derive(Default)]
    struct Counts {
        cached: u64,
        dirty: u64,
        in_writeback: u64,
        evicted: u64,
        recently_evicted: u64,
    }

    let size = page_size() as u64;
    let range = [pages.start * size, (pages.end - pages.start) * size];
    let mut counts = Counts::default();
    let (of, to) = (range.as_ptr(), std::ptr::from_mut(&mut counts));
    // SAFETY: the kernel reads a range of two numbers, and writes counts with its layout.
    match unsafe { libc::syscall(CACHESTAT, file.as_raw_fd(), of, to, 0) } {
        0 => Ok(counts.cached + counts.evicted),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::NOSYS)),
    }
}

#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64"
)))]
fn count(_: &File, _: &Range<u64>) -> Result<u64> {
    Err(Errno::NOSYS)
}
