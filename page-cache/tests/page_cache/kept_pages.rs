//! Pages that stay in the cache when their file is closed.

#[cfg(target_os = "linux")]
mod files;
mod versions;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spanlock_page_cache::{
    File, FileOptions, Identity, Options, PageCache, Store, StoreLayer, Version,
};

use crate::stores::switchable_store::{Kind, SwitchableStore};

const PAGE: u64 = 4096;

/// A store that counts its changes.
pub struct Versioned {
    pub below: Arc<SwitchableStore>,
    pub changes: AtomicU64,
    /// How often the version was asked for.
    pub asked: AtomicU64,
    pub identity: u64,
}

impl Versioned {
    pub fn new() -> Arc<Versioned> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let identity = NEXT.fetch_add(1, Ordering::Relaxed);
        let (changes, asked) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Versioned { below: SwitchableStore::new(), changes, asked, identity })
    }

    /// A store of so many pages of a byte.
    pub fn of(pages: u64, byte: u8) -> Arc<Versioned> {
        let store = Versioned::new();
        store.write_at(&vec![byte; (pages * PAGE) as usize], 0).unwrap();
        store
    }

    fn change(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}

impl StoreLayer for Versioned {
    type Below = SwitchableStore;

    fn below(&self) -> &SwitchableStore {
        &self.below
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.change();
        self.below.write_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change();
        self.below.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.change();
        self.below.punch_hole(offset, len)
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::new("versioned", [self.identity, 0]))
    }

    fn version(&self) -> io::Result<Option<Version>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.below.ask(Kind::Version)?;
        Ok(Some(Version::new([self.changes.load(Ordering::SeqCst)])))
    }
}

/// A cache that writes and reads nothing by itself.
pub fn quiet(pages: usize) -> PageCache {
    PageCache::with_options(
        Options::new(pages).readahead(0).flush_interval(std::time::Duration::MAX),
    )
}

pub fn keeping() -> FileOptions {
    FileOptions::new().keep_pages()
}

pub fn open(cache: &PageCache, store: &Arc<Versioned>) -> File {
    cache.open_with(Arc::clone(store), keeping()).unwrap()
}

/// Reads one byte of each page, and checks it. Returns how many reads the store got.
pub fn check(file: &File, pages: Range<u64>, byte: u8) -> u64 {
    let before = file.stats().store_reads.requests;
    for page in pages {
        let mut seen = [0];
        file.read_exact_at(&mut seen, page * PAGE).unwrap();
        assert_eq!(seen, [byte], "page {page}");
    }
    file.stats().store_reads.requests - before
}
