//! What is exercised: a cached file, or in tests whatever stands in for one.

#[cfg(test)]
pub mod model_file;
pub mod plain_file;
pub mod reopening;
pub mod test_file;

use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Range;
use std::time::SystemTime;

use crate::page_size::page_size;
use crate::subject::reopening::Farewell;
use spanlock_page_cache::{
    AddressSpace, CloseError, Durability, File, Length, Mapping, PAGE_SIZE, PageMut,
};

/// Syncs a file whose store is well again. What a sync that failed may have lost is written again
/// first: until then every sync fails.
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

/// A file with all its paths.
pub trait Subject: Send + Sync + 'static {
    type Mapping: Mapped + Send + 'static;

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

    /// Copies to guards of the pages; fails at the first page past the end, and loses what lies
    /// past the end in the last.
    fn write_by_guards(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = offset - offset % page_size();
        self.map(start..offset + bytes.len() as u64)?.store(offset - start, bytes)
    }

    /// The same, by bytes that are given to the guards.
    fn write_bytes_by_guards(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_by_guards(bytes, offset)
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

    /// When the file was last changed, if that is known.
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
        // A file with a flaw may be shorter than its user believes.
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

    /// Closes the file, or gives it back.
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

impl Subject for File {
    type Mapping = Mapping;

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        File::read_at(self, bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        File::write_at(self, bytes, offset)
    }

    fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        File::read_direct_at(self, bytes, offset)
    }

    fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        File::write_direct_at(self, bytes, offset)
    }

    fn map(&self, range: Range<u64>) -> io::Result<Mapping> {
        File::map(self, range)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn len(&self) -> u64 {
        File::len(self)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        File::punch_hole(self, offset, len)
    }

    fn writeback(&self, range: Range<u64>) -> io::Result<()> {
        File::writeback(self, range)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }

    fn sync_range(&self, range: Range<u64>) -> io::Result<()> {
        File::sync_range(self, range)
    }

    fn hint(&self, range: Range<u64>, which: u64) -> io::Result<()> {
        match which % 5 {
            0 => self.will_need(range),
            1 => self.dont_need(range).map(drop),
            2 => self.drop_cached(range),
            3 => match self.reserve(range.start, range.end - range.start) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
                reserved => reserved,
            },
            _ => {
                let data = self.data_ranges(range.clone())?;
                let inside =
                    data.iter().all(|data| range.start <= data.start && data.end <= range.end);
                let apart = data.windows(2).all(|pair| pair[0].end < pair[1].start);
                match inside && apart {
                    true => Ok(()),
                    false => Err(io::Error::other(format!("data of {range:?}: {data:?}"))),
                }
            }
        }
    }

    fn write_tagged_at(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<usize> {
        self.write_at_tagged(bytes, offset, tag)
    }

    fn read_vectored_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        File::read_vectored_at(self, &mut slices_mut(bytes), offset)
    }

    fn read_direct_vectored_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        File::read_direct_vectored_at(self, &mut slices_mut(bytes), offset)
    }

    fn read_uninit_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut memory = Vec::with_capacity(bytes.len());
        let room = &mut memory.spare_capacity_mut()[..bytes.len()];
        let found = match offset % 4 {
            0 => File::read_direct_uninit_at(self, room, offset),
            _ => File::read_uninit_at(self, room, offset),
        }?;
        bytes[..found.len()].copy_from_slice(found);
        Ok(found.len())
    }

    fn write_vectored_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        File::write_vectored_at(self, &slices(bytes), offset)
    }

    fn write_direct_vectored_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        File::write_direct_vectored_at(self, &slices(bytes), offset)
    }

    fn read_by_memory(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let memory = AddressSpace::new();
        let there = memory.map_anonymous(bytes.len() as u64)?;
        let found = self.read_into(&memory, &segments(&there, bytes.len()), offset)?;
        memory.load(there.start, &mut bytes[..found])?;
        Ok(found)
    }

    fn write_by_memory(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let memory = AddressSpace::new();
        // Memory that has to be brought in cuts a write where its pages end. There those of the file
        // end too, unless those are longer: the oracle takes a write of a page to be one.
        let within = offset % page_size();
        let there = memory.map_anonymous(within + bytes.len() as u64)?;
        let there = there.start + within..there.end;
        memory.store(there.start, bytes)?;
        if page_size() == PAGE_SIZE as u64 {
            memory.evict(there.start - within..there.end)?;
        }
        self.write_from(&memory, &segments(&there, bytes.len()), offset)
    }

    /// Each guard but the first is taken while the one before is held; where that would mean to wait, without.
    fn read_by_guards(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut before = None;
        for (number, within, part) in parts(offset, bytes.len()) {
            let page = match self.page(number) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    drop(before.take());
                    self.page(number)
                }
                page => page,
            }?;
            bytes[part.clone()].copy_from_slice(&page[within..within + part.len()]);
            before = Some(page);
        }
        Ok(())
    }

    fn write_by_guards(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_by_guards(self, bytes, offset, |page, within, part| {
            page[within..within + part.len()].copy_from_slice(part);
        })
    }

    fn write_bytes_by_guards(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_by_guards(self, bytes, offset, |page, within, part| page.write(within, part))
    }

    fn copy_to(&self, offset: u64, to: &File, at: u64, len: u64) -> io::Result<usize> {
        self.copy_range_to(offset, to, at, len).map(|count| count as usize)
    }

    fn write_durable_at(&self, bytes: &[u8], offset: u64, which: u64) -> io::Result<usize> {
        match which % 3 {
            0 => File::write_at_durable(self, bytes, offset),
            1 => self.clone().with_durability(Durability::Data).write_at(bytes, offset),
            _ => self.clone().with_durability(Durability::All).write_at(bytes, offset),
        }
    }

    fn append_durable(&self, bytes: &[u8]) -> io::Result<u64> {
        File::append_durable(self, bytes)
    }

    fn modified(&self) -> Option<SystemTime> {
        File::modified(self)
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        match File::modified(self) {
            Some(_) => File::set_modified(self, time),
            None => Ok(()),
        }
    }

    fn discard_a_handle(&self) {
        self.clone().discard();
    }

    fn write_from_itself(&self, bytes: Range<u64>) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let page = page_size();
        if (bytes.start / page).is_multiple_of(2) {
            let len = bytes.end - bytes.start;
            return self
                .copy_range_to(bytes.start, self, bytes.start, len)
                .map(|count| count as usize);
        }
        let memory = AddressSpace::new();
        let start = bytes.start - bytes.start % page;
        let there = memory.map_file(self, start..bytes.end.next_multiple_of(page))?.start;
        let source = there + (bytes.start - start)..there + (bytes.end - start);
        self.write_from(&memory, &[source], bytes.start)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        File::append(self, bytes)
    }

    fn append_vectored(&self, bytes: &[u8]) -> io::Result<u64> {
        File::append_vectored(self, &slices(bytes))
    }

    fn append_direct(&self, bytes: &[u8]) -> io::Result<u64> {
        match bytes.len() % 2 {
            0 => File::append_direct(self, bytes),
            _ => File::append_direct_vectored(self, &slices(bytes)),
        }
    }

    fn zero_range(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        File::zero_range(self, offset, len, length)
    }

    fn allocate(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        File::allocate(self, offset, len, length)
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        File::collapse_range(self, offset, len)
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        File::insert_range(self, offset, len)
    }

    fn close(self) -> Result<(), (File, io::Error)> {
        File::close(self).map_err(CloseError::into_parts)
    }
}

