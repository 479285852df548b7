//! `FileStore`: a store over a file of the operating system, with or without the kernel's cache.

pub(in crate::store) mod calls;
mod device;
mod direct;
#[cfg(target_os = "linux")]
mod file_system;
mod holes;
mod identity;
mod kind;
mod locking;
mod max_len;
mod options;
mod requests;
mod version;
mod zero_range;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use self::direct::Direct;
use self::holes::Holes;
use self::locking::AdvisoryLock;
pub use self::locking::Locking;
use self::max_len::Longest;
pub use self::options::FileStoreOptions;
use self::options::{Access, Durability, Flags, open_again};
use self::zero_range::ZeroRange;
use crate::Identity;
use crate::error::Request;

/// A store over a file of the operating system.
///
/// On Linux it uses `fallocate` where the file system supports it (ext4 and XFS support all modes, tmpfs holes and
/// allocation). Elsewhere it writes zeroes for holes and zeroed ranges, and uses the default implementations of
/// [`Store`](crate::Store), which read and write bytes, for allocation, collapse and insert.
///
/// A store made by [`open_direct`](FileStore::open_direct) bypasses the kernel's cache. It accepts requests of any
/// alignment: it copies those that are not aligned through an aligned buffer, and reads the blocks of which a write
/// contains only a part ([`block_size`](crate::Store::block_size)). The file never becomes longer than was requested:
/// the bytes of a block in which the file ends go through the kernel's cache, and the same sync makes them durable.
///
/// The file must be a regular file, or on Linux a block device, whose length is fixed: [`set_len`](crate::Store::set_len)
/// to another length fails. Directories, pipes, and character devices such as `/dev/null` are refused when they are
/// opened by path or passed to [`from_open_file`](FileStore::from_open_file), and otherwise when a cache opens the store.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{FileStore, Store};
///
/// let path = std::env::temp_dir().join(format!("spanlock-doc-{}", std::process::id()));
/// let store = FileStore::create(&path)?;
/// store.write_at(b"durable", 0)?;
/// store.sync()?;
/// assert_eq!(store.len()?, 7);
/// std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct FileStore {
    file: File,
    /// Empty if unknown.
    path: PathBuf,
    access: Access,
    durability: Durability,
    longest: Longest,
    /// The length of a device, which is fixed.
    device_len: Option<u64>,
    identity: Option<Identity>,
    lock: AdvisoryLock,
    direct: Option<Direct>,
    zero_range: ZeroRange,
    holes: Holes,
}

