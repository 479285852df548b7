//! `Store`, the storage below a cached file, and its implementations.

mod defaults;
mod fallocate;
mod file_store;
mod full_requests;
pub(crate) mod identity;
mod layer;
mod mem_store;
mod shift;
pub(crate) mod version;

use std::io;
use std::ops::Range;
use std::time::SystemTime;

use crate::{Identity, Version};

pub use file_store::{FileStore, FileStoreOptions, Locking};
pub(crate) use full_requests::{read_full, shrunk, write_full};
pub use layer::StoreLayer;
pub use mem_store::MemStore;
pub(crate) use shift::Shift;

/// The storage below one cached file: bytes at offsets, with holes.
///
/// Several threads may call the methods at the same time, including the flusher's. The cache never has two writes
/// of one page in flight, and never punches, zeroes, allocates or moves a range while it reads or writes there. So
/// a store needs no locking of its own beyond what memory safety requires.
///
/// A store may use files of another cache. It must not use files of the cache that it is opened in, nor of a cache
/// whose stores use that one, on any thread: the cache calls it with locks held. For the same reason it must not wait
/// for a thread pool whose threads may be using such a file. On the calling thread, operations on such a file that may
/// wait fail immediately with [`Deadlock`](io::ErrorKind::Deadlock). A guard of a page that is cached may be taken,
/// since that does not wait, but must be dropped before the method returns.
///
/// A method that panics counts as failed; the cache reports the panic as an error.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, Store};
///
/// let store = MemStore::new();
/// assert_eq!(store.write_at(b"spans", 3)?, 5);
/// let mut bytes = [0xff; 8];
/// assert_eq!(store.read_at(&mut bytes, 0)?, 8);
/// assert_eq!(&bytes, b"\0\0\0spans");
/// # std::io::Result::Ok(())
/// ```
pub trait Store: Send + Sync {
    /// Reads up to `bytes.len()` bytes at `offset` and returns how many bytes were read, which may be fewer. The cache
    /// reads again after a short count; zero means the end of the store. Holes read as zeroes.
    ///
    /// # Errors
    ///
    /// Any error that prevents the read.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes `bytes` at `offset` and returns how many bytes were written, which may be fewer. The cache writes the
    /// rest after a short count; zero is an error. The store grows if necessary.
    ///
    /// After a crash, any part of a write that no sync made durable may be missing. The cache expects no write to
    /// be atomic.
    ///
    /// # Errors
    ///
    /// Any error that prevents the write.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Returns the length of the store in bytes, including holes.
    ///
    /// # Errors
    ///
    /// Any error that prevents it.
    fn len(&self) -> io::Result<u64>;

