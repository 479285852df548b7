//! Files that may have no dirty page, because others have as many as are allowed, and whose bytes cannot be written
//! through.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, MemStore, Options, PageCache};

use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

/// A cache in which files have all the dirty pages that are allowed, one each, and whose pages cannot be written back
/// while the flag is set.
fn full() -> (PageCache, Vec<File>, Arc<AtomicBool>) {
    let options = Options::new(64).dirty_limit(1).flush_interval(Duration::MAX).readahead(0);
    let cache = PageCache::with_options(options);
    let refuses = Arc::new(AtomicBool::new(true));
    let open = || {
        let asked = Arc::clone(&refuses);
        let hook = move |_: &[_]| match asked.load(Ordering::Relaxed) {
            true => Err(io::Error::other("not now")),
            false => Ok(()),
        };
        let options = FileOptions::new().before_writeback(hook);
        let file = cache.open_with(MemStore::new(), options).unwrap();
        file.set_len(PAGE).unwrap();
        file
    };
    let files: Vec<File> = (0..100).map(|_| open()).collect();
    let stored = |file: &&File| file.map(0..PAGE).unwrap().store(0, &[1]).is_ok();
    let count = files.iter().take_while(stored).count();
    assert!(count < 100, "there is a limit");
    (cache, files, refuses)
}

/// A file of whole pages.
fn whole(cache: &PageCache) -> (File, Arc<RecordingStore>) {
    let store = Arc::new(RecordingStore::with(&[1; 4 * PAGE as usize]));
    let file = cache.open_with(Arc::clone(&store), FileOptions::new().whole_pages()).unwrap();
    (file, store)
}

#[test]
fn a_file_of_whole_pages_waits_until_others_have_fewer_dirty_pages() {
    let changes: [fn(&File); 2] = [
        |file| file.write_all_at(&[2; 10], 5).unwrap(),
        |file| file.map(0..PAGE).unwrap().store(5, &[2; 10]).unwrap(),
    ];
    for change in changes {
        let (cache, _files, refuses) = full();
        let (file, store) = whole(&cache);
        // From here on the flusher can write back pages of the other files. It does so when a thread waits.
        refuses.store(false, Ordering::Relaxed);
        change(&file);
        file.sync_data().unwrap();
        let torn = |asked: &Asked| matches!(asked, Asked::Write(bytes) if *bytes != (0..PAGE));
        assert!(!store.asked().iter().any(torn));
        assert_eq!(store.bytes(4..16), [[1].as_slice(), &[2; 10], &[1]].concat());
    }
}

#[test]
fn a_thread_that_waits_for_others_to_have_fewer_dirty_pages_gets_an_error_in_the_end() {
    let (cache, _files, _refuses) = full();
    let (file, store) = whole(&cache);
    let other = cache.open(RecordingStore::with(&[1; PAGE as usize])).unwrap();
    let changes: [&(dyn Fn() -> io::Result<()> + Sync); 3] = [
        &|| file.write_at(&[2; 10], 0).map(drop),
        &|| file.map(0..PAGE)?.store(0, &[2; 10]),
        &|| other.page_mut(0).map(drop),
    ];
    thread::scope(|scope| {
        let threads = changes.map(|change| scope.spawn(change));
        for thread in threads {
            let error = thread.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ResourceBusy, "{error}");
        }
    });
    assert!(!store.asked().iter().any(|asked| matches!(asked, Asked::Write(_))));
}
