//! `Mapping`: a file's bytes as memory.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Request;
use crate::files::handle::Handle;
use crate::page::PageSize;
use crate::pages::frame::Frame;
use crate::pages::page_table::{MappingId, Rights};
use crate::writeback::throttle::Room;

/// A mapping of a range of a file. It keeps the file open.
///
/// This is not a mapping of the operating system, and its bytes have no address: [`load`](Mapping::load) and
/// [`store`](Mapping::store) copy bytes from and to the pages in the cache. Like the processor's accesses to mapped
/// memory, they take no range lock if the page is cached and mapped, and fault otherwise.
///
/// Offsets are in bytes and count from the start of the mapping. An access within one page is atomic. An access to
/// several pages may see changes that happen between the pages.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.set_len(8192)?;
/// let mapping = file.map(4096..8192)?;
/// mapping.store(1, b"stored")?;
/// let mut seen = [0; 6];
/// file.read_exact_at(&mut seen, 4097)?;
/// assert_eq!(&seen, b"stored");
/// # std::io::Result::Ok(())
/// ```
pub struct Mapping {
    handle: Arc<Handle>,
    id: MappingId,
    range: Range<u64>,
}

/// Whether an access waits while other threads copy to or from the same page.
///
/// A thread that holds a latch must not wait: two such threads could deadlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocking {
    Allowed,
    Forbidden,
}

impl Mapping {
    pub(crate) fn new(handle: &Arc<Handle>, range: Range<u64>) -> Mapping {
        let id = handle.inode.cache.next_mapping();
        Mapping { handle: Arc::clone(handle), id, range }
    }

