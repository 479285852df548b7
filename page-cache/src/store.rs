//! `Store`: what lies under a cached file, and the two that come with the crate.

mod copying;
mod fallocate;
mod file;
mod mem;
mod shift;
mod whole;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::Identity;

pub use file::{FileStore, Locking};
pub use mem::MemStore;
pub(super) use shift::Shift;
pub(super) use whole::{read_full, shrunk, write_full};

/// The backing of one cached file: bytes at offsets, with holes.
///
/// Requests may come from many threads at once, also from the cache's flusher. The cache never
/// has two writes of one page in flight, and never changes the shape of a range while it reads or
/// writes there; a store needs no exclusion of its own beyond keeping itself sound.
///
/// A store may use files of another cache, but none of the cache that it is opened in, nor of one whose
/// stores use that, in the thread that asks it or in another: the cache asks with locks held. What it asks of such a
/// file in the thread that asks it fails with [`Deadlock`](io::ErrorKind::Deadlock) at once; a
/// file's length is free to ask.
///
/// A request that panics has failed: the cache deals with it, and tells of it, as of an error.
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
    /// Reads at `offset`; a short count, also zero, tells of the end. Holes read as zeroes.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from reading.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at `offset`, growing the store where need be; may write less than all of `bytes`.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from writing.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// How many bytes the store holds, holes included.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from telling.
    fn len(&self) -> io::Result<u64>;

    /// Whether the store holds no byte.
    ///
    /// # Errors
    ///
    /// As [`len`](Store::len).
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the store off at `len`, or lets it grow to there by a hole.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from changing its length; the length is then as it was.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes `offset..offset + len` read as zeroes and frees what it can. Keeps the length; what
    /// lies past it is left alone.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from it.
    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Gives `offset..offset + len` blocks, so that a write there cannot fail for want of room; the
    /// bytes stay as they are. The store grows where need be, by zeroes.
    ///
    /// What comes with the trait reads the range and writes it back.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from it, `StorageFull` say. The bytes are as they were; the store
    /// may have grown.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        copying::allocate(self, offset, len)
    }

    /// Makes `offset..offset + len` read as zeroes, and gives it blocks as
    /// [`allocate`](Store::allocate) does.
    ///
    /// What comes with the trait writes zeroes.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from it. Each byte of the range is zero then or as it was; the
    /// store may have grown.
    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        copying::zero(self, offset, len)
    }

    /// What of `range` has no blocks: ascending, and with a gap between any two; `None` if the store
    /// cannot tell a hole from zeroes that have blocks, as by default.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from telling.
    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        let _ = range;
        Ok(None)
    }

    /// Takes `offset..offset + len` out of the store: what lies behind moves to `offset`, and the
    /// store gets shorter by `len`. Both numbers are multiples of [`PAGE_SIZE`](super::PAGE_SIZE), and the range ends
    /// before the store does.
    ///
    /// What comes with the trait moves the bytes by reading and writing them, and then cuts the store
    /// off. It takes time in proportion to what lies behind. What has blocks has some where it goes. A
    /// hole stays one, as far as the store can tell ([`holes`](Store::holes)): zeroes that may have
    /// blocks are moved by [`zero_range`](Store::zero_range), so that none that were allocated are lost.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for numbers other than those; whatever keeps the store from it. The store then
    /// has its old length, and the bytes outside of the range are as they were: what comes with the
    /// trait moves back what it had moved. If that fails too, its error says so, and each byte
    /// behind `offset` may be as before or as after.
    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        copying::collapse(self, offset, len)
    }

    /// Puts a hole of `len` bytes into the store at `offset`: what lies behind moves towards the end,
    /// and the store gets longer by `len`. Both numbers are multiples of [`PAGE_SIZE`](super::PAGE_SIZE), and
    /// `offset` lies before the end.
    ///
    /// What comes with the trait moves the bytes, as for a collapse.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for numbers other than those, `FileTooLarge` if the store would end past
    /// [`max_len`](Store::max_len); whatever keeps the store from it. The store is as it was then: what comes with
    /// the trait moves back what it had moved. If that fails too, its error says so, and the store
    /// stays as long as it was to become: bytes up to somewhere are as before, from somewhere on
    /// as after, and none is lost.
    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        copying::insert(self, offset, len)
    }

    /// Which store it is, if it can tell. In one cache such a store is open once: a second
    /// [`PageCache::open`](super::PageCache::open) gives another handle of the file that is open. By
    /// default it cannot tell.
    ///
    /// What comes in an [`Arc`] and cannot tell is told by its address.
    fn identity(&self) -> Option<Identity> {
        None
    }

    /// Takes what keeps other caches and processes from the store, as its first request when a cache
    /// opens it. By default nothing does.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if another has it. The store is not opened then.
    fn acquire(&self) -> io::Result<()> {
        Ok(())
    }

    /// Gives back what [`acquire`](Store::acquire) took, as its last request when the cache has
    /// closed it.
    fn release(&self) {}

    /// The greatest length that the store can have, in bytes: `i64::MAX` by default, and never more.
    /// It may change.
    ///
    /// The cache refuses with `FileTooLarge` what would go past it, instead of having a writeback
    /// fail later. It asks when a request goes past the last page of the file, and before it refuses
    /// one.
    fn max_len(&self) -> u64 {
        i64::MAX as u64
    }

    /// What offset and length of a direct request must be multiples of: a power of two of 1 MiB at
    /// most, 1 by default.
    ///
    /// The cache refuses other requests with `InvalidInput`, and passes these on as they come. Of
    /// its own requests each starts at a page, and ends at one or with the file: to fit such an
    /// end to its blocks is up to the store.
    fn direct_alignment(&self) -> u64 {
        1
    }

    /// The unit in which the store reads and writes, in bytes: what is no whole number of them costs
    /// it a read of the rest and a write of all. 1 by default, for a store that has no such unit.
    ///
    /// The cache sends less than a page where less was written. With a block size it sends one
    /// stretch of whole blocks of each page, which it reads the page for at most once; the last block
    /// ends with the file. The store takes other requests all the same: a write-through
    /// ([`FileOptions::write_through`](super::FileOptions::write_through)) is sent as it comes, and
    /// so is what is dirty of a page that cannot be read. It asks once, when the store is opened.
    fn block_size(&self) -> u64 {
        1
    }

    /// What errors call the store, such as the path of its file; the name of its type by default.
    ///
    /// The cache asks once, when the store is opened.
    fn label(&self) -> String {
        std::any::type_name::<Self>().into()
    }

    /// Makes all that was done before durable, with what the store keeps beside the bytes.
    ///
    /// The cache has one sync of a store under way at a time.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from it. Anything that was done since the last sync that succeeded may
    /// be lost then, also if the next sync succeeds: the cache does it again, or tells of it.
    fn sync(&self) -> io::Result<()>;

    /// As [`sync`](Store::sync), but may leave out what nobody needs to find the bytes, as `fdatasync`
    /// does: times, say, not the length.
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

impl<S: Store + ?Sized> Store for Arc<S> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        (**self).write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        (**self).set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        (**self).punch_hole(offset, len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        (**self).allocate(offset, len)
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        (**self).zero_range(offset, len)
    }

    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        (**self).holes(range)
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        (**self).collapse_range(offset, len)
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        (**self).insert_range(offset, len)
    }

    fn identity(&self) -> Option<Identity> {
        let address = Arc::as_ptr(self).cast::<()>().addr() as u64;
        (**self).identity().or(Some(Identity::new("arc", [address, 0])))
    }

    fn acquire(&self) -> io::Result<()> {
        (**self).acquire()
    }

    fn release(&self) {
        (**self).release();
    }

    fn max_len(&self) -> u64 {
        (**self).max_len()
    }

    fn direct_alignment(&self) -> u64 {
        (**self).direct_alignment()
    }

    fn block_size(&self) -> u64 {
        (**self).block_size()
    }

    fn label(&self) -> String {
        (**self).label()
    }

    fn sync(&self) -> io::Result<()> {
        (**self).sync()
    }

    fn sync_data(&self) -> io::Result<()> {
        (**self).sync_data()
    }
}

#[cfg(test)]
mod tests;
