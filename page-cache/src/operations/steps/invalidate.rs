//! Invalidate: pages are removed from the cache.
//!
//! The caller holds an exclusive claim on the pages. For each of them:
//!
//! 1. Lock it. A thread that found it without a claim has finished with it, or finds it removed.
//! 2. Unmap it, and wait for accesses through the page tables to end.
//! 3. Wait for its writeback.
//! 4. If it is dirty, write it under the lock, so that it cannot become dirty again. A page that is
//!    discarded is not written.
//! 5. Remove it from the index, and clear its key under the latch, after the last reader.

use std::io;
use std::ops::Range;

use crate::files::inode::{Inode, MappingClaim};
use crate::order::leaf::lock_leaf;
use crate::pages::frame::LockedPage;

impl Inode {
    /// Removes a range of pages from the cache. Dirty pages are written back first.
    ///
    /// On an error the pages from there on stay, as dirty as they were.
    pub(crate) fn invalidate(&self, pages: Range<u64>, claim: &MappingClaim<'_>) -> io::Result<()> {
        for number in self.resident_in(pages) {
            let Some(page) = self.find_locked(number) else { continue };
            self.unmap(&page);
            page.wait_for_writeback();
            self.write_locked(&page, claim)?;
            self.take_out(page);
        }
        Ok(())
    }

    /// Removes a range of pages from the cache, and discards what is dirty.
    pub(crate) fn discard(&self, pages: Range<u64>, _claim: &MappingClaim<'_>) {
        for number in self.resident_in(pages) {
            if let Some(page) = self.find_locked(number) {
                self.discard_page(page);
            }
        }
    }

    /// Removes one page from the cache, and discards what is dirty of it.
    pub(crate) fn discard_page(&self, page: LockedPage<'_>) {
        self.unmap(&page);
        page.wait_for_writeback();
        if page.state().is_dirty() {
            self.partial.forget(page.key().page);
            self.note_clean(page.key().page);
        }
        self.take_out(page);
    }

    /// Removes a clean, unmapped page from the cache.
    fn take_out(&self, page: LockedPage<'_>) {
        self.unlink(&page);
        drop(page.retire());
    }

    /// Removes a page from the index. From then on it may be brought in again, in another frame.
    fn unlink(&self, page: &LockedPage<'_>) {
        self.forget_resident(page.key().page);
        lock_leaf(&self.cache.queues).remove(page.id());
        // A thread that guesses the frame does not read it.
        page.doubt();
        self.cache.index.remove(&self.cache.frames, page);
    }
}

#[cfg(test)]
mod tests;
