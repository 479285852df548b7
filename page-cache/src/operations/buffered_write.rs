//! The buffered write.
//!
//! 1. Wait, with nothing held, until the number of dirty pages is below the limit.
//! 2. Claim the IO lock exclusively over the bytes; if the write extends the file, from the old end
//!    on. For a write that starts past the end see also `extend`. A file in write-through mode
//!    continues in `write_through`.
//!
//! For each page:
//!
//! 3. If the page is cached, uptodate and idle, and the write leaves no gap, lock it and latch its
//!    bytes, without a claim on the mapping lock: an operation that holds the page exclusively also
//!    holds the IO lock, which this write has, or takes the page lock first, as for a fault on a
//!    cached page.
//! 4. Copy without taking faults, which never blocks and may be short. Commit what was
//!    copied: mark the page dirty, record the write's tag, extend the size over exactly these
//!    bytes, unlock. The write continues after them.
//! 5. If the page was not in that state, or no byte could be copied, copy the bytes to a temporary
//!    page, with faults, while holding only the IO lock. A bad address ends the write here. A slice
//!    is its own temporary page.
//! 6. Look the page up again: as in step 3; or claim it shared, and find it locked or create it in a frame that was
//!    allocated before the claim. Check that it is the requested page, and prepare it.
//! 7. Copy from the temporary page under the latch. This copy is complete. Commit, unlock, release the claim.
//! 8. If the page is clean in step 6, and the limits do not allow the file one more dirty page,
//!    copy nothing. Release the page and the claim, write back some pages of this file while
//!    holding only the IO lock, and repeat step 6. If the file has no dirty pages, because other
//!    files have as many as all files may have, write these bytes through to the store instead; a
//!    file of whole pages waits for the other files.
//!
//! If a page fails it leaves the cache, unless it has dirty bytes. The bytes before it stay written and are reported.

use std::io;
use std::ops::Range;
use std::time::Instant;

use crate::error::Request;
use crate::files::inode::{Inode, IoClaim, MappingClaim};
use crate::options::WriteMode;
use crate::pages::dirty_limit::By;
use crate::pages::frame::{Frame, LockedPage, WriteHit};
use crate::request_memory::Source;
use crate::stats::Event;
use crate::unwind;
use crate::writeback::throttle::Room;

/// The result of a write within a page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Written,
    /// The page is clean, and the file may not have one more that is dirty.
    NoRoom,
}

impl Inode {
    /// Writes at `offset`; short if an error cut it off after some bytes.
    pub(crate) fn write_buffered(&self, from: impl Source, offset: u64) -> io::Result<usize> {
        self.write_tagged(from, offset, 0)
    }

    /// As `write_buffered`, with a tag for the bytes, or zero.
    #[inline]
    pub(crate) fn write_tagged(
        &self,
        from: impl Source,
        offset: u64,
        tag: u64,
    ) -> io::Result<usize> {
        match self.write_at_once(from, offset, tag) {
            Some(written) => Ok(written),
            None => self.write_in_steps(from, offset, tag),
        }
    }

    /// Steps 1 to 4 of a write within one page of the file, if it can do all of them without
    /// waiting for a claim or a page. Otherwise it writes nothing.
    ///
    /// This is the most frequent write. What it does is in `write_in_steps` too, but the compiler
    /// moves a claim that some path may wait for, and a result with an error, through memory.
    #[inline]
    fn write_at_once<S: Source>(&self, from: S, offset: u64, tag: u64) -> Option<usize> {
        let len = from.bytes();
        let end = offset.checked_add(len)?;
        let (page, within) = self.page_size.place(offset);
        let is_in_a_page = len > 0 && within as u64 + len <= self.page_size.bytes();
        let is_plain = self.write_mode == WriteMode::Back && !S::MAY_BE_ABSENT;
        if !is_in_a_page || !is_plain || end > self.size() || !self.may_change() {
            return None;
        }
        // Before the claim, so that the processor need not wait for one after the other.
        let frame = self.cache.index.peek(&self.cache.frames, self.key(page))?;
        if !self.is_within_known_limit(end) {
            return None;
        }
        self.throttle();
        let _io = self.try_io_exclusive_page(page)?;
        if end > self.size() {
            return None;
        }
        let written = self.write_to_frame(frame, offset, from, 0..len as usize, tag)?;
        self.count_io_claim();
        Some(written)
    }

    #[inline(never)]
    fn write_in_steps(&self, from: impl Source, offset: u64, tag: u64) -> io::Result<usize> {
        let request = Request::new("write", offset, from.bytes());
        self.check_change(request)?;
        let request = self.part_within_limit(request, 1)?;
        if request.len == 0 {
            return Ok(0);
        }
        self.throttle();
        let io = self.io_for_write(offset..offset + request.len);
        self.write_claimed(from, request, tag, &io)
    }

    /// Like `write_buffered`; the caller has claimed the IO lock as such a write does.
    #[inline]
    pub(crate) fn write_claimed(
        &self,
        from: impl Source,
        request: Request,
        tag: u64,
        io: &IoClaim<'_>,
    ) -> io::Result<usize> {
        let end = request.offset + request.len;
        if end > self.size() {
            self.check_whole(end).map_err(|error| self.failed(request, error))?;
        }
        self.cut_store_before(request.offset, io)
            .and_then(|()| match self.write_mode {
                WriteMode::Back => self.write_pages(from, request, tag),
                WriteMode::Through => self.write_through(from, request, tag),
            })
            .map_err(|error| self.failed(request, error))
    }

