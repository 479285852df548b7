//! The page fault: a page of a mapping is not mapped, or not writable.
//!
//! 1. Before a write fault wait until the number of dirty pages is below the limit, while holding
//!    at most an IO lock. The caller does this before it takes the mm lock. If other files have all
//!    the dirty pages that are allowed, the store is written through instead, without a fault.
//! 2. A page past the end fails.
//! 3. If the page is cached and uptodate, lock it, check that it is still that page and uptodate,
//!    and map it if it is still within the file. No claim is taken: an operation that holds the
//!    page exclusively takes the page lock and unmaps it.
//! 4. Otherwise try to read it together with the pages after it (see `readahead`), and map it as in
//!    step 3. Otherwise get a free frame with no claim and no page held, claim the page shared,
//!    check the size again, insert or lock the page, and fill it.
//! 5. Map it under the page lock. For a write, first wait for its writeback, then check that it is uptodate, because a
//!    write-through that fails makes it not uptodate. Mark it dirty before it is made writable.

use std::io;

use crate::files::inode::Inode;
use crate::pages::dirty_limit::By;
use crate::pages::frame::LockedPage;
use crate::pages::page_table::{MappingId, Rights};
use crate::stats::Event;
use spanlock::Access;

impl Inode {
    /// Maps a page of the file in a mapping with the rights that an access needs. The caller holds no
    /// claim, and has throttled before it took the mm lock, if it has taken that.
    #[cold]
    pub(crate) fn fault(&self, mapping: MappingId, page: u64, rights: Rights) -> io::Result<()> {
        self.check_inside(page)?;
        if rights == Rights::ReadWrite {
            self.check_storable(page)?;
        }
        if self.map_cached(mapping, page, rights)? {
            self.count(Event::Hit);
            return Ok(());
        }
        self.count(Event::Miss);
        // Kept until the page is mapped, so that it is not evicted before.
        let brought_in = self.read_ahead(page..page + 1);
        if brought_in.is_some() && self.map_cached(mapping, page, rights)? {
            return Ok(());
        }
        self.wait_until_claimable(Access::Fault, page);
        let _permit = self.acquire_permit()?;
        let mut free = Some(self.frame_to_fill(self.cache.free_frame()?));
        let claim = self.claim_page(Access::Fault, page);
        self.check_inside(page)?;
        if let Some(locked) = self.find_or_make(page, &mut free) {
            wait_before(rights, &locked);
            let locked = self.fill(locked, &claim)?;
            self.map_locked(mapping, &locked, rights);
        }
        Ok(())
    }

    /// Maps a page if it is cached and uptodate; whether it was.
    fn map_cached(&self, mapping: MappingId, page: u64, rights: Rights) -> io::Result<bool> {
        let Some(locked) = self.find_locked(page) else { return Ok(false) };
        wait_before(rights, &locked);
        if !locked.state().is_uptodate() {
            return Ok(false);
        }
        self.check_inside(page)?;
        self.map_locked(mapping, &locked, rights);
        Ok(true)
    }

    /// Maps a locked page; not to be written, if the file may have no more dirty pages. Then a thread
    /// that writes to it throttles again.
    fn map_locked(&self, mapping: MappingId, page: &LockedPage<'_>, rights: Rights) {
        if rights == Rights::ReadWrite {
            if !page.state().is_dirty() && !self.admit_dirty(page.key().page, By::Mapping) {
                return;
            }
            page.set_dirty();
        }
        page.set_mapped();
        page.frame().entries.map(mapping, rights);
    }

    pub(crate) fn check_inside(&self, page: u64) -> io::Result<()> {
        let size = self.size();
        if self.page_size.start(page) < size {
            return Ok(());
        }
        let message = format!("page {page} is past the end of the file, at {size} bytes (SIGBUS)");
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
    }
}

/// Waits for the writeback of a page that is to be stored to.
fn wait_before(rights: Rights, page: &LockedPage<'_>) {
    if rights == Rights::ReadWrite {
        page.wait_for_writeback();
    }
}
