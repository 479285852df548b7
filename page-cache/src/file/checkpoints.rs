//! What an engine needs for its checkpoints: which pages are dirty, and writing them by their tags.

use std::io;

use super::File;
use super::sync::ALL;
use crate::DirtyPage;
use crate::error::Request;
use crate::files::durability::sync_group::Scope;

impl File {
    /// Returns the pages that are dirty, or in flight to the store, in ascending order. Other threads may clean and
    /// dirty pages meanwhile.
    ///
    /// A page that was written to the store and is not durable yet is not among them.
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

    /// Makes durable what was written with a tag of at most `tag`, like [`sync_data`](File::sync_data): writes the pages
    /// whose [`oldest_tag`](DirtyPage::oldest_tag) is not greater, and those dirtied without a tag, and syncs the store.
    /// Other pages stay dirty. After a fuzzy checkpoint by this the log may begin behind `tag`.
    ///
    /// It covers the pages that were dirty when it began. So every write with such a tag must have returned before.
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

    /// Makes the flusher write the file's dirty pages now, and does not wait for it. Errors are reported like
    /// those of any background writeback.
    ///
    /// It does nothing for a file without dirty pages, and for one opened with
    /// [`no_steal`](crate::FileOptions::no_steal). A file whose store has just failed keeps its pause.
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
