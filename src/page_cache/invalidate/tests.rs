use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::Access;
use crate::page_cache::observed::{Asked, Asking};
use crate::page_cache::{Options, PageCache};

const PAGE: u64 = 4096;

/// B3. Invariant 10.
#[test]
fn a_page_that_invalidation_writes_out_is_not_dirtied_before_it_is_gone() {
    let (begun, told) = channel();
    let gate: Arc<Mutex<()>> = Arc::default();
    let passed = Arc::clone(&gate);
    let store = Asking::new(move |asked, _| {
        if asked == Asked::Write {
            let _ = begun.send(());
            drop(passed.lock().unwrap());
        }
        Ok(())
    });
    let cache: PageCache = PageCache::with_options(Options::new(16).flush_interval(Duration::MAX));
    let file = cache.open(store).unwrap();
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(0, &[2]).unwrap();
    let gate = gate.lock().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let visit = cache.shared.file(1).unwrap();
            let claim = visit.claim(Access::Invalidate, 0..PAGE);
            visit.invalidate(0..1, &claim).unwrap();
        });
        told.recv().unwrap();
        let storing = scope.spawn(|| mapping.store(1, &[3]).unwrap());
        for _ in 0..1_000 {
            thread::yield_now();
        }
        let stored = storing.is_finished();
        drop(gate);
        assert!(!stored);
    });
    let mut seen = [0; 3];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [2, 3, 1]);
}
