//! What the exerciser does to a file, one operation at a time.

use std::fmt;
use std::ops::Range;

/// A way to reach the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    Read,
    Write,
    Load,
    Store,
    DirectRead,
    DirectWrite,
    Truncate,
    Punch,
    Writeback,
    Sync,
}

impl Path {
    pub const ALL: [Path; 10] = [
        Path::Read,
        Path::Write,
        Path::Load,
        Path::Store,
        Path::DirectRead,
        Path::DirectWrite,
        Path::Truncate,
        Path::Punch,
        Path::Writeback,
        Path::Sync,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Path::Read => "read",
            Path::Write => "write",
            Path::Load => "load",
            Path::Store => "store",
            Path::DirectRead => "direct read",
            Path::DirectWrite => "direct write",
            Path::Truncate => "truncate",
            Path::Punch => "punch",
            Path::Writeback => "writeback",
            Path::Sync => "fsync",
        }
    }

    /// Whether it reads all of a page's bytes at once.
    pub const fn reads_whole_pages(self) -> bool {
        matches!(self, Path::Read | Path::DirectRead)
    }

    /// Its place in [`ALL`](Path::ALL).
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One operation: who, its number within its thread, and which bytes of which file it reads or
/// changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    pub path: Path,
    pub thread: u16,
    pub sequence: u64,
    /// From 1 on, or 0 if there is only one file.
    pub file: u16,
    pub bytes: Range<u64>,
    /// The length that a truncation, up or down, leaves.
    pub len: Option<u64>,
}

impl Op {
    /// Whether the two are one and the same.
    pub fn is(&self, other: &Op) -> bool {
        (self.thread, self.sequence) == (other.thread, other.sequence)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Op { path, thread, sequence, file, bytes, len } = self;
        write!(f, "{path} #{thread}.{sequence} ")?;
        if *file > 0 {
            write!(f, "in file {file} ")?;
        }
        match len {
            Some(len) => write!(f, "to {len}"),
            None => write!(f, "of {}..{}", bytes.start, bytes.end),
        }
    }
}
