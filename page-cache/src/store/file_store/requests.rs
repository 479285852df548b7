//! What a `FileStore` does for each request of a `Store`.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::time::SystemTime;

use super::calls::{read_once, write_once};
use super::direct::Direct;
use super::locking::Strength;
use super::max_len::too_large;
use super::options::{Access, Durability, appends};
use super::{FileStore, device, kind, version};
use crate::store::fallocate::Call;
use crate::store::shift::Shift;
use crate::store::{Store, defaults};
use crate::sync::blocking::RwLockWriteGuard;
use crate::{Identity, Version};

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

    /// Uses `fallocate` on Linux, if the file system supports it. Otherwise as the default implementation.
    fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        self.longest.check(offset, len)?;
        self.call_or(Call::Reserve, offset, len, || defaults::reserve(self, offset, len))
    }

    /// Uses `fallocate` on Linux, if the file system supports it. On ext4, what the kernel has cached of the
    /// range is written out first: on a full disk, ext4 would lose bytes of the range that were written since the last
    /// sync.
    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.longest.check(offset, len)?;
        let zero = |file: &File| self.zero_range.run(file, offset, len);
        self.done_or(zero, || defaults::zero(self, offset, len))
    }

    /// Returns the number of bytes that the file system reports, or `None` for a device and on systems other than
    /// Unix.
    fn allocated_size(&self) -> io::Result<Option<u64>> {
        #[cfg(unix)]
        if self.device_len.is_none() {
            let blocks = std::os::unix::fs::MetadataExt::blocks(&self.file.metadata()?);
            return Ok(Some(blocks * 512));
        }
        Ok(None)
    }

    /// Returns the parts for which the file system lists no extent (`FIEMAP`) and has no data (`SEEK_DATA`), or on tmpfs
    /// no page (`cachestat`, from Linux 6.5 on). `None` on file systems without these calls, such as NFS, on
    /// systems other than Linux, and for a device. The time is proportional to the number of parts in the range; on
    /// tmpfs it also grows with the number of pages there.
    ///
    /// If the store was made from an open file, it opens the file again, through `/proc/self/fd`, when it first finds
    /// a hole, since `SEEK_DATA` moves the position of a descriptor and of its clones. If that fails, it returns `None`.
    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        match self.device_len {
            Some(_) => Ok(None),
            None => self.holes.of(&self.file, range),
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

    /// On Unix, the device and inode number of a regular file, or the device number of a block device. Otherwise
    /// `None`.
    fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// Returns the length, the times of change and modification, and the time of creation if there is one. On Linux
    /// and for a file on ext2 to ext4, XFS, Btrfs or F2FS; otherwise `None`.
    ///
    /// These file systems take the time of change from a clock that advances every 1 to 10 ms. So if the file was
    /// changed in the last of these intervals, this waits for the next one. It returns `None` if that would take more
    /// than 100 ms, as it does if the file system records times in whole seconds. It also returns `None` if the time is
    /// the last one that a file system with 32 bits for seconds can record (2038-01-19).
    fn version(&self) -> io::Result<Option<Version>> {
        match self.device_len {
            Some(_) => Ok(None),
            None => version::of(&self.file),
        }
    }

    /// Locks the file as [`Locking`](crate::Locking) describes. Fails with `InvalidInput` if it was opened for appending:
    /// the system would write everything at its end. Fails with `InvalidInput` or `IsADirectory` if it is neither a
    /// regular file nor, on Linux, a block device.
    fn acquire(&self) -> io::Result<()> {
        kind::check(&self.file)?;
        if self.access == Access::ReadWrite && self.appends()? {
            let message = "the file was opened for appending (O_APPEND), so it cannot be written at an offset";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let strength = match self.access {
            Access::ReadWrite => Strength::Exclusive,
            Access::ReadOnly => Strength::Shared,
        };
        self.lock.take(&self.file, strength)
    }

    fn release(&self) {
        self.lock.release(&self.file);
    }

    /// Returns the smaller of the file system's maximum and the limit of the process (`RLIMIT_FSIZE`). For a
    /// device, returns its length.
    fn max_len(&self) -> u64 {
        self.device_len.unwrap_or_else(|| self.longest.now())
    }

    fn is_read_only(&self) -> bool {
        self.access == Access::ReadOnly
    }

    /// Returns the [`FileStoreOptions`](crate::FileStoreOptions) with which the file was opened, such as
    /// `read-write, direct`.
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

    /// For direct IO, returns the alignment that the disk requires, and at least 4096. Otherwise returns 1.
    fn block_size(&self) -> u64 {
        self.direct.as_ref().map_or(1, Direct::block)
    }

    /// Returns the path with which the file was opened, or `an open file` if the store was created over an open
    /// file.
    fn label(&self) -> String {
        match self.path.as_os_str().is_empty() {
            true => "an open file".into(),
            false => self.path.display().to_string(),
        }
    }

    /// Returns the modification time of the file, or `None` for a device.
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
        self.zero_range.or_unreported(self.file.sync_all())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.zero_range.or_unreported(self.file.sync_data())
    }
}

impl FileStore {
    /// Excludes direct writes while the length changes, since they restore the length that they found.
    fn alone(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        self.direct.as_ref().map(Direct::alone)
    }

    /// Whether one of the descriptors was opened for appending.
    fn appends(&self) -> io::Result<bool> {
        match &self.direct {
            Some(direct) if appends(direct.file())? => Ok(true),
            _ => appends(&self.file),
        }
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
        self.done_or(|file| call.run(file, offset, len), otherwise)
    }

    fn done_or(
        &self,
        call: impl FnOnce(&File) -> io::Result<()>,
        otherwise: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let alone = self.alone();
        match call(&self.file) {
            Err(error) if self.has_no_such_call(&error) => {
                drop(alone);
                otherwise()
            }
            done => done,
        }
    }
}
