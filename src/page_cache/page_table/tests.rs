use super::{Entry, PageTable, Rights};

#[test]
fn a_table_over_everything_maps_its_first_and_last_page() {
    let pages = u64::MAX >> 12;
    let table = PageTable::new(0, pages);
    for page in [0, 1, 511, 512, 1 << 30, pages - 1] {
        assert_eq!(table.get(page), None);
        table.map(page, Entry::new(7, Rights::Read));
        assert_eq!(table.get(page).map(Entry::frame), Some(7));
    }
    assert_eq!(table.get(pages), None);
}

#[test]
fn a_page_outside_of_the_table_is_absent_and_cannot_be_mapped() {
    let table = PageTable::new(10, 2);
    for page in [0, 9, 12, u64::MAX] {
        table.map(page, Entry::new(1, Rights::ReadWrite));
        table.unmap(page);
        assert_eq!(table.get(page), None);
    }
}

#[test]
fn write_protection_leaves_the_right_to_read() {
    let table = PageTable::new(0, 1);
    table.map(0, Entry::new(3, Rights::ReadWrite));
    table.write_protect(0);
    let entry = table.get(0).unwrap();
    assert!(entry.allows(Rights::Read) && !entry.allows(Rights::ReadWrite));
    table.unmap(0);
    assert_eq!(table.get(0), None);
}
