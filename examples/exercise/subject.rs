//! What is exercised: a cached file, or in tests whatever stands in for one.

use std::io;
use std::ops::Range;

use spanlock::page_cache::{File, Mapping, PathLock};

/// A file with all its paths.
pub trait Subject: Send + Sync + 'static {
    type Mapping: Mapped;

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
}

/// A mapping of a file; offsets count from its start.
pub trait Mapped {
    fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

impl<L: PathLock> Subject for File<L> {
    type Mapping = Mapping<L>;

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

    fn map(&self, range: Range<u64>) -> io::Result<Mapping<L>> {
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
}

impl<L: PathLock> Mapped for Mapping<L> {
    fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        Mapping::load(self, offset, bytes)
    }

    fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        Mapping::store(self, offset, bytes)
    }
}
