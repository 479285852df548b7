//! How a file is opened.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::direct::Direct;
use super::holes::Holes;
use super::locking::{Locking, Strength, try_lock};
use super::{FileStore, identity, kind};
use crate::error::at_path;

/// What may be done with a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Access {
    #[default]
    ReadWrite,
    ReadOnly,
}

/// Whether requests go through the kernel's cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Caching {
    #[default]
    Kernel,
    Direct,
}

/// When a write is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Durability {
    #[default]
    AfterSync,
    AfterWrite,
}

/// How to open the file of a [`FileStore`].
///
/// By default it is opened for reading and writing, and requests go through the kernel's cache.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{FileStoreOptions, Store};
///
/// let path = std::env::temp_dir().join(format!("spanlock-doc-options-{}", std::process::id()));
/// # #[cfg(target_os = "linux")] {
/// let log = FileStoreOptions::new().durable_writes().create(&path)?;
/// // The bytes are on the disk when the call returns.
/// log.write_at(b"committed", 0)?;
/// std::fs::remove_file(&path)?;
/// # }
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FileStoreOptions {
    access: Access,
    caching: Caching,
    durability: Durability,
}

impl FileStoreOptions {
    /// Returns the default options: reading and writing, through the kernel's cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::FileStoreOptions;
    ///
    /// assert!(FileStoreOptions::new().open("/no/such/file").is_err());
    /// ```
    #[must_use]
    pub fn new() -> FileStoreOptions {
        FileStoreOptions::default()
    }

    /// Opens the file for reading only. The store is [read-only](crate::Store::is_read_only), and the advisory
    /// lock that a cache takes is shared with other readers.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStoreOptions, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-oro-{}", std::process::id()));
    /// std::fs::write(&path, b"there")?;
    /// assert!(FileStoreOptions::new().read_only().open(&path)?.is_read_only());
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn read_only(self) -> FileStoreOptions {
        FileStoreOptions { access: Access::ReadOnly, ..self }
    }

    /// Bypasses the kernel's cache (`O_DIRECT`). On Linux only: elsewhere, [`open`](FileStoreOptions::open) and
    /// [`create`](FileStoreOptions::create) fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStoreOptions, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-od-{}", std::process::id()));
    /// std::fs::write(&path, [7; 8192])?;
    /// // Not every file system supports it.
    /// if let Ok(store) = FileStoreOptions::new().direct().read_only().open(&path) {
    ///     assert!(store.block_size() >= 512);
    /// }
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn direct(self) -> FileStoreOptions {
        FileStoreOptions { caching: Caching::Direct, ..self }
    }

    /// Makes every write durable before it returns, with the metadata that is needed to read it (`O_DSYNC`). On
    /// Linux only: elsewhere, [`open`](FileStoreOptions::open) and [`create`](FileStoreOptions::create) fail.
    ///
    /// A sync is still necessary after other changes, such as [`set_len`](crate::Store::set_len).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStoreOptions, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-ods-{}", std::process::id()));
    /// # #[cfg(target_os = "linux")] {
    /// let store = FileStoreOptions::new().durable_writes().create(&path)?;
    /// assert_eq!(store.write_at(b"on disk", 0)?, 7);
    /// std::fs::remove_file(&path)?;
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn durable_writes(self) -> FileStoreOptions {
        FileStoreOptions { durability: Durability::AfterWrite, ..self }
    }

    /// Opens the file at `path`, which must exist.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`]. `InvalidInput` if the file system does not support direct IO. `Unsupported` if
    /// direct IO or durable writes are requested on a system other than Linux. `InvalidInput`, or `IsADirectory` for a
    /// directory, if what is at `path` is neither a regular file nor, on Linux, a block device.
    ///
    /// The error names the operation and the path. If the cause is an error of the system, that is its
    /// [source](std::error::Error::source), an [`io::Error`] with an errno.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStoreOptions, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-oo-{}", std::process::id()));
    /// std::fs::write(&path, b"there")?;
    /// assert_eq!(FileStoreOptions::new().open(&path)?.len()?, 5);
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<FileStore> {
        let path = path.as_ref();
        let open = || {
            kind::check_path(path)?;
            let cached = self.file(Caching::Kernel)?.open(path)?;
            self.store(cached, path)
        };
        open().map_err(|cause| at_path("open", path, cause))
    }

    /// Creates the file at `path`, or truncates it.
    ///
    /// # Errors
    ///
    /// As [`open`](FileStoreOptions::open). `InvalidInput` if the options are
    /// [read-only](FileStoreOptions::read_only). `ResourceBusy` if a cache has the file open and locked
    /// ([`Locking::Advisory`]); the file is not truncated then.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStoreOptions, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-oc-{}", std::process::id()));
    /// std::fs::write(&path, b"there")?;
    /// assert!(FileStoreOptions::new().create(&path)?.is_empty()?);
    /// assert!(FileStoreOptions::new().read_only().create(&path).is_err());
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn create(&self, path: impl AsRef<Path>) -> io::Result<FileStore> {
        let path = path.as_ref();
        let create = || {
            let cached = self.opened_or_created(path)?;
            // A file that is open elsewhere is not truncated.
            try_lock(&cached, Strength::Exclusive)?;
            cached.set_len(0)?;
            let _ = cached.unlock();
            self.store(cached, path)
        };
        create().map_err(|cause| at_path("create", path, cause))
    }

