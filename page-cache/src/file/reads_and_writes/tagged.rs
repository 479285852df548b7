//! Writes that have a tag, such as the number of a log record.

use std::io;

use crate::error::Request;
use crate::file::File;

impl File {
    /// Writes like [`write_at`](File::write_at), and records `tag` for each page that the write dirties. A tag is a
    /// number that the caller chooses, such as that of the log record that describes the write. Zero means no tag.
    ///
    /// Each dirty page keeps the smallest and the largest tag of the writes to it since it was last clean. A write
    /// without a tag changes neither. The tags are for
    /// [`FileOptions::before_writeback`](crate::FileOptions::before_writeback), [`dirty_pages`](File::dirty_pages)
    /// and [`sync_up_to`](File::sync_up_to).
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
        self.wrote(offset, self.inode().write_tagged(bytes, offset, tag)?)
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
    pub fn write_all_at_tagged(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.inode().end_of(Request::new("write", offset, bytes.len() as u64))?;
        let mut done = 0;
        while done < bytes.len() {
            done += self.inode().write_tagged(&bytes[done..], offset + done as u64, tag)?;
        }
        self.wrote(offset, done).map(drop)
    }
}
