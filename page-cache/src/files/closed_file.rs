//! `ClosedFile`: the pages that the cache has of a file which is not open.
//!
//! A file with [`keep_pages`](crate::FileOptions::keep_pages) has a number and a set of cached pages, like any file, and
//! they outlive its [`Inode`](crate::files::inode::Inode). The next file over the same store gets both. Frames are keyed
//! by the number, so nothing has to be changed in them.
//!
//! | the pool finds by the number | when |
//! | --- | --- |
//! | the inode | the file is open or is being closed |
//! | the `ClosedFile` | no thread uses the inode any more, until the next file over the store takes its place |
//! | nothing | the pages have been removed |
//!
//! The pages are clean, and no thread reads or maps them. An eviction finds the `ClosedFile` as it would find the inode,
//! and the two have one set of pages. So it does not matter which of them it finds while one replaces the other.
//!
//! The store is not asked for anything while it is closed. Its version at the close is in `store_access/open_stores`.
//! When the last page is evicted, the record and the `ClosedFile` are removed. So there are no more of them than frames.

use std::sync::{Arc, Weak};

use crate::Identity;
use crate::files::store_access::open_stores::{OpenStores, Registration};
use crate::order::leaf::lock_leaf;
use crate::pages::pool::{CachedPages, Owner, PageCounts, Pool};
use crate::pages::visit::Visitors;

pub(crate) struct ClosedFile {
    id: u64,
    pages: CachedPages,
    identity: Identity,
    stores: Weak<OpenStores>,
    visitors: Arc<Visitors>,
}

impl ClosedFile {
    /// The file of a registration, which has this number and these pages.
    pub(crate) fn new(id: u64, pages: &CachedPages, registration: &Registration) -> ClosedFile {
        ClosedFile {
            id,
            pages: Arc::clone(pages),
            identity: registration.identity(),
            stores: registration.stores(),
            visitors: Arc::default(),
        }
    }
}

impl Owner for ClosedFile {
    fn visitors(&self) -> &Arc<Visitors> {
        &self.visitors
    }

    fn page_leaves(&self, page: u64) {
        lock_leaf(&self.pages).remove(page);
    }

    fn page_left(&self, pool: &Pool) {
        if !lock_leaf(&self.pages).is_empty() {
            return;
        }
        match self.stores.upgrade() {
            Some(stores) => stores.forget_if_empty(self.identity, self.id, pool),
            // No store can be opened in this cache any more.
            None => pool.forget_owner(self.id),
        }
    }

    fn pages(&self) -> PageCounts {
        let resident = lock_leaf(&self.pages).len();
        PageCounts { resident, kept: resident, ..PageCounts::default() }
    }
}
