//! A file over a store whose syncs fail, the changes that are made to it before, and the syncs.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use spanlock_page_cache::{File, FileOptions, Length, MemStore, Options, PageCache};

use super::{NEVER, PAGE};
use crate::stores::lossy_store::{Fate, LossyStore};

pub(super) const FATES: [Fate; 5] =
    [Fate::Lost, Fate::Undone, Fate::Any(1), Fate::Any(2), Fate::Any(3)];

/// The length of the files at first.
pub(super) const LEN: u64 = 8 * PAGE + 100;

/// How a file's writes reach the store.
#[derive(Clone, Copy)]
pub(super) enum Written {
    Back,
    Through,
}

impl Written {
    pub(super) fn options(self) -> FileOptions {
        match self {
            Written::Back => FileOptions::new(),
            Written::Through => FileOptions::new().write_through(),
        }
    }
}

pub(super) struct Case {
    pub(super) cache: PageCache,
    pub(super) file: File,
    pub(super) store: Arc<LossyStore>,
    /// What is in the file.
    pub(super) bytes: Vec<u8>,
}

impl Case {
    /// A file of ones, which are durable, in a cache whose flusher never wakes up.
    pub(super) fn new(fate: Fate, written: Written) -> Case {
        let cache = PageCache::with_options(Options::new(32).flush_interval(NEVER).readahead(0));
        let store = Arc::new(LossyStore::new(fate));
        let file = cache.open_with(Arc::clone(&store), written.options()).unwrap();
        file.write_all_at(&[1; LEN as usize], 0).unwrap();
        file.sync_all().unwrap();
        Case { cache, file, store, bytes: vec![1; LEN as usize] }
    }

    pub(super) fn wrote(&mut self, range: Range<u64>, byte: u8) {
        let end = range.end as usize;
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[range.start as usize..end].fill(byte);
    }

    pub(super) fn write(&mut self, range: Range<u64>) {
        self.file.write_all_at(&vec![2; (range.end - range.start) as usize], range.start).unwrap();
        self.wrote(range, 2);
    }

    /// Evicts all clean pages, among them those of this file.
    pub(super) fn evict(&self) {
        let other = self.cache.open(MemStore::new()).unwrap();
        other.set_len(48 * PAGE).unwrap();
        for _ in 0..3 {
            for page in 0..48 {
                other.read_exact_at(&mut [0], page * PAGE).unwrap();
            }
        }
    }

    pub(super) fn check_durable(&self, case: &str) {
        let durable = self.store.after_a_crash();
        assert_eq!(durable.len(), self.bytes.len(), "{case}");
        let wrong = (0..durable.len()).find(|&at| durable[at] != self.bytes[at]);
        assert_eq!(wrong, None, "{case}");
    }
}

