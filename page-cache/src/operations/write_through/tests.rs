use std::sync::Arc;
use std::time::Duration;

use crate::{MemStore, Options, PageCache, Store};

const PAGE: u64 = 4096;

/// A store to a mapping takes no IO lock, so a page may have become dirty in a part after it was found that the
/// file has no dirty page.
#[test]
fn a_part_of_a_page_that_was_dirty_outlives_what_is_sent_of_another_part() {
    let options = Options::new(64).flush_interval(Duration::MAX);
    let cache = PageCache::with_options(options);
    let store = Arc::new(MemStore::new());
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.set_len(2 * PAGE).unwrap();
    file.write_all_at(b"dirty", 100).unwrap();
    file.inode().store_through(b"through", 4000).unwrap();
    let mut seen = [0; 7];
    store.read_at(&mut seen, 4000).unwrap();
    assert_eq!(&seen, b"through");
    file.read_exact_at(&mut seen[..5], 100).unwrap();
    assert_eq!(&seen[..5], b"dirty");
    file.sync_data().unwrap();
    for (at, bytes) in [(100, &b"dirty"[..]), (4000, b"through")] {
        let mut seen = vec![0; bytes.len()];
        store.read_at(&mut seen, at).unwrap();
        assert_eq!(seen, bytes);
    }
}
