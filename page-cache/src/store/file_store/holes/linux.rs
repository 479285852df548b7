//! How Linux is asked for the holes of a range.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::{extents, pages};
use crate::store::file_store::file_system::{TMPFS, type_of};
use crate::sync::blocking::{Mutex, PoisonError};

/// What is needed to find the holes of one file.
#[derive(Debug, Default)]
pub(in crate::store::file_store) struct Holes {
    position: Position,
}

/// The position that `SEEK_DATA` moves. It is not restored.
#[derive(Debug)]
enum Position {
    /// No other descriptor has this position, and nothing here depends on it.
    Own,
    /// The user may have a clone of the descriptor, which has the same position. So the file is opened again when the
    /// position is first needed.
    OfUser(Mutex<Option<Arc<File>>>),
}

impl Default for Position {
    fn default() -> Position {
        Position::OfUser(Mutex::new(None))
    }
}

impl Holes {
    /// For a file whose descriptor was opened for the store and has no clones.
    pub(in crate::store::file_store) fn with_own_position() -> Holes {
        Holes { position: Position::Own }
    }

    /// The parts of a range that have no blocks; `None` if the file system cannot tell them from those that have.
    pub(in crate::store::file_store) fn of(
        &self,
        file: &File,
        range: Range<u64>,
    ) -> io::Result<Option<Vec<Range<u64>>>> {
        match extents::gaps(file, &range) {
            Ok(gaps) if gaps.as_ref().is_none_or(Vec::is_empty) => Ok(gaps),
            Ok(gaps) => Ok(self.without_data(file, gaps.unwrap_or_default())?),
            Err(error) if !is_missing(error) => Err(error.into()),
            Err(_) if type_of(file)? == TMPFS => match pages::gaps(file, &range) {
                Err(error) if !is_missing(error) => Err(error.into()),
                gaps => Ok(gaps.ok()),
            },
            Err(_) => Ok(None),
        }
    }

    /// What of some ranges is before the first data in them; `None` if the file cannot be opened again.
    fn without_data(
        &self,
        file: &File,
        ranges: Vec<Range<u64>>,
    ) -> rustix::io::Result<Option<Vec<Range<u64>>>> {
        let opened = match &self.position {
            Position::Own => None,
            Position::OfUser(opened) => match opened_again(opened, file) {
                Ok(opened) => Some(opened),
                Err(_) => return Ok(None),
            },
        };
        let file = opened.as_deref().unwrap_or(file);
        let mut holes = Vec::with_capacity(ranges.len());
        for range in ranges {
            let data = match seek(file, SeekFrom::Data(range.start)) {
                // There is none from there on.
                Err(Errno::NXIO) => range.end,
                data => data?,
            };
            if range.start < data {
                holes.push(range.start..range.end.min(data));
            }
        }
        Ok(Some(holes))
    }
}

fn opened_again(opened: &Mutex<Option<Arc<File>>>, file: &File) -> io::Result<Arc<File>> {
    let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(opened) = &*opened {
        return Ok(Arc::clone(opened));
    }
    let again = Arc::new(File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?);
    Ok(Arc::clone(opened.insert(again)))
}

/// Whether the kernel or the file system does not have the call, or the process must not make it.
fn is_missing(error: Errno) -> bool {
    [Errno::OPNOTSUPP, Errno::NOTTY, Errno::NOSYS, Errno::PERM].contains(&error)
}
