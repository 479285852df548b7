//! What is written through a page guard after a sync has failed.

use spanlock_page_cache::{MemStore, PageCache};

use super::PAGE;
use super::cases::{Case, FATES, Written, fail, syncs};

#[test]
fn a_guard_repairs_no_broken_range_since_its_written_bytes_are_unknown() {
    let ways = [Written::Back, Written::Through];
    for (fate, written) in FATES.into_iter().flat_map(|fate| ways.map(|way| (fate, way))) {
        let mut case = Case::new(fate, written);
        case.evict();
        case.file.punch_hole(PAGE, PAGE).unwrap();
        case.wrote(PAGE..2 * PAGE, 0);
        fail(&case, 1, syncs()[0]);
        // The rest of the page was read from the store, and is sent too.
        case.file.page_mut(1).unwrap()[100..200].fill(3);
        case.wrote(PAGE + 100..PAGE + 200, 3);
        case.file.sync_data().unwrap_err();
        case.file.sync_data().unwrap_err();
        assert_eq!(case.file.broken_ranges(), vec![PAGE..2 * PAGE], "{fate:?}");
        let page = case.bytes[PAGE as usize..2 * PAGE as usize].to_vec();
        case.file.write_all_at(&page, PAGE).unwrap();
        case.file.page_mut(1).unwrap()[300..400].fill(4);
        case.wrote(PAGE + 300..PAGE + 400, 4);
        case.file.sync_data().unwrap();
        case.check_durable("a page that was written, and then changed by a guard");
    }
}

#[test]
fn bytes_that_are_given_to_a_guard_repair_a_broken_range_and_no_others_do() {
    for fate in FATES {
        let mut case = Case::new(fate, Written::Back);
        case.evict();
        case.file.punch_hole(PAGE, PAGE).unwrap();
        case.wrote(PAGE..2 * PAGE, 0);
        fail(&case, 1, syncs()[0]);
        // All but one byte: that one is written through the reference.
        let mut page = case.file.page_mut(1).unwrap();
        page.write(0, &[3; 1000]);
        page[1000] = 3;
        page.write(1001, &[3; 3095]);
        drop(page);
        case.wrote(PAGE..2 * PAGE, 3);
        case.file.sync_data().unwrap_err();
        case.file.sync_data().unwrap_err();
        assert_eq!(case.file.broken_ranges(), vec![PAGE + 1000..PAGE + 1001], "{fate:?}");
        case.file.page_mut(1).unwrap().write(1000, &[4]);
        case.wrote(PAGE + 1000..PAGE + 1001, 4);
        // It is repaired by the sync, not before.
        assert_eq!(case.file.broken_ranges(), vec![PAGE + 1000..PAGE + 1001], "{fate:?}");
        case.file.sync_data().unwrap();
        assert_eq!(case.file.broken_ranges(), vec![]);
        case.check_durable("a page that a guard was given");
    }
}

#[test]
fn a_range_that_a_guard_repairs_while_a_sync_fails_is_repaired_by_the_sync_after_it() {
    for fate in FATES {
        let mut case = Case::new(fate, Written::Back);
        case.evict();
        case.file.punch_hole(PAGE, PAGE).unwrap();
        case.wrote(PAGE..2 * PAGE, 0);
        fail(&case, 1, syncs()[0]);
        case.file.page_mut(1).unwrap().write(0, &[3; PAGE as usize]);
        case.wrote(PAGE..2 * PAGE, 3);
        // It was sent by the sync that fails, and is sent again.
        fail(&case, 1, syncs()[0]);
        case.file.sync_data().unwrap();
        case.check_durable("a page that was sent twice");
    }
}

#[test]
#[should_panic(
    expected = r#"write of 96 bytes at 4001 in page 1 of "memory": a page has 4096 bytes"#
)]
fn a_guard_takes_no_bytes_past_its_page() {
    let file = PageCache::new(16).open(MemStore::new()).unwrap();
    file.set_len(2 * PAGE).unwrap();
    file.page_mut(1).unwrap().write(4001, &[1; 96]);
}
