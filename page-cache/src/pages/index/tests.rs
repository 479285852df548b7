use std::sync::Barrier;
use std::thread;

use super::{Found, Index, PEEK_STEPS};
use crate::page::PageSize;
use crate::pages::frame::{Frames, Key};
use crate::{File, MemStore, PAGE_SIZE, PageCache};

fn key(page: u64) -> Key {
    Key { file: 1, page }
}

#[test]
fn pages_are_found_until_they_are_removed() {
    let (frames, index) = (Frames::new(200, PageSize::DEFAULT), Index::new(200));
    for page in 0..200 {
        let mut free = frames.take_free();
        assert!(matches!(index.find_or_insert(&frames, key(page * 7), &mut free), Found::Made(_)));
    }
    assert!(frames.take_free().is_none());
    for page in (0..200).map(|page| page * 7) {
        assert_eq!(index.peek(&frames, key(page)).map(|frame| frame.key()), Some(key(page)));
        let locked = index.find(&frames, key(page)).unwrap().lock();
        index.remove(&frames, &locked);
        assert!(index.find(&frames, key(page)).is_none());
        drop(locked.retire());
    }
    assert!((0..200).all(|_| frames.take_free().map(std::mem::forget).is_some()));
}

#[test]
fn pages_of_one_file_and_of_many_are_spread_over_the_buckets() {
    const FRAMES: u32 = 1 << 14;
    let index = Index::new(FRAMES);
    for pages_of_each in [1, 2, 16, 100, u64::from(FRAMES)] {
        let mut chains = vec![0; index.heads.len()];
        for number in 0..u64::from(FRAMES) {
            let key = Key { file: 1 + number / pages_of_each, page: number % pages_of_each };
            chains[index.bucket_of(key)] += 1;
        }
        let longest = chains.into_iter().max().unwrap();
        assert!(longest <= 8, "{longest} pages in one bucket, {pages_of_each} of each file");
    }
}

#[test]
fn a_pinned_page_is_not_removed_by_reclaim() {
    let (frames, index) = (Frames::new(1, PageSize::DEFAULT), Index::new(1));
    let mut free = frames.take_free();
    let Found::Made(page) = index.find_or_insert(&frames, key(0), &mut free) else { panic!() };
    let pin = page.pin();
    assert!(!index.remove_unpinned(&frames, &page, || unreachable!()));
    drop(pin);
    assert!(index.remove_unpinned(&frames, &page, || {}));
    assert!(page.retire().is_some());
}

#[test]
fn two_makers_of_one_page_make_it_once_and_leak_no_frame() {
    let (frames, index) = (Frames::new(4, PageSize::DEFAULT), Index::new(4));
    for page in 0..300 {
        let start = Barrier::new(2);
        let made: usize = thread::scope(|scope| {
            let make = || {
                let mut free = frames.take_free();
                start.wait();
                usize::from(matches!(
                    index.find_or_insert(&frames, key(page), &mut free),
                    Found::Made(_)
                ))
            };
            let other = scope.spawn(make);
            make() + other.join().unwrap()
        });
        assert_eq!(made, 1);
        let locked = index.find(&frames, key(page)).unwrap().lock();
        index.remove(&frames, &locked);
        drop(locked.retire());
    }
    let free: Vec<_> = std::iter::from_fn(|| frames.take_free()).collect();
    assert_eq!(free.len(), 4);
}

#[test]
fn a_mapped_page_is_found_where_many_are_in_its_bucket() {
    const PAGE: u64 = PAGE_SIZE as u64;
    let file: File = PageCache::new(64).open(MemStore::new()).unwrap();
    let index = &file.inode().cache.index;
    let bucket = |page: u64| index.bucket_of(file.inode().key(page));
    let pages = (0..).step_by(16).filter(|&page| bucket(page) == bucket(0));
    let pages: Vec<u64> = pages.take(PEEK_STEPS + 2).collect();
    let len = (pages[pages.len() - 1] + 1) * PAGE;
    file.set_len(len).unwrap();
    let mapping = file.map(0..len).unwrap();
    for &page in pages.iter().chain(&pages) {
        mapping.load(page * PAGE, &mut [0]).unwrap();
    }
    assert_eq!(index.peek(&file.inode().cache.frames, file.inode().key(0)).map(|_| ()), None);
}
