//! Random operations on a small cache and on a plain vector agree byte for byte.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spanlock::MappingLock;
use spanlock_page_cache::{
    File, Mapping, MemStore, OperationLock, Options, PageCache, Store, Unlocked, WholeFile,
};

use crate::random::Random;

const PAGE: usize = 4096;
const SPAN: u64 = 60 * PAGE as u64;

struct Subject {
    file: File,
    mapping: Mapping,
    model: Vec<u8>,
    random: Random,
}

impl Subject {
    fn step(&mut self, step: u32) {
        let offset = self.random.below(SPAN);
        let len = match self.random.below(4) {
            0 => self.random.below(16),
            1 => self.random.below(5_000),
            2 => PAGE as u64,
            _ => self.random.below(30_000),
        };
        let (offset, len) = match self.random.below(3) {
            0 => (offset / PAGE as u64 * PAGE as u64, len.next_multiple_of(PAGE as u64)),
            _ => (offset, len),
        };
        match self.random.below(16) {
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

    fn load(&mut self, offset: u64, len: u64) {
        let mut bytes = vec![0xff; len as usize];
        let outcome = self.mapping.load(offset, &mut bytes);
        let mapped = self.model.len().next_multiple_of(PAGE) as u64;
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
        let mapped = self.model.len().next_multiple_of(PAGE) as u64;
        assert_eq!(outcome.is_err(), len > 0 && offset + len > mapped);
        // What fits the pages that there are is stored, also before a page that is not.
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
    let mapping = file.map(0..SPAN * 2).unwrap();
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
fn one_thread_needs_no_lock_to_agree_with_a_vector() {
    agrees::<WholeFile>(100, 1_000, Options::new(24).dirty_limit(12));
    // The flusher would be a second thread: there is room enough to let it sleep.
    let options = Options::new(1024).dirty_limit(1024).flush_interval(Duration::from_secs(3600));
    agrees::<Unlocked>(101, 1_000, options);
}
