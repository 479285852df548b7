//! Writes that are durable when they return.

use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use spanlock_page_cache::{Durability, File, Length, MemStore, Options, PageCache};

use crate::stores::lossy_store::{Fate, LossyStore};
use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

fn quiet_cache() -> PageCache {
    PageCache::with_options(Options::new(64).flush_interval(Duration::MAX))
}

fn open() -> (Arc<RecordingStore>, File) {
    let store = Arc::new(RecordingStore::default());
    let file = quiet_cache().open(Arc::clone(&store)).unwrap();
    (store, file)
}

#[test]
fn a_durable_write_sends_and_syncs_what_it_wrote_and_leaves_other_pages_dirty() {
    let (store, file) = open();
    file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    assert_eq!(file.write_at_durable(&[2; 100], PAGE + 50).unwrap(), 100);
    assert_eq!(store.asked(), [Asked::Write(PAGE..2 * PAGE), Asked::Sync]);
    assert_eq!(file.dirty_pages().len(), 1);
    assert_eq!(file.append_durable(b"end").unwrap(), 2 * PAGE);
    assert_eq!(store.asked(), [Asked::Write(2 * PAGE..2 * PAGE + 3), Asked::Sync]);
    // Nothing was written, so nothing is synced.
    assert_eq!(file.write_at_durable(&[], 0).unwrap(), 0);
    assert_eq!(store.asked(), []);
}

#[test]
fn each_change_by_a_durable_handle_is_synced_and_changes_by_others_are_not() {
    let (store, other) = open();
    let file = other.clone().with_durability(Durability::Data).clone();
    let slices = [IoSlice::new(b"ab"), IoSlice::new(b"cd")];
    let changes: [(&str, &dyn Fn()); 13] = [
        ("write_at", &|| _ = file.write_at(b"x", 0).unwrap()),
        ("write_all_at", &|| file.write_all_at(&[1; 3 * PAGE as usize], 0).unwrap()),
        ("write_vectored_at", &|| _ = file.write_vectored_at(&slices, 0).unwrap()),
        ("write_at_tagged", &|| _ = file.write_at_tagged(b"x", 0, 1).unwrap()),
        ("write_all_at_tagged", &|| file.write_all_at_tagged(b"x", 0, 1).unwrap()),
        ("write_direct_at", &|| _ = file.write_direct_at(b"x", 0).unwrap()),
        ("append", &|| _ = file.append(b"x").unwrap()),
        ("set_len", &|| file.set_len(8 * PAGE).unwrap()),
        ("punch_hole", &|| file.punch_hole(0, PAGE).unwrap()),
        ("zero_range", &|| file.zero_range(0, PAGE, Length::Keep).unwrap()),
        ("allocate", &|| file.allocate(0, PAGE, Length::Keep).unwrap()),
        ("insert_range", &|| file.insert_range(0, PAGE).unwrap()),
        ("collapse_range", &|| file.collapse_range(0, PAGE).unwrap()),
    ];
    for (name, change) in changes {
        drop(store.asked());
        change();
        let syncs = store.asked().into_iter().filter(|asked| *asked == Asked::Sync).count();
        assert_eq!((name, syncs), (name, 1));
        assert!(other.dirty_pages().is_empty(), "{name}");
    }
    other.write_all_at(b"later", 0).unwrap();
    assert_eq!(store.asked(), []);
}

#[test]
fn a_durable_write_whose_sync_fails_returns_the_error_and_is_sent_again_by_the_next() {
    let store = Arc::new(LossyStore::new(Fate::Undone));
    let file = quiet_cache().open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    store.fail_syncs(1);
    assert!(file.write_at_durable(&[2; 10], 0).is_err());
    let mut seen = [0; 1];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [2]);
    file.write_at_durable(&[3; 10], 20).unwrap();
    let durable = store.after_a_crash();
    assert_eq!((durable[0], durable[10], durable[20], durable[30]), (2, 1, 3, 1));
}

#[test]
fn a_durable_write_to_a_full_store_fails_as_a_sync_does_and_the_bytes_are_cached() {
    let file = quiet_cache().open(MemStore::with_most_blocks(1)).unwrap();
    file.write_at_durable(&[1; PAGE as usize], 0).unwrap();
    let error = file.write_at_durable(&[2; PAGE as usize], PAGE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!((file.len(), file.stats().dirty), (2 * PAGE, 1));
}

#[test]
fn an_append_of_several_pages_is_durable_in_all_of_them() {
    let page = [1; PAGE as usize];
    let appends: [fn(&File, &[u8]) -> u64; 2] = [
        |file, page| file.append_vectored(&[IoSlice::new(page), IoSlice::new(page)]).unwrap(),
        |file, page| file.append_durable(&[page, page].concat()).unwrap(),
    ];
    for append in appends {
        let file = open().1.with_durability(Durability::Data);
        for start in [0, 2 * PAGE] {
            assert_eq!(append(&file, &page), start);
            assert_eq!(file.stats().dirty, 0);
        }
    }
}

#[test]
fn a_copy_to_a_durable_handle_is_durable_in_all_of_it() {
    let cache = quiet_cache();
    let [from, to] = [(); 2].map(|()| cache.open(MemStore::new()).unwrap());
    let to = to.with_durability(Durability::Data);
    from.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    for at in [0, 2 * PAGE] {
        assert_eq!(from.copy_range_to(0, &to, at, 2 * PAGE).unwrap(), 2 * PAGE);
        assert_eq!(to.stats().dirty, 0);
    }
}