    /// Creates the file at `path`, and fails if there is one, in one step (`O_EXCL`), as
    /// [`OpenOptions::create_new`] does.
    ///
    /// # Errors
    ///
    /// As [`create`](FileStoreOptions::create). `AlreadyExists` if something exists at `path`, also a dangling symbolic
    /// link.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{FileStoreOptions, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-ocn-{}", std::process::id()));
    /// FileStoreOptions::new().create_new(&path)?.write_at(b"kept", 0)?;
    /// let error = FileStoreOptions::new().create_new(&path).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    /// assert_eq!(std::fs::read(&path)?, b"kept");
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn create_new(&self, path: impl AsRef<Path>) -> io::Result<FileStore> {
        let path = path.as_ref();
        let create = || {
            self.check_creates()?;
            let cached = self.file(Caching::Kernel)?.create_new(true).open(path)?;
            self.store(cached, path)
        };
        create().map_err(|cause| at_path("create_new", path, cause))
    }

    /// Opens the file at `path`, and creates it if there is none, as [`OpenOptions::create`] does. What is in it stays.
    ///
    /// # Errors
    ///
    /// As [`open`](FileStoreOptions::open). `InvalidInput` if the options are
    /// [read-only](FileStoreOptions::read_only).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileStoreOptions, Store};
    ///
    /// let path = std::env::temp_dir().join(format!("spanlock-doc-ooc-{}", std::process::id()));
    /// FileStoreOptions::new().open_or_create(&path)?.write_at(b"kept", 0)?;
    /// assert_eq!(FileStoreOptions::new().open_or_create(&path)?.len()?, 4);
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn open_or_create(&self, path: impl AsRef<Path>) -> io::Result<FileStore> {
        let path = path.as_ref();
        let opened = self.opened_or_created(path).and_then(|cached| self.store(cached, path));
        opened.map_err(|cause| at_path("open_or_create", path, cause))
    }

    fn opened_or_created(&self, path: &Path) -> io::Result<File> {
        self.check_creates()?;
        kind::check_path(path)?;
        self.file(Caching::Kernel)?.create(true).truncate(false).open(path)
    }

    fn check_creates(&self) -> io::Result<()> {
        if self.access == Access::ReadWrite {
            return Ok(());
        }
        let message = "a file can only be created for writing";
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }

    fn store(&self, cached: File, path: &Path) -> io::Result<FileStore> {
        kind::check(&cached)?;
        let store = FileStore {
            access: self.access,
            durability: self.durability,
            path: path.into(),
            holes: Holes::with_own_position(),
            ..FileStore::new(cached).locking(Locking::Advisory)
        };
        if self.caching == Caching::Kernel {
            return Ok(store);
        }
        let direct = self.file(Caching::Direct)?.open(path)?;
        if identity::of(&direct) != store.identity {
            let message = "the path names another file than the one that was opened";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
        }
        Ok(FileStore { direct: Some(Direct::new(direct)), ..store })
    }

    fn file(&self, caching: Caching) -> io::Result<OpenOptions> {
        let mut options = OpenOptions::new();
        options.read(true).write(self.access == Access::ReadWrite);
        set_flags(&mut options, caching, self.durability)?;
        Ok(options)
    }
}

#[cfg(target_os = "linux")]
fn set_flags(
    options: &mut OpenOptions,
    caching: Caching,
    durability: Durability,
) -> io::Result<()> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let direct = if caching == Caching::Direct { OFlags::DIRECT } else { OFlags::empty() };
    let durable =
        if durability == Durability::AfterWrite { OFlags::DSYNC } else { OFlags::empty() };
    options.custom_flags((direct | durable).bits() as i32);
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn set_flags(_: &mut OpenOptions, caching: Caching, durability: Durability) -> io::Result<()> {
    match (caching, durability) {
        (Caching::Kernel, Durability::AfterSync) => Ok(()),
        (Caching::Direct, _) => Err(unsupported("direct IO is only supported on Linux")),
        (_, Durability::AfterWrite) => {
            Err(unsupported("durable writes are only supported on Linux"))
        }
    }
}

/// How a file was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flags {
    pub(super) access: Access,
    pub(super) durability: Durability,
    pub(super) is_direct: bool,
}

#[cfg(target_os = "linux")]
pub(super) fn flags_of(file: &File) -> io::Result<Flags> {
    use rustix::fs::{OFlags, fcntl_getfl};
    let flags = fcntl_getfl(file)?;
    let access = match flags & OFlags::ACCMODE {
        OFlags::RDWR => Access::ReadWrite,
        OFlags::WRONLY => {
            let message = "the file is open for writing only";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        _ => Access::ReadOnly,
    };
    let durability = match flags.contains(OFlags::DSYNC) {
        true => Durability::AfterWrite,
        false => Durability::AfterSync,
    };
    Ok(Flags { access, durability, is_direct: flags.contains(OFlags::DIRECT) })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn flags_of(_: &File) -> io::Result<Flags> {
    Err(unsupported("how a file was opened can only be queried on Linux"))
}

/// Whether the system writes everything at the end of the file, whatever the offset. Linux does, if the file was opened
/// for appending. Other systems may, and are not asked.
#[cfg(target_os = "linux")]
pub(super) fn appends(file: &File) -> io::Result<bool> {
    Ok(rustix::fs::fcntl_getfl(file)?.contains(rustix::fs::OFlags::APPEND))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn appends(_: &File) -> io::Result<bool> {
    Ok(false)
}

/// Opens a file once more, through the kernel's cache, and otherwise as it was opened.
#[cfg(target_os = "linux")]
pub(super) fn open_again(file: &File, flags: Flags) -> io::Result<File> {
    use std::os::fd::AsRawFd;
    let Flags { access, durability, .. } = flags;
    let options = FileStoreOptions { access, durability, caching: Caching::Kernel };
    options.file(Caching::Kernel)?.open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open_again(_: &File, _: Flags) -> io::Result<File> {
    Err(unsupported("direct IO is only supported on Linux"))
}

#[cfg(not(target_os = "linux"))]
fn unsupported(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, message)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
