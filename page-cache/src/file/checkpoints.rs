//! Checkpoints: which pages are dirty, and syncs of the pages up to a tag.

use std::io;

use super::File;
use super::sync::ALL;
use crate::DirtyPage;
use crate::error::Request;
use crate::files::durability::sync_group::Scope;

impl File {
    /// Returns the dirty pages of the file, including those that are being written to the store, in ascending
    /// order. Other threads may dirty and clean pages meanwhile.
    ///
    /// A page that has been written to the store and is not durable yet is not included.
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
        self.inode().dirty_pages()
    }

    /// Makes everything durable that was written with a tag of at most `tag`, and is otherwise like
    /// [`sync_data`](File::sync_data). It writes the pages whose [`oldest_tag`](DirtyPage::oldest_tag) is at most
    /// `tag`, including those without a tag, and syncs the store. Other pages stay dirty.
    ///
    /// For a fuzzy checkpoint: after this has returned, the pages of this file no longer need the log records up to
    /// `tag`. This covers the pages that were dirty when it began, so every write with a tag of at most `tag` must
    /// have returned before the call.
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
