//! The requests to a file that may be reopened meanwhile: each waits until the file is open.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use spanlock_page_cache::{DirtyPage, Length};

use super::{Farewell, Reopenable, ReopenableMapping};
use crate::subject::{Mapped, Subject};

impl<S: Subject> Mapped for ReopenableMapping<S> {
    fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.with(|mapping| mapping.load(offset, bytes))
    }

    fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|mapping| mapping.store(offset, bytes))
    }
}

impl<S: Subject> Subject for Reopenable<S> {
    type Mapping = ReopenableMapping<S>;

    const TAGS: bool = S::TAGS;

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.read_at(bytes, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.write_at(bytes, offset))
    }

    fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.read_direct_at(bytes, offset))
    }

    fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.write_direct_at(bytes, offset))
    }

    /// Maps nothing before the first access.
    fn map(&self, range: Range<u64>) -> io::Result<ReopenableMapping<S>> {
        let (shared, cell) = (Arc::clone(&self.shared), Arc::default());
        Ok(ReopenableMapping { shared, range, cell })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|file| file.set_len(len))
    }

    fn len(&self) -> u64 {
        self.with(|file| Ok(file.len())).expect("an open file has a length")
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.with(|file| file.punch_hole(offset, len))
    }

    fn writeback(&self, range: Range<u64>) -> io::Result<()> {
        self.with(|file| file.writeback(range))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|file| file.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.with(|file| file.sync_all())
    }

    fn sync_range(&self, range: Range<u64>) -> io::Result<()> {
        self.with(|file| file.sync_range(range))
    }

    fn sync_up_to(&self, tag: u64) -> io::Result<()> {
        self.with(|file| file.sync_up_to(tag))
    }

    fn dirty_pages(&self) -> io::Result<Vec<DirtyPage>> {
        self.with(|file| file.dirty_pages())
    }

    fn hint(&self, range: Range<u64>, which: u64) -> io::Result<()> {
        self.with(|file| file.hint(range, which))
    }

    fn write_tagged_at(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<usize> {
        self.with(|file| file.write_tagged_at(bytes, offset, tag))
    }

    fn read_vectored_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.read_vectored_at(bytes, offset))
    }

    fn read_direct_vectored_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.read_direct_vectored_at(bytes, offset))
    }

    fn write_direct_vectored_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.write_direct_vectored_at(bytes, offset))
    }

    fn read_uninit_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.read_uninit_at(bytes, offset))
    }

    fn read_exact_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.with(|file| file.read_exact_direct_at(bytes, offset))
    }

    fn write_all_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.with(|file| file.write_all_direct_at(bytes, offset))
    }

    fn extend_to(&self, len: u64) -> io::Result<()> {
        self.with(|file| file.extend_to(len))
    }

    fn append_vectored(&self, bytes: &[u8]) -> io::Result<u64> {
        self.with(|file| file.append_vectored(bytes))
    }

    fn append_direct(&self, bytes: &[u8]) -> io::Result<u64> {
        self.with(|file| file.append_direct(bytes))
    }

    fn write_vectored_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.write_vectored_at(bytes, offset))
    }

    fn read_by_memory(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.read_by_memory(bytes, offset))
    }

    fn write_by_memory(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.with(|file| file.write_by_memory(bytes, offset))
    }

    fn read_by_guards(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.with(|file| file.read_by_guards(bytes, offset))
    }

    fn write_by_guards(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.with(|file| file.write_by_guards(bytes, offset, tag))
    }

    fn write_bytes_by_guards(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.with(|file| file.write_bytes_by_guards(bytes, offset, tag))
    }

    fn write_by_owned_guards(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.with(|file| file.write_by_owned_guards(bytes, offset, tag))
    }

    fn read_by_list(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.with(|file| file.read_by_list(bytes, offset))
    }

    fn write_by_list(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.with(|file| file.write_by_list(bytes, offset, tag))
    }

    /// The other file has what was copied there before.
    fn read_by_copy(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with_another(offset, |file, other| {
            let Some((other, there)) = other else { return file.read_at(bytes, offset) };
            let copied = file.copy_to(offset, other, there, bytes.len() as u64)?;
            let found = other.read_at(&mut bytes[..copied], there)?;
            match found == copied {
                true => Ok(copied),
                false => Err(io::Error::other(format!("{copied} bytes copied, {found} there"))),
            }
        })
    }

    fn write_by_copy(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.with_another(offset, |file, other| {
            let Some((other, there)) = other else { return file.write_at(bytes, offset) };
            let written = other.write_at(bytes, there)?;
            other.copy_to(there, file, offset, written as u64)
        })
    }

    fn write_durable_at(&self, bytes: &[u8], offset: u64, which: u64) -> io::Result<usize> {
        self.with(|file| file.write_durable_at(bytes, offset, which))
    }

    fn append_durable(&self, bytes: &[u8]) -> io::Result<u64> {
        self.with(|file| file.append_durable(bytes))
    }

    fn modified(&self) -> Option<SystemTime> {
        self.with(|file| Ok(file.modified())).ok().flatten()
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.with(|file| file.set_modified(time))
    }

    fn sync_cache(&self) -> io::Result<()> {
        match &self.shared.cache {
            // The file stays open meanwhile.
            Some(cache) => self.with(|_| (cache.sync)()),
            None => self.sync_all(),
        }
    }

    fn write_from_itself(&self, bytes: Range<u64>) -> io::Result<usize> {
        self.with(|file| file.write_from_itself(bytes))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        self.with(|file| file.append(bytes))
    }

    fn zero_range(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        self.with(|file| file.zero_range(offset, len, length))
    }

    fn allocate(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        self.with(|file| file.allocate(offset, len, length))
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.with(|file| file.collapse_range(offset, len))
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.with(|file| file.insert_range(offset, len))
    }

    fn reopen(&self, how: Farewell) -> io::Result<()> {
        self.shared.reopen(how)
    }

    fn abandon(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.shared.abandon(bytes, offset)
    }
}
