//! The child process: caches a file, and performs the operations that it receives until it is killed.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use spanlock_page_cache::{File, FileStore, Length, MemStore, PageCache, Store, StoreLayer};

use super::wire::{Answer, Failure, Request, Verb};
use crate::options::StoreAccess;
use crate::oracle::knowledge::WriteMode;
use crate::page_size::cache_of;
use crate::subject::reopening::{Farewell, Reopenable, Surroundings};
use crate::subject::{Mapped, Subject};

/// The flush interval: short, so that the child is often killed while the flusher writes.
const FLUSH_INTERVAL: Duration = Duration::from_millis(2);

/// What a child caches.
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    pub path: PathBuf,
    pub access: StoreAccess,
    pub writes: WriteMode,
    /// In pages.
    pub cache: usize,
    /// How many requests that change the store there are before the process ends itself.
    pub requests: u64,
}

/// Performs the requests from stdin, and answers on stdout, until stdin is closed.
pub fn serve(serving: &Serving) -> io::Result<()> {
    let options = cache_of(serving.cache).flush_interval(FLUSH_INTERVAL);
    let cache = Arc::new(PageCache::with_options(options));
    let Serving { path, access, writes, requests, .. } = serving.clone();
    let (of_others, synced) = (Arc::clone(&cache), Arc::clone(&cache));
    let surroundings = Surroundings {
        open_another: Box::new(move || of_others.open_with(MemStore::new(), writes.options())),
        sync: Box::new(move || Ok(synced.sync_all()?)),
    };
    let left = Arc::new(AtomicU64::new(requests));
    let open = move || {
        let store = Ending { below: access.open(&path)?, left: Arc::clone(&left) };
        cache.open_with(store, writes.options())
    };
    let file = Reopenable::new(open, None, Some(surroundings))?;
    let mut server = Server { file, mapping: None };
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    // The file is open.
    to.write_all(b"!").and_then(|()| to.flush())?;
    let mut bytes = Vec::new();
    while let Ok(request) = Request::receive(&mut from) {
        let Request { verb, len, .. } = request;
        bytes.clear();
        bytes.resize(if verb.reads() || verb.writes() { len as usize } else { 0 }, 0);
        if verb.writes() {
            from.read_exact(&mut bytes)?;
        }
        let outcome = server.perform(&request, &mut bytes);
        let outcome = outcome.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Failure::PastEnd,
            _ => {
                // The parent does not expect an error here.
                eprintln!("{verb:?}: {error}");
                Failure::Other
            }
        });
        let answer = Answer { outcome, len: server.file.len() };
        answer.send(&mut to, if verb.reads() { &bytes } else { &[] })?;
    }
    Ok(())
}

/// A store that ends the process, as if it was killed, at one of the requests that change it.
struct Ending {
    below: FileStore,
    left: Arc<AtomicU64>,
}

impl Ending {
    fn count(&self) {
        let one_less = |left: u64| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
            process::abort();
        }
    }
}

impl StoreLayer for Ending {
    type Below = FileStore;

    fn below(&self) -> &FileStore {
        &self.below
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.count();
        self.below.write_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.count();
        self.below.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.count();
        self.below.punch_hole(offset, len)
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.count();
        self.below.zero_range(offset, len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.count();
        self.below.allocate(offset, len)
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.count();
        self.below.set_modified(time)
    }

    fn sync(&self) -> io::Result<()> {
        self.count();
        self.below.sync()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.count();
        self.below.sync_data()
    }
}

/// In nanoseconds since the epoch; the epoch if the file has no time.
fn nanos_of(time: Option<SystemTime>) -> u64 {
    let since = time.unwrap_or(UNIX_EPOCH).duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos() as u64
}

struct Server {
    file: Reopenable<File>,
    mapping: Option<(u64, <Reopenable<File> as Subject>::Mapping)>,
}

impl Server {
    fn perform(&mut self, request: &Request, bytes: &mut [u8]) -> io::Result<u64> {
        let Request { verb, offset, len, start } = *request;
        let file = &self.file;
        let counted = |done: io::Result<usize>| done.map(|count| count as u64);
        let done = |done: io::Result<()>| done.map(|()| 0);
        match verb {
            Verb::Read => counted(file.read_at(bytes, offset)),
            Verb::ReadVectored => counted(file.read_vectored_at(bytes, offset)),
            Verb::ReadMemory => counted(file.read_by_memory(bytes, offset)),
            Verb::ReadDirect => counted(file.read_direct_at(bytes, offset)),
            Verb::Write => counted(file.write_at(bytes, offset)),
            Verb::WriteTagged => counted(file.write_tagged_at(bytes, offset, start)),
            Verb::WriteVectored => counted(file.write_vectored_at(bytes, offset)),
            Verb::WriteMemory => counted(file.write_by_memory(bytes, offset)),
            Verb::WriteDirect => counted(file.write_direct_at(bytes, offset)),
            Verb::WriteItself => counted(file.write_from_itself(offset..offset + len)),
            Verb::ReadCopy => counted(file.read_by_copy(bytes, offset)),
            Verb::WriteCopy => counted(file.write_by_copy(bytes, offset)),
            Verb::WriteDurable => counted(file.write_durable_at(bytes, offset, start)),
            Verb::WriteGuards => done(file.write_bytes_by_guards(bytes, offset, start)),
            Verb::ReadExactDirect => done(file.read_exact_direct_at(bytes, offset)),
            Verb::WriteAllDirect => done(file.write_all_direct_at(bytes, offset)),
            Verb::ReadList => done(file.read_by_list(bytes, offset)),
            Verb::WriteList => done(file.write_by_list(bytes, offset, start)),
            Verb::Append => file.append(bytes),
            Verb::AppendDurable => file.append_durable(bytes),
            Verb::Load => done(self.mapping(start)?.load(offset - start, bytes)),
            Verb::Store => done(self.mapping(start)?.store(offset - start, bytes)),
            Verb::SetLen => done(file.set_len(len)),
            Verb::Extend => done(file.extend_to(len)),
            Verb::Punch => done(file.punch_hole(offset, len)),
            Verb::ZeroRange => done(file.zero_range(offset, len, Length::Keep)),
            Verb::Allocate => done(file.allocate(offset, len, Length::Keep)),
            Verb::Writeback => done(file.writeback(offset..offset + len)),
            Verb::SyncRange => done(file.sync_range(offset..offset + len)),
            Verb::SyncData => done(file.sync_data()),
            Verb::SyncAll => done(file.sync_all()),
            Verb::SyncCache => done(file.sync_cache()),
            Verb::SyncUpTo => done(file.sync_up_to(start)),
            Verb::Reopen => done(file.reopen(Farewell::Closed)),
            Verb::Discard => done(file.reopen(Farewell::Discarded)),
            Verb::Abandon => done(file.abandon(bytes, offset)),
            Verb::Modified => Ok(nanos_of(file.modified())),
            Verb::SetModified => done(file.set_modified(UNIX_EPOCH + Duration::from_nanos(len))),
        }
    }

    /// The mapping that starts at `start`.
    fn mapping(&mut self, start: u64) -> io::Result<&<Reopenable<File> as Subject>::Mapping> {
        if self.mapping.as_ref().is_none_or(|(mapped, _)| *mapped != start) {
            self.mapping = Some((start, self.file.map(start..u64::MAX)?));
        }
        match &self.mapping {
            Some((_, mapping)) => Ok(mapping),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
