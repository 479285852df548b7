//! `FileStore`: a store over a file of the operating system, with or without the kernel's cache.

pub(in crate::store) mod calls;
mod device;
mod direct;
mod holes;
mod locking;
mod max_len;
mod options;

use crate::sync::blocking::RwLockWriteGuard;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use self::calls::{read_once, write_once};
use self::direct::Direct;
pub use self::locking::Locking;
use self::locking::{AdvisoryLock, Strength};
use self::max_len::{Longest, too_large};
pub use self::options::FileStoreOptions;
use self::options::{Access, Durability, open_again};
use super::fallocate::Call;
use super::shift::Shift;
use super::{Store, defaults};
use crate::Identity;

/// A store over a file of the operating system.
///
/// On Linux it uses `fallocate` where the file system supports it (ext4 and XFS support all modes, tmpfs holes and
/// allocation). Elsewhere it writes zeroes for holes and zeroed ranges, and the default implementations of
/// [`Store`] copy bytes for the rest.
///
/// A store made by [`open_direct`](FileStore::open_direct) bypasses the kernel's cache. It accepts requests of any
/// alignment, and copies them through an aligned buffer. A request whose ends are not multiples of the [block
/// size](Store::block_size) also reads and writes the blocks at its ends. The file never becomes longer than what
/// was requested: bytes in a block that the file ends in go through the kernel's cache, and the same sync makes
/// them durable.
///
/// On Linux the file may be a block device. Its length is fixed: [`set_len`](Store::set_len) to another length
/// fails.
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
}

impl FileStore {
    /// Creates a store over an open file, which must be readable and writable and go through the kernel's
    /// cache. For others see [`from_open_file`](FileStore::from_open_file).
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
            identity: identity_of(&file),
            lock: AdvisoryLock::new(Locking::None),
            file,
            path: PathBuf::new(),
            direct: None,
        }
    }

    /// Creates a store over an open file or device. It asks the operating system whether the file was opened for
    /// writing and whether it bypasses the kernel's cache (`O_DIRECT`).
    ///
    /// A direct file is opened a second time, by way of `/proc/self/fd`, for the bytes of a block in which the file
    /// ends.
    ///
    /// # Errors
    ///
    /// `Unsupported` except on Linux, because other systems cannot tell. `PermissionDenied` if the file is open for
    /// writing only. The error of opening a direct file for the second time.
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
        let flags = options::flags_of(&file)?;
        let store = match flags.is_direct {
            false => FileStore::new(file),
            true => {
                let cached = open_again(&file, flags.access)?;
                FileStore { direct: Some(Direct::new(file)), ..FileStore::new(cached) }
            }
        };
        Ok(FileStore { access: flags.access, durability: flags.durability, ..store })
    }

    /// Opens the file at `path` for reading and writing. For other ways see [`FileStoreOptions`].
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

    /// Opens the file at `path` for reading. The store is [read-only](Store::is_read_only).
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

    /// Excludes direct writes while the length changes, since they restore the length that they found.
    fn alone(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        self.direct.as_ref().map(Direct::alone)
    }

    /// Whether a call failed because it does not exist. On a device such calls accept whole blocks only.
    fn has_no_such_call(&self, error: &io::Error) -> bool {
        let is_of_a_device =
            self.device_len.is_some() && error.kind() == io::ErrorKind::InvalidInput;
        is_of_a_device || error.kind() == io::ErrorKind::Unsupported
    }

    /// Makes the system call, or does the same in another way if there is no such call.
    fn call_or(
        &self,
        call: Call,
        offset: u64,
        len: u64,
        otherwise: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let alone = self.alone();
        match call.run(&self.file, offset, len) {
            Err(error) if self.has_no_such_call(&error) => {
                drop(alone);
                otherwise()
            }
            done => done,
        }
    }
}

