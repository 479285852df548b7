//! The page fault: a mapping's page is not there, or not writable.
//!
//! 1. Before a write fault wait until fewer pages are dirty than may be: with no more than an IO lock
//!    held, so that is left to who takes the fault, before it takes the mm lock. If other files have all,
//!    there is no fault: what is stored is written through.
//! 2. A page past the end is no page: the fault fails.
//! 3. If the page is cached and uptodate, lock it, check that it is the page and still uptodate, and
//!    map it, if the file still reaches to it. No claim is taken: whoever holds the page exclusively
//!    passes through its lock, and unmaps it there.
//! 4. Else try to bring it in together with those after it: see `readahead`. If that does, map it as
//!    in 3. Else get a free frame with no claim and no page held; claim the page shared; check the
//!    size again; insert or lock the page; fill it.
//! 5. Map it under the page lock. For a write wait for its writeback before looking whether it is
//!    uptodate, since a write-through that fails makes it not so; mark it dirty, and only then make it
//!    writable.

use std::io;

use crate::PAGE_SIZE;
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
        // Kept until the page is mapped: nobody evicts it before.
        let brought_in = self.read_ahead(page..page + 1);
        if brought_in.is_some() && self.map_cached(mapping, page, rights)? {
            return Ok(());
        }
        let _loan = self.borrow_frame()?;
        let mut free = Some(self.cache.free_frame()?);
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

    /// Maps a locked page; not to be written, if the file may have no more dirty pages. Then whoever
    /// wants to write it throttles once more.
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
        if page * (PAGE_SIZE as u64) < size {
            return Ok(());
        }
        let message =
            format!("page {page} lies past the end of the file, at {size} bytes (SIGBUS)");
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
    }
}

/// Waits for the writeback of a page that is to be stored to.
fn wait_before(rights: Rights, page: &LockedPage<'_>) {
    if rights == Rights::ReadWrite {
        page.wait_for_writeback();
    }
}
