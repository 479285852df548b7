//! The buffered write.
//!
//! 1. Wait, with nothing held, until fewer pages are dirty than may be.
//! 2. Claim the IO lock exclusively over the bytes; from the old end on if the write extends the
//!    file. Zero the old last page behind the old end: a mapping may have scribbled there.
//!
//! For each page:
//!
//! 3. If it is cached, uptodate and idle, lock it and latch its bytes at once, without a claim on
//!    the mapping lock: whoever holds the page exclusively has the IO lock too, which this write
//!    has; and who had not would pass through the page lock, as for a fault that hits.
//! 4. Else claim the page shared.
//! 5. Find it locked, or make it in a frame that was got with no claim held; check that it is the
//!    page; prepare it.
//! 6. Copy, under the latch.
//! 7. Mark it dirty, and extend the size, which is to commit it; unlock; drop the claim.
//! 8. If more pages are dirty now than may be, write some of this file's back, holding no more
//!    than the IO lock.
//!
//! If a page fails, it leaves the cache unless it was uptodate before. The pages before it stay
//! written, and are reported.

use std::io;

use super::error::Request;
use super::frame::{LockedPage, WriteHit};
use super::inode::{Claim, Inode};
use super::order::may_wait_for_clean;
use super::stats::Event;
use super::{PAGE_SIZE, PathLock};
use crate::Access;

const PAGE: u64 = PAGE_SIZE as u64;

impl<L: PathLock> Inode<L> {
    /// Writes at `offset`; short if an error cut it off after the first page.
    pub(super) fn write_buffered(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let request = Request::new("write", offset, bytes.len() as u64);
        let end = request.end()?;
        if bytes.is_empty() {
            return Ok(0);
        }
        self.throttle();
        let _io = self.io_for_write(offset..end);
        if end > self.size() {
            self.zero_past_end(self.size());
        }
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let within = (at % PAGE) as usize;
            let part = &bytes[done..bytes.len().min(done + PAGE_SIZE - within)];
            match self.write_page(at, part) {
                Ok(()) => done += part.len(),
                Err(_) if done > 0 => break,
                Err(error) => return Err(request.failed(error)),
            }
            if done < bytes.len() && self.cache.dirty.at_limit() {
                self.clean_some();
            }
        }
        Ok(done)
    }

    /// Writes within one page.
    #[inline]
    fn write_page(&self, at: u64, part: &[u8]) -> io::Result<()> {
        if self.write_hit(at, part) { Ok(()) } else { self.write_slow(at, part) }
    }

    /// Writes within a page that is cached, uptodate and idle; whether it was.
    #[inline]
    fn write_hit(&self, at: u64, part: &[u8]) -> bool {
        let (page, within) = (at / PAGE, (at % PAGE) as usize);
        let Some(frame) = self.cache.index.peek(&self.cache.frames, self.key(page)) else {
            return false;
        };
        let Some(mut hit) = WriteHit::try_new(&self.cache.frames, frame) else { return false };
        if hit.key() != self.key(page) {
            return false;
        }
        self.cache.counters.count(Event::Hit);
        hit.bytes()[within..within + part.len()].copy_from_slice(part);
        if hit.set_dirty() {
            self.note_dirty(page);
        }
        self.extend_to(at + part.len() as u64);
        true
    }

    #[cold]
    fn write_slow(&self, at: u64, part: &[u8]) -> io::Result<()> {
        let number = at / PAGE;
        let claim = self.claim_page(Access::BufferedWrite, number);
        if let Some(page) = self.find_locked(number) {
            self.cache.counters.count(Event::Hit);
            return self.write_into(page, at, part, &claim);
        }
        drop(claim);
        let mut free = Some(self.cache.free_frame()?);
        let claim = self.claim_page(Access::BufferedWrite, number);
        self.cache.counters.count(Event::Miss);
        match self.find_or_make(number, &mut free) {
            Some(page) => self.write_into(page, at, part, &claim),
            None => Err(io::ErrorKind::OutOfMemory.into()),
        }
    }

    fn write_into(
        &self,
        page: LockedPage<'_>,
        at: u64,
        part: &[u8],
        claim: &Claim<'_, L>,
    ) -> io::Result<()> {
        let within = (at % PAGE) as usize;
        let prepared = self.prepare(page, within..within + part.len(), claim)?;
        prepared.latch().bytes()[prepared.within()].copy_from_slice(part);
        self.commit(prepared, part.len());
        Ok(())
    }

    /// Marks a locked page dirty, which is not on its way to the store.
    pub(super) fn dirty(&self, page: &LockedPage<'_>) {
        if page.set_dirty() {
            self.note_dirty(page.key().page);
        }
    }

    #[inline]
    pub(super) fn extend_to(&self, end: u64) {
        if end > self.size() {
            self.set_size(end);
        }
    }

    /// Waits until less is dirty than may be. The caller holds nothing.
    ///
    /// A store that fails is no reason to wait for ever: then the write goes on, until no frame
    /// can be had.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn throttle(&self) {
        may_wait_for_clean();
        let dirty = &self.cache.dirty;
        if dirty.worth_cleaning() {
            self.throttle_slow();
        }
    }

    #[cold]
    fn throttle_slow(&self) {
        self.cache.flusher.wake();
        if !self.cache.dirty.at_limit() {
            return;
        }
        let start = self.cache.flusher.progress();
        while self.cache.dirty.at_limit() {
            if self.cache.flusher.wait_for_progress().failed_since(&start).is_some() {
                return;
            }
        }
    }
}
