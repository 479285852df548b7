//! The buffered read.
//!
//! For each page that the request touches:
//!
//! 1. Look the page up without locks. If it is uptodate, latch its bytes, which is a reference to
//!    it, and check that it is the page that was looked for. No claim is taken.
//! 2. Read the size, after the page was found uptodate: a size that covers a byte was published
//!    after the byte was. Copy out up to there.
//!
//! If the page is not in the cache, or not uptodate:
//!
//! 3. Get a free frame while nothing is held.
//! 4. Claim the page shared. Past the end there is nothing to read.
//! 5. Insert or lock the page; check again that it is the page, and whether it is uptodate now.
//! 6. Fill it. Keep a reference, unlock it, drop the claim, and copy as in 1 and 2. A page that
//!    was taken out meanwhile is read from the start again.

use std::io;

use super::error::Request;
use super::frame::{Pin, ReadLatch};
use super::inode::Inode;
use super::stats::Event;
use super::{PAGE_SIZE, PathLock};
use crate::Access;

impl<L: PathLock> Inode<L> {
    /// Reads at `offset`; short at the end, or where an error cut it off after the first page.
    pub(super) fn read_buffered(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let request = Request::new("read", offset, bytes.len() as u64);
        let mut done = 0;
        while done < bytes.len() {
            let at = offset.saturating_add(done as u64);
            let (page, within) = (at / PAGE_SIZE as u64, (at % PAGE_SIZE as u64) as usize);
            let wanted = (PAGE_SIZE - within).min(bytes.len() - done);
            let part = &mut bytes[done..done + wanted];
            let found = match self.read_hit(page, within, part) {
                Some(found) => found,
                None => match self.read_miss(page, within, part) {
                    Ok(found) => found,
                    Err(_) if done > 0 => break,
                    Err(error) => return Err(request.failed(error)),
                },
            };
            done += found;
            if found < wanted {
                break;
            }
        }
        Ok(done)
    }

    #[inline]
    fn read_hit(&self, page: u64, within: usize, to: &mut [u8]) -> Option<usize> {
        let frame = self.cache.index.peek(&self.cache.frames, self.key(page))?;
        let found = self.copy_out(&frame.read()?, page, within, to)?;
        self.cache.counters.count(Event::Hit);
        Some(found)
    }

    /// Copies out of a frame, if it caches the page.
    #[inline]
    fn copy_out(
        &self,
        latch: &ReadLatch<'_>,
        page: u64,
        within: usize,
        to: &mut [u8],
    ) -> Option<usize> {
        if latch.key() != self.key(page) {
            return None;
        }
        let left = self.size().saturating_sub(page * PAGE_SIZE as u64 + within as u64);
        let found = to.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        to[..found].copy_from_slice(&latch.bytes()[within..within + found]);
        Some(found)
    }

    #[cold]
    fn read_miss(&self, page: u64, within: usize, to: &mut [u8]) -> io::Result<usize> {
        if page * PAGE_SIZE as u64 + within as u64 >= self.size() {
            return Ok(0);
        }
        self.cache.counters.count(Event::Miss);
        loop {
            let Some(pin) = self.bring_in(page, Access::BufferedRead)? else { return Ok(0) };
            if let Some(latch) = pin.frame().read_unused()
                && let Some(found) = self.copy_out(&latch, page, within, to)
            {
                return Ok(found);
            }
        }
    }

    /// The page, pinned and uptodate when last seen; `None` if it lies past the end.
    fn bring_in(&self, page: u64, access: Access) -> io::Result<Option<Pin<'_>>> {
        let mut free = Some(self.cache.free_frame()?);
        let claim = self.claim_page(access, page);
        if page * PAGE_SIZE as u64 >= self.size() {
            return Ok(None);
        }
        let Some(locked) = self.find_or_make(page, &mut free) else { return Ok(None) };
        let filled = self.fill(locked, &claim)?;
        Ok(Some(filled.pin()))
    }
}
