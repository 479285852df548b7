//! The identity of a file or a device.

use std::fs::File;

use crate::Identity;

#[cfg(unix)]
pub(super) fn of(file: &File) -> Option<Identity> {
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
pub(super) fn of(_: &File) -> Option<Identity> {
    None
}
