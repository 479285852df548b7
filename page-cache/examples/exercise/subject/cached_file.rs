//! A cached file as a subject.

mod guards;

use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Range;
use std::time::SystemTime;

use spanlock_page_cache::{
    AddressSpace, CloseError, DirtyPage, Durability, File, Length, Mapping, PAGE_SIZE,
};

use crate::page_size::page_size;
use crate::subject::{Mapped, Subject};

impl Subject for File {
    type Mapping = Mapping;

    const TAGS: bool = true;

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
        match tag.is_multiple_of(2) {
            true => self.write_at_tagged(bytes, offset, tag),
            false => self.write_all_at_tagged(bytes, offset, tag).map(|()| bytes.len()),
        }
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
        // A write ends at a page of memory that is not present. The pages of the memory end where those of the file
        // end, unless the file has larger pages: the oracle expects a write of a page to be atomic.
        let within = offset % page_size();
        let there = memory.map_anonymous(within + bytes.len() as u64)?;
        let there = there.start + within..there.end;
        memory.store(there.start, bytes)?;
        if page_size() == PAGE_SIZE as u64 {
            memory.evict(there.start - within..there.end)?;
        }
        self.write_from(&memory, &segments(&there, bytes.len()), offset)
    }

    fn read_by_guards(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        guards::read(self, bytes, offset)
    }

    fn write_by_guards(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        guards::write(self, bytes, offset, |page, within, part| {
            page.set_tag(tag);
            page[within..within + part.len()].copy_from_slice(part);
        })
    }

    fn write_bytes_by_guards(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        guards::write(self, bytes, offset, |page, within, part| {
            page.write(within, part);
            page.set_tag(tag);
        })
    }

    fn write_by_owned_guards(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        guards::write_owned(self, bytes, offset, tag)
    }

    fn read_by_list(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        guards::read_list(self, bytes, offset)
    }

    fn write_by_list(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        guards::write_list(self, bytes, offset, tag)
    }

    fn sync_up_to(&self, tag: u64) -> io::Result<()> {
        File::sync_up_to(self, tag)
    }

    fn dirty_pages(&self) -> io::Result<Vec<DirtyPage>> {
        Ok(File::dirty_pages(self))
    }

    fn read_exact_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        File::read_exact_direct_at(self, bytes, offset)
    }

    fn write_all_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        File::write_all_direct_at(self, bytes, offset)
    }

    fn extend_to(&self, len: u64) -> io::Result<()> {
        File::extend_to(self, len)
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
        match bytes.len() % 2 {
            0 => File::append_durable(self, bytes),
            _ => self.clone().with_durability(Durability::Data).append(bytes),
        }
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

    fn discard_the_last(self) {
        File::discard(self);
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