impl FileStore {
    /// Creates a store over an open file, which must be open for reading and writing, without `O_DIRECT`. For other
    /// files, use [`from_open_file`](FileStore::from_open_file).
    ///
    /// The file must not be open for appending: on Linux, Windows and others, the system would write every page at its
    /// end. On Linux, a cache does not open the store of a file that was opened for appending (`O_APPEND`). On other
    /// systems, and if the flag is set later, it does not notice. A cache does not open the store of a directory, a pipe
    /// or a character device either.
    ///
    /// This finds the greatest length of the file, and the length of a device, by moving the position of the descriptor
    /// and of its clones, and restores it. Nothing else here uses or moves the position.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStore, Store};
    ///
    /// let store = FileStore::new(tempfile::tempfile()?);
    /// store.write_at(b"unnamed", 0)?;
    /// assert_eq!(store.len()?, 7);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn new(file: File) -> FileStore {
        FileStore {
            access: Access::ReadWrite,
            durability: Durability::AfterSync,
            longest: Longest::of(&file),
            device_len: device::len_of(&file),
            identity: identity::of(&file),
            lock: AdvisoryLock::new(Locking::None),
            file,
            path: PathBuf::new(),
            direct: None,
            zero_range: ZeroRange::default(),
            holes: Holes::default(),
        }
    }

    /// Creates a store over an open file or device. It asks the operating system whether the file was opened for
    /// writing and whether it bypasses the kernel's cache (`O_DIRECT`).
    ///
    /// A file with `O_DIRECT` is opened a second time, through `/proc/self/fd`, for the bytes of a block in which the
    /// file ends.
    ///
    /// # Errors
    ///
    /// `Unsupported` except on Linux, because other systems cannot tell how a file was opened. `PermissionDenied` if
    /// the file is open for writing only. `InvalidInput` or `IsADirectory` if it is neither a regular file nor a
    /// block device. (A file that was opened for appending is refused by the cache that opens the store.) The
    /// system's error if a file with `O_DIRECT` cannot be opened a second time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{FileStore, PageCache};
    ///
    /// # #[cfg(target_os = "linux")] {
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-fd-{}", std::process::id()));
    /// std::fs::write(&path, b"there")?;
    /// let store = FileStore::from_open_file(std::fs::File::open(&path)?)?;
    /// let file = PageCache::new(16).open(store)?;
    /// assert_eq!(file.write_at(b"x", 0).unwrap_err().kind(), ErrorKind::PermissionDenied);
    /// std::fs::remove_file(&path)?;
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn from_open_file(file: File) -> io::Result<FileStore> {
        let create = || {
            let flags = options::flags_of(&file)?;
            kind::check(&file)?;
            let again = if flags.is_direct { Some(open_again(&file, flags)?) } else { None };
            Ok((flags, again))
        };
        let named = |cause: io::Error| Request::of_file("from_open_file").failed(cause);
        let (Flags { access, durability, .. }, again) = create().map_err(named)?;
        let store = match again {
            None => FileStore::new(file),
            Some(cached) => FileStore {
                direct: Some(Direct::new(file)),
                holes: Holes::with_own_position(),
                ..FileStore::new(cached)
            },
        };
        Ok(FileStore { access, durability, ..store })
    }

    /// Opens the file at `path` for reading and writing. For other modes, use [`FileStoreOptions`].
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`](std::fs::OpenOptions::open).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStore, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-open-{}", std::process::id()));
    /// assert!(FileStore::open(&path).is_err());
    /// std::fs::write(&path, b"there")?;
    /// assert_eq!(FileStore::open(&path)?.len()?, 5);
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> io::Result<FileStore> {
        FileStoreOptions::new().open(path)
    }

    /// Creates the file at `path`, or truncates it, for reading and writing.
    ///
    /// # Errors
    ///
    /// As [`FileStoreOptions::create`].
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStore, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-create-{}", std::process::id()));
    /// std::fs::write(&path, b"there")?;
    /// assert!(FileStore::create(&path)?.is_empty()?);
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn create(path: impl AsRef<Path>) -> io::Result<FileStore> {
        FileStoreOptions::new().create(path)
    }

    /// Creates the file at `path` for reading and writing, and fails if there is one.
    ///
    /// # Errors
    ///
    /// As [`FileStoreOptions::create_new`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::FileStore;
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-new-{}", std::process::id()));
    /// let store = FileStore::create_new(&path)?;
    /// assert_eq!(FileStore::create_new(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// std::fs::remove_file(&path)?;
    /// # drop(store);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn create_new(path: impl AsRef<Path>) -> io::Result<FileStore> {
        FileStoreOptions::new().create_new(path)
    }

    /// Opens the file at `path` for reading and writing, bypassing the kernel's cache (`O_DIRECT`).
    ///
    /// # Errors
    ///
    /// As [`FileStoreOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{FileStore, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-direct-{}", std::process::id()));
    /// std::fs::write(&path, b"there")?;
    /// match FileStore::open_direct(&path) {
    ///     Ok(store) => assert_eq!(store.len()?, 5),
    ///     Err(error) => {
    ///         assert!(matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported));
    ///     }
    /// }
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn open_direct(path: impl AsRef<Path>) -> io::Result<FileStore> {
        FileStoreOptions::new().direct().open(path)
    }

    /// Creates the file at `path`, or truncates it, bypassing the kernel's cache (`O_DIRECT`).
    ///
    /// # Errors
    ///
    /// As [`FileStoreOptions::create`].
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStore, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-cd-{}", std::process::id()));
    /// if let Ok(store) = FileStore::create_direct(&path) {
    ///     store.write_at(&[7; 5000], 0)?;
    ///     assert_eq!(store.len()?, 5000);
    /// }
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn create_direct(path: impl AsRef<Path>) -> io::Result<FileStore> {
        FileStoreOptions::new().direct().create(path)
    }

    /// Opens the file at `path` for reading. The store is [read-only](crate::Store::is_read_only).
    ///
    /// # Errors
    ///
    /// As [`FileStoreOptions::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{FileStore, PageCache};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-ro-{}", std::process::id()));
    /// std::fs::write(&path, b"there")?;
    /// let file = PageCache::new(16).open(FileStore::open_read_only(&path)?)?;
    /// let mut seen = [0; 5];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"there");
    /// assert_eq!(file.set_len(0).unwrap_err().kind(), ErrorKind::PermissionDenied);
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn open_read_only(path: impl AsRef<Path>) -> io::Result<FileStore> {
        FileStoreOptions::new().read_only().open(path)
    }

    /// Chooses how the store is locked when a cache opens it. The default is [`Locking::Advisory`] for
    /// stores that were opened by path, and [`Locking::None`] for those over an open file.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStore, Locking, PageCache};
    ///
    /// let file = tempfile::tempfile()?;
    /// let store = FileStore::new(file.try_clone()?).locking(Locking::Advisory);
    /// let _cached = PageCache::new(16).open(store)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn locking(self, locking: Locking) -> FileStore {
        FileStore { lock: AdvisoryLock::new(locking), ..self }
    }
}
