//! The type of the file system that a file is on, which decides what its system calls guarantee.

use std::fs::File;
use std::io;

/// The number of ext2, ext3 and ext4.
pub(super) const EXT: u32 = 0xef53;
pub(super) const XFS: u32 = 0x5846_5342;
pub(super) const BTRFS: u32 = 0x9123_683e;
pub(super) const F2FS: u32 = 0xf2f5_2010;
pub(super) const TMPFS: u32 = 0x0102_1994;

/// The number by which Linux knows the type of a file's file system.
pub(super) fn type_of(file: &File) -> io::Result<u32> {
    // The low 32 bits: the type is signed on some machines.
    Ok(rustix::fs::fstatfs(file)?.f_type as u32)
}
