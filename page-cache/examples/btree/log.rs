//! The log: records of the changes of pages, in a file of the same cache.
//!
//! The first two pages contain one control block each, which are written in turns: they say where recovery begins.
//! The records follow. A record has its length, its checksum, and for each changed page the steps of the change. The
//! position of a record in the log is where it ends. It serves as the record's number, and as the tag of the pages
//! that it changed.

use std::io::{self, ErrorKind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use spanlock_page_cache::{File, PAGE_SIZE};

use crate::checksum::sum;
use crate::node::{read_u64, write_u64};

const PAGE: u64 = PAGE_SIZE as u64;

/// Where the first record begins.
pub const START: u64 = 2 * PAGE;

/// The length of a record and its checksum.
const HEAD: usize = 16;

const MAX_RECORD: u64 = 1 << 20;

pub struct Log {
    file: File,
    /// The log is durable up to here.
    durable: AtomicU64,
    /// How many control blocks have been written.
    blocks: Mutex<u64>,
}

impl Log {
    /// Opens a log. Also returns where recovery begins.
    pub fn open(file: File) -> io::Result<(Log, u64)> {
        let mut last = (0, START);
        for block in 0..2 {
            let mut bytes = [0; 24];
            let found = file.read_at(&mut bytes, block * PAGE)?;
            if found == 24 && read_u64(&bytes, 16) == sum(block, &bytes[..16]) {
                last = last.max((read_u64(&bytes, 0), read_u64(&bytes, 8)));
            }
        }
        if file.len() < START {
            file.set_len(START)?;
        }
        let durable = AtomicU64::new(0);
        Ok((Log { file, durable, blocks: Mutex::new(last.0) }, last.1))
    }

    /// Where the next record begins.
    pub fn end(&self) -> u64 {
        self.file.len()
    }

    /// A record without changes.
    pub fn record() -> Vec<u8> {
        let mut record = Vec::with_capacity(256);
        record.resize(HEAD, 0);
        record
    }

    /// Appends a record; returns its position.
    pub fn append(&self, mut record: Vec<u8>) -> io::Result<u64> {
        let len = record.len() as u64;
        write_u64(&mut record, 0, len);
        let check = sum(len, &record[HEAD..]);
        write_u64(&mut record, 8, check);
        Ok(self.with_room(|| self.file.append(&record))? + len)
    }

    /// Writes to the log. Syncs it first if the file has its maximum of dirty pages, which only a sync writes.
    fn with_room<T>(&self, write: impl Fn() -> io::Result<T>) -> io::Result<T> {
        loop {
            match write() {
                Err(error) if error.kind() == ErrorKind::QuotaExceeded => self.file.sync_data()?,
                written => return written,
            }
        }
    }

    /// Makes the log durable up to a position.
    pub fn sync_to(&self, position: u64) -> io::Result<()> {
        // ORDERING: Acquire and Release: a thread that reads a position here continues after the sync that covers it.
        if self.durable.load(Ordering::Acquire) < position {
            let end = self.end();
            self.file.sync_data()?;
            self.durable.fetch_max(end, Ordering::Release);
        }
        Ok(())
    }

    /// Makes recovery begin at a position, and frees the blocks before it.
    pub fn begin_at(&self, position: u64) -> io::Result<()> {
        let mut blocks = self.blocks.lock().unwrap();
        *blocks += 1;
        let mut bytes = [0; 24];
        write_u64(&mut bytes, 0, *blocks);
        write_u64(&mut bytes, 8, position);
        let block = *blocks % 2;
        let check = sum(block, &bytes[..16]);
        write_u64(&mut bytes, 16, check);
        self.with_room(|| self.file.write_all_at(&bytes, block * PAGE))?;
        self.file.sync_data()?;
        let whole = position / PAGE * PAGE;
        if whole > START { self.file.punch_hole(START, whole - START) } else { Ok(()) }
    }

    /// Reads the records from a position on, up to the first incomplete one, and truncates the log there.
    pub fn replay(
        &self,
        from: u64,
        mut redo: impl FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<u64> {
        let mut at = from;
        let mut count = 0;
        while let Some(changes) = self.record_at(at)? {
            at += (HEAD + changes.len()) as u64;
            redo(at, &changes)?;
            count += 1;
        }
        self.file.set_len(at)?;
        self.file.sync_all()?;
        self.durable.store(at, Ordering::Release);
        Ok(count)
    }

    /// The changes in the record at a position.
    fn record_at(&self, at: u64) -> io::Result<Option<Vec<u8>>> {
        let mut head = [0; HEAD];
        match self.file.read_exact_at(&mut head, at) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            outcome => outcome?,
        }
        let len = read_u64(&head, 0);
        if !(HEAD as u64..MAX_RECORD).contains(&len) || at + len > self.end() {
            return Ok(None);
        }
        let mut bytes = vec![0; len as usize - HEAD];
        self.file.read_exact_at(&mut bytes, at + HEAD as u64)?;
        Ok((read_u64(&head, 8) == sum(len, &bytes)).then_some(bytes))
    }
}
