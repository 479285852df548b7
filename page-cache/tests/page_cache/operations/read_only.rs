//! A file whose store is read-only: every change is refused immediately.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use spanlock_page_cache::{Failure, File, Length, MemStore, PageCache, Store, StoreLayer};

struct ReadOnly(Arc<MemStore>);

impl StoreLayer for ReadOnly {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.0
    }
    fn is_read_only(&self) -> bool {
        true
    }
    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        panic!("a read-only store was written");
    }
    fn set_len(&self, _: u64) -> io::Result<()> {
        panic!("the length of a read-only store was set");
    }
}

fn changes(file: &File) -> Vec<(&'static str, io::Result<()>)> {
    let mapping = file.map(0..u64::MAX).unwrap();
    vec![
        ("write", file.write_at(b"x", 0).map(drop)),
        ("append", file.append(b"x").map(drop)),
        ("direct write", file.write_direct_at(b"x", 0).map(drop)),
        ("store", mapping.store(0, b"x")),
        ("write", file.write_at_tagged(b"x", 0, 1).map(drop)),
        ("page_mut", file.page_mut(0).map(drop)),
        ("pages_mut", file.pages_mut([0, 1]).map(drop)),
        ("set_len", file.set_len(0)),
        ("set_len", file.set_len(1 << 20)),
        ("punch_hole", file.punch_hole(0, 4096)),
        ("zero_range", file.zero_range(0, 4096, Length::Extend)),
        ("allocate", file.allocate(0, 4096, Length::Extend)),
        ("collapse_range", file.collapse_range(0, 4096)),
        ("insert_range", file.insert_range(0, 4096)),
    ]
}

#[test]
fn every_change_of_a_read_only_file_is_refused_and_reads_go_on() {
    let below = Arc::new(MemStore::new());
    below.write_at(&[7; 10_000], 0).unwrap();
    let file = PageCache::new(16).open(ReadOnly(Arc::clone(&below))).unwrap();
    let mut seen = [0; 10_000];
    // Of pages that are not cached, and of cached ones.
    for _ in 0..2 {
        for (operation, outcome) in changes(&file) {
            let error = outcome.expect_err(operation);
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{operation}: {error}");
            assert!(error.to_string().ends_with("the store is read-only"), "{error}");
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>());
            assert_eq!(inner.unwrap().operation(), operation);
        }
        file.read_exact_at(&mut seen, 0).unwrap();
        assert_eq!(seen, [7; 10_000]);
    }
    assert_eq!(file.page(1).unwrap()[..], [7; 4096]);
    file.map(0..4096).unwrap().load(0, &mut seen[..4096]).unwrap();
    assert_eq!(file.read_direct_at(&mut seen, 0).unwrap(), 10_000);
    file.sync_all().unwrap();
    file.close().unwrap();
}
