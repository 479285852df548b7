//! Block devices: files of a fixed length that their metadata does not report.

use std::fs::File;
use std::io;

/// How long a block device is; `None` of any other file.
#[cfg(target_os = "linux")]
pub(super) fn len_of(mut file: &File) -> Option<u64> {
    use std::io::{Seek, SeekFrom};
    use std::os::unix::fs::FileTypeExt;
    if !file.metadata().ok()?.file_type().is_block_device() {
        return None;
    }
    let position = file.stream_position().ok()?;
    let len = file.seek(SeekFrom::End(0)).ok()?;
    // It was there before.
    let _ = file.seek(SeekFrom::Start(position));
    Some(len)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn len_of(_: &File) -> Option<u64> {
    None
}

/// Refuses a length that the device does not have.
pub(super) fn check_len(len: u64, fixed: u64) -> io::Result<()> {
    if len == fixed {
        return Ok(());
    }
    let message = format!("a block device of {fixed} bytes cannot be resized to {len} bytes");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
