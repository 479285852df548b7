//! The system calls that allocate and move the blocks of a file.

use std::fs::File;
use std::io;

/// What to do to a range of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Allocate,
    /// Also past the end, which does not move.
    Reserve,
    PunchHole,
    ZeroRange,
    CollapseRange,
    InsertRange,
}

impl Call {
    /// Makes the call; `Unsupported` if the file system or the system has none. An empty range has no effect.
    #[cfg(target_os = "linux")]
    pub(super) fn run(self, file: &File, offset: u64, len: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags as Flags, fallocate};
        use rustix::io::Errno;
        let flags = match self {
            Call::Allocate => Flags::empty(),
            Call::Reserve => Flags::KEEP_SIZE,
            Call::PunchHole => Flags::PUNCH_HOLE | Flags::KEEP_SIZE,
            Call::ZeroRange => Flags::ZERO_RANGE,
            Call::CollapseRange => Flags::COLLAPSE_RANGE,
            Call::InsertRange => Flags::INSERT_RANGE,
        };
        if len == 0 {
            return Ok(());
        }
        loop {
            match fallocate(file, flags, offset, len) {
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                    return Err(io::ErrorKind::Unsupported.into());
                }
                // The caller has checked the range: the file system has larger blocks than pages.
                Err(Errno::INVAL) if matches!(self, Call::CollapseRange | Call::InsertRange) => {
                    return Err(io::ErrorKind::Unsupported.into());
                }
                done => return Ok(done?),
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn run(self, _: &File, _: u64, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