pub(super) type Change = (&'static str, Written, fn(&mut Case));

/// Changes that the cache can make again.
pub(super) fn kept() -> Vec<Change> {
    let back = Written::Back;
    let through = Written::Through;
    vec![
        ("pages", back, |case| case.write(PAGE..4 * PAGE)),
        ("parts of pages", back, |case| {
            case.evict();
            case.write(PAGE + 10..PAGE + 20);
            case.write(3 * PAGE - 5..3 * PAGE + 5);
        }),
        ("parts of a page, one after the other", back, |case| {
            case.evict();
            case.write(PAGE + 10..PAGE + 20);
            case.file.writeback(0..LEN).unwrap();
            case.write(PAGE + 30..PAGE + 40);
        }),
        ("parts of a page that is read before the sync", back, |case| {
            case.evict();
            case.write(PAGE + 10..PAGE + 20);
            case.file.writeback(0..LEN).unwrap();
            case.file.read_exact_at(&mut [0], PAGE).unwrap();
        }),
        ("a store through a mapping", back, |case| {
            case.file.map(0..LEN).unwrap().store(PAGE + 10, &[2; 10]).unwrap();
            case.wrote(PAGE + 10..PAGE + 20, 2);
        }),
        ("an append", back, |case| {
            let at = case.file.append(&[2; 5000]).unwrap();
            case.wrote(at..at + 5000, 2);
        }),
        ("a write through", through, |case| {
            case.file.read_exact_at(&mut [0; LEN as usize], 0).unwrap();
            case.write(PAGE + 10..3 * PAGE);
        }),
        ("a write that was sent before", back, |case| {
            case.write(PAGE + 10..3 * PAGE);
            case.file.writeback(0..LEN).unwrap();
        }),
        ("a truncation", back, |case| {
            case.file.set_len(3 * PAGE + 5).unwrap();
            case.bytes.truncate(3 * PAGE as usize + 5);
        }),
        ("an extension", back, |case| {
            case.file.set_len(20 * PAGE + 5).unwrap();
            case.bytes.resize(20 * PAGE as usize + 5, 0);
        }),
        ("a truncation of what was written", back, |case| {
            case.write(0..20 * PAGE);
            case.file.writeback(0..u64::MAX).unwrap();
            case.evict();
            case.file.set_len(0).unwrap();
            case.bytes.clear();
        }),
        ("a truncation, and appends after it", back, |case| {
            case.file.set_len(0).unwrap();
            case.bytes.clear();
            case.file.append(&[2; 5000]).unwrap();
            case.wrote(0..5000, 2);
        }),
        ("an allocation", back, |case| {
            case.file.allocate(7 * PAGE, 5 * PAGE, Length::Extend).unwrap();
            case.bytes.resize(12 * PAGE as usize, 0);
        }),
        ("an allocation of the whole file and more", back, |case| {
            case.file.allocate(0, 12 * PAGE, Length::Extend).unwrap();
            case.bytes.resize(12 * PAGE as usize, 0);
        }),
    ]
}

/// Changes that the cache cannot make again, or not all of them.
pub(super) fn lost() -> Vec<Change> {
    let back = Written::Back;
    let through = Written::Through;
    vec![
        ("evicted pages", back, |case| {
            case.write(PAGE..4 * PAGE);
            case.file.writeback(0..LEN).unwrap();
            case.evict();
        }),
        ("an evicted part of a page", back, |case| {
            case.evict();
            case.write(PAGE + 10..PAGE + 20);
            case.file.writeback(0..LEN).unwrap();
            case.evict();
        }),
        ("an evicted page that is cached again", back, |case| {
            case.write(PAGE..2 * PAGE);
            case.file.writeback(0..LEN).unwrap();
            case.evict();
            case.file.read_exact_at(&mut [0], PAGE).unwrap();
        }),
        ("an evicted page of which a part is written again", back, |case| {
            case.write(PAGE..2 * PAGE);
            case.file.writeback(0..LEN).unwrap();
            case.evict();
            case.write(PAGE + 10..PAGE + 20);
            case.file.read_exact_at(&mut [0], PAGE).unwrap();
        }),
        ("an evicted page of a mapping", back, |case| {
            case.file.map(0..LEN).unwrap().store(PAGE + 10, &[2; 10]).unwrap();
            case.wrote(PAGE + 10..PAGE + 20, 2);
            case.file.writeback(0..LEN).unwrap();
            case.evict();
        }),
        ("a direct write", back, |case| {
            case.file.write_direct_at(&[2; PAGE as usize], PAGE).unwrap();
            case.wrote(PAGE..2 * PAGE, 2);
        }),
        ("a direct write of a part of a page", back, |case| {
            case.file.write_direct_at(&[2; 10], PAGE + 10).unwrap();
            case.wrote(PAGE + 10..PAGE + 20, 2);
        }),
        ("a direct write at the end", back, |case| {
            case.file.write_direct_at(&[2; 5000], LEN).unwrap();
            case.wrote(LEN..LEN + 5000, 2);
        }),
        ("pages that a direct write took out", back, |case| {
            case.write(PAGE..2 * PAGE);
            case.file.write_direct_at(&[3; 10], PAGE + 10).unwrap();
            case.wrote(PAGE + 10..PAGE + 20, 3);
        }),
        ("a write through past a page that is not cached", through, |case| {
            case.evict();
            case.write(PAGE + 10..PAGE + 20);
        }),
        ("an evicted page that was written through", through, |case| {
            case.write(PAGE..2 * PAGE);
            case.evict();
        }),
        ("a hole", back, |case| {
            case.file.punch_hole(PAGE + 10, 2 * PAGE).unwrap();
            case.wrote(PAGE + 10..3 * PAGE + 10, 0);
        }),
        ("zeroes", back, |case| {
            case.file.zero_range(PAGE + 10, 2 * PAGE, Length::Keep).unwrap();
            case.wrote(PAGE + 10..3 * PAGE + 10, 0);
        }),
        ("zeroes past the end", back, |case| {
            case.file.zero_range(20 * PAGE, PAGE, Length::Extend).unwrap();
            case.bytes.resize(21 * PAGE as usize, 0);
        }),
        ("a truncation, and an extension after it", back, |case| {
            case.file.set_len(PAGE).unwrap();
            case.file.set_len(LEN).unwrap();
            case.wrote(PAGE..LEN, 0);
        }),
        ("a truncation, and a write past the end after it", back, |case| {
            case.file.set_len(PAGE).unwrap();
            case.wrote(PAGE..LEN, 0);
            case.bytes.truncate(5 * PAGE as usize + 20);
            case.write(5 * PAGE + 10..5 * PAGE + 20);
        }),
        ("a collapse", back, |case| {
            case.file.write_all_at(&[3; PAGE as usize], 5 * PAGE).unwrap();
            case.wrote(5 * PAGE..6 * PAGE, 3);
            case.file.collapse_range(PAGE, PAGE).unwrap();
            case.bytes.drain(PAGE as usize..2 * PAGE as usize);
        }),
        ("an insertion", back, |case| {
            case.file.insert_range(PAGE, PAGE).unwrap();
            case.bytes.splice(PAGE as usize..PAGE as usize, vec![0; PAGE as usize]);
        }),
    ]
}

/// Two of the syncs, each with one to come after it: all pairs, in turn over the cases.
pub(super) fn pairs(case: usize) -> [(Sync, Sync); 2] {
    [case, case + 2].map(|sync| (syncs()[sync % 5], syncs()[(sync + case / 5) % 5]))
}

pub(super) type Sync = (&'static str, fn(&File) -> io::Result<()>);

pub(super) fn syncs() -> [Sync; 5] {
    [
        ("sync_data", File::sync_data),
        ("sync_all", File::sync_all),
        ("sync_range", |file| file.sync_range(0..file.len())),
        // This makes durable all that the store was given before, whatever the range.
        ("sync_range of nothing", |file| {
            file.writeback(0..u64::MAX)?;
            file.sync_range(0..0)
        }),
        ("close", |file| file.clone().close().map_err(io::Error::from)),
    ]
}

pub(super) fn fail(case: &Case, syncs: usize, (_, sync): Sync) {
    case.store.fail_syncs(syncs);
    for _ in 0..syncs {
        let error = sync(&case.file).unwrap_err();
        assert!(error.to_string().contains("told to fail"), "{error}");
    }
}
