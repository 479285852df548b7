//! The buffered read.
//!
//! For each page of the request:
//!
//! 1. Look the page up without locks. If it is uptodate, latch its bytes, which also keeps a reference to it, and check
//!    that it is still the requested page. No claim is taken.
//! 2. Read the size after the page was found uptodate: a size that covers a byte is published after
//!    the byte. Copy up to the size, without taking faults.
//!
//! If the page is not cached or not uptodate, or if the destination is not present, the page is
//! read into a temporary page, which is copied to the destination afterwards, with faults and with
//! nothing held. A slice is its own temporary page. A copy that is short is repeated as a
//! whole, since a read of one page is atomic. To read into the temporary page, try steps 1 and 2
//! again, and otherwise:
//!
//! 3. Try to read the page together with the pages after it: see `readahead`. Otherwise wait while it is claimed
//!    exclusively, and then get a free frame with nothing held.
//! 4. Claim the page shared. Past the end there is nothing to read.
//! 5. Insert or lock the page. Check again that it is the requested page, and whether it is uptodate now.
//! 6. Fill it. Keep a reference, unlock it, release the claim, and copy as in steps 1 and 2. If the page was evicted
//!    meanwhile, start again.

use std::io;
use std::ops::Range;

use crate::error::Request;
use crate::files::inode::Inode;
use crate::pages::frame::{Pin, ReadLatch};
use crate::request_memory::Sink;
use crate::stats::Event;
use spanlock::Access;

impl Inode {
    /// Reads at `offset`; short at the end, or where an error cut it off after some bytes.
    pub(crate) fn read_buffered(&self, mut to: impl Sink, offset: u64) -> io::Result<usize> {
        let request = Request::new("read", offset, to.bytes());
        self.check_outside(request)?;
        let len = usize::try_from(request.len).unwrap_or(usize::MAX);
        let mut done = 0;
        // The end of the pages that were fetched for this request.
        let mut fetched = 0;
        while done < len {
            let at = offset.saturating_add(done as u64);
            let (page, within) = self.page_size.place(at);
            let wanted = (self.page_size.len() - within).min(len - done);
            let copy = |bytes: &[u8]| to.copy_nofault(done, bytes);
            let found = match self.read_hit(page, within, wanted, fetched, copy) {
                Some(found) => found,
                None => match to.put(done, wanted, |part| {
                    let pages = page..self.page_size.count(offset.saturating_add(len as u64));
                    self.read_part(pages, within, part, &mut fetched)
                }) {
                    Ok(found) => found,
                    Err(error) if done > 0 => {
                        self.note_failure(request, error);
                        break;
                    }
                    Err(error) => return Err(self.failed(request, error)),
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
    fn read_hit(
        &self,
        page: u64,
        within: usize,
        wanted: usize,
        fetched: u64,
        copy: impl FnOnce(&[u8]) -> bool,
    ) -> Option<usize> {
        // In a cache that is larger than the processor's, the header and the bytes are fetched at the same time.
        let prefetch = |id| self.cache.frames.prefetch_bytes(id, within..within + wanted);
        let frame = self.cache.index.peek_with(&self.cache.frames, self.key(page), prefetch)?;
        let found = self.copy_out(&frame.read(&self.cache.frames)?, page, within, wanted, copy)?;
        self.count(if page < fetched { Event::Miss } else { Event::Hit });
        Some(found)
    }

    /// Copies out of a frame, if it caches the page. Returns how many bytes, unless `copy` fails.
    #[inline]
    fn copy_out(
        &self,
        latch: &ReadLatch<'_>,
        page: u64,
        within: usize,
        wanted: usize,
        copy: impl FnOnce(&[u8]) -> bool,
    ) -> Option<usize> {
        if latch.key() != self.key(page) {
            return None;
        }
        let left = self.size().saturating_sub(self.page_size.start(page) + within as u64);
        let found = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
        copy(&latch.bytes()[within..within + found]).then_some(found)
    }

    /// Reads within the first of the pages that the request touches, to memory that is
    /// always there.
    #[cold]
    fn read_part(
        &self,
        pages: Range<u64>,
        within: usize,
        to: &mut [u8],
        fetched: &mut u64,
    ) -> io::Result<usize> {
        let wanted = to.len();
        let mut copy = |bytes: &[u8]| {
            to[..bytes.len()].copy_from_slice(bytes);
            true
        };
        match self.read_hit(pages.start, within, wanted, *fetched, &mut copy) {
            Some(found) => Ok(found),
            None => self.read_miss(pages, within, wanted, fetched, copy),
        }
    }

    fn read_miss(
        &self,
        pages: Range<u64>,
        within: usize,
        wanted: usize,
        fetched: &mut u64,
        mut copy: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<usize> {
        let page = pages.start;
        if self.page_size.start(page) + within as u64 >= self.size() {
            return Ok(0);
        }
        self.count(Event::Miss);
        let mut brought_in = self.read_ahead(pages).map(|(first, end)| {
            *fetched = end;
            first
        });
        loop {
            let pin = match brought_in.take() {
                Some(pin) => pin,
                None => match self.bring_in(page, Access::BufferedRead)? {
                    Some(pin) => pin,
                    None => return Ok(0),
                },
            };
            if let Some(latch) = pin.frame().read_unused(&self.cache.frames)
                && let Some(found) = self.copy_out(&latch, page, within, wanted, &mut copy)
            {
                return Ok(found);
            }
        }
    }

    /// The page, pinned and uptodate when last seen; `None` if it lies past the end.
    fn bring_in(&self, page: u64, access: Access) -> io::Result<Option<Pin<'_>>> {
        self.wait_until_claimable(access, page);
        let _permit = self.acquire_permit()?;
        let mut free = Some(self.frame_to_fill(self.cache.free_frame()?));
        let claim = self.claim_page(access, page);
        if self.page_size.start(page) >= self.size() {
            return Ok(None);
        }
        let Some(locked) = self.find_or_make(page, &mut free) else { return Ok(None) };
        let filled = self.fill(locked, &claim)?;
        Ok(Some(filled.pin()))
    }
}

#[cfg(test)]
mod tests;
