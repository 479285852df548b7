//! `FileOptions`: how a file is written back, and when.

use std::io;

use super::{AtClose, BeforeWriteback, Sends, Transform};
use crate::page::DirtyPage;

/// The options of a file; see [`PageCache::open_with`](crate::PageCache::open_with).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use spanlock_page_cache::{FileOptions, MemStore, PageCache, Store};
///
/// let store = Arc::new(MemStore::new());
/// let options = FileOptions::new().write_through();
/// let file = PageCache::new(64).open_with(Arc::clone(&store), options)?;
/// file.write_all_at(b"at once", 0)?;
/// assert_eq!(store.len()?, 7);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    pub(crate) write_mode: WriteMode,
    pub(crate) before_writeback: Option<BeforeWriteback>,
    pub(crate) steal: Steal,
    pub(crate) sends: Sends,
    pub(crate) transform: Option<Transform>,
    pub(crate) modified_time: TimeOf,
    pub(crate) at_close: AtClose,
}

/// Whose a file's time of modification is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimeOf {
    #[default]
    Store,
    /// Of the content of the cache.
    Cache,
}

/// When a file's dirty pages may be written to its store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Steal {
    /// Writeback at any time.
    #[default]
    Allowed,
    /// Only an explicit request: a sync, `writeback`, `close`.
    Refused,
}

/// When the bytes of a write reach the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum WriteMode {
    /// By writeback, after the write has returned.
    #[default]
    Back,
    /// Before the write returns.
    Through,
}

