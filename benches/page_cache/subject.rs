//! What is measured: files in the cache, files in the kernel's, and the locks that they differ by.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use spanlock::page_cache::{File, Options, PageCache, PathLock, Store};
use spanlock::{Access, MappingGuard, MappingLock};

pub const PAGE: u64 = 4096;

/// A cached file, whose flusher sleeps.
pub fn cached<L: PathLock>(capacity: usize, store: impl Store + 'static) -> File<L> {
    let options =
        Options::new(capacity).dirty_limit(capacity).flush_interval(Duration::from_secs(3600));
    PageCache::with_options(options).open(store).expect("the store opens")
}

/// A file that is gone with its last handle: on a file system in memory if `folder` is one.
pub fn unnamed_file(folder: &Path) -> fs::File {
    tempfile::tempfile_in(folder).expect("a temporary file")
}

/// Where files are kept in memory, if the system has such a place.
pub fn memory_folder() -> Option<&'static Path> {
    Some(Path::new("/dev/shm")).filter(|path| path.is_dir())
}

/// The range lock, but for the claim on the page that a buffered write makes: what that one costs
/// is the difference.
#[derive(Default)]
pub struct NoPageClaim(MappingLock);

impl PathLock for NoPageClaim {
    type Guard<'a> = Option<MappingGuard<'a>>;

    #[inline]
    fn lock(&self, access: Access, bytes: Range<u64>) -> Self::Guard<'_> {
        (access != Access::BufferedWrite).then(|| self.0.lock(access, bytes))
    }

    #[inline]
    fn try_lock(&self, access: Access, bytes: Range<u64>) -> Option<Self::Guard<'_>> {
        match access {
            Access::BufferedWrite => Some(None),
            _ => self.0.try_lock(access, bytes).map(Some),
        }
    }

    #[inline]
    fn lock_page(&self, access: Access, page: u64) -> Self::Guard<'_> {
        (access != Access::BufferedWrite).then(|| self.0.lock_page(access, page))
    }

    #[inline]
    fn try_lock_page(&self, access: Access, page: u64) -> Option<Self::Guard<'_>> {
        match access {
            Access::BufferedWrite => Some(None),
            _ => self.0.try_lock_page(access, page).map(Some),
        }
    }
}
