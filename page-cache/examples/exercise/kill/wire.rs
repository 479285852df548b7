//! The protocol between parent and child: requests and answers, each with a header of fixed size and some bytes.

use std::io::{self, Read, Write};

/// The operations that a child can be requested to perform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verb {
    Read,
    ReadVectored,
    ReadMemory,
    ReadDirect,
    Write,
    WriteTagged,
    WriteVectored,
    WriteMemory,
    WriteDirect,
    WriteItself,
    ReadCopy,
    WriteCopy,
    WriteDurable,
    WriteGuards,
    ReadExactDirect,
    WriteAllDirect,
    ReadList,
    WriteList,
    Append,
    AppendDurable,
    Load,
    Store,
    SetLen,
    Extend,
    Punch,
    ZeroRange,
    Allocate,
    Writeback,
    SyncRange,
    SyncData,
    SyncAll,
    SyncCache,
    SyncUpTo,
    Reopen,
    Discard,
    Abandon,
    Modified,
    SetModified,
}

const VERBS: [Verb; 38] = [
    Verb::Read,
    Verb::ReadVectored,
    Verb::ReadMemory,
    Verb::ReadDirect,
    Verb::Write,
    Verb::WriteTagged,
    Verb::WriteVectored,
    Verb::WriteMemory,
    Verb::WriteDirect,
    Verb::WriteItself,
    Verb::ReadCopy,
    Verb::WriteCopy,
    Verb::WriteDurable,
    Verb::WriteGuards,
    Verb::ReadExactDirect,
    Verb::WriteAllDirect,
    Verb::ReadList,
    Verb::WriteList,
    Verb::Append,
    Verb::AppendDurable,
    Verb::Load,
    Verb::Store,
    Verb::SetLen,
    Verb::Extend,
    Verb::Punch,
    Verb::ZeroRange,
    Verb::Allocate,
    Verb::Writeback,
    Verb::SyncRange,
    Verb::SyncData,
    Verb::SyncAll,
    Verb::SyncCache,
    Verb::SyncUpTo,
    Verb::Reopen,
    Verb::Discard,
    Verb::Abandon,
    Verb::Modified,
    Verb::SetModified,
];

impl Verb {
    /// Whether the answer contains bytes.
    pub fn reads(self) -> bool {
        matches!(
            self,
            Verb::Read
                | Verb::ReadVectored
                | Verb::ReadMemory
                | Verb::ReadDirect
                | Verb::ReadExactDirect
                | Verb::ReadList
                | Verb::ReadCopy
                | Verb::Load
        )
    }

    /// Whether the request contains bytes.
    pub fn writes(self) -> bool {
        matches!(
            self,
            Verb::Write
                | Verb::WriteTagged
                | Verb::WriteVectored
                | Verb::WriteMemory
                | Verb::WriteDirect
                | Verb::WriteCopy
                | Verb::WriteDurable
                | Verb::WriteGuards
                | Verb::WriteAllDirect
                | Verb::WriteList
                | Verb::Abandon
                | Verb::Append
                | Verb::AppendDurable
                | Verb::Store
        )
    }
}

/// An operation, and its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub verb: Verb,
    pub offset: u64,
    pub len: u64,
    /// Where a mapping starts, or a tag.
    pub start: u64,
}

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub outcome: Result<u64, Failure>,
    /// How long the file is.
    pub len: u64,
}

/// The errors that a correct file may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    PastEnd,
    Other,
}

impl Request {
    pub fn send(&self, to: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
        let mut message = vec![self.verb as u8];
        for word in [self.offset, self.len, self.start] {
            message.extend(word.to_le_bytes());
        }
        message.extend(bytes);
        to.write_all(&message).and_then(|()| to.flush())
    }

    pub fn receive(from: &mut dyn Read) -> io::Result<Request> {
        let mut verb = [0];
        from.read_exact(&mut verb)?;
        let [offset, len, start] = words(from)?;
        let verb = *VERBS.get(usize::from(verb[0])).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Request { verb, offset, len, start })
    }
}

impl Answer {
    pub fn send(&self, to: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
        let (kind, value) = match self.outcome {
            Ok(value) => (0, value),
            Err(Failure::PastEnd) => (1, 0),
            Err(Failure::Other) => (2, 0),
        };
        let mut message = Vec::new();
        for word in [kind, value, self.len] {
            message.extend(word.to_le_bytes());
        }
        message.extend(bytes);
        to.write_all(&message).and_then(|()| to.flush())
    }

    pub fn receive(from: &mut dyn Read) -> io::Result<Answer> {
        let [kind, value, len] = words(from)?;
        let outcome = match kind {
            0 => Ok(value),
            1 => Err(Failure::PastEnd),
            _ => Err(Failure::Other),
        };
        Ok(Answer { outcome, len })
    }
}

fn words(from: &mut dyn Read) -> io::Result<[u64; 3]> {
    let mut words = [0; 3];
    for word in &mut words {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes)?;
        *word = u64::from_le_bytes(bytes);
    }
    Ok(words)
}
