//! Files whose pages stay in the cache when they are closed.

use super::FileOptions;

/// What becomes of a file's clean pages when it is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AtClose {
    #[default]
    RemovePages,
    KeepPages,
}

impl FileOptions {
    /// Keeps the pages of the file in the cache when its last handle is dropped. The store is dropped as always, so a
    /// closed file needs no descriptor. If the store is opened again in this cache, with or without this option, the
    /// file has these pages, unless the store has changed meanwhile. Until then they are evicted like those of an open
    /// file.
    ///
    /// To keep its pages, [`close`](crate::File::close) the file, or call [`sync_all`](crate::File::sync_all) before its
    /// last handle is dropped. The cache keeps none of them if a sync would have something to do, if the file was
    /// [discarded](crate::File::discard), if it has a [transform](FileOptions::transform), or if the drop of the last
    /// handle does not wait until the file is closed, because it is inside a store or a hook, or because the store has not
    /// answered for five seconds. The store must have an [identity](crate::Store::identity) and a
    /// [version](crate::Store::version). A [`FileStore`](crate::FileStore) has a version on Linux, on ext2 to ext4, XFS,
    /// Btrfs and F2FS, but not on tmpfs. A [`StoreLayer`](crate::StoreLayer) has one only if it implements
    /// [`version`](crate::StoreLayer::version).
    ///
    /// # What other programs may do
    ///
    /// As for every file, nothing else may change the store from the open until the last handle has been dropped. If
    /// something does, pages may be old, and with this option they may also be old after the next open. After that,
    /// other programs may change, replace and remove the file, and the next open reads what they left.
    ///
    /// The version of a [`FileStore`](crate::FileStore) is made of the length and the times of the file. If the file
    /// was changed within the last tick of the system's clock, the drop of the last handle waits for the next tick,
    /// at most 10 ms on an idle machine, because a later change would have the same time. An open that comes meanwhile
    /// waits too. The version does not show:
    ///
    /// - what a process stores through a shared mapping (`mmap`) to a page to which it had stored before the file was
    ///   closed: a file system notes the time of the first store to a page, and not of those after it, until it has
    ///   written the page to the disk.
    /// - a change by a program that keeps the times as they were, such as a debugger of file systems, or XFS's
    ///   invisible IO.
    /// - a change after the system's clock was set back, if it is made at exactly the time, in nanoseconds, of the last
    ///   change before the close.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use spanlock_page_cache::{FileOptions, Identity, MemStore, PageCache, Store, StoreLayer, Version};
    ///
    /// /// A disk in memory that counts its changes.
    /// #[derive(Default)]
    /// struct Disk {
    ///     below: MemStore,
    ///     changes: AtomicU64,
    /// }
    ///
    /// impl StoreLayer for Disk {
    ///     type Below = MemStore;
    ///
    ///     fn below(&self) -> &MemStore {
    ///         &self.below
    ///     }
    ///     fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
    ///         self.changes.fetch_add(1, Ordering::SeqCst);
    ///         self.below.write_at(bytes, offset)
    ///     }
    ///     // The same for `set_len` and the other methods that change the content.
    ///     fn identity(&self) -> Option<Identity> {
    ///         Some(Identity::new("disks in memory", [1, 0]))
    ///     }
    ///     fn version(&self) -> io::Result<Option<Version>> {
    ///         Ok(Some(Version::new([self.changes.load(Ordering::SeqCst)])))
    ///     }
    /// }
    ///
    /// let (cache, disk) = (PageCache::new(64), Arc::new(Disk::default()));
    /// let open = || cache.open_with(Arc::clone(&disk), FileOptions::new().keep_pages());
    /// let mut seen = [0; 4];
    ///
    /// let file = open()?;
    /// file.write_all_at(b"kept", 0)?;
    /// file.close()?;
    /// assert_eq!(cache.stats().kept, 1);
    /// let file = open()?;
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!((&seen, file.stats().store_reads.requests), (b"kept", 0));
    /// drop(file);
    ///
    /// disk.write_at(b"anew", 0)?;
    /// let file = open()?;
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!((&seen, file.stats().store_reads.requests), (b"anew", 1));
    /// # io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn keep_pages(mut self) -> FileOptions {
        self.at_close = AtClose::KeepPages;
        self
    }
}
