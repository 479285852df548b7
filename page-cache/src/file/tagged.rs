//! Writes that have a tag, and what is done by tag: what an engine with a log needs for its checkpoints.

use std::io;

use super::File;
use super::sync::ALL;
use crate::DirtyPage;
use crate::error::Request;
use crate::files::durability::sync_group::Scope;

impl File {
    /// Writes like [`write_at`](File::write_at), and notes `tag` for each page that it dirties. A tag is a number of the
    /// caller's, such as that of the log record which describes the write. Zero means none.
    ///
    /// A dirty page keeps the least and the greatest tag of what was written to it since it was last clean; writes without a
    /// tag change neither. [`FileOptions::before_writeback`](crate::FileOptions::before_writeback),
    /// [`dirty_pages`](File::dirty_pages) and [`sync_up_to`](File::sync_up_to) use them.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// assert_eq!(file.write_at_tagged(b"record 12", 0, 12)?, 9);
    /// assert_eq!(file.dirty_pages()[0].newest_tag, 12);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_at_tagged(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<usize> {
        self.inode().write_tagged(bytes, offset, tag)
    }

    /// Writes all of `bytes` like [`write_all_at`](File::write_all_at), with a tag like
    /// [`write_at_tagged`](File::write_at_tagged).
    ///
    /// # Errors
    ///
    /// As [`write_all_at`](File::write_all_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at_tagged(&[1; 8192], 0, 12)?;
    /// assert!(file.dirty_pages().iter().all(|page| page.oldest_tag == 12));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_all_at_tagged(&self, mut bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        let mut at = offset;
        while !bytes.is_empty() {
            let written = self.write_at_tagged(bytes, at, tag)?;
            bytes = &bytes[written..];
            at += written as u64;
        }
        Ok(())
    }

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
