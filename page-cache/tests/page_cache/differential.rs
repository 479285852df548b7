//! Random operations on a small cache and on a plain vector agree byte for byte.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spanlock::MappingLock;
use spanlock_page_cache::{
    File, Mapping, MemStore, OperationLock, Options, PageCache, Store, Unlocked, WholeFile,
};

use crate::random::Random;

/// How many pages the file has at most.
const SPAN: u64 = 60;

struct Subject {
    file: File,
    mapping: Mapping,
    model: Vec<u8>,
    random: Random,
}

impl Subject {
    fn step(&mut self, step: u32) {
        let page = self.file.page_size() as u64;
        let offset = self.random.below(SPAN * page);
        let len = match self.random.below(4) {
            0 => self.random.below(16),
            1 => self.random.below(page + page / 4),
            2 => page,
            _ => self.random.below(7 * page),
        };
        let (offset, len) = match self.random.below(3) {
            0 => (offset / page * page, len.next_multiple_of(page)),
            _ => (offset, len),
        };
        match self.random.below(18) {
            0..3 => self.write(offset, len, File::write_at),
            3 => self.write(offset, len, File::write_direct_at),
            4..7 => self.read(offset, len, File::read_at),
            7 => self.read(offset, len, File::read_direct_at),
            8..10 => self.store(offset, len),
            10..12 => self.load(offset, len),
            12 => {
                self.file.set_len(offset).unwrap();
                self.model.resize(offset as usize, 0);
            }
            13 => {
                self.file.punch_hole(offset, len).unwrap();
                let end = self.model.len().min((offset + len) as usize);
                if (offset as usize) < end {
                    self.model[offset as usize..end].fill(0);
                }
            }
            14 => self.file.writeback(offset..offset + len).unwrap(),
            15 => self.collapse(offset, len),
            16 => self.insert(offset, len),
            _ => self.file.sync_data().unwrap(),
        }
        assert_eq!(self.file.len(), self.model.len() as u64, "step {step}");
    }

    fn write(
        &mut self,
        offset: u64,
        len: u64,
        write: impl Fn(&File, &[u8], u64) -> io::Result<usize>,
    ) {
        let bytes = self.bytes(len);
        assert_eq!(write(&self.file, &bytes, offset).unwrap(), bytes.len());
        let end = offset as usize + bytes.len();
        if !bytes.is_empty() {
            self.model.resize(self.model.len().max(end), 0);
            self.model[offset as usize..end].copy_from_slice(&bytes);
        }
    }

    fn read(
        &mut self,
        offset: u64,
        len: u64,
        read: impl Fn(&File, &mut [u8], u64) -> io::Result<usize>,
    ) {
        let mut bytes = vec![0xff; len as usize];
        let found = read(&self.file, &mut bytes, offset).unwrap();
        let expected = self.model.get(offset as usize..).unwrap_or_default();
        let expected = &expected[..expected.len().min(bytes.len())];
        assert!(bytes[..found] == *expected, "{len} bytes at {offset}");
    }

    /// Removes a range, if it is whole pages before the end; otherwise that is refused.
    fn collapse(&mut self, offset: u64, len: u64) {
        let page = self.file.page_size() as u64;
        let (whole, end) = (offset.is_multiple_of(page) && len.is_multiple_of(page), offset + len);
        let outcome = self.file.collapse_range(offset, len);
        if whole && end < self.model.len() as u64 {
            outcome.unwrap();
            self.model.drain(offset as usize..end as usize);
        } else {
            assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    /// Inserts a hole, if it consists of whole pages and the file does not become too long; otherwise tries one that
    /// is refused.
    fn insert(&mut self, offset: u64, len: u64) {
        let page = self.file.page_size() as u64;
        let len = if self.model.len() as u64 + len > SPAN * page { page - 1 } else { len };
        let whole = offset.is_multiple_of(page) && len.is_multiple_of(page);
        let outcome = self.file.insert_range(offset, len);
        if whole && offset < self.model.len() as u64 {
            outcome.unwrap();
            let (at, zeroes) = (offset as usize, std::iter::repeat_n(0, len as usize));
            self.model.splice(at..at, zeroes);
        } else {
            assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    fn load(&mut self, offset: u64, len: u64) {
        let mut bytes = vec![0xff; len as usize];
        let outcome = self.mapping.load(offset, &mut bytes);
        let mapped = self.model.len().next_multiple_of(self.file.page_size()) as u64;
        if len > 0 && offset + len > mapped {
            assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            return;
        }
        outcome.unwrap();
        let expected = self.model.get(offset as usize..).unwrap_or_default();
        let inside = expected.len().min(bytes.len());
        assert!(bytes[..inside] == expected[..inside], "{len} bytes at {offset}");
    }

    fn store(&mut self, offset: u64, len: u64) {
        let bytes = self.bytes(len);
        let outcome = self.mapping.store(offset, &bytes);
        let mapped = self.model.len().next_multiple_of(self.file.page_size()) as u64;
        assert_eq!(outcome.is_err(), len > 0 && offset + len > mapped);
        // The bytes before the first page past the end are stored.
        let inside = self.model.len().saturating_sub(offset as usize).min(bytes.len());
        if inside > 0 {
            self.model[offset as usize..][..inside].copy_from_slice(&bytes[..inside]);
        }
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        let start = self.random.next();
        (0..len).map(|at| (start.wrapping_add(at * 7)) as u8).collect()
    }
}

fn agrees<L: OperationLock>(seed: u64, steps: u32, options: Options) {
    let store = Arc::new(MemStore::new());
    let cache = PageCache::with_lock::<L>(options);
    let file = cache.open(Arc::clone(&store)).unwrap();
    let mapping = file.map(0..SPAN * 2 * file.page_size() as u64).unwrap();
    let mut subject = Subject { file, mapping, model: Vec::new(), random: Random::new(seed) };
    for step in 0..steps {
        subject.step(step);
    }
    let Subject { file, mapping, model, .. } = subject;
    drop(mapping);
    drop(file);
    let mut bytes = vec![0xff; model.len() + 1];
    assert_eq!(store.read_at(&mut bytes, 0).unwrap(), model.len(), "seed {seed}");
    assert!(bytes[..model.len()] == model[..], "seed {seed}");
}

#[test]
fn random_operations_agree_with_a_vector() {
    for seed in 0..20 {
        agrees::<MappingLock>(seed, 1_000, Options::new(24).dirty_limit(12));
    }
}

#[test]
fn random_operations_on_larger_pages_agree_with_a_vector() {
    for (seed, page_size) in [(200, 8192), (201, 16384), (202, 16384), (203, 65536), (204, 65536)] {
        let options = Options::new(24).dirty_limit(12).page_size(page_size);
        agrees::<MappingLock>(seed, 500, options);
    }
    agrees::<WholeFile>(205, 500, Options::new(24).dirty_limit(12).page_size(16384));
}

#[test]
fn one_thread_needs_no_lock_to_agree_with_a_vector() {
    agrees::<WholeFile>(100, 1_000, Options::new(24).dirty_limit(12));
    // The flusher would be a second thread. There are enough frames without it, so it never wakes up.
    let options = Options::new(1024).dirty_limit(1024).flush_interval(Duration::from_secs(3600));
    agrees::<Unlocked>(101, 1_000, options);
}
