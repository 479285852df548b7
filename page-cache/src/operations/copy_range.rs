//! Copy: bytes of one file are written to another file of the cache, or elsewhere to the same.
//!
//! 1. Claim the IO lock of both files: of the source shared over its bytes, of the destination
//!    exclusively as for a write. The file that was opened first is claimed first, so that two
//!    copies in opposite directions do not wait for each other. Within one file claim everything
//!    between the two ranges and the ranges themselves, in one claim: a second claim could queue
//!    behind an operation that waits for the first.
//! 2. Clip the source to the size, which does not move across it while it is claimed. If the file
//!    has grown into the request while the claims were waited for, claim the whole request instead.
//! 3. Find the holes of the source, as for `data_ranges`, in whole pages. They are punched in the destination, and
//!    past its end the file grows over them. If the ranges overlap, or one of the files transforms
//!    its pages, holes are copied like data.
//! 4. Copy the rest through a temporary chunk: read it like a buffered read, and write it like a
//!    buffered write, each with the IO claim of step 1. Each of the two takes its own mapping
//!    claims and page locks, and has none while the other runs.
//!
//! If the ranges overlap and the destination lies behind the source, each chunk of the destination
//! is read before it is overwritten, and kept until it is copied itself. So the copy always
//! goes forward, and what is reported is a prefix.
//!
//! A file with a hook before writeback cannot be copied to a file without one, or the other way
//! round. The hook may use the file without a hook. The copy would hold a claim on that file while
//! it waits for a page of the file with the hook, and the writeback of that page would wait for the
//! hook: a deadlock.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use crate::error::Request;
use crate::files::inode::{Inode, IoClaim};
use crate::unwind;

/// The most bytes that are moved at once.
const CHUNK: u64 = 256 << 10;

/// A part of the source.
enum Part {
    Data(Range<u64>),
    Hole(Range<u64>),
}

/// The claimed destination.
struct Destination<'a> {
    file: &'a Inode,
    io: IoClaim<'a>,
    /// The destination of the source's byte 0.
    offset: i128,
}

/// The claims on the source, if it is another file, and on the destination, and the bytes of the source to copy.
type ClaimsToCopy<'a> = (Option<IoClaim<'a>>, IoClaim<'a>, Range<u64>);

