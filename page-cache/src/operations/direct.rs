//! Direct IO: between the caller's memory and the store, coherent with the cache.
//!
//! The IO lock covers the whole request: shared for a read, exclusive for a write. A write that
//! extends the file claims it from the old end on. Then, for each chunk:
//!
//! Read:
//!
//! 1. Claim the chunk exclusively, rounded out to pages.
//! 2. Write back its dirty pages.
//! 3. Read the store up to the size; bytes that the store does not have read as zeroes. Release the claim.
//! 4. If the bytes went to a temporary chunk, copy it to the request's memory, with faults.
//!
//! Write:
//!
//! 1. Copy the chunk's bytes to memory that is always present, with faults, up to a bad address. A
//!    slice is always present and is not copied.
//! 2. Claim the chunk exclusively, rounded out to pages; if it starts past the end, from the old end on.
//! 3. Write back its dirty pages, in long runs.
//! 4. Lock, unmap and remove every page. A page that a mapping has dirtied again is written first.
//!    While the claim is held, no page can be brought back.
//! 5. If the store ends before the end of the chunk, and the file after it, extend the store to the
//!    end of the chunk's last page, or of the file: see `extend`. If the chunk starts past the end
//!    of the file, lock the old last page, as described there, and keep it locked until the size is
//!    extended. Write to the store.
//! 6. Extend the size by what was written. After an error truncate the store to the size.
//!
//! The memory of a request may be a mapping of the chunk itself, whose pages cannot be cached while
//! the chunk is claimed. So that memory is accessed only while the chunk is not claimed.

use std::io;
use std::ops::Range;

use crate::Store;
use crate::error::Request;
use crate::files::inode::Inode;
use crate::files::store_access::checked_store::MOST_ALIGNED;
use crate::request_memory::{Sink, Source};
use crate::store::{read_full, write_full};
use spanlock::Access;

/// The most bytes that are moved under one claim: a multiple of every alignment.
const CHUNK: u64 = MOST_ALIGNED;

/// All was written, or as many bytes before an error.
pub(crate) type Written = Result<(), (usize, io::Error)>;

impl Inode {
    /// Reads at `offset`; short at the end, or where an error cut it off after the first chunk.
    pub(crate) fn read_direct(&self, mut to: impl Sink, offset: u64) -> io::Result<usize> {
        let request = Request::new("direct read", offset, to.bytes());
        self.check_outside(request)?;
        self.check_direct(request)?;
        if request.len == 0 || offset >= self.size() {
            return Ok(0);
        }
        let _io = self.io_shared(offset..offset.saturating_add(request.len));
        let len = usize::try_from(request.len).unwrap_or(usize::MAX);
        let mut done = 0;
        while done < len {
            let chunk = chunk_at(offset + done as u64, (len - done) as u64);
            let wanted = (chunk.end - chunk.start) as usize;
            match to.put(done, wanted, |into| self.read_chunk(into, chunk)) {
                Ok(found) if found < wanted => return Ok(done + found),
                Ok(found) => done += found,
                Err(error) if done > 0 => {
                    self.note_failure(request, error);
                    break;
                }
                Err(error) => return Err(self.failed(request, error)),
            }
        }
        Ok(done)
    }

    fn read_chunk(&self, into: &mut [u8], chunk: Range<u64>) -> io::Result<usize> {
        let claim = self.claim(Access::DirectRead, chunk.clone());
        self.flush_claimed(self.page_size.touched(&chunk), &claim)?;
        let left = self.size().saturating_sub(chunk.start);
        let into_len = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let into = &mut into[..into_len];
        let found = read_full(&*self.store, into, chunk.start)?;
        into[found..].fill(0);
        Ok(into_len)
    }

    /// Writes at `offset`; short if an error cut it off after some bytes.
    pub(crate) fn write_direct(&self, from: impl Source, offset: u64) -> io::Result<usize> {
        let (request, written) = self.try_write_direct(from, offset)?;
        match written {
            Ok(()) => Ok(request.len as usize),
            Err((0, error)) => Err(self.failed(request, error)),
            Err((part, error)) => {
                self.note_failure(request, error);
                Ok(part)
            }
        }
    }

    /// Writes all of `bytes` at `offset`.
    pub(crate) fn write_all_direct(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.end_of(Request::new("direct write", offset, bytes.len() as u64))?;
        let mut done = 0;
        while done < bytes.len() {
            let (request, written) = self.try_write_direct(&bytes[done..], offset + done as u64)?;
            done += self.whole_blocks(request, written)?;
        }
        Ok(())
    }

    /// How many bytes of a request were written, to go on after them. That is possible after an error
    /// too, unless what was written ends within a block of the store.
    pub(crate) fn whole_blocks(&self, request: Request, written: Written) -> io::Result<usize> {
        match written {
            Ok(()) => Ok(request.len as usize),
            Err((part, error)) if part > 0 && (part as u64).is_multiple_of(self.alignment()) => {
                self.note_failure(request, error);
                Ok(part)
            }
            Err((_, error)) => Err(self.failed(request, error)),
        }
    }

