//! Keep pages: what is cached of a file outlives its last handle, until the store is opened again
//! ([`FileOptions::keep_pages`](crate::FileOptions::keep_pages)).
//!
//! At the end of a close, if the store and the clean pages agree:
//!
//! 1. With the whole file claimed exclusively: check that nothing is dirty or unstable, and that the store is as long as
//!    the file. Each page is then as that of a file which is open and not used: clean and uptodate, or clean and unknown.
//! 2. Release the claim, put a [`ClosedFile`] in the place of the inode, and wait until the last visitor of the inode
//!    has left. No page is added after that, as for any close. The pages can be evicted all the time, also if the store
//!    does not answer any more.
//! 3. Ask the store for its version. This is the last request to it: no visitor of the file is left that could make one.
//! 4. If it has a version, and the thread that dropped the last handle still waits, record the version. What another
//!    program changes after that thread has continued then comes after step 3, and leads to another version. Otherwise
//!    remove the pages: the store may have been changed before it was asked. That thread does not wait if it dropped the
//!    handle inside a store or a hook, and no longer than the store answers.
//! 5. The store is dropped, and then the registration. So an open that waits for the registration finds the record.
//!
//! At the open of a store for which there is a record, with its registration:
//!
//! 6. The new inode has the number and the pages of the closed file. No other thread knows it yet.
//! 7. Ask the store for its version. If it is another one, remove the pages.
//! 8. Remove the record, and put the inode in the place of the closed file. An eviction that has found the closed file
//!    before that continues: it has locked a page that is clean, and both have one set of pages.
//!
//! If the open fails before step 7, the closed file stays.
//!
//! Nothing of the options of the closed file has to be the same for the new one. Only a page transform determines which
//! bytes a page has for a store, and two transforms cannot be compared. So a file with a transform neither keeps pages
//! nor takes them over.

use std::sync::Arc;

use crate::files::closed_file::ClosedFile;
use crate::files::inode::{Inode, MappingClaim};
use crate::files::store_access::open_stores::Kept;
use crate::options::AtClose;
use crate::unwind;
use crate::{Store, Version};
use spanlock::Access;

impl Inode {
    /// Whether the pages of a file that is being closed may be kept.
    pub(crate) fn may_keep_pages(&self, _claim: &MappingClaim<'_>) -> bool {
        let is_wanted = self.at_close == AtClose::KeepPages && self.transform.is_none();
        let has_identity = self.registration.is_some();
        let len = || self.store.len_now().map_err(unwind::discard);
        let is_whole = || len().is_ok_and(|len| len == self.size());
        is_wanted && has_identity && self.is_settled() && is_whole()
    }

    /// Keeps the pages, if the store has a version and `is_awaited` returns that the thread which dropped the last handle
    /// still waits.
    pub(crate) fn keep_pages(&self, is_awaited: impl Fn() -> bool) {
        let Some(registration) = &self.registration else { return };
        let closed = ClosedFile::new(self.id, &self.resident, registration);
        self.cache.replace_owner(self.id, Arc::new(closed));
        match self.version() {
            Some(version) if is_awaited() => {
                let kept = Kept { file: self.id, pages: Arc::clone(&self.resident), version };
                registration.keep(kept, &self.cache);
            }
            _ => {
                self.remove_all_pages();
                self.cache.forget_owner(self.id);
            }
        }
    }

    /// Takes over the pages that were kept when the file was closed before, or removes them. No thread knows the file
    /// yet.
    pub(crate) fn take_pages_over(&self) {
        let Some(registration) = &self.registration else { return };
        let Some(kept) = registration.kept() else { return };
        if !self.has_version_of(kept) {
            self.remove_all_pages();
        }
        registration.forget_kept();
    }

    fn has_version_of(&self, kept: &Kept) -> bool {
        self.transform.is_none() && self.version().is_some_and(|version| version == kept.version)
    }

    /// The version of the store, if it has one and returns it. The drop of an error is user code, and may panic.
    fn version(&self) -> Option<Version> {
        self.store.version().map_err(unwind::discard).ok().flatten()
    }

    fn remove_all_pages(&self) {
        let claim = self.claim(Access::Invalidate, 0..u64::MAX);
        self.discard(0..u64::MAX, &claim);
    }
}
