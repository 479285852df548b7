//! The kinds of file that a store can have: regular files, and on Linux block devices.

use std::fs::{File, FileType, metadata};
use std::io;
use std::path::Path;

/// Refuses an open file of another kind.
pub(super) fn check(file: &File) -> io::Result<()> {
    check_type(file.metadata()?.file_type())
}

/// Refuses what is at a path and is of another kind. To open a pipe would wait for its other end.
pub(super) fn check_path(path: &Path) -> io::Result<()> {
    match metadata(path) {
        Ok(metadata) => check_type(metadata.file_type()),
        // To open it tells why, or creates it.
        Err(_) => Ok(()),
    }
}

fn check_type(found: FileType) -> io::Result<()> {
    if found.is_file() || is_block_device(found) {
        return Ok(());
    }
    let kind =
        if found.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
    let message = format!("it is {}, and a FileStore needs {NEEDED}", name(found));
    Err(io::Error::new(kind, message))
}

#[cfg(target_os = "linux")]
const NEEDED: &str = "a regular file or a block device";

#[cfg(not(target_os = "linux"))]
const NEEDED: &str = "a regular file";

#[cfg(target_os = "linux")]
fn is_block_device(found: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.is_block_device()
}

#[cfg(not(target_os = "linux"))]
fn is_block_device(_: FileType) -> bool {
    false
}

#[cfg(unix)]
fn name(found: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match found {
        _ if found.is_dir() => "a directory",
        _ if found.is_char_device() => "a character device",
        _ if found.is_block_device() => "a block device",
        _ if found.is_fifo() => "a pipe",
        _ if found.is_socket() => "a socket",
        _ => "no regular file",
    }
}

#[cfg(not(unix))]
fn name(found: FileType) -> &'static str {
    if found.is_dir() { "a directory" } else { "no regular file" }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