    /// Writes as far as the store's greatest length: the request, and how far it came.
    fn try_write_direct(&self, from: impl Source, offset: u64) -> io::Result<(Request, Written)> {
        let request = Request::new("direct write", offset, from.bytes());
        self.check_change(request)?;
        self.end_of(request)?;
        self.check_direct(request)?;
        let request = self.part_within_limit(request, self.alignment())?;
        if request.len == 0 {
            return Ok((request, Ok(())));
        }
        let io = self.io_for_write(offset..offset + request.len);
        let written = self.cut_store_before(offset, &io).map_err(|error| (0, error));
        Ok((request, written.and_then(|()| self.write_chunks(from, request))))
    }

    /// Writes in chunks, and says how far it came if it cannot; the caller has claimed the IO lock as
    /// such a write does.
    pub(crate) fn write_chunks(&self, from: impl Source, request: Request) -> Written {
        let Request { offset, .. } = request;
        let len = request.len as usize;
        let mut temporary = Vec::new();
        let mut done = 0;
        while done < len {
            let chunk = chunk_at(offset + done as u64, (len - done) as u64);
            let wanted = (chunk.end - chunk.start) as usize;
            let from = self
                .bring_in_blocks(from, done, wanted, &mut temporary)
                .map_err(|error| (done, error))?;
            self.write_chunk(from, chunk.start..chunk.start + from.len() as u64)
                .map_err(|(part, error)| (done + part, error))?;
            done += from.len();
        }
        Ok(())
    }

    /// Makes the memory of a request to the store present. If there is a bad address, this is as many
    /// bytes before it as the store's alignment allows.
    fn bring_in_blocks<'t, S: Source + 't>(
        &self,
        from: S,
        position: usize,
        len: usize,
        temporary: &'t mut Vec<u8>,
    ) -> io::Result<&'t [u8]> {
        let bytes = from.bring_in(position, len, temporary)?;
        let part = bytes.len() % self.alignment() as usize;
        if part < bytes.len() {
            return Ok(&bytes[..bytes.len() - part]);
        }
        // The bad address follows immediately.
        match from.bring_in(position + part, 1, &mut Vec::new()) {
            Err(error) => Err(error),
            Ok(_) => {
                let message = format!(
                    "only {part} bytes of memory can be read, less than a block of the store"
                );
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }

    fn write_chunk(&self, from: &[u8], chunk: Range<u64>) -> Written {
        let leaves_last_page = self.leaves_last_page(chunk.start);
        let start = if leaves_last_page { self.size() } else { chunk.start };
        let claim = self.claim(Access::DirectWrite, start..chunk.end);
        let pages = self.page_size.touched(&chunk);
        self.flush_claimed(pages.clone(), &claim).map_err(|error| (0, error))?;
        self.invalidate(pages, &claim).map_err(|error| (0, error))?;
        if chunk.end < self.size() && self.end_of_reach(chunk.end) > chunk.end {
            self.let_store_reach(chunk.clone(), &claim).map_err(|error| (0, error))?;
        }
        let last = if leaves_last_page { self.seal_last_page(&claim) } else { None };
        let write = || write_full(&*self.store, from, chunk.start);
        let outcome = self.store.attempt(Some(chunk.clone()), write, |unstable, outcome| {
            let written = match outcome {
                Ok(()) => from.len(),
                Err((part, _)) => *part,
            };
            let end = chunk.start + written as u64;
            if written > 0 && end > self.size() {
                self.set_size(end);
            }
            unstable.sent_past(chunk.start..end);
            unstable.uncertain(end..chunk.end);
        });
        drop(last);
        self.modified.note_change();
        if outcome.is_err() && chunk.end > self.size() {
            self.trim_store();
        }
        outcome
    }

    /// Refuses what direct IO cannot do.
    pub(crate) fn check_direct(&self, request: Request) -> io::Result<()> {
        self.check_plain().map_err(|error| self.failed(request, error))?;
        self.check_aligned(request)
    }

    /// Refuses what the store cannot do in one request: rounding it out would read and write bytes
    /// that were not requested.
    fn check_aligned(&self, request: Request) -> io::Result<()> {
        let alignment = self.alignment();
        if request.offset.is_multiple_of(alignment) && request.len.is_multiple_of(alignment) {
            return Ok(());
        }
        let message = format!("offset and length must be multiples of {alignment} bytes");
        Err(self.failed(request, io::Error::new(io::ErrorKind::InvalidInput, message)))
    }

    fn alignment(&self) -> u64 {
        let page = if self.sends_whole_pages() { self.page_size.bytes() } else { 1 };
        self.store.direct_alignment().max(page)
    }
}

fn chunk_at(start: u64, left: u64) -> Range<u64> {
    // The first chunk ends at a multiple of the chunk, so that pages are not claimed twice.
    let end = (start / CHUNK + 1) * CHUNK;
    start..end.min(start.saturating_add(left))
}

#[cfg(test)]
mod tests;
