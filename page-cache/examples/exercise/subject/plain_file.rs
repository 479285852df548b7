//! A plain file, accessed by std: a cached file must behave in the same way.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::page_size::page_size;
use crate::subject::{Mapped, Subject};

/// A plain file.
#[derive(Clone)]
pub struct Original {
    file: Arc<Mutex<fs::File>>,
}

/// A mapping of it, from `start` on.
pub struct OriginalMapping {
    file: Original,
    start: u64,
}

impl Original {
    pub fn new(file: fs::File) -> Original {
        Original { file: Arc::new(Mutex::new(file)) }
    }

    /// Reads until `bytes` are full or the file ends.
    pub fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut file = self.at(offset)?;
        let mut done = 0;
        while done < bytes.len() {
            match file.read(&mut bytes[done..])? {
                0 => break,
                part => done += part,
            }
        }
        Ok(done)
    }

    fn at(&self, offset: u64) -> io::Result<MutexGuard<'_, fs::File>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.at(0)?.metadata()?.len())
    }

    /// Whether the file has all pages of `bytes`.
    fn has_pages(&self, bytes: Range<u64>) -> io::Result<()> {
        match self.size()?.next_multiple_of(page_size()) {
            end if end < bytes.end => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Subject for Original {
    type Mapping = OriginalMapping;

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.at(offset)?.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at(bytes, offset)
    }

    fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write_at(bytes, offset)
    }

    fn map(&self, range: Range<u64>) -> io::Result<OriginalMapping> {
        Ok(OriginalMapping { file: self.clone(), start: range.start })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.at(0)?.set_len(len)
    }

    fn len(&self) -> u64 {
        self.size().expect("an open file has a length")
    }

    /// Writes nothing if it fails.
    fn write_by_list(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.has_pages(offset..offset + bytes.len() as u64)?;
        self.write_by_guards(bytes, offset, tag)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = (offset + len).min(self.size()?);
        let zeroes = vec![0; end.saturating_sub(offset) as usize];
        self.write_at(&zeroes, offset).map(drop)
    }

    fn writeback(&self, _: Range<u64>) -> io::Result<()> {
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Mapped for OriginalMapping {
    fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let start = self.start + offset;
        let outcome = self.file.has_pages(start..start + bytes.len() as u64);
        self.file.read_at(bytes, start)?;
        outcome
    }

    /// What is stored past the end, in the last page, is discarded.
    fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = self.start + offset;
        let outcome = self.file.has_pages(start..start + bytes.len() as u64);
        let kept = self.file.size()?.saturating_sub(start).min(bytes.len() as u64);
        self.file.write_at(&bytes[..kept as usize], start)?;
        outcome
    }
}
