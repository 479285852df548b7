use super::{Entries, MappingId, Rights, SEATS};

fn mapping(number: u64) -> MappingId {
    MappingId::new(number)
}

#[test]
fn an_entry_is_of_one_mapping_and_has_the_rights_that_it_was_made_with() {
    let entries = Entries::default();
    entries.map(mapping(7), Rights::Read);
    entries.map(mapping(8), Rights::ReadWrite);
    for (number, reads, stores) in [(6, false, false), (7, true, false), (8, true, true)] {
        assert_eq!(entries.allow(mapping(number), Rights::Read), reads, "mapping {number}");
        assert_eq!(entries.allow(mapping(number), Rights::ReadWrite), stores, "mapping {number}");
    }
    entries.map(mapping(7), Rights::ReadWrite);
    entries.unmap(mapping(8));
    assert!(entries.allow(mapping(7), Rights::ReadWrite));
    assert!(!entries.allow(mapping(8), Rights::Read));
}

#[test]
fn write_protection_leaves_the_right_to_read_and_unmapping_leaves_none() {
    let entries = Entries::default();
    (1..=2).for_each(|number| entries.map(mapping(number), Rights::ReadWrite));
    entries.write_protect();
    for number in 1..=2 {
        assert!(entries.allow(mapping(number), Rights::Read));
        assert!(!entries.allow(mapping(number), Rights::ReadWrite));
    }
    entries.unmap_all();
    assert!((1..=2).all(|number| !entries.allow(mapping(number), Rights::Read)));
}

#[test]
fn one_mapping_more_than_there_are_entries_takes_the_page_from_the_first() {
    let entries = Entries::default();
    let last = SEATS as u64 + 1;
    (1..=last).for_each(|number| entries.map(mapping(number), Rights::ReadWrite));
    assert!(!entries.allow(mapping(1), Rights::Read));
    assert!((2..=last).all(|number| entries.allow(mapping(number), Rights::ReadWrite)));
}

#[test]
fn a_mapping_that_maps_a_page_again_has_one_entry_with_the_rights_of_the_last_time() {
    let entries = Entries::default();
    let last = SEATS as u64;
    let numbers = 1..=last;
    numbers.clone().for_each(|number| entries.map(mapping(number), Rights::ReadWrite));
    for rights in [Rights::Read, Rights::ReadWrite, Rights::Read] {
        entries.map(mapping(last), rights);
        assert!(numbers.clone().all(|number| entries.allow(mapping(number), Rights::Read)));
        assert_eq!(entries.allow(mapping(last), Rights::ReadWrite), rights == Rights::ReadWrite);
        assert!(entries.allow(mapping(1), Rights::ReadWrite));
    }
    entries.unmap(mapping(last));
    assert!(!entries.allow(mapping(last), Rights::Read));
}
