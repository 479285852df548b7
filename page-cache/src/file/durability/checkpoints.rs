//! Checkpoints: which pages are dirty, and syncs of the pages up to a tag.

use std::io;

use super::sync::ALL;
use crate::DirtyPage;
use crate::error::Request;
use crate::file::File;
use crate::files::durability::sync_group::Scope;

impl File {
    /// Returns the dirty pages of the file, including those that are being written to the store, in ascending
    /// order. Other threads may dirty and clean pages meanwhile.
    ///
    /// A page that is changed through an exclusive guard is included once the guard is dropped, or before that if
    /// it was already dirty. A page that has been written to the store and is not durable yet is not included.
    /// After a failed sync, pages that it may have lost are dirty again, with tags of zero. So do not derive from
    /// these tags how much of a log may be discarded: use [`sync_up_to`](File::sync_up_to).
    ///
    /// # Complexity
    ///
    /// Time and memory are proportional to the number of dirty pages.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(&[1; 10], 4096)?;
    /// assert_eq!(file.dirty_pages()[0].range, 4096..4106);
    /// file.sync_data()?;
    /// assert!(file.dirty_pages().is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn dirty_pages(&self) -> Vec<DirtyPage> {
        self.inode().dirty_pages(&(0..u64::MAX))
    }

    /// Makes everything durable that was written with a tag of at most `tag`, and is otherwise like
    /// [`sync_data`](File::sync_data). It writes the pages whose [`oldest_tag`](DirtyPage::oldest_tag) is at most
    /// `tag`, including those without any tag, and what a failed sync may have lost, and syncs the store. Other
    /// pages stay dirty, even if they contain writes without a tag.
    ///
    /// It covers the pages that were dirty when it began, so every write with a tag of at most `tag` must have
    /// returned before the call. It waits until other threads have dropped their exclusive guards of pages that it
    /// writes, and of clean pages, which may become dirty when the guard is dropped.
    ///
    /// # Checkpoints
    ///
    /// This makes a fuzzy checkpoint, after which a log may be shortened, without stopping the writers:
    ///
    /// 1. Each writer appends its log record while it has the exclusive guards of the pages that the record
    ///    changes, and passes the record's number to [`PageMut::set_tag`](crate::PageMut::set_tag). The numbers
    ///    ascend in the order of the records.
    /// 2. The checkpoint calls `sync_up_to` with the number of a record that has been appended.
    /// 3. If it succeeds, recovery of this file no longer needs this record, nor those before it. If it fails, keep
    ///    them.
    ///
    /// # Errors
    ///
    /// As [`sync_data`](File::sync_data).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_at_tagged(b"old", 0, 10)?;
    /// file.write_at_tagged(b"new", 4096, 20)?;
    /// file.sync_up_to(15)?;
    /// let left: Vec<u64> = file.dirty_pages().iter().map(|page| page.oldest_tag).collect();
    /// assert_eq!(left, [20]);
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// A checkpoint of a file that is changed through guards:
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let (tree, log) = (cache.open(MemStore::new())?, cache.open(MemStore::new())?);
    /// tree.set_len(4096)?;
    ///
    /// let mut page = tree.page_mut(0)?;
    /// let entry = b"byte 0 is 1";
    /// let number = log.append(entry)? + entry.len() as u64; // where the record ends
    /// page[0] = 1;
    /// page.set_tag(number);
    /// drop(page);
    ///
    /// log.sync_data()?;
    /// tree.sync_up_to(number)?;
    /// // Recovery needs the log from `number` on.
    /// assert!(tree.dirty_pages().is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_up_to(&self, tag: u64) -> io::Result<()> {
        self.sync_tagged(Request::of_file("sync_up_to"), Scope::Data, ALL, tag)
    }

    /// Makes the flusher start to write the file's dirty pages to the store, and returns without waiting. Errors
    /// are reported like those of any background writeback: see [`sync_data`](File::sync_data).
    ///
    /// It has no effect on a file without dirty pages, or on one opened with
    /// [`no_steal`](crate::FileOptions::no_steal). If the store has just failed, the flusher still pauses before it
    /// tries again ([`Options::flush_interval`](crate::Options::flush_interval)).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// let options = Options::new(64).flush_interval(Duration::MAX);
    /// let file = PageCache::with_options(options).open(MemStore::new())?;
    /// file.write_all_at(b"soon in the store", 0)?;
    /// file.start_writeback();
    /// while !file.dirty_pages().is_empty() {
    ///     std::thread::yield_now();
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn start_writeback(&self) {
        self.inode().cache.flusher.hasten(self.inode().id);
    }
}
