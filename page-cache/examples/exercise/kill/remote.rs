//! The file that a child has cached, as its parent sees it.

use std::io::{self, Read};
use std::ops::Range;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use spanlock_page_cache::{Length, PAGE_SIZE};

use super::child::Serving;
use super::wire::{Answer, Failure, Request, Verb};
use crate::options::StoreAccess;
use crate::oracle::knowledge::WriteMode;
use crate::page_size::page_size;
use crate::stores::faults;
use crate::subject::reopening::Farewell;
use crate::subject::{Mapped, Subject};

/// The unit in which the kernel copies: a write that is killed ends at a multiple of it.
const PAGE: u64 = PAGE_SIZE as u64;

/// The file that a child has cached.
#[derive(Clone)]
pub struct Remote {
    line: Arc<Mutex<Line>>,
}

/// A mapping of it.
pub struct RemoteMapping {
    remote: Remote,
    start: u64,
}

struct Line {
    to: ChildStdin,
    from: ChildStdout,
    alive: bool,
    syncs: u64,
    len: u64,
    /// The lengths that the file had, or was requested to have, since the last sync.
    lens: Vec<u64>,
    /// The ranges by which it grew meanwhile, one page at a time.
    growth: Vec<Range<u64>>,
}

impl Remote {
    /// Starts a child that has a file of `len` bytes cached.
    pub fn start(serving: &Serving, len: u64) -> io::Result<(Remote, Child)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve").arg(&serving.path);
        command.arg("--cache").arg((serving.cache as u64 * page_size()).to_string());
        command.arg("--page-size").arg(page_size().to_string());
        command.arg("--requests").arg(serving.requests.to_string());
        if serving.access == StoreAccess::Direct {
            command.arg("--direct");
        }
        if serving.writes == WriteMode::Through {
            command.arg("--through");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a child without pipes"));
        };
        if let Err(error) = from.read_exact(&mut [0]) {
            child.kill().and_then(|()| child.wait())?;
            return Err(error);
        }
        let (lens, growth) = (vec![len], Vec::new());
        let line = Line { to, from, alive: true, syncs: 0, len, lens, growth };
        Ok((Remote { line: Arc::new(Mutex::new(line)) }, child))
    }

    /// Whether the child has not been found dead.
    pub fn is_alive(&self) -> bool {
        self.line().alive
    }

    /// How often the file was synced.
    pub fn syncs(&self) -> u64 {
        self.line().syncs
    }

    /// The lengths that the file had since it was last synced.
    pub fn lens(&self) -> Vec<u64> {
        let mut lens = self.line().lens.clone();
        lens.sort_unstable();
        lens.dedup();
        lens
    }

    /// Whether the child may have left a file of `len` bytes: a length that the file had since it was last synced. A
    /// write of many pages past the end extends the file page by page.
    pub fn may_be_left(&self, len: u64) -> bool {
        let line = self.line();
        let grown = |growth: &Range<u64>| growth.contains(&len) && len.is_multiple_of(PAGE);
        line.lens.contains(&len) || line.growth.iter().any(grown)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, verb: Verb, offset: u64, len: u64) -> io::Result<u64> {
        let request = Request { verb, offset, len, start: 0 };
        self.line().ask(&request, &[], &mut [])
    }

    fn read(&self, verb: Verb, bytes: &mut [u8], offset: u64, start: u64) -> io::Result<u64> {
        let request = Request { verb, offset, len: bytes.len() as u64, start };
        self.line().ask(&request, &[], bytes)
    }

    fn write(&self, verb: Verb, bytes: &[u8], offset: u64, start: u64) -> io::Result<u64> {
        let request = Request { verb, offset, len: bytes.len() as u64, start };
        self.line().ask(&request, bytes, &mut [])
    }
}

impl Line {
    /// Sends a request, and waits for the answer. If the child is dead, fails with the error of an injected fault.
    fn ask(&mut self, request: &Request, bytes: &[u8], read: &mut [u8]) -> io::Result<u64> {
        self.expect_length(request);
        match self.exchange(request, bytes, read) {
            Ok(answer) => {
                self.len = answer.len;
                self.lens.push(answer.len);
                let syncs = matches!(
                    request.verb,
                    Verb::SyncAll
                        | Verb::SyncData
                        | Verb::SyncCache
                        | Verb::Reopen
                        | Verb::Discard
                        | Verb::Abandon
                );
                if syncs && answer.outcome.is_ok() {
                    self.syncs += 1;
                    (self.lens, self.growth) = (vec![answer.len], Vec::new());
                }
                answer.outcome.map_err(|failure| match failure {
                    Failure::PastEnd => io::ErrorKind::UnexpectedEof.into(),
                    Failure::Other => io::Error::other("the child failed and reported why"),
                })
            }
            Err(_) => {
                self.alive = false;
                Err(faults::injected("the child was killed"))
            }
        }
    }

    fn exchange(&mut self, request: &Request, bytes: &[u8], read: &mut [u8]) -> io::Result<Answer> {
        request.send(&mut self.to, bytes)?;
        let answer = Answer::receive(&mut self.from)?;
        if request.verb.reads() {
            self.from.read_exact(read)?;
        }
        Ok(answer)
    }

