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
    /// Until the first change, it is the time that the store returned when the file was opened
    /// ([`Store::modified`](crate::Store::modified)), or, if the store returned none, the time of opening.
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

    /// Sets the time at which the content of the file last changed, with a precision of a nanosecond, as
    /// `utimensat` does. The next change of the content replaces it. The next sync passes it to the store. A time
    /// more than 2<sup>63</sup> nanoseconds (about 292 years) before or after 1970 is replaced by the nearest
    /// time in that range.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the cache does not keep the time. `PermissionDenied` if the store is read-only. If the
    /// [durability](File::with_durability) of the handle is not `AtSync`, the errors of
    /// [`sync_data`](File::sync_data).
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