    /// Fills `bytes` with the bytes of the mapping from `offset` on. An empty slice has no effect.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` where hardware would raise SIGBUS: the page lies wholly past the end of the file.
    /// `InvalidInput` where it would raise SIGSEGV: the range is outside the mapping. The store's error, if
    /// it cannot read a page that is not cached, or if no frame is free and dirty pages cannot be written
    /// back. Bytes before the page that failed have been copied.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"mapped", 0)?;
    /// let mapping = file.map(0..8192)?;
    /// let mut seen = [0xff; 8];
    /// mapping.load(0, &mut seen)?;
    /// assert_eq!(&seen, b"mapped\0\0");
    /// assert_eq!(mapping.load(4096, &mut seen).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    /// assert_eq!(mapping.load(8190, &mut seen).unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let request = Request::new("load", offset, bytes.len() as u64);
        self.handle.inode.check_outside(request)?;
        self.check_inside(request)?;
        let mut done = 0;
        while done < bytes.len() {
            let (page, within) = self.place(offset + done as u64);
            let part = (self.handle.inode.page_size.len() - within).min(bytes.len() - done);
            let to = &mut bytes[done..done + part];
            self.load_page(page, within, to).map_err(|error| self.failed(request, error))?;
            done += part;
        }
        Ok(())
    }

    /// Copies `bytes` into the mapping, from `offset` on. Bytes stored past the end of the file, in its last page,
    /// are discarded. An empty slice has no effect.
    ///
    /// # Errors
    ///
    /// As [`load`](Mapping::load). `PermissionDenied` if the store is read-only. `FileTooLarge` if the store cannot
    /// hold the page. `QuotaExceeded` as [`FileOptions::no_steal`](crate::FileOptions::no_steal) describes.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"mapped", 0)?;
    /// file.map(0..4096)?.store(0, b"zapp")?;
    /// let mut seen = [0; 6];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"zapped");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let request = Request::new("store", offset, bytes.len() as u64);
        self.handle.inode.check_change(request)?;
        self.check_inside(request)?;
        let mut done = 0;
        while done < bytes.len() {
            let (page, within) = self.place(offset + done as u64);
            let part = (self.handle.inode.page_size.len() - within).min(bytes.len() - done);
            let from = &bytes[done..done + part];
            self.store_page(page, within, from).map_err(|error| self.failed(request, error))?;
            done += part;
        }
        Ok(())
    }

    fn load_page(&self, page: u64, within: usize, to: &mut [u8]) -> io::Result<()> {
        while !self.load_mapped(page, within, to, Blocking::Allowed) {
            self.fault(page, Rights::Read)?;
        }
        Ok(())
    }

    fn store_page(&self, page: u64, within: usize, from: &[u8]) -> io::Result<()> {
        while !self.store_mapped(page, within, from, Blocking::Allowed) {
            if self.throttle()? == Room::WithOthers {
                return self.store_through(page, within, from);
            }
            self.fault(page, Rights::ReadWrite)?;
        }
        Ok(())
    }

    /// Copies out of a page of the file, if it is mapped; whether it was.
    #[inline]
    pub(crate) fn load_mapped(
        &self,
        page: u64,
        within: usize,
        to: &mut [u8],
        blocking: Blocking,
    ) -> bool {
        let Some(frame) = self.translate(page, Rights::Read) else { return false };
        let latch = match blocking {
            Blocking::Allowed => frame.read(&self.handle.inode.cache.frames),
            Blocking::Forbidden => frame.try_read(&self.handle.inode.cache.frames),
        };
        match latch {
            Some(latch)
                if latch.key().page == page && frame.entries.allow(self.id, Rights::Read) =>
            {
                to.copy_from_slice(&latch.bytes()[within..within + to.len()]);
                true
            }
            _ => false,
        }
    }

    /// Copies into a page of the file, if it is mapped writable; whether it was.
    #[inline]
    pub(crate) fn store_mapped(
        &self,
        page: u64,
        within: usize,
        from: &[u8],
        blocking: Blocking,
    ) -> bool {
        let Some(frame) = self.translate(page, Rights::ReadWrite) else { return false };
        let frames = &self.handle.inode.cache.frames;
        let is_allowed =
            || frame.key().page == page && frame.entries.allow(self.id, Rights::ReadWrite);
        let latch = match blocking {
            Blocking::Allowed => frame.write_mapped(frames, is_allowed),
            Blocking::Forbidden => frame.try_write_mapped(frames),
        };
        match latch {
            Some(mut latch) if is_allowed() => {
                latch.bytes()[within..within + from.len()].copy_from_slice(from);
                let start = self.handle.inode.page_size.start(page) + within as u64;
                self.handle.inode.note_written(start..start + from.len() as u64);
                true
            }
            _ => false,
        }
    }

    /// Whether a page of the file is mapped with these rights.
    pub(crate) fn maps(&self, page: u64, rights: Rights) -> bool {
        self.translate(page, rights).is_some()
    }

    /// Before a write fault, and with at most an IO lock held, waits until the file may dirty one more page.
    /// If it cannot, the caller writes through.
    pub(crate) fn throttle(&self) -> io::Result<Room> {
        self.handle.inode.throttle_store()
    }

    /// Stores to a page of the file, and to the file's store. The caller holds no more than an IO lock.
    pub(crate) fn store_through(&self, page: u64, within: usize, from: &[u8]) -> io::Result<()> {
        self.handle
            .inode
            .store_through(from, self.handle.inode.page_size.start(page) + within as u64)
    }

    /// Maps a page of the file; it may be unmapped again by the time this returns, or have been refused
    /// because no more pages may be dirty.
    pub(crate) fn fault(&self, page: u64, rights: Rights) -> io::Result<()> {
        self.handle.inode.fault(self.id, page, rights)
    }

    /// Takes the pages of bytes of the file out of the page table, and waits for the accesses through it to end.
    pub(crate) fn evict(&self, bytes: Range<u64>) {
        let inode = &self.handle.inode;
        for number in inode.resident_in(inode.page_size.touched(&bytes)) {
            if let Some(page) = inode.find_locked(number) {
                page.frame().entries.unmap(self.id);
                drop(page.latch());
            }
        }
    }

    /// The frame that the page is mapped to, if it is, with the rights needed. The caller latches it and reads its
    /// key and its entries again: if they are unchanged, they cannot change without waiting for the latch. The entry
    /// is of this mapping, and so of its file.
    #[inline]
    fn translate(&self, page: u64, rights: Rights) -> Option<&Frame> {
        let cache = &self.handle.inode.cache;
        let frame = cache.index.peek(&cache.frames, self.handle.inode.key(page));
        let frame = frame.or_else(|| self.find_exactly(page))?;
        frame.entries.allow(self.id, rights).then_some(frame)
    }

    /// For a page that is not there at a glance: it may be, and then a fault would change nothing.
    #[cold]
    fn find_exactly(&self, page: u64) -> Option<&Frame> {
        Some(self.handle.inode.find(page)?.frame())
    }

    pub(crate) fn page_size(&self) -> PageSize {
        self.handle.inode.page_size
    }

    fn place(&self, offset: u64) -> (u64, usize) {
        self.handle.inode.page_size.place(self.range.start + offset)
    }

    fn failed(&self, request: Request, error: io::Error) -> io::Error {
        self.handle.inode.failed(request, error)
    }

    fn check_inside(&self, request: Request) -> io::Result<()> {
        let len = self.range.end - self.range.start;
        match request.offset.checked_add(request.len) {
            Some(end) if end <= len => Ok(()),
            _ => {
                let message = format!("the mapping has {len} bytes (SIGSEGV)");
                Err(self.failed(request, io::Error::new(io::ErrorKind::InvalidInput, message)))
            }
        }
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("range", &self.range).finish_non_exhaustive()
    }
}