    /// Records the lengths that the file may have once the request has been sent.
    fn expect_length(&mut self, request: &Request) {
        let end = match request.verb {
            Verb::SetLen => return self.lens.push(request.len),
            Verb::Append | Verb::AppendDurable => self.len + request.len,
            Verb::Store | Verb::WriteGuards | Verb::WriteList | Verb::Abandon => return,
            Verb::Extend => return self.lens.push(request.len.max(self.len)),
            verb if verb.writes() => request.offset + request.len,
            _ => return,
        };
        if end > self.len {
            self.lens.push(end);
            self.growth.push(self.len..end);
        }
    }
}

impl Subject for Remote {
    type Mapping = RemoteMapping;

    const TAGS: bool = true;

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read(Verb::Read, bytes, offset, 0).map(|count| count as usize)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(Verb::Write, bytes, offset, 0).map(|count| count as usize)
    }

    fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read(Verb::ReadDirect, bytes, offset, 0).map(|count| count as usize)
    }

    fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(Verb::WriteDirect, bytes, offset, 0).map(|count| count as usize)
    }

    fn map(&self, range: Range<u64>) -> io::Result<RemoteMapping> {
        Ok(RemoteMapping { remote: self.clone(), start: range.start })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.ask(Verb::SetLen, 0, len).map(drop)
    }

    fn len(&self) -> u64 {
        self.line().len
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.ask(Verb::Punch, offset, len).map(drop)
    }

    fn writeback(&self, range: Range<u64>) -> io::Result<()> {
        self.ask(Verb::Writeback, range.start, range.end - range.start).map(drop)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.ask(Verb::SyncData, 0, 0).map(drop)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.ask(Verb::SyncAll, 0, 0).map(drop)
    }

    fn sync_range(&self, range: Range<u64>) -> io::Result<()> {
        self.ask(Verb::SyncRange, range.start, range.end - range.start).map(drop)
    }

    fn read_vectored_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read(Verb::ReadVectored, bytes, offset, 0).map(|count| count as usize)
    }

    fn write_vectored_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(Verb::WriteVectored, bytes, offset, 0).map(|count| count as usize)
    }

    fn read_by_memory(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read(Verb::ReadMemory, bytes, offset, 0).map(|count| count as usize)
    }

    fn write_by_memory(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(Verb::WriteMemory, bytes, offset, 0).map(|count| count as usize)
    }

    fn write_from_itself(&self, bytes: Range<u64>) -> io::Result<usize> {
        let count = self.ask(Verb::WriteItself, bytes.start, bytes.end - bytes.start)?;
        Ok(count as usize)
    }

    fn read_by_copy(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read(Verb::ReadCopy, bytes, offset, 0).map(|count| count as usize)
    }

    fn write_by_copy(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(Verb::WriteCopy, bytes, offset, 0).map(|count| count as usize)
    }

    fn write_durable_at(&self, bytes: &[u8], offset: u64, which: u64) -> io::Result<usize> {
        self.write(Verb::WriteDurable, bytes, offset, which).map(|count| count as usize)
    }

    fn write_tagged_at(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<usize> {
        self.write(Verb::WriteTagged, bytes, offset, tag).map(|count| count as usize)
    }

    fn write_by_guards(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.write(Verb::WriteGuards, bytes, offset, tag).map(drop)
    }

    fn read_exact_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.read(Verb::ReadExactDirect, bytes, offset, 0).map(drop)
    }

    fn write_all_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write(Verb::WriteAllDirect, bytes, offset, 0).map(drop)
    }

    fn read_by_list(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.read(Verb::ReadList, bytes, offset, 0).map(drop)
    }

    fn write_by_list(&self, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
        self.write(Verb::WriteList, bytes, offset, tag).map(drop)
    }

    fn sync_up_to(&self, tag: u64) -> io::Result<()> {
        let request = Request { verb: Verb::SyncUpTo, offset: 0, len: 0, start: tag };
        self.line().ask(&request, &[], &mut []).map(drop)
    }

    fn extend_to(&self, len: u64) -> io::Result<()> {
        self.ask(Verb::Extend, 0, len).map(drop)
    }

    fn modified(&self) -> Option<SystemTime> {
        let nanos = self.ask(Verb::Modified, 0, 0).ok()?;
        Some(UNIX_EPOCH + Duration::from_nanos(nanos))
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.ask(Verb::SetModified, 0, since.as_nanos() as u64).map(drop)
    }

    fn abandon(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write(Verb::Abandon, bytes, offset, 0).map(drop)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        self.write(Verb::Append, bytes, 0, 0)
    }

    fn append_durable(&self, bytes: &[u8]) -> io::Result<u64> {
        self.write(Verb::AppendDurable, bytes, 0, 0)
    }

    fn sync_cache(&self) -> io::Result<()> {
        self.ask(Verb::SyncCache, 0, 0).map(drop)
    }

    fn zero_range(&self, offset: u64, len: u64, _: Length) -> io::Result<()> {
        self.ask(Verb::ZeroRange, offset, len).map(drop)
    }

    fn allocate(&self, offset: u64, len: u64, _: Length) -> io::Result<()> {
        self.ask(Verb::Allocate, offset, len).map(drop)
    }

    fn reopen(&self, how: Farewell) -> io::Result<()> {
        let verb = if how == Farewell::Discarded { Verb::Discard } else { Verb::Reopen };
        self.ask(verb, 0, 0).map(drop)
    }
}

impl Mapped for RemoteMapping {
    fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.remote.read(Verb::Load, bytes, self.start + offset, self.start).map(drop)
    }

    fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.remote.write(Verb::Store, bytes, self.start + offset, self.start).map(drop)
    }
}
