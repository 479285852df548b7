//! What is measured: files in the cache, files in the kernel's, and the locks that they differ by.

use std::fs;
use std::path::Path;
use std::time::Duration;

use spanlock::MappingLock;
use spanlock_page_cache::{File, OperationLock, Options, PageCache, Store};

pub const PAGE: u64 = 4096;

pub type Page = [u8; PAGE as usize];

/// Memory that starts with a cache line: what a copy costs depends on where its ends lie, and that is
/// to be the same for all cases.
#[repr(align(64))]
pub struct Aligned(pub Page);

impl Aligned {
    pub fn filled(byte: u8) -> Aligned {
        Aligned([byte; PAGE as usize])
    }
}

/// A cached file under a lock of some kind, whose flusher sleeps.
pub fn cached_with<L: OperationLock>(capacity: usize, store: impl Store + 'static) -> File {
    let options =
        Options::new(capacity).dirty_limit(capacity).flush_interval(Duration::from_secs(3600));
    PageCache::with_lock::<L>(options).open(store).expect("the store opens")
}

/// The same, under the cache's own lock.
pub fn cached(capacity: usize, store: impl Store + 'static) -> File {
    cached_with::<MappingLock>(capacity, store)
}

/// A file that is gone with its last handle: on a file system in memory if `folder` is one.
pub fn unnamed_file(folder: &Path) -> fs::File {
    tempfile::tempfile_in(folder).expect("a temporary file")
}

/// Where files are kept in memory, if the system has such a place.
pub fn memory_folder() -> Option<&'static Path> {
    Some(Path::new("/dev/shm")).filter(|path| path.is_dir())
}