impl Store for FileStore {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.direct {
            None => read_once(&self.file, bytes, offset),
            Some(direct) => direct.read(bytes, offset),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        // As the system does at the end of what it can hold.
        let left = self.max_len().checked_sub(offset).filter(|&left| left > 0);
        let left = usize::try_from(left.ok_or_else(too_large)?).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(left)];
        match &self.direct {
            None => write_once(&self.file, bytes, offset),
            Some(direct) => direct.write(bytes, offset, &self.file),
        }
    }

    fn len(&self) -> io::Result<u64> {
        match self.device_len {
            Some(len) => Ok(len),
            None => Ok(self.file.metadata()?.len()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if let Some(fixed) = self.device_len {
            return device::check_len(len, fixed);
        }
        let _alone = self.alone();
        if len > self.len()? {
            self.longest.check(len, 0)?;
        }
        self.file.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = offset.saturating_add(len).min(self.len()?);
        if offset >= end {
            return Ok(());
        }
        self.call_or(Call::PunchHole, offset, end - offset, || {
            defaults::zero(self, offset, end - offset)
        })
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.longest.check(offset, len)?;
        self.call_or(Call::Allocate, offset, len, || defaults::allocate(self, offset, len))
    }

    /// With the file system's call on Linux, where it has one.
    fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        self.longest.check(offset, len)?;
        self.call_or(Call::Reserve, offset, len, || defaults::reserve(self, offset, len))
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.longest.check(offset, len)?;
        self.call_or(Call::ZeroRange, offset, len, || defaults::zero(self, offset, len))
    }

    /// The number of bytes that the file system reports; `None` for a device, and except on Unix.
    fn allocated_size(&self) -> io::Result<Option<u64>> {
        #[cfg(unix)]
        if self.device_len.is_none() {
            let blocks = std::os::unix::fs::MetadataExt::blocks(&self.file.metadata()?);
            return Ok(Some(blocks * 512));
        }
        Ok(None)
    }

    /// The holes that the file system reports (`SEEK_HOLE` on Linux). `None` if the file has more blocks than its
    /// data needs: then some of these holes are allocated.
    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        match self.device_len {
            Some(_) => Ok(None),
            None => holes::of(&self.file, range),
        }
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        Shift::Collapse.check(offset, len, self.len()?, self.max_len())?;
        self.call_or(Call::CollapseRange, offset, len, || defaults::collapse(self, offset, len))
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        Shift::Insert.check(offset, len, self.len()?, self.max_len())?;
        self.call_or(Call::InsertRange, offset, len, || defaults::insert(self, offset, len))
    }

    /// On Unix the device and inode number of a regular file, or the device number of a block device.
    fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// As [`Locking`] describes.
    fn acquire(&self) -> io::Result<()> {
        let strength = match self.access {
            Access::ReadWrite => Strength::Exclusive,
            Access::ReadOnly => Strength::Shared,
        };
        self.lock.take(&self.file, strength)
    }

    fn release(&self) {
        self.lock.release(&self.file);
    }

    /// The smaller of the maximum of its file system and the limit of the process (`RLIMIT_FSIZE`). The length of a
    /// device.
    fn max_len(&self) -> u64 {
        self.device_len.unwrap_or_else(|| self.longest.now())
    }

    fn is_read_only(&self) -> bool {
        self.access == Access::ReadOnly
    }

    /// Which of the [`FileStoreOptions`] the file was opened with, such as `read-write, direct`.
    fn mode(&self) -> String {
        let access = match self.access {
            Access::ReadWrite => "read-write",
            Access::ReadOnly => "read-only",
        };
        let caching = if self.direct.is_some() { ", direct" } else { "" };
        let durability = match self.durability {
            Durability::AfterSync => "",
            Durability::AfterWrite => ", durable writes",
        };
        format!("{access}{caching}{durability}")
    }

    /// For direct IO the alignment that the disk requires, and at least 4096. Otherwise 1.
    fn block_size(&self) -> u64 {
        self.direct.as_ref().map_or(1, Direct::block)
    }

    /// The path with which it was opened, or `an open file` if it was created over one.
    fn label(&self) -> String {
        match self.path.as_os_str().is_empty() {
            true => "an open file".into(),
            false => self.path.display().to_string(),
        }
    }

    /// What the file system says; of a device nothing.
    fn modified(&self) -> io::Result<Option<SystemTime>> {
        match self.device_len {
            Some(_) => Ok(None),
            None => Ok(Some(self.file.metadata()?.modified()?)),
        }
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        match self.device_len {
            Some(_) => Ok(()),
            None => self.file.set_modified(time),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(unix)]
fn identity_of(file: &File) -> Option<Identity> {
    use std::os::unix::fs::FileTypeExt;
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().ok()?;
    match metadata.file_type() {
        kind if kind.is_file() => Some(Identity::new("file", [metadata.dev(), metadata.ino()])),
        kind if kind.is_block_device() => Some(Identity::new("device", [metadata.rdev(), 0])),
        _ => None,
    }
}

#[cfg(not(unix))]
fn identity_of(_: &File) -> Option<Identity> {
    None
}

/// Adds the path to an error, unless the error has an errno.
fn of_path(path: &Path, error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) => error,
        None => io::Error::new(error.kind(), format!("{}: {error}", path.display())),
    }
}
