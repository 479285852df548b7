//! Guards that keep their file open.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use spanlock_page_cache::{OwnedPageMut, OwnedPageRef};

#[test]
fn an_owned_guard_keeps_its_file_open_and_the_last_one_closes_it() {
    let (cache, file, store) = open(64, 4);
    let shared = file.page(1).unwrap().into_owned(&file);
    let mut exclusive = file.page_mut(2).unwrap().into_owned(&file);
    exclusive[0] = 9;
    drop((file, cache));
    assert_eq!(*shared, [1; PAGE_SIZE]);
    assert_eq!(exclusive[..2], [9, 2]);
    let written = |asked: Vec<Asked>| asked.iter().any(|one| matches!(one, Asked::Write(_)));
    drop(shared);
    assert!(!written(store.asked()));
    drop(exclusive);
    assert!(written(store.asked()));
    assert_eq!(Arc::strong_count(&store), 1);
}

#[test]
fn an_owned_guard_excludes_others_until_it_is_dropped() {
    let (_cache, file, _store) = open(64, 4);
    let shared = file.page(1).unwrap().into_owned(&file);
    let exclusive = file.page_mut(2).unwrap().into_owned(&file);
    elsewhere(|| {
        assert!(file.try_page(1).unwrap().is_some());
        assert!(file.try_page_mut(1).unwrap().is_none());
        assert!(file.try_page(2).unwrap().is_none());
    });
    assert_eq!(file.write_at(b"x", 0).unwrap_err().kind(), ErrorKind::Deadlock);
    drop((shared, exclusive));
    elsewhere(|| assert!(file.try_page_mut(1).unwrap().is_some()));
    file.write_at(b"x", 0).unwrap();
}

#[test]
fn an_owned_guard_does_what_the_other_does() {
    let (_cache, file, _store) = open(64, 4);
    let mut page = file.page_mut(3).unwrap().into_owned(&file);
    page.as_mut()[0] = 7;
    page.write(1, b"xy");
    page.set_tag(17);
    assert!(catch_unwind(AssertUnwindSafe(|| page.write(PAGE_SIZE, b"z"))).is_err());
    assert_eq!((page.number(), &page.as_ref()[..4]), (3, &[7, b'x', b'y', 3][..]));
    let page: OwnedPageRef = page.downgrade();
    assert_eq!((page.number(), &page.as_ref()[..4]), (3, &[7, b'x', b'y', 3][..]));
    assert_eq!(file.dirty_pages()[0].newest_tag, 17);
    // Shared now.
    assert_eq!(file.page(3).unwrap()[0], 7);
}

#[test]
fn a_guard_that_is_not_of_the_file_is_not_kept_by_it_and_released() {
    let (cache, file, _store) = open(64, 4);
    let other = cache.open(MemStore::new()).unwrap();
    other.set_len(4 * PAGE).unwrap();
    let (_elsewhere, far, _) = open(64, 4);
    for not_its in [&other, &far] {
        let shared = || drop(file.page(1).unwrap().into_owned(not_its));
        let exclusive = || drop(file.page_mut(1).unwrap().into_owned(not_its));
        for convert in [&shared as &dyn Fn(), &exclusive] {
            let payload = catch_unwind(AssertUnwindSafe(convert)).unwrap_err();
            let message = payload.downcast_ref::<String>().unwrap();
            let begin = "into_owned: the guard is of page 1 of another file than ";
            assert!(message.starts_with(begin), "{message}");
        }
    }
    elsewhere(|| assert!(file.try_page_mut(1).unwrap().is_some()));
    // Any handle of the file will do.
    drop(file.page(1).unwrap().into_owned(&file.clone()));
}

#[test]
fn an_owned_guard_that_a_thread_keeps_to_its_end_is_released_with_it() {
    thread_local! {
        static KEPT: RefCell<Vec<OwnedPageMut>> = const { RefCell::new(Vec::new()) };
    }
    let (cache, file, store) = open(64, 32);
    drop(cache);
    let keeper = thread::spawn(move || {
        KEPT.with_borrow_mut(Vec::clear);
        // More than a thread can list without a heap allocation.
        for number in 0..20 {
            let mut page = file.page_mut(number).unwrap().into_owned(&file);
            page[0] = 99;
            KEPT.with_borrow_mut(|kept| kept.push(page));
        }
    });
    keeper.join().unwrap();
    for number in 0..20 {
        let mut byte = [0];
        store.read_at(&mut byte, number * PAGE).unwrap();
        assert_eq!(byte, [99], "page {number}");
    }
}
