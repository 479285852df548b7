//! The maximum length of a file: what its file system can address, and what the process may write.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use crate::error::MAX_LEN;

/// The greatest length of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Longest {
    /// What the file system can address.
    by_file_system: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The process may have a limit for it.
    Regular,
    Other,
}

impl Longest {
    pub(super) fn of(file: &File) -> Longest {
        let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
        match regular {
            true => Longest { by_file_system: greatest_offset(file), kind: Kind::Regular },
            false => Longest { by_file_system: MAX_LEN, kind: Kind::Other },
        }
    }

    pub(super) fn now(self) -> u64 {
        match self.kind {
            Kind::Regular => self.by_file_system.min(limit_of_process()),
            Kind::Other => self.by_file_system,
        }
    }

    /// Refuses a request that ends past it as the system does, but without the signal that comes
    /// with the limit of a process.
    pub(super) fn check(self, offset: u64, len: u64) -> io::Result<()> {
        match offset.checked_add(len) {
            Some(end) if end <= self.now() => Ok(()),
            _ => Err(too_large()),
        }
    }
}

/// The greatest offset that the file's position can have, which is the greatest length that its file
/// system gives it: 63 seeks at most, none of which reads the file. The position is restored.
fn greatest_offset(mut file: &File) -> u64 {
    let Ok(position) = file.stream_position() else { return MAX_LEN };
    let mut reaches = |offset| file.seek(SeekFrom::Start(offset)).is_ok();
    // A file system that refuses an offset within the file cannot be queried in this way.
    let greatest = match reaches(MAX_LEN) || !reaches(1) {
        true => MAX_LEN,
        false => {
            let (mut reached, mut refused) = (1, MAX_LEN);
            while refused - reached > 1 {
                let middle = reached + (refused - reached) / 2;
                if reaches(middle) { reached = middle } else { refused = middle }
            }
            reached
        }
    };
    // It was there before.
    let _ = file.seek(SeekFrom::Start(position));
    greatest
}

/// RLIMIT_FSIZE.
#[cfg(target_os = "linux")]
fn limit_of_process() -> u64 {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX)
}

#[cfg(not(target_os = "linux"))]
fn limit_of_process() -> u64 {
    u64::MAX
}

#[cfg(target_os = "linux")]
pub(super) fn too_large() -> io::Error {
    rustix::io::Errno::FBIG.into()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn too_large() -> io::Error {
    io::ErrorKind::FileTooLarge.into()
}
