//! One of the files that are compared.

use std::io;

use spanlock_page_cache::Length;

use crate::oracle::stamp::{Stamp, UNFILLED};
use crate::report::journal::Answer;
use crate::subject::reopening::Farewell;
use crate::subject::{Mapped, Subject};
use crate::workload::longest;
use crate::workload::op::{Op, Path};

/// Reads the bytes of the store of a file.
type Beneath = Box<dyn Fn(&mut [u8], u64) -> io::Result<usize>>;

/// One of the files that are compared, and the result of its last operation.
pub struct Contestant {
    name: String,
    file: Option<Box<dyn Perform>>,
    beneath: Beneath,
    buffer: Vec<u8>,
    read: usize,
    answer: Answer,
}

/// A file of any type.
trait Perform {
    /// Performs `op`, which writes `bytes` or reads to them, and returns how many it read or wrote; of a load, how
    /// many are in the file.
    fn perform(&mut self, op: &Op, bytes: &mut [u8], mapping_start: u64) -> io::Result<u64>;
    fn len(&self) -> u64;
    fn sync(&self) -> io::Result<()>;
}

struct Files<S: Subject> {
    file: S,
    mapping: Option<(u64, S::Mapping)>,
}

impl<S: Subject> Perform for Files<S> {
    fn perform(&mut self, op: &Op, bytes: &mut [u8], mapping_start: u64) -> io::Result<u64> {
        let (file, start) = (&self.file, op.bytes.start);
        let len = op.bytes.end - start;
        let counted = |count: io::Result<usize>| count.map(|count| count as u64);
        let done = |done: io::Result<()>| done.map(|()| 0);
        let length = if op.sequence.is_multiple_of(2) { Length::Keep } else { Length::Extend };
        match op.path {
            Path::Read => counted(file.read_at(bytes, start)),
            Path::VectoredRead => counted(file.read_vectored_at(bytes, start)),
            Path::MemoryRead => counted(file.read_by_memory(bytes, start)),
            Path::UninitRead => counted(file.read_uninit_at(bytes, start)),
            Path::Write => counted(file.write_at(bytes, start)),
            Path::VectoredWrite => counted(file.write_vectored_at(bytes, start)),
            Path::TaggedWrite => counted(file.write_tagged_at(bytes, start, op.sequence)),
            Path::MemoryWrite => counted(file.write_by_memory(bytes, start)),
            Path::SelfWrite => {
                let end = op.bytes.end.min(file.len());
                counted(file.write_from_itself(start.min(end)..end))
            }
            Path::CopyRead => counted(file.read_by_copy(bytes, start)),
            Path::CopyWrite => counted(file.write_by_copy(bytes, start)),
            Path::DurableWrite => counted(file.write_durable_at(bytes, start, op.sequence)),
            Path::DurableAppend => file.append_durable(bytes),
            Path::Append => file.append(bytes),
            Path::VectoredAppend => file.append_vectored(bytes),
            Path::DirectAppend => file.append_direct(bytes),
            Path::DirectRead => counted(file.read_direct_at(bytes, start)),
            Path::ExactDirectRead => file.read_exact_direct_at(bytes, start).map(|()| len),
            Path::WholeDirectWrite => file.write_all_direct_at(bytes, start).map(|()| len),
            Path::VectoredDirectRead => counted(file.read_direct_vectored_at(bytes, start)),
            Path::DirectWrite => counted(file.write_direct_at(bytes, start)),
            Path::VectoredDirectWrite => counted(file.write_direct_vectored_at(bytes, start)),
            Path::Load => {
                let inside = file.len().clamp(start, op.bytes.end) - start;
                self.mapping(mapping_start)?.load(start - mapping_start, bytes)?;
                Ok(inside)
            }
            Path::Store => done(self.mapping(mapping_start)?.store(start - mapping_start, bytes)),
            Path::GuardRead => {
                let inside = file.len().clamp(start, op.bytes.end) - start;
                file.read_by_guards(bytes, start)?;
                Ok(inside)
            }
            Path::GuardWrite => done(file.write_by_guards(bytes, start, op.sequence)),
            Path::GuardBytes => done(file.write_bytes_by_guards(bytes, start, op.sequence)),
            Path::OwnedWrite => done(file.write_by_owned_guards(bytes, start, op.sequence)),
            Path::ListRead => {
                let inside = file.len().clamp(start, op.bytes.end) - start;
                file.read_by_list(bytes, start)?;
                Ok(inside)
            }
            Path::ListWrite => done(file.write_by_list(bytes, start, op.sequence)),
            Path::Extend => done(file.extend_to(op.len.unwrap_or_default())),
            Path::Truncate => done(file.set_len(op.len.unwrap_or_default())),
            Path::Punch => done(file.punch_hole(start, len)),
            Path::ZeroRange => done(file.zero_range(start, len, length)),
            Path::Allocate => done(file.allocate(start, len, length)),
            Path::Collapse => done(file.collapse_range(start, len)),
            Path::Insert => done(file.insert_range(start, len)),
            Path::Writeback => done(file.writeback(op.bytes.clone())),
            Path::SyncRange => done(file.sync_range(op.bytes.clone())),
            Path::DirtyPages => file.dirty_pages().map(|_| 0),
            Path::Hint => done(file.hint(op.bytes.clone(), op.sequence)),
            // The plain file keeps no time, and loses nothing when it is discarded.
            Path::Times | Path::Abandon => Ok(0),
            Path::Sync => done(file.sync_all()),
            Path::CacheSync => done(file.sync_cache()),
            Path::SyncUpTo => done(file.sync_up_to(op.sequence)),
            Path::Reopen => {
                self.mapping = None;
                done(self.file.reopen(Farewell::Dropped))
            }
            Path::Discard => {
                self.mapping = None;
                done(self.file.reopen(Farewell::Discarded))
            }
        }
    }

