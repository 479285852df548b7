//! Changes of a file's shape.

use std::io;

use super::File;
use crate::{Length, PathLock};

impl<L: PathLock> File<L> {
    /// Cuts the file off at `len`, or extends it to there with zeroes.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the file would grow past what its store can hold
    /// ([`Store::max_len`](crate::Store::max_len)); what the store says. Nothing has
    /// changed then.
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
        self.inode().truncate(len)
    }

    /// Makes `offset..offset + len` read as zeroes and frees its blocks; the length stays, and
    /// what of the range lies past it is left alone. An empty range is no work.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the range ends past `i64::MAX`; what the store says, and then no byte
    /// outside of the range has changed.
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
        self.inode().punch(offset, len)
    }

    /// Makes `offset..offset + len` read as zeroes, and gives it blocks, so that a write there cannot
    /// fail for want of room. If the range reaches past the end, `length` says whether the file
    /// grows. An empty range is no work.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the range ends past `i64::MAX`, or the file would grow past what its store
    /// can hold; what the store says, `StorageFull` say. The
    /// length and all bytes outside of the range are as they were then; of the range each byte is
    /// zero or as it was.
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
        self.inode().zero_range(offset, len, length)
    }

    /// Gives `offset..offset + len` blocks, so that a write there cannot fail for want of room; its
    /// bytes stay as they are. If the range reaches past the end, `length` says whether the file
    /// grows, by zeroes: with [`Length::Keep`] nothing is allocated there, since no block of a cached
    /// file lies past its end. An empty range is no work.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the range ends past `i64::MAX`, or the file would grow past what its store
    /// can hold; what the store says, `StorageFull` say. The
    /// length and all bytes are as they were then.
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
        self.inode().allocate(offset, len, length)
    }

    /// Cuts `offset..offset + len` out of the file: what lies behind moves to `offset`, and the file
    /// gets shorter by `len`. Mappings stay where they are, and show what is there now.
    ///
    /// Both numbers are multiples of [`PAGE_SIZE`](crate::PAGE_SIZE), and the range ends
    /// before the file does: to cut off its end is for [`set_len`](File::set_len). An empty range is
    /// no work.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a range other than those; what the store says, also to the writeback of
    /// what is dirty from `offset` on. The length and all bytes outside of the range are as they
    /// were then, unless the store could not undo what it had begun: its error tells, or
    /// [`last_failure`](File::last_failure) if that is an errno, and
    /// [`Store::collapse_range`](crate::Store::collapse_range) what is left.
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
        self.inode().collapse(offset, len)
    }

    /// Puts a hole of `len` bytes into the file at `offset`: what lies behind moves towards the end,
    /// and the file gets longer by `len`. Mappings stay where they are, and show what is there now.
    ///
    /// Both numbers are multiples of [`PAGE_SIZE`](crate::PAGE_SIZE), and `offset` lies
    /// before the end: to add to the end is for [`set_len`](File::set_len). An empty range is no
    /// work.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for numbers other than those, `FileTooLarge` if the file would end past
    /// what its store can hold; what the store says, also to the writeback of what is dirty from `offset` on. The
    /// file is as it was then, unless the store could not undo what it had begun: its error tells,
    /// or [`last_failure`](File::last_failure) if that is an errno, and [`Store::insert_range`](crate::Store::insert_range) what is left.
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
        self.inode().insert(offset, len)
    }
}
