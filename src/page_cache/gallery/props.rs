//! What scenarios are set up with.

use crate::MappingLock;
use crate::page_cache::{File, MemStore, PAGE_SIZE, PageCache, Store};

pub(super) const PAGE: u64 = PAGE_SIZE as u64;

pub(super) type Inode = crate::page_cache::inode::Inode<MappingLock>;

/// A file of so many pages of the letter a, none of them cached.
pub(super) fn file(pages: usize) -> File {
    let store = MemStore::new();
    store.write_at(&vec![b'a'; pages * PAGE_SIZE], 0).expect("memory can be written");
    PageCache::new(16).open(store).expect("there is a thread for the flusher")
}

/// A file of so many pages that are all cached and dirty: the letter b, over a's in the store.
pub(super) fn dirty_file(pages: usize) -> File {
    let file = file(pages);
    file.write_all_at(&vec![b'b'; pages * PAGE_SIZE], 0).expect("memory can be written");
    file
}
