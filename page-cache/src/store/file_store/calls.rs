//! The system calls that move bytes, one at a time. Tests can make them fail, or move fewer bytes than requested.

use std::fs::File;
use std::io;

#[cfg(unix)]
use std::os::unix::fs::FileExt;

/// Reads at an offset; how many bytes.
#[cfg(unix)]
pub(super) fn read_once(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let most = most_of(bytes.len())?;
    Ok(file.read_at(bytes, offset)?.min(most))
}

/// Writes at an offset; how many bytes.
#[cfg(unix)]
pub(super) fn write_once(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    let most = most_of(bytes.len())?;
    Ok(file.write_at(bytes, offset)?.min(most))
}

#[cfg(windows)]
pub(super) fn read_once(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

#[cfg(windows)]
pub(super) fn write_once(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

/// How many of the bytes the next call says that it has moved.
#[cfg(unix)]
#[inline(always)]
fn most_of(len: usize) -> io::Result<usize> {
    #[cfg(test)]
    return faults::next(len);
    #[cfg(not(test))]
    Ok(len)
}

/// Faults of this thread's calls.
#[cfg(all(test, unix))]
pub(in crate::store) mod faults {
    use std::cell::Cell;
    use std::io;

    /// What goes wrong with a call.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::store) enum Fault {
        /// It is interrupted before it has moved anything.
        Interrupted,
        /// It fails with an errno.
        Errno(i32),
        /// It reports at most this many bytes.
        Short(usize),
    }

    /// Which of the calls go wrong.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::store) enum Calls {
        /// The call after this many others.
        One(usize),
        All,
    }

    thread_local! {
        static PLAN: Cell<Option<(Calls, Fault)>> = const { Cell::new(None) };
    }

    /// Makes calls of this thread fail while `work` runs, and returns whether any did.
    pub(in crate::store) fn during<T>(
        calls: Calls,
        fault: Fault,
        work: impl FnOnce() -> T,
    ) -> (T, bool) {
        PLAN.set(Some((calls, fault)));
        let done = work();
        let struck = !matches!(PLAN.take(), Some((Calls::One(_), _)));
        (done, struck)
    }

    pub(super) fn next(len: usize) -> io::Result<usize> {
        let Some((calls, fault)) = PLAN.get() else { return Ok(len) };
        match calls {
            Calls::One(0) => PLAN.set(None),
            Calls::One(left) => {
                PLAN.set(Some((Calls::One(left - 1), fault)));
                return Ok(len);
            }
            Calls::All => {}
        }
        match fault {
            Fault::Interrupted => Err(io::ErrorKind::Interrupted.into()),
            Fault::Errno(errno) => Err(io::Error::from_raw_os_error(errno)),
            Fault::Short(most) => Ok(len.min(most)),
        }
    }
}
