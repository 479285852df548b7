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

/// The greatest length of a file whose blocks have numbers of 32 bits, as on ext4, by the size of a block. The usual size
/// is first.
const GUESSES: [u64; 4] = [
    u32::MAX as u64 * 4096,
    u32::MAX as u64 * 1024,
    u32::MAX as u64 * 2048,
    u32::MAX as u64 * 65536,
];

/// The greatest offset that the file's position can have, which is the greatest length that its file
/// system gives it. If that is the maximum of all systems, one seek shows it; if it is one of [`GUESSES`], 4
/// to 10 do. Otherwise there are up to 73. No seek reads the file, and the position is restored.
fn greatest_offset(mut file: &File) -> u64 {
    let Ok(position) = file.stream_position() else { return MAX_LEN };
    let mut reaches = |offset| file.seek(SeekFrom::Start(offset)).is_ok();
    // A file system that refuses an offset within the file cannot be queried in this way.
    let greatest = match reaches(MAX_LEN) || !reaches(1) {
        true => MAX_LEN,
        false => match GUESSES.into_iter().find(|&guess| reaches(guess) && !reaches(guess + 1)) {
            Some(greatest) => greatest,
            None => bisect(reaches),
        },
    };
    // It was there before.
    let _ = file.seek(SeekFrom::Start(position));
    greatest
}

/// The greatest offset that `reaches` accepts: at least 1, and less than the maximum.
fn bisect(mut reaches: impl FnMut(u64) -> bool) -> u64 {
    let (mut reached, mut refused) = (1, MAX_LEN);
    while refused - reached > 1 {
        let middle = reached + (refused - reached) / 2;
        if reaches(middle) { reached = middle } else { refused = middle }
    }
    reached
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

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_the_greatest_offset_that_is_accepted() {
        for greatest in [1, 2, 1000, (1 << 41) - 512, GUESSES[0], MAX_LEN - 1] {
            let mut seeks = 0;
            let reaches = |offset| {
                seeks += 1;
                offset <= greatest
            };
            assert_eq!(bisect(reaches), greatest);
            assert!(seeks <= 63, "{seeks}");
        }
    }

    #[test]
    fn the_greatest_offset_of_a_file_is_accepted_and_the_next_is_not() {
        let mut file = &tempfile::tempfile().unwrap();
        file.seek(SeekFrom::Start(77)).unwrap();
        let greatest = greatest_offset(file);
        assert_eq!(file.stream_position().unwrap(), 77);
        file.seek(SeekFrom::Start(greatest)).unwrap();
        assert!(greatest == MAX_LEN || file.seek(SeekFrom::Start(greatest + 1)).is_err());
    }
}
