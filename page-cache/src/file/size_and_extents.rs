//! Changes of a file's size and extents.

use std::io;

use super::File;
use crate::Length;

impl File {
    /// Returns the length of the file in bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 40)?;
    /// assert_eq!(file.len(), 1 << 40);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inode().size()
    }

    /// Returns whether the length of the file is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// assert!(PageCache::new(64).open(MemStore::new())?.is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Truncates the file to `len` bytes, or extends it with zeroes. Other threads may see a shorter length before this
    /// returns, for example while it waits for a page guard, or if the store then fails.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if `len` exceeds the store's maximum length ([`Store::max_len`](crate::Store::max_len)). The
    /// store's error. The file is unchanged after an error, unless the store has lost a part of what was to be
    /// removed: then the file is as long as the store, and the error, or [`last_failure`](File::last_failure) if the
    /// error is an errno, reports this. A store that reports an error and has the new length afterwards has not
    /// failed. If a store that has failed does not report its length, the file keeps the old one. If the store has
    /// lost bytes nevertheless, reads of them fail, and so do syncs, until the file is truncated.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"cut off", 0)?;
    /// file.set_len(3)?;
    /// file.set_len(7)?;
    /// let mut seen = [0xff; 7];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"cut\0\0\0\0");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        self.inode().truncate(len)?;
        self.changed(len..len.saturating_add(1))
    }

    /// Extends the file with zeroes to at least `len` bytes. Has no effect if the file is at least that long.
    ///
    /// Unlike a call of [`len`](File::len) followed by one of [`set_len`](File::set_len), this cannot truncate a file
    /// that another thread extends in between.
    ///
    /// # Errors
    ///
    /// As [`set_len`](File::set_len), for a greater length: the file is unchanged after an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.extend_to(8192)?;
    /// file.extend_to(4096)?;
    /// assert_eq!(file.len(), 8192);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn extend_to(&self, len: u64) -> io::Result<()> {
        self.inode().extend_to_at_least(len)?;
        self.changed(len..len.saturating_add(1))
    }

    /// Makes `offset..offset + len` read as zeroes and frees its blocks. The length of the file does not change;
    /// the part of the range past the end is ignored. An empty range has no effect, wherever it lies up to
    /// `i64::MAX`.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the range ends past `i64::MAX`. The store's error; bytes outside the range are unchanged
    /// then, and each byte of the range is zero or unchanged. In a file with a
    /// [transform](crate::FileOptions::transform), a page of which the store has punched a part may not decode any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"punched", 0)?;
    /// file.punch_hole(1, 5)?;
    /// let mut seen = [0xff; 7];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"p\0\0\0\0\0d");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inode().punch(offset, len)?;
        self.changed(offset..offset.saturating_add(len))
    }

    /// Makes `offset..offset + len` read as zeroes and allocates its blocks, so that a later write there cannot
    /// fail with `StorageFull`. If the range extends past the end, `length` decides whether the file grows. An
    /// empty range has no effect, wherever it lies up to `i64::MAX`.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the range ends past `i64::MAX`, or the file would grow past the store's maximum length.
    /// The store's error, such as `StorageFull`. After an error the length and all bytes outside the range are
    /// unchanged; each byte of the range is zero or unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Length, MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"old log", 0)?;
    /// file.zero_range(0, 8192, Length::Keep)?;
    /// assert_eq!(file.len(), 7);
    /// file.zero_range(0, 8192, Length::Extend)?;
    /// assert_eq!(file.len(), 8192);
    /// let mut seen = [0xff; 7];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(seen, [0; 7]);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn zero_range(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        self.inode().zero_range(offset, len, length)?;
        self.changed(offset..offset.saturating_add(len))
    }

    /// Allocates blocks for `offset..offset + len`, so that a later write there cannot fail with `StorageFull`. No
    /// byte changes. The allocation survives a crash only after a sync; what a failed sync has lost of it is not
    /// allocated again by the next one. If the range extends past the end, `length`
    /// decides whether the file grows, with zeroes. With [`Length::Keep`] nothing is allocated past the end;
    /// [`reserve`](File::reserve) does that. An empty range has no effect, wherever it lies up to `i64::MAX`.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the range ends past `i64::MAX`, or the file would grow past the store's maximum length.
    /// The store's error, such as `StorageFull`. The length and all bytes are unchanged after an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{Length, MemStore, PageCache};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let file = PageCache::new(64).open(Arc::clone(&store))?;
    /// file.allocate(0, 1 << 20, Length::Extend)?;
    /// assert_eq!((file.len(), store.blocks()), (1 << 20, 256));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn allocate(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        self.inode().allocate(offset, len, length)?;
        self.changed(offset..offset.saturating_add(len))
    }

    /// Removes `offset..offset + len` from the file: the bytes after the range move to `offset`, and the file
    /// becomes `len` bytes shorter. Mappings keep their offsets and show the moved bytes.
    ///
    /// Both numbers must be multiples of the [page size](File::page_size), and the range must end before the end of
    /// the file; to remove the end, use [`set_len`](File::set_len). An empty range within the file has no effect.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for other numbers. The store's error, also from writing back dirty pages from `offset` on.
    /// After an error the length and all bytes outside the range are unchanged, and those of the range are
    /// unspecified, unless the store failed to undo what it had begun. Then the error, or
    /// [`last_failure`](File::last_failure) if the error is an errno, says which bytes are not in their place.
    /// [`Store::collapse_range`](crate::Store::collapse_range) describes what the file contains then, and after a crash.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PAGE_SIZE, PageCache};
    ///
    /// let page = PAGE_SIZE as u64;
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(&[1; PAGE_SIZE], 0)?;
    /// file.write_all_at(b"behind", page)?;
    /// file.collapse_range(0, page)?;
    /// let mut seen = [0; 6];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!((&seen, file.len()), (b"behind", 6));
    /// assert!(file.collapse_range(0, page).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inode().collapse(offset, len)?;
        self.changed(offset..offset.saturating_add(len))
    }

    /// Inserts a hole of `len` bytes at `offset`: the bytes from `offset` on move towards the end, and the file
    /// becomes `len` bytes longer. Mappings keep their offsets and show the moved bytes.
    ///
    /// Both numbers must be multiples of the [page size](File::page_size), and `offset` must be before the end of
    /// the file; to extend the file at its end, use [`set_len`](File::set_len). An empty range within the file has
    /// no effect.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for other numbers. `FileTooLarge` if the file would exceed the store's maximum length. The
    /// store's error, also from writing back dirty pages from `offset` on. The file is unchanged after an error,
    /// unless the store failed to undo what it had begun. Then the error, or [`last_failure`](File::last_failure)
    /// if the error is an errno, says which bytes are not in their place.
    /// [`Store::insert_range`](crate::Store::insert_range) describes what the file contains then, and after a crash. If
    /// the store does not even report its length after the failure, the error says so, and the file has the greater
    /// of the two lengths, so that no byte is lost; the next sync, or the close of the file, sets it.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PAGE_SIZE, PageCache};
    ///
    /// let page = PAGE_SIZE as u64;
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"behind", 0)?;
    /// file.insert_range(0, page)?;
    /// let mut seen = [0; 6];
    /// file.read_exact_at(&mut seen, page)?;
    /// assert_eq!((&seen, file.len()), (b"behind", page + 6));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inode().insert(offset, len)?;
        self.changed(offset..offset.saturating_add(len))
    }

    /// Allocates blocks for `offset..offset + len`, like [`allocate`](File::allocate), but also past the end of the
    /// file, without changing its length, as `FALLOC_FL_KEEP_SIZE` does. So the file system can allocate contiguous
    /// blocks for a file that grows by appends. No byte changes. An empty range has no effect.
    ///
    /// The file grows into these blocks by writes, or with zeroes by [`set_len`](File::set_len). A `set_len` to a
    /// smaller or the same length frees them, and so does a collapse. The cache may also free blocks past the end
    /// when it removes what a failed request left there. Until a sync has succeeded, a crash may lose the blocks, and
    /// so may a sync that fails; the length is not affected.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the range extends past the end and the store does not support it
    /// ([`Store::reserve`](crate::Store::reserve)). A [`FileStore`](crate::FileStore) supports it on Linux, if its
    /// file system does. `FileTooLarge` if the range ends past `i64::MAX` or the store's maximum length. The
    /// store's error, such as `StorageFull`. The length and all bytes are unchanged after an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let file = PageCache::new(64).open(Arc::clone(&store))?;
    /// file.reserve(0, 1 << 20)?;
    /// assert_eq!((file.len(), store.blocks()), (0, 256));
    /// file.set_len(0)?;
    /// assert_eq!(store.blocks(), 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inode().reserve(offset, len)?;
        self.changed(offset..offset.saturating_add(len))
    }
}