    /// Returns whether the length is zero.
    ///
    /// # Errors
    ///
    /// As [`len`](Store::len).
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Truncates the store to `len` bytes, or extends it with a hole.
    ///
    /// # Errors
    ///
    /// Any error that prevents it. The length should be unchanged then. If it is not, the file goes by the length that
    /// the store has: see [`File::set_len`](crate::File::set_len).
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes `offset..offset + len` read as zeroes, and frees its blocks where that is possible. The length does not
    /// change; the part of the range past the end is ignored. An empty range has no effect.
    ///
    /// # Errors
    ///
    /// Any error that prevents it.
    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Allocates blocks for `offset..offset + len`, so that a later write there cannot fail with
    /// `StorageFull`. No byte changes. The store grows with zeroes if necessary. An empty range has no effect.
    ///
    /// The default implementation reads the range and writes it back.
    ///
    /// # Errors
    ///
    /// Any error that prevents it, such as `StorageFull`. The bytes are unchanged then; the store may have
    /// grown.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        defaults::allocate(self, offset, len)
    }

    /// Allocates blocks for `offset..offset + len` like [`allocate`](Store::allocate), but does not change the length.
    /// Blocks past the end are kept for later writes, and read as zeroes once the store has grown over them.
    /// [`set_len`](Store::set_len) to a length that is not greater than the current one frees those past it. An empty
    /// range has no effect.
    ///
    /// The default implementation allocates a range that lies within the store, and fails for others.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the store cannot have blocks past its end. Any error that prevents it, such as
    /// `StorageFull`. The bytes and the length are unchanged then.
    fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        defaults::reserve(self, offset, len)
    }

    /// Makes `offset..offset + len` read as zeroes and allocates its blocks, like
    /// [`allocate`](Store::allocate). An empty range has no effect.
    ///
    /// The default implementation writes zeroes.
    ///
    /// # Errors
    ///
    /// Any error that prevents it. Each byte of the range is zero or unchanged then; the store may have
    /// grown.
    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        defaults::zero(self, offset, len)
    }

    /// Returns the parts of `range`, in bytes, that have no blocks, in ascending order and not adjacent to each other;
    /// or `None`, the default, if the store cannot tell a hole from allocated zeroes. The cache asks only for a range
    /// within the store.
    ///
    /// # Errors
    ///
    /// Any error that prevents it.
    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        let _ = range;
        Ok(None)
    }

    /// Returns the number of bytes that are allocated for the store, or `None`, the default, if it cannot tell.
    ///
    /// # Errors
    ///
    /// Any error that prevents it.
    fn allocated_size(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// Removes `offset..offset + len` from the store: the bytes after the range move to `offset`, and the
    /// store becomes `len` bytes shorter. Both numbers are multiples of [`PAGE_SIZE`](crate::PAGE_SIZE),
    /// and the range ends before the end of the store. An empty range has no effect.
    ///
    /// The default implementation reads and writes the bytes after the range, then truncates the store. Its time is
    /// proportional to the number of these bytes. Allocated blocks stay allocated. Holes stay holes if the store
    /// reports them ([`holes`](Store::holes)); otherwise zeroes are moved with [`zero_range`](Store::zero_range), so
    /// that no allocation is lost.
    ///
    /// The default implementation is not atomic. If the process or the system crashes meanwhile, each byte after
    /// `offset` may be in its old place or its new one, and nothing records which. A [`FileStore`] uses it where the file
    /// system has no call for this: ext4 and XFS have one on Linux, tmpfs has none.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for other numbers. Any error that prevents it. The length and the bytes outside the range must
    /// be unchanged then: the default implementation moves bytes back, also after a panic of a method that it calls,
    /// which it returns as an error. If that fails too, its error says so, and each byte after `offset` may be in its
    /// old place or its new one.
    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        defaults::collapse(self, offset, len)
    }

    /// Inserts a hole of `len` bytes at `offset`: the bytes from `offset` on move towards the end, and the
    /// store becomes `len` bytes longer. Both numbers are multiples of [`PAGE_SIZE`](crate::PAGE_SIZE), and
    /// `offset` is before the end of the store. An empty range has no effect.
    ///
    /// The default implementation reads and writes the bytes, as for a collapse. A crash meanwhile leaves the same.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for other numbers. `FileTooLarge` if the store would exceed
    /// [`max_len`](Store::max_len). Any error that prevents it. The store must be unchanged then: the
    /// default implementation moves bytes back. If that fails too, its error says so, and the store keeps
    /// its new length: bytes before some point are in their old place, bytes after it in their new one, and
    /// none is lost.
    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        defaults::insert(self, offset, len)
    }

    /// Returns the identity of the store, or `None`, the default, if it has none. A store with an identity is open at
    /// most once in a cache: a second [`PageCache::open`](crate::PageCache::open) returns another handle of the open
    /// file.
    ///
    /// A store in an [`Arc`](std::sync::Arc) without an identity of its own is identified by its address.
    fn identity(&self) -> Option<Identity> {
        None
    }

    /// Returns the version of the content. If the content changes after this has returned, this returns another version,
    /// also in another store with the same [identity](Store::identity). `None`, the default, if the store cannot tell.
    ///
    /// The cache calls this for a file with [`FileOptions::keep_pages`](crate::FileOptions::keep_pages). It calls it when
    /// the file is closed, after all other requests except [`release`](Store::release), and when a store is opened of
    /// whose identity the cache has kept pages. If the versions differ, or one of them is `None`, the cache removes the
    /// pages. This may wait until it can tell later changes from earlier ones.
    ///
    /// The bytes that [`read_at`](Store::read_at) returns must depend on the version only. A store whose bytes also
    /// depend on something else, such as a key, includes that in the version.
    ///
    /// # Errors
    ///
    /// Any error that prevents it. The cache then removes the pages.
    fn version(&self) -> io::Result<Option<Version>> {
        Ok(None)
    }

    /// Locks the store against other caches and processes. A cache calls this when it opens the store, before it
    /// asks for the length or for any byte. The default does nothing.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if another cache or process has the lock. The store is not opened then.
    fn acquire(&self) -> io::Result<()> {
        Ok(())
    }

    /// Releases the lock that [`acquire`](Store::acquire) took. A cache calls this last, after it has closed the
    /// store. The default does nothing.
    fn release(&self) {}

    /// Returns the greatest length that the store can have, in bytes: `i64::MAX` by default, and never
    /// more. It may change.
    ///
    /// The cache refuses to grow a file beyond it with `FileTooLarge`, so that a later writeback cannot
    /// fail for that reason. It calls this when a request extends past the last page of the file, and
    /// before it refuses one.
    fn max_len(&self) -> u64 {
        i64::MAX as u64
    }

    /// Returns whether the store cannot be changed. The default is `false`.
    ///
    /// If so, the cache immediately refuses every operation that would change the file, with `PermissionDenied`, so
    /// that no dirty byte exists that cannot be written back. It calls this once, when the store is opened.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Returns how the store was opened, in words for error messages. While a store with an
    /// [identity](Store::identity) is open in a cache, opening it there in another mode fails with `ResourceBusy`. The
    /// default is `read-only` or `read-write`.
    fn mode(&self) -> String {
        let mode = if self.is_read_only() { "read-only" } else { "read-write" };
        mode.into()
    }

    /// Returns the alignment of direct requests, in bytes: their offset and length must be multiples of it. It must
    /// be a power of two, at most 1 MiB. The default is 1. The cache calls this once, when the store is opened, and
    /// fails to open it with `InvalidData` if the alignment is another.
    ///
    /// The cache refuses other direct requests with `InvalidInput`. It splits aligned ones at multiples of 1 MiB, and
    /// ends a direct read at the end of the file. The cache's own reads start at a page boundary, and end at one or at
    /// the end of the file; for its writes, see [`block_size`](Store::block_size). So a store that needs whole blocks
    /// must itself handle requests that end at the end of the file.
    fn direct_alignment(&self) -> u64 {
        1
    }

    /// Returns the unit in which the store reads and writes, in bytes. A write of part of a block costs the store a
    /// read and a write of the whole block. The default is 1, for a store without such a unit.
    ///
    /// The cache sends only the dirty bytes of a page. With a block size, it sends for each page one run of whole
    /// blocks, and may have to read the page once for that. The last block may end with the file, and a block larger
    /// than a page is sent in pages. The store must accept other requests too: a write-through
    /// ([`FileOptions::write_through`](crate::FileOptions::write_through)) is sent unchanged, and so are the dirty
    /// bytes of a page that cannot be read. The cache calls this once, when the store is opened.
    fn block_size(&self) -> u64 {
        1
    }

    /// Returns the name of the store for error messages, such as the path of its file. The default is the
    /// name of its type.
    ///
    /// The cache calls this once, when the store is opened.
    fn label(&self) -> String {
        std::any::type_name::<Self>().into()
    }

    /// Returns the time at which the content of the store last changed, or `None`, the default, if the store cannot
    /// tell.
    ///
    /// The cache calls this when it opens a file with
    /// [`keep_modified_time`](crate::FileOptions::keep_modified_time).
    ///
    /// # Errors
    ///
    /// Any error that prevents it. The store is not opened then.
    fn modified(&self) -> io::Result<Option<SystemTime>> {
        Ok(None)
    }

    /// Sets the time at which the content of the store last changed. The default does nothing.
    ///
    /// The cache calls this for a file with [`keep_modified_time`](crate::FileOptions::keep_modified_time), before it
    /// syncs the store, and when the last handle of the file is dropped.
    ///
    /// # Errors
    ///
    /// Any error that prevents it. A sync fails then, and the next one calls this again.
    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        let _ = time;
        Ok(())
    }

    /// Makes all earlier changes durable, including metadata.
    ///
    /// The cache has at most one sync of a store in progress.
    ///
    /// # Errors
    ///
    /// Any error that prevents it. Everything done since the last successful sync may be lost then, even if the
    /// next sync succeeds: the cache writes it again, or reports that it cannot.
    fn sync(&self) -> io::Result<()>;

    /// Like [`sync`](Store::sync), but may omit metadata that is not needed to find the bytes, such as
    /// times but not the length, as `fdatasync` does.
    ///
    /// The default implementation calls [`sync`](Store::sync).
    ///
    /// # Errors
    ///
    /// As [`sync`](Store::sync).
    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }
}

#[cfg(test)]
mod tests;
