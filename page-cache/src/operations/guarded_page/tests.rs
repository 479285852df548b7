use std::sync::Arc;
use std::time::Duration;

use crate::{File, MemStore, Options, PageCache};

const PAGE: u64 = 4096;

/// A file of four cached pages that are clean.
fn cached() -> File {
    let options = Options::new(64).flush_interval(Duration::MAX);
    let file: File = PageCache::with_options(options).open(Arc::new(MemStore::new())).unwrap();
    file.write_all_at(&[1; 4 * PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    file
}

#[test]
fn a_page_that_is_cached_and_clean_is_guarded_the_fast_way() {
    let file = cached();
    let inode = file.inode();
    assert_eq!(inode.page_hit(2).unwrap().key().page, 2);
    assert_eq!(inode.page_mut_hit(2).unwrap().number(), 2);
    // The last page that lies within the file in a part only takes the other way.
    file.set_len(4 * PAGE - 1).unwrap();
    assert!(inode.page_hit(3).is_none() && inode.page_mut_hit(3).is_none());
}

/// The frame was found without locks, and may have another page by now.
#[test]
fn a_frame_that_has_another_page_is_not_taken_for_the_one_that_was_looked_up() {
    let file = cached();
    let inode = file.inode();
    let frame = inode.cache.index.peek(&inode.cache.frames, inode.key(2)).unwrap();
    assert!(inode.page_in(frame, 1).is_none());
    assert!(inode.page_mut_in(frame, 1).is_none());
    assert_eq!(inode.page_in(frame, 2).unwrap().key().page, 2);
    assert_eq!(inode.page_mut_in(frame, 2).unwrap().number(), 2);
}