    #[inline]
    fn write_pages(&self, from: impl Source, request: Request, tag: u64) -> io::Result<usize> {
        let len = request.len as usize;
        let mut done = 0;
        while done < len {
            let at = request.offset + done as u64;
            let part = done..len.min(done + self.page_size.left(at));
            match self.write_page(at, from, part, tag) {
                Ok(written) => done += written,
                Err(error) if done > 0 => {
                    self.note_failure(request, error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Writes within one page; how many bytes.
    #[inline]
    fn write_page(
        &self,
        at: u64,
        from: impl Source,
        part: Range<usize>,
        tag: u64,
    ) -> io::Result<usize> {
        match self.write_hit(at, from, part.clone(), tag) {
            0 => self.write_brought_in(at, from, part, tag),
            written => Ok(written),
        }
    }

    /// Writes within a page that is cached, uptodate and idle, with faults off; how many bytes.
    #[inline]
    fn write_hit<S: Source>(&self, at: u64, from: S, part: Range<usize>, tag: u64) -> usize {
        if at > self.size() {
            return 0;
        }
        let page = self.page_size.number(at);
        let frame = self.cache.index.peek(&self.cache.frames, self.key(page));
        frame.and_then(|frame| self.write_to_frame(frame, at, from, part, tag)).unwrap_or(0)
    }

    /// The same, within a page that seems to be in this frame; `None` if nothing was written.
    #[inline(always)]
    fn write_to_frame<S: Source>(
        &self,
        frame: &Frame,
        at: u64,
        from: S,
        part: Range<usize>,
        tag: u64,
    ) -> Option<usize> {
        let (page, within) = self.page_size.place(at);
        let mut hit = WriteHit::try_new(&self.cache.frames, frame)?;
        if hit.key() != self.key(page) {
            return None;
        }
        let was_dirty = hit.was_dirty();
        if !was_dirty && !self.admit_dirty(page, By::Write) {
            return None;
        }
        let to = &mut hit.bytes()[within..within + part.len()];
        let written = from.copy_nofault(part.start, to);
        if S::MAY_BE_ABSENT && written == 0 {
            if !was_dirty {
                self.note_clean(page);
            }
            return None;
        }
        self.count(Event::Hit);
        if !was_dirty {
            hit.set_dirty();
        }
        self.note_tag(page, tag);
        self.note_written(at..at + written as u64);
        self.extend_to(at + written as u64);
        Some(written)
    }

    /// Notes bytes that were written to a page in the cache, which is locked, or latched and writable
    /// through a mapping: if a failed sync had lost some there, they have new ones.
    #[inline]
    pub(crate) fn note_written(&self, bytes: Range<u64>) {
        self.modified.note_change();
        if self.store.is_broken() {
            self.store.note(|unstable| unstable.rewritten(bytes));
        }
    }

    /// Writes within a page through a temporary page, and returns how many bytes.
    #[cold]
    fn write_brought_in<S: Source>(
        &self,
        at: u64,
        from: S,
        part: Range<usize>,
        tag: u64,
    ) -> io::Result<usize> {
        let mut temporary = Vec::new();
        let part = from.bring_in(part.start, part.len(), &mut temporary)?;
        if S::MAY_BE_ABSENT && self.write_hit(at, part, 0..part.len(), tag) > 0 {
            return Ok(part.len());
        }
        let start = Instant::now();
        while self.write_slow(at, part, tag)? == Outcome::NoRoom {
            if self.make_room()? == Room::WithOthers {
                if self.sends_whole_pages() {
                    self.wait_for_others(start)?;
                    continue;
                }
                // This takes only one frame, and only while the store writes.
                return self.send_through(part, at, tag).or_else(
                    |(written, error)| match written {
                        0 => Err(error),
                        written => {
                            unwind::discard(error);
                            Ok(written)
                        }
                    },
                );
            }
        }
        Ok(part.len())
    }

    #[cold]
    fn write_slow(&self, at: u64, part: &[u8], tag: u64) -> io::Result<Outcome> {
        let number = self.page_size.number(at);
        let bytes = at..at + part.len() as u64;
        let claim = self.claim_for_write(bytes.clone());
        if let Some(page) = self.find_locked(number) {
            self.count(Event::Hit);
            return self.write_into(page, at, (part, tag), &claim);
        }
        drop(claim);
        if !self.has_room(By::Write) {
            return Ok(Outcome::NoRoom);
        }
        let _permit = self.acquire_permit()?;
        let mut free = Some(self.cache.free_frame()?);
        let claim = self.claim_for_write(bytes);
        self.count(Event::Miss);
        match self.find_or_make(number, &mut free) {
            Some(page) => self.write_into(page, at, (part, tag), &claim),
            None => {
                Err(io::Error::new(io::ErrorKind::OutOfMemory, "no frame is free for the page"))
            }
        }
    }

    fn write_into(
        &self,
        page: LockedPage<'_>,
        at: u64,
        (part, tag): (&[u8], u64),
        claim: &MappingClaim<'_>,
    ) -> io::Result<Outcome> {
        let (number, within) = (page.key().page, self.page_size.within(at));
        let prepared = self.prepare(page, within..within + part.len(), claim)?;
        if !prepared.is_dirty() && !self.admit_dirty(number, By::Write) {
            return Ok(Outcome::NoRoom);
        }
        prepared.latch().bytes()[prepared.within()].copy_from_slice(part);
        self.commit(prepared, part.len(), tag);
        Ok(Outcome::Written)
    }

    #[inline]
    pub(crate) fn extend_to(&self, end: u64) {
        if end > self.size() {
            self.set_size(end);
        }
    }
}

#[cfg(test)]
mod tests;