impl FileOptions {
    /// The name of an option that is not the same in both, if there is one.
    pub(crate) fn difference(&self, other: &FileOptions) -> Option<&'static str> {
        let FileOptions { write_mode, before_writeback, steal, sends, .. } = self;
        let FileOptions { transform, modified_time, at_close, .. } = self;
        let same = [
            ("write_through", *write_mode == other.write_mode),
            ("before_writeback", *before_writeback == other.before_writeback),
            ("no_steal", *steal == other.steal),
            ("transform", *transform == other.transform),
            ("whole_pages", *sends == other.sends),
            ("keep_modified_time", *modified_time == other.modified_time),
            ("keep_pages", *at_close == other.at_close),
        ];
        same.iter().find(|(_, same)| !same).map(|&(option, _)| option)
    }

    /// Returns the default options: a write reaches the store by writeback, after it has returned.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let file = cache.open_with(MemStore::new(), FileOptions::new())?;
    /// file.write_all_at(b"later", 0)?;
    /// assert_eq!(file.len(), 5);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn new() -> FileOptions {
        FileOptions::default()
    }

    /// Makes a write return only after the store has received its bytes, or with the store's error. The bytes are
    /// cached too, except those of a page that is not cached and of which only a part is written. They are durable
    /// after the next sync. Stores through a mapping and changes through a page guard still reach the store by
    /// writeback; except that a store through a mapping is written through if no more pages may be dirty and the file
    /// has none ([`Options::dirty_limit`](crate::Options::dirty_limit)), as in any file.
    ///
    /// The option applies to all handles of the file: while the file is open, opening its store without the option
    /// fails with [`ResourceBusy`](io::ErrorKind::ResourceBusy).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache, Store};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let options = FileOptions::new().write_through();
    /// let file = PageCache::new(64).open_with(Arc::clone(&store), options)?;
    /// file.append(b"entry")?;
    /// let mut stored = [0; 5];
    /// store.read_at(&mut stored, 0)?;
    /// assert_eq!(&stored, b"entry");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn write_through(mut self) -> FileOptions {
        self.write_mode = WriteMode::Through;
        self
    }

    /// Calls `hook` before the cache sends bytes to the store, with the pages of the request in ascending order.
    /// Use this for write-ahead logging: the hook makes the log durable up to the largest
    /// [`newest_tag`](DirtyPage::newest_tag) of these pages. If the hook returns an error, nothing is sent and the
    /// pages stay dirty.
    ///
    /// The hook runs before every writeback: in the background, and by a sync, a direct request or a writer that
    /// must write pages back first. It also runs before a write-through, but not for the bytes of a direct write.
    /// From the call of the hook until the store has answered, the bytes and tags of these pages do not change:
    /// their writers wait.
    ///
    /// The hook runs on a thread of the cache or on one that uses the file, as a part of the request to the store.
    /// If it fails or panics, the file is treated as if its store had failed, except that nothing is lost and that
    /// the error is not kept for other handles. A sync, or a writer that must write pages back first, returns the
    /// hook's error. The flusher tries again after a pause, with a smaller request. If the hook hangs, only the
    /// operations on this file wait, as if its store did not answer.
    ///
    /// The hook may use files of the same cache that have no hook themselves, for example append to a log and sync
    /// it. Operations that may wait fail with [`Deadlock`](io::ErrorKind::Deadlock) inside a hook on files that have
    /// a hook. The hook must not wait for a lock whose holder may be using the file, nor for a thread pool whose
    /// threads may be using it. The memory that is written to the log must not be a mapping of the file.
    ///
    /// To open the store again while it is open, use a clone of these options: other options fail with
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{self, ErrorKind};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let log = cache.open(MemStore::new())?;
    /// let durable = Arc::new(AtomicU64::new(0)); // The log is durable up to this number.
    ///
    /// let (own_log, own_durable) = (log.clone(), Arc::clone(&durable));
    /// let options = FileOptions::new().before_writeback(move |pages| {
    ///     let newest = pages.iter().map(|page| page.newest_tag).max().unwrap_or(0);
    ///     if own_durable.load(Ordering::Relaxed) < newest {
    ///         own_log.sync_data()?;
    ///         own_durable.fetch_max(newest, Ordering::Relaxed);
    ///     }
    ///     Ok(())
    /// });
    /// let tree = cache.open_with(MemStore::new(), options)?;
    ///
    /// let number = log.append(b"set x")? + 5;
    /// tree.write_at_tagged(b"x", 0, number)?;
    /// assert_eq!(durable.load(Ordering::Relaxed), 0);
    /// tree.sync_data()?; // The hook syncs the log first.
    /// assert_eq!(durable.load(Ordering::Relaxed), number);
    /// # io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn before_writeback(
        mut self,
        hook: impl Fn(&[DirtyPage]) -> io::Result<()> + Send + Sync + 'static,
    ) -> FileOptions {
        self.before_writeback = Some(BeforeWriteback::new(hook));
        self
    }

    /// Keeps dirty pages in the cache until a sync, [`writeback`](crate::File::writeback) or
    /// [`close`](crate::File::close) of this file writes them (the policy "no steal" of databases). So the store
    /// receives bytes of the cache only on request.
    ///
    /// The file has its share of the pages that may be dirty
    /// ([`Options::dirty_limit`](crate::Options::dirty_limit)). A write that needs more fails with
    /// [`QuotaExceeded`](io::ErrorKind::QuotaExceeded), and so does a store to a mapping or an
    /// exclusive page guard. A direct request, a collapse, an insert and
    /// [`drop_cached`](crate::File::drop_cached) fail with
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy) while pages of their range are dirty. Dropping
    /// the last handle writes nothing: dirty pages are lost, and counted in
    /// [`CacheStats`](crate::CacheStats).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::new(64).dirty_limit(8));
    /// let file = cache.open_with(MemStore::new(), FileOptions::new().no_steal())?;
    /// let full = (0..).find_map(|page| file.write_all_at(&[1; 4096], page * 4096).err());
    /// assert_eq!(full.unwrap().kind(), ErrorKind::QuotaExceeded);
    /// assert_eq!(cache.stats().writebacks, 0);
    /// file.sync_data()?;
    /// file.write_all_at(b"there is room again", 0)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn no_steal(mut self) -> FileOptions {
        self.steal = Steal::Refused;
        self
    }

    /// Makes the cache keep the time at which the file's content last changed
    /// ([`File::modified`](crate::File::modified)).
    ///
    /// It is the time of the last write, store through a mapping, drop of an exclusive page guard that was
    /// dereferenced mutably, or size or extent change, with a precision of a few milliseconds. Writeback does not
    /// change it. A sync, a close, and the drop of the last handle pass it to the store
    /// ([`Store::set_modified`](crate::Store::set_modified)); a [`FileStore`](crate::FileStore) sets the time of
    /// its file. Between a writeback and the next sync, the file system reports the time of the writeback.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache};
    ///
    /// let options = FileOptions::new().keep_modified_time();
    /// let file = PageCache::new(64).open_with(MemStore::new(), options)?;
    /// file.write_all_at(b"changed", 0)?;
    /// let changed = file.modified();
    /// file.sync_all()?;
    /// assert_eq!(file.modified(), changed);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn keep_modified_time(mut self) -> FileOptions {
        self.modified_time = TimeOf::Cache;
        self
    }
}
