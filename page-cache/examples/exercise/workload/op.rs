//! What the exerciser does to a file, one operation at a time.

use std::fmt;
use std::ops::Range;

/// A way to reach the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    Read,
    VectoredRead,
    /// Into memory that was never written.
    UninitRead,
    /// Into an address space.
    MemoryRead,
    Write,
    VectoredWrite,
    /// With a tag, which the file's hook before writeback hears of.
    TaggedWrite,
    /// From an address space.
    MemoryWrite,
    /// From a mapping of the very bytes that it writes, or by a copy of them.
    SelfWrite,
    /// By a copy to another file of the cache.
    CopyRead,
    /// By a copy from another file of the cache.
    CopyWrite,
    /// Durable when it returns.
    DurableWrite,
    DurableAppend,
    Append,
    VectoredAppend,
    DirectAppend,
    Load,
    Store,
    /// Through shared guards of its pages.
    GuardRead,
    /// Through exclusive guards of its pages.
    GuardWrite,
    /// The same, by bytes that are given to the guards.
    GuardBytes,
    /// Through shared guards of all its pages at once.
    ListRead,
    /// Through exclusive guards of all its pages at once.
    ListWrite,
    DirectRead,
    VectoredDirectRead,
    /// All of its bytes, or none.
    ExactDirectRead,
    DirectWrite,
    VectoredDirectWrite,
    /// All of its bytes, unless the store fails.
    WholeDirectWrite,
    Truncate,
    /// To at least some length.
    Extend,
    Punch,
    ZeroRange,
    Allocate,
    Collapse,
    Insert,
    Writeback,
    SyncRange,
    /// That pages will be needed, or not; or where there is data.
    Hint,
    /// When the file was last changed.
    Times,
    Sync,
    /// Of all files of the cache.
    CacheSync,
    /// Also closes it before, and with it all mappings.
    Reopen,
    /// The same, after a handle was discarded that is not the last.
    Discard,
    /// The same, but the last handle is discarded, and with it what was written since a sync.
    Abandon,
}

impl Path {
    pub const ALL: [Path; 45] = [
        Path::Read,
        Path::VectoredRead,
        Path::UninitRead,
        Path::MemoryRead,
        Path::Write,
        Path::VectoredWrite,
        Path::TaggedWrite,
        Path::MemoryWrite,
        Path::SelfWrite,
        Path::CopyRead,
        Path::CopyWrite,
        Path::DurableWrite,
        Path::DurableAppend,
        Path::Append,
        Path::VectoredAppend,
        Path::DirectAppend,
        Path::Load,
        Path::Store,
        Path::GuardRead,
        Path::GuardWrite,
        Path::GuardBytes,
        Path::ListRead,
        Path::ListWrite,
        Path::DirectRead,
        Path::VectoredDirectRead,
        Path::ExactDirectRead,
        Path::DirectWrite,
        Path::VectoredDirectWrite,
        Path::WholeDirectWrite,
        Path::Truncate,
        Path::Extend,
        Path::Punch,
        Path::ZeroRange,
        Path::Allocate,
        Path::Collapse,
        Path::Insert,
        Path::Writeback,
        Path::SyncRange,
        Path::Hint,
        Path::Times,
        Path::Sync,
        Path::CacheSync,
        Path::Reopen,
        Path::Discard,
        Path::Abandon,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Path::Read => "read",
            Path::VectoredRead => "vectored read",
            Path::UninitRead => "uninitialised read",
            Path::MemoryRead => "memory read",
            Path::Write => "write",
            Path::VectoredWrite => "vectored write",
            Path::TaggedWrite => "tagged write",
            Path::MemoryWrite => "memory write",
            Path::SelfWrite => "self write",
            Path::CopyRead => "copy read",
            Path::CopyWrite => "copy write",
            Path::DurableWrite => "durable write",
            Path::DurableAppend => "durable append",
            Path::Append => "append",
            Path::VectoredAppend => "vectored append",
            Path::DirectAppend => "direct append",
            Path::Load => "load",
            Path::Store => "store",
            Path::GuardRead => "guard read",
            Path::GuardWrite => "guard write",
            Path::GuardBytes => "guard bytes",
            Path::ListRead => "guard list read",
            Path::ListWrite => "guard list write",
            Path::DirectRead => "direct read",
            Path::VectoredDirectRead => "vectored direct read",
            Path::ExactDirectRead => "exact direct read",
            Path::DirectWrite => "direct write",
            Path::VectoredDirectWrite => "vectored direct write",
            Path::WholeDirectWrite => "whole direct write",
            Path::Truncate => "truncate",
            Path::Extend => "extend",
            Path::Punch => "punch",
            Path::ZeroRange => "zero range",
            Path::Allocate => "allocate",
            Path::Collapse => "collapse",
            Path::Insert => "insert",
            Path::Writeback => "writeback",
            Path::SyncRange => "sync range",
            Path::Hint => "hint",
            Path::Times => "times",
            Path::Sync => "fsync",
            Path::CacheSync => "cache fsync",
            Path::Reopen => "reopen",
            Path::Discard => "discard",
            Path::Abandon => "discard of the last",
        }
    }

    /// Whether it reads all of a page's bytes at once.
    pub const fn reads_whole_pages(self) -> bool {
        matches!(
            self,
            Path::Read
                | Path::VectoredRead
                | Path::UninitRead
                | Path::MemoryRead
                | Path::CopyRead
                | Path::GuardRead
                | Path::ListRead
                | Path::DirectRead
                | Path::VectoredDirectRead
        )
    }

    /// Whether it gives bytes of the file to the caller.
    pub const fn reads(self) -> bool {
        self.reads_whole_pages() || matches!(self, Path::ExactDirectRead | Path::Load)
    }

    /// Whether it puts bytes of the caller's into the file.
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Path::Write
                | Path::VectoredWrite
                | Path::TaggedWrite
                | Path::MemoryWrite
                | Path::CopyWrite
                | Path::DurableWrite
                | Path::DurableAppend
                | Path::Append
                | Path::VectoredAppend
                | Path::DirectAppend
                | Path::Store
                | Path::GuardWrite
                | Path::GuardBytes
                | Path::ListWrite
                | Path::DirectWrite
                | Path::VectoredDirectWrite
                | Path::WholeDirectWrite
        )
    }

    /// Whether it writes wherever the file ends.
    pub const fn appends(self) -> bool {
        matches!(
            self,
            Path::Append | Path::VectoredAppend | Path::DirectAppend | Path::DurableAppend
        )
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

/// One operation: its thread, its number within the thread, and which bytes of which file it reads or
/// changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    pub path: Path,
    pub thread: u16,
    pub sequence: u64,
    /// From 1 on, or 0 if there is only one file.
    pub file: u16,
    pub bytes: Range<u64>,
    /// The length that a truncation, up or down, leaves, or that an extension leaves at least.
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