/// Has `write` write parts of some bytes, each from a place of its page on. Each guard but the
/// first is taken while the one before is held; where that would mean to wait, without.
fn write_by_guards(
    file: &File,
    bytes: &[u8],
    offset: u64,
    write: impl Fn(&mut PageMut<'_>, usize, &[u8]),
) -> io::Result<()> {
    let mut before = None;
    for (number, within, part) in parts(offset, bytes.len()) {
        let mut page = match file.page_mut(number) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                drop(before.take());
                file.page_mut(number)
            }
            page => page,
        }?;
        write(&mut page, within, &bytes[part]);
        before = Some(page);
    }
    Ok(())
}

/// Some bytes as several slices, of which some are empty.
fn slices(bytes: &[u8]) -> [IoSlice<'_>; 5] {
    let (first, rest) = bytes.split_at(bytes.len() / 3);
    let (second, third) = rest.split_at(rest.len().min(1));
    [&[], first, second, &[], third].map(IoSlice::new)
}

fn slices_mut(bytes: &mut [u8]) -> [IoSliceMut<'_>; 5] {
    let (first, rest) = bytes.split_at_mut(bytes.len() / 3);
    let (second, third) = rest.split_at_mut(rest.len().min(1));
    [&mut [], first, second, &mut [], third].map(IoSliceMut::new)
}

/// The parts of some bytes that lie in one page each: its number, where they begin in it, and which they are.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, Range<usize>)> {
    let page = page_size();
    let end = offset + len as u64;
    (offset / page..end.div_ceil(page)).map(move |number| {
        let (from, to) = (offset.max(number * page), end.min((number + 1) * page));
        let part = (from - offset) as usize..(to - offset) as usize;
        (number, (from % page) as usize, part)
    })
}

/// The first `len` bytes of some memory, in two parts with nothing between.
fn segments(there: &Range<u64>, len: usize) -> [Range<u64>; 3] {
    let (middle, end) = (there.start + len as u64 / 2, there.start + len as u64);
    [there.start..middle, middle..middle, middle..end]
}

impl Mapped for Mapping {
    fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        Mapping::load(self, offset, bytes)
    }

    fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        Mapping::store(self, offset, bytes)
    }
}
