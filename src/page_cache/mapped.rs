//! `Mapping`: a file's bytes as memory.

use std::io;
use std::ops::Range;

use super::{File, PathLock};
use crate::MappingLock;

/// A range of a file, mapped.
///
/// Offsets count from the start of the mapping, as addresses would.
///
/// # Examples
///
/// ```
/// use spanlock::page_cache::{MemStore, PageCache};
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
pub struct Mapping<L: PathLock = MappingLock> {
    file: File<L>,
    range: Range<u64>,
}

impl<L: PathLock> Mapping<L> {
    pub(super) fn new(file: File<L>, range: Range<u64>) -> Mapping<L> {
        Mapping { file, range }
    }

    /// Copies from the mapping, `offset` bytes after its start.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` where a machine would raise SIGBUS: a page wholly past the end of the
    /// file. `InvalidInput` where it would raise SIGSEGV: outside of the mapping. Otherwise what
    /// the store says to a read of a page that is not cached.
    pub fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, self.range.start + offset)
    }

    /// Copies into the mapping, `offset` bytes after its start. What is stored past the end of
    /// the file, in its last page, is lost.
    ///
    /// # Errors
    ///
    /// As [`load`](Mapping::load).
    pub fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.range.start + offset)
    }
}
