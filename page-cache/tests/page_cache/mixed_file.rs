//! A file whose pages are in all states, for tests that an operation changes nothing.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, Mapping, Options, PageCache, Store};

const PAGE: u64 = 4096;

/// How long it is.
pub const SIZE: u64 = 6 * PAGE + 100;

/// A file whose pages are clean, dirty, dirty in part, dirty through a mapping, and not cached.
pub struct MixedFile<S: Store + 'static> {
    pub file: File,
    pub mapping: Mapping,
    pub store: Arc<S>,
    pub bytes: Vec<u8>,
    _cache: PageCache,
}

impl<S: Store + 'static> MixedFile<S> {
    pub fn new(store: S) -> MixedFile<S> {
        let store = Arc::new(store);
        let mut bytes: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8 + 1).collect();
        assert_eq!(store.write_at(&bytes, 0).unwrap(), bytes.len());
        // The flusher never wakes up, so that every request is from the operation.
        let options = Options::new(64).flush_interval(Duration::from_secs(3600));
        let cache = PageCache::with_options(options);
        let file = cache.open(Arc::clone(&store)).unwrap();
        let mapping = file.map(0..1 << 40).unwrap();
        file.read_exact_at(&mut [0; 2 * PAGE as usize], 0).unwrap();
        mapping.load(0, &mut [0; 10]).unwrap();
        let mut write = |offset: u64, dirty: &[u8], through: Through| {
            match through {
                Through::Write => file.write_all_at(dirty, offset).unwrap(),
                Through::Mapping => mapping.store(offset, dirty).unwrap(),
            }
            bytes[offset as usize..][..dirty.len()].copy_from_slice(dirty);
        };
        write(2 * PAGE, &[0xd2; PAGE as usize], Through::Write);
        write(3 * PAGE + 50, &[0xd3; 10], Through::Write);
        write(4 * PAGE + 70, &[0xd4; 20], Through::Mapping);
        write(6 * PAGE + 90, &[0xd6; 10], Through::Write);
        MixedFile { file, mapping, store, bytes, _cache: cache }
    }

    /// Checks that nothing is held, and that size and bytes are those of the mixed file.
    pub fn check(&self, case: &str) {
        self.check_except(case, |_, _| false);
    }

    /// As `check`, with bytes that may be different if `or` says so.
    pub fn check_except(&self, case: &str, or: impl Fn(usize, u8) -> bool) {
        self.check_unlocked(case);
        assert_eq!(self.file.len(), self.bytes.len() as u64, "{case}");
        let read = |file: &File, bytes: &mut [u8]| file.read_exact_at(bytes, 0);
        let direct = |file: &File, bytes: &mut [u8]| file.read_direct_at(bytes, 0).map(drop);
        let mut first = Vec::new();
        for how in [read, direct] {
            let mut seen = vec![0xff; self.bytes.len()];
            how(&self.file, &mut seen).unwrap();
            let wrong = (0..seen.len()).find(|&at| seen[at] != self.bytes[at] && !or(at, seen[at]));
            assert_eq!(wrong, None, "{case}");
            // A second read, from the store, returns what the read from the cache returned.
            assert!(first.is_empty() || first == seen, "{case}");
            first = seen;
        }
    }

    /// Lets another thread take every lock exclusively: the IO lock and the mapping lock by a request on the whole
    /// file, which is then refused, and the page locks by faults.
    fn check_unlocked(&self, case: &str) {
        let (file, len) = (self.file.clone(), self.bytes.len());
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let refused = file.collapse_range(0, 1 << 40).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput);
            file.map(0..1 << 40).unwrap().load(0, &mut vec![0; len]).unwrap();
            done.send(()).unwrap();
        });
        // This does not measure speed: a thread that is stuck stays stuck.
        let outcome = is_done.recv_timeout(Duration::from_secs(60));
        assert!(outcome.is_ok(), "{case}: something is still locked");
    }
}

enum Through {
    Write,
    Mapping,
}
