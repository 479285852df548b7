//! When a file was last changed.

use std::io;
use std::time::SystemTime;

use crate::error::Request;
use crate::file::File;
use crate::files::modified_time::to_nanos;

impl File {
    /// Returns when the content of the file last changed, or `None` if the cache does not keep this time
    /// ([`FileOptions::keep_modified_time`](crate::FileOptions::keep_modified_time)).
    ///
    /// When the file is opened, it is the time that the store returns
    /// ([`Store::modified`](crate::Store::modified)), or else the current time.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// assert_eq!(file.modified(), None);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn modified(&self) -> Option<SystemTime> {
        self.inode().modified.get()
    }

    /// Sets the time at which the content of the file last changed, in nanoseconds, as `utimensat` does. The next
    /// change of the content replaces it. The next sync passes it to the store.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the cache does not keep the time. `PermissionDenied` if the store is read-only. With a
    /// [durability](File::with_durability) of the handle, as [`sync_data`](File::sync_data).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache};
    ///
    /// let options = FileOptions::new().keep_modified_time();
    /// let file = PageCache::new(64).open_with(MemStore::new(), options)?;
    /// let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    /// file.set_modified(long_ago)?;
    /// assert_eq!(file.modified(), Some(long_ago));
    /// file.write_all_at(b"now", 0)?;
    /// assert!(file.modified() > Some(long_ago));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        let request = Request::of_file("set_modified");
        self.inode().check_change(request)?;
        if self.modified().is_none() {
            let message = "the file was opened without `keep_modified_time`";
            let error = io::Error::new(io::ErrorKind::Unsupported, message);
            return Err(self.inode().failed(request, error));
        }
        self.inode().modified.set(to_nanos(time));
        self.changed(0..1)
    }
}
