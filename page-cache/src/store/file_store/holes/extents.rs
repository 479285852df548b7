//! `FIEMAP`: the extents of a range.

use std::fs::File;
use std::ops::Range;

use rustix::io::{Errno, Result};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// How many extents are listed by one call.
const MOST: usize = 32;

/// `struct fiemap`, without its extents.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Header {
    start: u64,
    len: u64,
    flags: u32,
    mapped_extents: u32,
    extent_count: u32,
    reserved: u32,
}

/// `struct fiemap_extent`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Extent {
    logical: u64,
    physical: u64,
    len: u64,
    reserved_64: [u64; 2],
    flags: u32,
    reserved: [u32; 3],
}

#[repr(C)]
struct Request {
    header: Header,
    extents: [Extent; MOST],
}

/// `FS_IOC_FIEMAP`. Its number has the size of the header only.
const FIEMAP: Opcode = opcode::read_write::<Header>(b'f', 11);

/// The parts of a range without an extent, in ascending order. `None` if an answer makes no sense.
pub(super) fn gaps(file: &File, range: &Range<u64>) -> Result<Option<Vec<Range<u64>>>> {
    let mut gaps = Vec::new();
    let mut from = range.start;
    while from < range.end {
        let header = Header {
            start: from,
            len: range.end - from,
            extent_count: MOST as u32,
            ..Header::default()
        };
        let mut request = Request { header, extents: [Extent::default(); MOST] };
        list(file, &mut request)?;
        let count = (request.header.mapped_extents as usize).min(MOST);
        let begun = from;
        for extent in &request.extents[..count] {
            let start = extent.logical.min(range.end);
            if from < start {
                gaps.push(from..start);
            }
            from = from.max(extent.logical.saturating_add(extent.len));
        }
        if count < MOST {
            break;
        }
        if from == begun {
            return Ok(None);
        }
    }
    if from < range.end {
        gaps.push(from..range.end);
    }
    Ok(Some(gaps))
}

fn list(file: &File, request: &mut Request) -> Result<()> {
    loop {
        // SAFETY: the kernel reads the header, and writes it and at most `extent_count` extents after it, for which
        // there is memory. They have the layouts of the kernel.
        let answer = unsafe { ioctl(file, Updater::<FIEMAP, Request>::new(request)) };
        if answer != Err(Errno::INTR) {
            return answer;
        }
    }
}
