//! Fill: the bytes of a page are read from the store.
//!
//! 1. An uptodate page is left alone.
//! 2. Read the store up to the size. Bytes that the store does not have, and bytes past the end, are zeroes.
//! 3. Dirty bytes are kept: a partial page is read into memory beside its frame, and the bytes that
//!    are not dirty are copied over. Bytes that were sent since the last sync are kept too: a store
//!    whose sync fails may have lost them. The page lock is held throughout and nothing is written,
//!    so no other thread sees a state in between.
//! 4. Mark the page uptodate. From here on all of a dirty page is dirty.
//!
//! A page that cannot be filled leaves the cache, unless it has dirty bytes.

use std::io;

use crate::Store;
use crate::files::durability::unstable::Part;
use crate::files::inode::{Inode, MappingClaim};
use crate::pages::dirty_ranges::DirtyRanges;
use crate::pages::frame::{FreeFrame, LockedPage};
use crate::stats::Event;
use crate::store::read_full;
use crate::unwind;

impl Inode {
    /// A free frame for a page that the caller fills before it releases the page's lock. Its bytes are overwritten with
    /// a pattern first, unless the store always writes as many bytes as it reports.
    pub(crate) fn frame_to_fill<'a>(&self, frame: FreeFrame<'a>) -> FreeFrame<'a> {
        if self.store.is_exact() { frame.unpoisoned() } else { frame }
    }

    /// Makes a locked page uptodate, if it is not. The caller's claim on it keeps the store still.
    pub(crate) fn fill<'a>(
        &self,
        page: LockedPage<'a>,
        _claim: &MappingClaim<'_>,
    ) -> io::Result<LockedPage<'a>> {
        if page.state().is_uptodate() {
            return Ok(page);
        }
        let known = self.known_ranges(&page);
        let filled =
            if known.is_empty() { self.fill_fresh(&page) } else { self.fill_around(&page, &known) };
        match filled {
            Ok(()) => self.count(Event::Fill),
            Err(error) => {
                if page.state().is_clean() {
                    self.discard_page(page);
                }
                return Err(error);
            }
        }
        Ok(page)
    }

    /// Reads the store straight into a page of which nothing is known.
    fn fill_fresh(&self, page: &LockedPage<'_>) -> io::Result<()> {
        let mut latch = page.latch();
        self.read_page(page.key().page, latch.bytes())?;
        latch.commit();
        Ok(())
    }

    /// Prepares a locked page, which is dirty and about to be sent. A partial page is filled if the
    /// store is one of blocks or of whole pages, and one stretch of whole blocks is not all that is
    /// dirty; and if a stretch would let the store end within the page, where the file does not
    /// end: see `extend`. What cannot be read stays as it is, and is sent by the byte; or not at
    /// all, if the store gets whole pages.
    pub(crate) fn fill_to_blocks(&self, page: &LockedPage<'_>) -> io::Result<()> {
        let block = match self.sends_whole_pages() {
            true => self.page_size.len(),
            false => self.store.block_size().clamp(1, self.page_size.bytes()) as usize,
        };
        if page.state().is_uptodate() {
            return Ok(());
        }
        let number = page.key().page;
        let (start, inside) = (self.page_size.start(number), self.bytes_inside(number));
        let dirty = self.dirty_ranges(page);
        let held = self.store.held();
        let lets_it_end_early =
            dirty.iter().any(|range| range.end < inside && start + range.end as u64 > held);
        if !lets_it_end_early && (block == 1 || dirty.is_one_of_blocks(block, inside)) {
            return Ok(());
        }
        match self.fill_around(page, &self.known_ranges(page)) {
            Ok(()) => self.count(Event::Fill),
            Err(error) if self.sends_whole_pages() => return Err(error),
            Err(error) => unwind::discard(error),
        }
        Ok(())
    }

    /// The bytes of a partial page that are newer than the store, or that the store may lose.
    fn known_ranges(&self, page: &LockedPage<'_>) -> DirtyRanges {
        let mut known = self.dirty_ranges(page);
        // What was sent of all of a page was sent while it was uptodate.
        if let Some(Part::Ranges(sent)) = self.store.unstable().part(page.key().page) {
            known.add(&sent);
        }
        known
    }

    /// Reads the store around the known bytes of a partial page.
    fn fill_around(&self, page: &LockedPage<'_>, known: &DirtyRanges) -> io::Result<()> {
        let number = page.key().page;
        let mut stored = vec![0; self.page_size.len()];
        self.read_page(number, &mut stored)?;
        let mut latch = page.latch();
        let bytes = latch.bytes();
        let mut from = 0;
        for range in known.iter() {
            bytes[from..range.start].copy_from_slice(&stored[from..range.start]);
            from = range.end;
        }
        bytes[from..].copy_from_slice(&stored[from..]);
        self.partial.forget(number);
        latch.commit();
        Ok(())
    }

    fn read_page(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        let inside = self.bytes_inside(page);
        let found = read_full(&*self.store, &mut bytes[..inside], self.page_size.start(page))?;
        bytes[found..].fill(0);
        if found > 0 { self.decode(page, bytes) } else { Ok(()) }
    }
}
