//! What the exerciser does to a file, one operation at a time.

use std::fmt;
use std::ops::Range;

/// A kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    Read,
    VectoredRead,
    /// A read to memory that was never written.
    UninitRead,
    /// A read to an address space.
    MemoryRead,
    Write,
    VectoredWrite,
    /// A write with a tag, which the file's hook before writeback gets.
    TaggedWrite,
    /// A write from an address space.
    MemoryWrite,
    /// A write from a mapping of the bytes that it writes, or a copy of them onto themselves.
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
    /// A read through shared guards of its pages.
    GuardRead,
    /// A write through exclusive guards of its pages.
    GuardWrite,
    /// The same, by `PageMut::write`.
    GuardBytes,
    /// The same, by guards that keep the file open, some of them from `try_page_mut` or `page_mut_within`.
    OwnedWrite,
    /// A read through shared guards of all its pages at once.
    ListRead,
    /// A write through exclusive guards of all its pages at once.
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
    /// An extension to at least some length.
    Extend,
    Punch,
    ZeroRange,
    Allocate,
    Collapse,
    Insert,
    Writeback,
    SyncRange,
    /// A list of the dirty pages.
    DirtyPages,
    /// A hint that pages will be needed or not, or a question where there is data.
    Hint,
    /// The time of the last change is compared and set.
    Times,
    Sync,
    /// A sync of all files of the cache.
    CacheSync,
    /// A sync of what was written with tags up to some tag.
    SyncUpTo,
    /// Closes the file and its mappings, and opens it again.
    Reopen,
    /// The same, after a handle that is not the last was discarded.
    Discard,
    /// The same, but the last handle is discarded, with what was written since a sync.
    Abandon,
}

impl Path {
    pub const ALL: [Path; 48] = [
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
        Path::OwnedWrite,
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
        Path::DirtyPages,
        Path::Hint,
        Path::Times,
        Path::Sync,
        Path::CacheSync,
        Path::SyncUpTo,
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
            Path::OwnedWrite => "owned guard write",
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
            Path::DirtyPages => "dirty pages",
            Path::Hint => "hint",
            Path::Times => "times",
            Path::Sync => "fsync",
            Path::CacheSync => "cache fsync",
            Path::SyncUpTo => "sync up to",
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

    /// Whether it returns bytes of the file to the caller.
    pub const fn reads(self) -> bool {
        self.reads_whole_pages() || matches!(self, Path::ExactDirectRead | Path::Load)
    }

    /// Whether it writes bytes of the caller to the file.
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
                | Path::OwnedWrite
                | Path::ListWrite
                | Path::DirectWrite
                | Path::VectoredDirectWrite
                | Path::WholeDirectWrite
        )
    }

    /// Whether it changes the file, or may.
    pub const fn may_change(self) -> bool {
        self.writes()
            || matches!(
                self,
                Path::SelfWrite
                    | Path::Truncate
                    | Path::Extend
                    | Path::Punch
                    | Path::ZeroRange
                    | Path::Allocate
                    | Path::Collapse
                    | Path::Insert
                    | Path::Abandon
            )
    }

    /// Whether it writes with a tag.
    pub const fn is_tagged(self) -> bool {
        matches!(
            self,
            Path::TaggedWrite
                | Path::GuardWrite
                | Path::GuardBytes
                | Path::OwnedWrite
                | Path::ListWrite
        )
    }

    /// Whether it writes at the end of the file.
    pub const fn appends(self) -> bool {
        matches!(
            self,
            Path::Append | Path::VectoredAppend | Path::DirectAppend | Path::DurableAppend
        )
    }

    /// Its index in [`ALL`](Path::ALL).
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
    /// The length that a truncation or extension by `set_len` leaves, or that `extend_to` leaves at least.
    pub len: Option<u64>,
}

impl Op {
    /// Whether the two are the same operation.
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