impl Inode {
    /// Copies to a file of the same cache. Returns how many bytes: fewer at the end of this file,
    /// or if an error ended it after some bytes.
    pub(crate) fn copy_range(&self, offset: u64, to: &Inode, at: u64, len: u64) -> io::Result<u64> {
        let request = Request::of_source(len, offset, at);
        self.check_outside(request)?;
        to.check_change(Request::of_destination(len, offset, at))?;
        self.check_copy_to(to).map_err(|error| self.failed(request, error))?;
        let Some(claimed) = self.claim_to_copy(offset, to, at, len)? else { return Ok(0) };
        let (_source, io, Range { end, .. }) = claimed;
        let to = Destination { file: to, io, offset: i128::from(at) - i128::from(offset) };
        let overlaps = self.is_same(to.file) && at < end && offset < at + (end - offset);
        if overlaps && at > offset {
            return self.copy_towards_the_end(offset..end, &to);
        }
        let mut done = 0;
        for part in self.parts_to_copy(offset..end, overlaps, &to)? {
            let (copied, outcome) = match part {
                Part::Data(bytes) => self.copy_data(bytes, &to),
                Part::Hole(bytes) => to.make_hole(bytes),
            };
            done += copied;
            match outcome {
                Ok(()) => {}
                Err(error) if done > 0 => {
                    unwind::discard(error);
                    return Ok(done);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Refuses files whose claims must not be held together.
    fn check_copy_to(&self, to: &Inode) -> io::Result<()> {
        if !std::ptr::eq(&*self.cache, &*to.cache) {
            let message = "the files are of two caches";
            return Err(io::Error::new(io::ErrorKind::CrossesDevices, message));
        }
        if self.before_writeback.is_some() != to.before_writeback.is_some() {
            let message = "one of the files has a hook before writeback, and the other has none";
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        Ok(())
    }

    fn is_same(&self, other: &Inode) -> bool {
        self.id == other.id
    }

    /// Claims what can be copied of a request: the part that lies within this file and that the destination can hold.
    /// `None` if there is nothing.
    ///
    /// If this file has grown into the rest of the request when the claims are granted, the whole request is claimed. So
    /// a copy waits at most twice.
    fn claim_to_copy<'a>(
        &'a self,
        offset: u64,
        to: &'a Inode,
        at: u64,
        requested: u64,
    ) -> io::Result<Option<ClaimsToCopy<'a>>> {
        let possible = || {
            let within = requested.min(self.size().saturating_sub(offset));
            to.part_within_limit(Request::of_destination(within, offset, at), 1)
        };
        let claim = |len| self.claim_for_copy(offset..offset + len, to, at..at + len);
        let before = possible()?.len;
        if before == 0 {
            return Ok(None);
        }
        to.throttle();
        let mut claims = claim(before);
        let mut len = possible()?.len;
        if len > before {
            drop(claims);
            claims = claim(requested.min(u64::MAX - offset.max(at)));
            len = possible()?.len;
        }
        Ok((len > 0).then(|| (claims.0, claims.1, offset..offset + len)))
    }

    /// The IO claims on the source, if it is another file, and on the destination.
    fn claim_for_copy<'a>(
        &'a self,
        from: Range<u64>,
        to: &'a Inode,
        into: Range<u64>,
    ) -> (Option<IoClaim<'a>>, IoClaim<'a>) {
        if self.is_same(to) {
            let all = from.start.min(into.start)..from.end.max(into.end);
            return (None, to.io_for_write(all));
        }
        if self.id < to.id {
            let source = self.io_shared(from);
            return (Some(source), to.io_for_write(into));
        }
        let io = to.io_for_write(into);
        (Some(self.io_shared(from)), io)
    }

    /// The parts of some bytes, ascending.
    fn parts_to_copy(
        &self,
        bytes: Range<u64>,
        overlaps: bool,
        to: &Destination<'_>,
    ) -> io::Result<Vec<Part>> {
        if overlaps || self.transform.is_some() || to.file.transform.is_some() {
            return Ok(vec![Part::Data(bytes)]);
        }
        let request = to.source_request(&bytes);
        let data = self.data_claimed(bytes.clone()).map_err(|error| self.failed(request, error))?;
        let mut parts: Vec<Part> = Vec::new();
        let mut from = bytes.start;
        for data in data {
            // A page is copied as it is at one moment, so no part of it is taken for a hole while the rest is read.
            let pages = self.page_size.bytes_of(&self.page_size.touched(&data));
            let start = pages.start.clamp(from, bytes.end);
            if from < start {
                parts.push(Part::Hole(from..start));
            }
            let end = pages.end.clamp(start, bytes.end);
            match parts.last_mut() {
                Some(Part::Data(last)) if start == from => last.end = end,
                _ if start < end => parts.push(Part::Data(start..end)),
                _ => {}
            }
            from = end;
        }
        if from < bytes.end {
            parts.push(Part::Hole(from..bytes.end));
        }
        Ok(parts)
    }

    /// Copies bytes as they are now. Returns how many, and the error that ended it.
    fn copy_data(&self, bytes: Range<u64>, to: &Destination<'_>) -> (u64, io::Result<()>) {
        let mut buffer = vec![0; CHUNK.min(bytes.end - bytes.start) as usize];
        let mut at = bytes.start;
        while at < bytes.end {
            let chunk = &mut buffer[..to.chunk(at, bytes.end)];
            let (written, outcome) = match self.read_buffered(&mut *chunk, at) {
                Ok(found) => to.write(&chunk[..found], at),
                Err(error) => (0, Err(error)),
            };
            at += written;
            if outcome.is_err() || written == 0 {
                return (at - bytes.start, outcome);
            }
        }
        (bytes.end - bytes.start, Ok(()))
    }

    /// Copies within this file to an overlapping range behind.
    fn copy_towards_the_end(&self, bytes: Range<u64>, to: &Destination<'_>) -> io::Result<u64> {
        let distance = to.place(bytes.start) - bytes.start;
        let mut kept: VecDeque<u8> = VecDeque::new();
        let most = distance.min(bytes.end - bytes.start - distance);
        usize::try_from(most).ok().and_then(|most| kept.try_reserve_exact(most).ok()).ok_or_else(
            || {
                let message = format!("no memory for the {most} bytes that overlap");
                let error = io::Error::new(io::ErrorKind::OutOfMemory, message);
                self.failed(to.source_request(&bytes), error)
            },
        )?;
        let mut buffer = vec![0; CHUNK.min(bytes.end - bytes.start) as usize];
        let mut at = bytes.start;
        while at < bytes.end {
            let chunk = &mut buffer[..to.chunk(at, bytes.end)];
            let moved = self.read_before_it_is_replaced(&bytes, at, chunk, to, &mut kept);
            let (written, outcome) = match moved {
                Ok(()) => to.write(chunk, at),
                Err(error) => (0, Err(error)),
            };
            at += written;
            match outcome {
                Ok(()) => {}
                Err(error) if at > bytes.start => {
                    unwind::discard(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(at - bytes.start)
    }

    /// Reads a chunk of the source as it was before the copy, and saves the part of the rest that
    /// writing the chunk will replace.
    ///
    /// The source before the destination does not change. What has been replaced and is still to be copied was saved.
    /// The bytes after the chunk's destination have not been replaced yet.
    fn read_before_it_is_replaced(
        &self,
        bytes: &Range<u64>,
        at: u64,
        chunk: &mut [u8],
        to: &Destination<'_>,
        kept: &mut VecDeque<u8>,
    ) -> io::Result<()> {
        let (place, end) = (to.place(at), at + chunk.len() as u64);
        let before = to.place(bytes.start).clamp(at, end) - at;
        let (first, rest) = chunk.split_at_mut(before as usize);
        self.read_whole(first, at)?;
        let count = rest.len().min(kept.len());
        let (replaced, behind) = rest.split_at_mut(count);
        replaced.iter_mut().zip(kept.drain(..count)).for_each(|(to, byte)| *to = byte);
        self.read_whole(behind, end - behind.len() as u64)?;
        let next = place.max(end)..bytes.end.min(place + (end - at));
        if !next.is_empty() {
            let mut next_bytes = vec![0; (next.end - next.start) as usize];
            self.read_whole(&mut next_bytes, next.start)?;
            kept.extend(next_bytes);
        }
        Ok(())
    }

    /// Reads bytes that lie within the file and are claimed.
    fn read_whole(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.read_buffered(&mut bytes[done..], offset + done as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                found => done += found,
            }
        }
        Ok(())
    }
}

impl Destination<'_> {
    /// The destination of a byte of the source.
    fn place(&self, at: u64) -> u64 {
        (i128::from(at) + self.offset) as u64
    }

    /// The copy of some bytes, as a request to their file.
    fn source_request(&self, bytes: &Range<u64>) -> Request {
        Request::of_source(bytes.end - bytes.start, bytes.start, self.place(bytes.start))
    }

    /// How many bytes to move at once. Chunks end where pages of the destination do.
    fn chunk(&self, at: u64, end: u64) -> usize {
        let left = end - at;
        let to_the_end_of_a_page = self.file.page_size.within(self.place(at)) as u64;
        left.min(CHUNK - to_the_end_of_a_page.min(CHUNK - 1)) as usize
    }

    /// Writes bytes that were at `at`. Returns how many, and the error that ended it.
    fn write(&self, bytes: &[u8], at: u64) -> (u64, io::Result<()>) {
        let mut done = 0;
        while done < bytes.len() {
            let rest = &bytes[done..];
            let from = at + done as u64;
            let request = Request::of_destination(rest.len() as u64, from, self.place(from));
            match self.file.write_claimed(rest, request, 0, &self.io) {
                Ok(written) => done += written,
                Err(error) => return (done as u64, Err(error)),
            }
        }
        (done as u64, Ok(()))
    }

    /// Makes a hole where the source has one. Returns how many bytes of it, and the error that ended it.
    fn make_hole(&self, bytes: Range<u64>) -> (u64, io::Result<()>) {
        let hole = self.place(bytes.start)..self.place(bytes.end);
        let size = self.file.size();
        let inside = hole.start..hole.end.min(size);
        let request = Request::of_destination(hole.end - hole.start, bytes.start, hole.start);
        if !inside.is_empty() {
            let punched = match self.file.check_whole_range(inside.clone()) {
                Ok(()) => self.file.punch_claimed(inside, &self.io),
                // A file of whole pages does not get a hole within a page.
                Err(_) => return self.write_zeroes(bytes),
            };
            if let Err(error) = punched {
                return (0, Err(self.file.failed(request, error)));
            }
        }
        let grown =
            if hole.end > size { self.file.grow_claimed(hole.end, &self.io) } else { Ok(()) };
        match grown {
            Ok(()) => (hole.end - hole.start, Ok(())),
            Err(error) => {
                let punched = size.clamp(hole.start, hole.end) - hole.start;
                (punched, Err(self.file.failed(request, error)))
            }
        }
    }

    fn write_zeroes(&self, bytes: Range<u64>) -> (u64, io::Result<()>) {
        let zeroes = vec![0; CHUNK.min(bytes.end - bytes.start) as usize];
        let mut at = bytes.start;
        while at < bytes.end {
            let (written, outcome) = self.write(&zeroes[..self.chunk(at, bytes.end)], at);
            at += written;
            if outcome.is_err() {
                return (at - bytes.start, outcome);
            }
        }
        (bytes.end - bytes.start, Ok(()))
    }
}
