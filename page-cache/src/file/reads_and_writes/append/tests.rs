use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::observed::{Asked, Asking, ObservedFile, observed};
use crate::{File, MemStore, Options, PAGE_SIZE, PageCache, Store};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

/// Invariant 8.
#[test]
fn appends_of_many_threads_lie_one_behind_the_other_and_none_is_torn() {
    let file: File = PageCache::new(1024).open(MemStore::new()).unwrap();
    let (threads, each) = (4, 100);
    let places: Vec<(u64, u8, usize)> = thread::scope(|scope| {
        let append = |thread: u8| {
            let file = &file;
            scope.spawn(move || -> Vec<_> {
                let lens =
                    (0..each).map(|round| 1 + (round * 9973 + thread as usize * 11) % 70_000);
                lens.map(|len| (file.append(&vec![thread + 1; len]).unwrap(), thread + 1, len))
                    .collect()
            })
        };
        let appending: Vec<_> = (0..threads).map(append).collect();
        appending.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut bytes = vec![0; file.len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes.len(), places.iter().map(|(_, _, len)| len).sum::<usize>());
    for (offset, stamp, len) in places {
        let here = &bytes[offset as usize..offset as usize + len];
        assert!(here.iter().all(|&byte| byte == stamp), "{len} bytes of {stamp} at {offset}");
    }
}

/// Invariant 8.
#[test]
fn an_append_that_waited_while_the_file_was_cut_off_goes_to_its_new_end() {
    let ObservedFile { file, io, .. } = observed(MemStore::new());
    file.write_all_at(&[1; 3 * PAGE_SIZE], 0).unwrap();
    let claim = file.inode().io_exclusive(0..u64::MAX);
    thread::scope(|scope| {
        let append = scope.spawn(|| file.append(&[2; 10]).unwrap());
        io.until_waited_for(Access::Truncate);
        let pages = file.inode().claim(Access::Truncate, 100..u64::MAX);
        file.inode().cut_cache(100, &pages);
        drop((pages, claim));
        assert_eq!(append.join().unwrap(), 100);
    });
    let mut bytes = [0; 111];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 110);
    assert!(bytes[..100] == [1; 100] && bytes[100..110] == [2; 10]);
}

/// A5. Invariant 5.
#[test]
fn an_append_that_fails_half_way_leaves_the_file_as_it_was() {
    let failing: Arc<AtomicBool> = Arc::default();
    let fails = Arc::clone(&failing);
    let store = Arc::new(Asking::new(move |asked, _| match asked {
        Asked::Write if fails.load(Ordering::Relaxed) => Err(ErrorKind::StorageFull.into()),
        _ => io::Result::Ok(()),
    }));
    let cache: PageCache = PageCache::with_options(Options::new(16));
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 5000], 0).unwrap();
    file.sync_all().unwrap();
    failing.store(true, Ordering::Relaxed);
    // More than the cache holds, and no page of it can be cleaned.
    let error = file.append(&vec![2; 40 * PAGE_SIZE]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(error.to_string().starts_with("append of "), "{error}");
    failing.store(false, Ordering::Relaxed);
    assert_eq!(file.len(), 5000);
    assert!(file.inode().resident_in(2..u64::MAX).is_empty());
    let _heard = file.sync_all();
    assert_eq!((store.len().unwrap(), store.inner.blocks()), (5000, 2));
    file.set_len(3 * PAGE).unwrap();
    let mut bytes = [0xff; 3 * PAGE_SIZE];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert!(bytes[..5000] == [1; 5000] && bytes[5000..].iter().all(|&byte| byte == 0));
}

#[test]
fn an_append_past_the_longest_file_is_refused_and_an_empty_one_returns_the_end() {
    let file: File = PageCache::new(16).open(MemStore::new()).unwrap();
    file.set_len(i64::MAX as u64 - 5).unwrap();
    assert_eq!(file.append(&[1; 6]).unwrap_err().kind(), ErrorKind::FileTooLarge);
    assert_eq!(file.append(&[]).unwrap(), i64::MAX as u64 - 5);
    assert_eq!(file.append(&[1; 5]).unwrap(), i64::MAX as u64 - 5);
}
