use std::os::unix::fs::{FileExt, MetadataExt};

use super::linux::visible_from;
use super::*;

const SECOND: i128 = 1_000_000_000;

/// What a file system of some precision makes of the clock.
fn recorded(clock: i128, precision: i128) -> i128 {
    clock - clock.rem_euclid(precision)
}

#[test]
fn a_change_is_visible_in_the_time_of_a_file_system_of_any_precision_from_then_on() {
    let clocks = [1_700_000_000 * SECOND, 1_700_000_001 * SECOND, 0];
    let within = [0, 1, 100, 999, 1_000, 4_000_000, 10_000_000, 123_456_789, 999_999_999];
    for precision in [1, 100, 1_000, 1_000_000, 10_000_000, SECOND, 2 * SECOND] {
        for clock in clocks.iter().flat_map(|clock| within.map(|within| clock + within)) {
            let changed = recorded(clock, precision);
            let from = visible_from(changed).unwrap();
            assert!(from > changed);
            assert!(recorded(from, precision) > changed, "{clock}, precision {precision}");
        }
    }
}

#[test]
fn a_time_in_nanoseconds_is_passed_with_the_next_one_of_the_clock() {
    assert_eq!(visible_from(SECOND + 1), Some(SECOND + 2));
    assert_eq!(visible_from(SECOND + 20), Some(SECOND + 30));
    assert_eq!(visible_from(SECOND + 4_000_000), Some(SECOND + 5_000_000));
    assert_eq!(visible_from(SECOND), Some(3 * SECOND));
    assert_eq!(visible_from(-SECOND / 2), Some(-SECOND / 2 + SECOND / 10));
}

/// Linux limits a time to what the file system can record, and drops the nanoseconds of the last second.
#[test]
fn a_file_whose_time_is_the_last_one_of_32_bits_has_no_version() {
    let last = i128::from(i32::MAX) * SECOND;
    assert_eq!(visible_from(last), None);
    assert!(visible_from(last - 1).is_some());
    assert!(visible_from(last + 1).is_some() && visible_from(last + SECOND).is_some());
}

/// Each change overwrites a byte with itself or another, within the tick of the one before.
#[test]
fn each_change_of_a_file_gives_it_another_version() {
    let file = tempfile::tempfile().unwrap();
    file.write_at(b"first", 0).unwrap();
    let Some(mut last) = of(&file).unwrap() else { return };
    for round in 0..100_u8 {
        file.write_at(&[round], 0).unwrap();
        let next = of(&file).unwrap().unwrap();
        assert_ne!(last, next, "{round}");
        assert_eq!(of(&file).unwrap().as_ref(), Some(&next));
        last = next;
    }
    assert_eq!(file.metadata().unwrap().size(), 5);
}

/// The files of `/proc` have no times that their content depends on. On tmpfs, a store through a mapping changes none.
#[test]
fn a_file_system_whose_times_do_not_show_each_change_gives_no_version() {
    let file = File::open("/proc/self/status").unwrap();
    assert_eq!(of(&file).unwrap(), None);
    const TMPFS: u32 = 0x0102_1994;
    if let Ok(file) = tempfile::tempfile_in("/dev/shm")
        && rustix::fs::fstatfs(&file).unwrap().f_type as u32 == TMPFS
    {
        assert_eq!(of(&file).unwrap(), None);
    }
}
