//! What is exercised: a cached file, or, in tests, a model of one.

mod cached_file;
#[cfg(test)]
pub mod model_file;
pub mod plain_file;
pub mod reopening;
pub mod test_file;

use std::io;
use std::ops::Range;
use std::time::SystemTime;

use spanlock_page_cache::{DirtyPage, Length};

use crate::page_size::page_size;
use crate::subject::reopening::Farewell;

/// Syncs a file whose store works again. First writes again what a failed sync may have lost: until then every sync
/// fails.
pub fn sync_anew(file: &impl Subject) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if error.to_string().contains(" may be lost since a sync failed: ") => {
            let mut bytes = vec![0; file.len() as usize];
            let found = file.read_at(&mut bytes, 0)?;
            file.write_at(&bytes[..found], 0)?;
            file.sync_all()
        }
        synced => synced,
    }
}

/// A file with all its operations.
pub trait Subject: Send + Sync + 'static {
    type Mapping: Mapped + Send + 'static;

    /// Whether its writes have tags.
    const TAGS: bool = false;

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    fn map(&self, range: Range<u64>) -> io::Result<Self::Mapping>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    fn len(&self) -> u64;
    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()>;
    fn writeback(&self, range: Range<u64>) -> io::Result<()>;
    fn sync_data(&self) -> io::Result<()>;
    fn sync_all(&self) -> io::Result<()>;

    fn sync_range(&self, _: Range<u64>) -> io::Result<()> {
        self.sync_data()
    }

    /// Makes durable what was written with a tag up to this one.
    fn sync_up_to(&self, _: u64) -> io::Result<()> {
        self.sync_data()
    }

    fn dirty_pages(&self) -> io::Result<Vec<DirtyPage>> {
        Ok(Vec::new())
    }

    /// Gives one of several hints.
    fn hint(&self, _: Range<u64>, _: u64) -> io::Result<()> {
        Ok(())
    }

    /// Writes with a tag.
    fn write_tagged_at(&self, bytes: &[u8], offset: u64, _: u64) -> io::Result<usize> {
        self.write_at(bytes, offset)
    }

    /// Reads to slices that are parts of `bytes`.
    fn read_vectored_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at(bytes, offset)
    }

    /// The same, past the cache.
    fn read_direct_vectored_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_direct_at(bytes, offset)
    }

    /// Reads to memory that was never written, and copies that to `bytes`.
    fn read_uninit_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at(bytes, offset)
    }

    /// Writes from slices that are parts of `bytes`.
    fn write_vectored_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write_at(bytes, offset)
    }

    /// The same, past the cache.
    fn write_direct_vectored_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write_direct_at(bytes, offset)
    }

    /// Reads to an address space, and copies that to `bytes`.
    fn read_by_memory(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at(bytes, offset)
    }

    /// Writes from an address space that `bytes` were copied to.
    fn write_by_memory(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write_at(bytes, offset)
    }

    /// Copies from guards of the pages; fails at the first page past the end.
    fn read_by_guards(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let start = offset - offset % page_size();
        self.map(start..offset + bytes.len() as u64)?.load(offset - start, bytes)
    }

    /// Copies to guards of the pages, with a tag. Fails at the first page past the end; bytes past the end in the
    /// last page are discarded.
    fn write_by_guards(&self, bytes: &[u8], offset: u64, _: u64) -> io::Result<()> {
        let start = offset - offset % page_size();
        self.map(start..offset + bytes.len() as u64)?.store(offset - start, bytes)
    }

    /// The same, by `PageMut::write`.
    fn write_bytes_by_guards(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.write_by_guards(bytes, offset, tag)
    }

    /// The same, by guards that keep the file open.
    fn write_by_owned_guards(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.write_by_guards(bytes, offset, tag)
    }

    /// Copies from guards of all pages, held at once; fails if one of them starts past the end.
    fn read_by_list(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_by_guards(bytes, offset)
    }

    /// Copies to guards of all pages, held at once; fails if one of them starts past the end, and then writes
    /// nothing.
    fn write_by_list(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.write_by_guards(bytes, offset, tag)
    }

    /// Reads all of `bytes` past the cache, or fails because the file ends before.
    fn read_exact_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        match self.read_direct_at(bytes, offset)? == bytes.len() {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn write_all_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_direct_at(bytes, offset).map(drop)
    }

    /// Makes the file at least `len` bytes long.
    fn extend_to(&self, len: u64) -> io::Result<()> {
        if self.len() < len { self.set_len(len) } else { Ok(()) }
    }

    /// Copies `len` bytes to another file.
    fn copy_to(&self, offset: u64, to: &Self, at: u64, len: u64) -> io::Result<usize>
    where
        Self: Sized,
    {
        let mut copy = vec![0; len as usize];
        let found = self.read_at(&mut copy, offset)?;
        to.write_at(&copy[..found], at)
    }

    /// Copies bytes of the file to another, and reads them there.
    fn read_by_copy(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at(bytes, offset)
    }

    /// Writes bytes to another file, and copies them from there.
    fn write_by_copy(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write_at(bytes, offset)
    }

    /// Writes in one of several ways so that the bytes are durable when it returns.
    fn write_durable_at(&self, bytes: &[u8], offset: u64, _: u64) -> io::Result<usize> {
        let written = self.write_at(bytes, offset)?;
        self.sync_data()?;
        Ok(written)
    }

    fn append_durable(&self, bytes: &[u8]) -> io::Result<u64> {
        let start = self.append(bytes)?;
        self.sync_data()?;
        Ok(start)
    }

    /// The time of the file's last change, if it is known.
    fn modified(&self) -> Option<SystemTime> {
        None
    }

    fn set_modified(&self, _: SystemTime) -> io::Result<()> {
        Ok(())
    }

    /// Syncs all files of the cache.
    fn sync_cache(&self) -> io::Result<()> {
        self.sync_all()
    }

    /// Discards a handle of the file that is not the last.
    fn discard_a_handle(&self) {}

    /// Discards the last handle of the file.
    fn discard_the_last(self)
    where
        Self: Sized,
    {
        drop(self);
    }

    /// Syncs the file, writes, discards the last handle and opens the file again. Any part of what was written may
    /// have reached the store.
    fn abandon(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_at(bytes, offset).map(drop)
    }

    /// Writes from a mapping of the same bytes, or copies them onto themselves.
    fn write_from_itself(&self, bytes: Range<u64>) -> io::Result<usize> {
        let mut copy = vec![0; (bytes.end - bytes.start) as usize];
        let found = self.read_at(&mut copy, bytes.start)?;
        self.write_at(&copy[..found], bytes.start)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let end = self.len();
        self.write_at(bytes, end)?;
        Ok(end)
    }

    fn append_vectored(&self, bytes: &[u8]) -> io::Result<u64> {
        self.append(bytes)
    }

    fn append_direct(&self, bytes: &[u8]) -> io::Result<u64> {
        self.append(bytes)
    }

    fn zero_range(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        if length == Length::Extend && self.len() < offset + len {
            self.set_len(offset + len)?;
        }
        self.punch_hole(offset, len)
    }

    fn allocate(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        match length == Length::Extend && self.len() < offset + len {
            true => self.set_len(offset + len),
            false => Ok(()),
        }
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let size = self.len();
        // A file with an injected error may be shorter than its user expects.
        let left = size.checked_sub(offset + len).ok_or(io::ErrorKind::InvalidInput)?;
        let mut behind = vec![0; left as usize];
        self.read_at(&mut behind, offset + len)?;
        self.write_at(&behind, offset)?;
        self.set_len(size - len)
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let left = self.len().checked_sub(offset).ok_or(io::ErrorKind::InvalidInput)?;
        let mut behind = vec![0; left as usize];
        self.read_at(&mut behind, offset)?;
        self.write_at(&behind, offset + len)?;
        self.punch_hole(offset, len)
    }

    /// Drops all handles and mappings, and opens the file again if possible.
    fn reopen(&self, _: Farewell) -> io::Result<()> {
        Ok(())
    }

    /// Closes the file. If that fails, returns the file with the error.
    fn close(self) -> Result<(), (Self, io::Error)>
    where
        Self: Sized,
    {
        match self.sync_all() {
            Ok(()) => Ok(()),
            Err(error) => Err((self, error)),
        }
    }
}

/// A mapping of a file; offsets count from its start.
pub trait Mapped {
    fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}
