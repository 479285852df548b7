use std::time::Duration;

use crate::pages::dirty_limit::By;
use crate::{MemStore, Options, PAGE_SIZE, PageCache};

#[test]
fn a_dirty_page_is_counted_once_however_often_it_is_admitted() {
    let options = Options::new(64).flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_options(options);
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
    let inode = file.inode();
    let counted = || (inode.cache.dirty.count(), inode.own_dirty().pages);
    assert_eq!(counted(), (2, 2));
    for by in [By::Write, By::Mapping, By::Guard, By::FailedSync] {
        assert!(inode.admit_dirty(1, by));
        assert_eq!(counted(), (2, 2));
    }
    file.sync_data().unwrap();
    assert_eq!(counted(), (0, 0));
}