    fn len(&self) -> u64 {
        self.file.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl<S: Subject> Files<S> {
    /// The mapping that starts at `start`.
    fn mapping(&mut self, start: u64) -> io::Result<&S::Mapping> {
        if self.mapping.as_ref().is_none_or(|(mapped, _)| *mapped != start) {
            self.mapping = Some((start, self.file.map(start..u64::MAX)?));
        }
        match &self.mapping {
            Some((_, mapping)) => Ok(mapping),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Contestant {
    /// The file, and how to read its store.
    pub fn new(
        name: &str,
        file: impl Subject,
        beneath: impl Fn(&mut [u8], u64) -> io::Result<usize> + 'static,
    ) -> Contestant {
        Contestant {
            name: name.to_owned(),
            file: Some(Box::new(Files { file, mapping: None })),
            beneath: Box::new(beneath),
            buffer: vec![0; longest()],
            read: 0,
            answer: Ok(0),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Performs `op`, and keeps the result.
    pub fn perform(&mut self, op: &Op, stamp: Stamp, mapping_start: u64) {
        let Some(file) = &mut self.file else { return };
        let reads = op.path.reads();
        let len = if reads || op.path.writes() { op.bytes.end - op.bytes.start } else { 0 };
        let bytes = &mut self.buffer[..len as usize];
        match reads {
            true => bytes.fill(UNFILLED),
            false => stamp.fill(bytes, op.bytes.start),
        }
        let result = file.perform(op, bytes, mapping_start);
        self.answer = result.map_err(|error| error.kind());
        self.read = match self.answer {
            Ok(count) if reads => count as usize,
            _ => 0,
        };
    }

    /// What the last operation returned.
    pub fn answer(&self) -> Answer {
        self.answer
    }

    /// What the last operation read.
    pub fn read(&self) -> &[u8] {
        &self.buffer[..self.read.min(self.buffer.len())]
    }

    pub fn len(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.len())
    }

    /// Syncs and closes the file.
    pub fn close(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |file| file.sync())
    }

    /// Reads the bytes of the store of the file.
    pub fn read_beneath(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        (self.beneath)(bytes, offset)
    }
}
