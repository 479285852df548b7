//! Requests that no file can serve: each gives an error of a fitting kind that names it, changes nothing,
//! and leaves nothing locked.
//!
//! There is no closed file among them: a `File` or a `Mapping` keeps its file open as long as it exists.

use std::io::{self, ErrorKind};

use spanlock_page_cache::{File, Length, Mapping, MemStore, PageCache};

use crate::mixed_file::{MixedFile, SIZE};
use crate::stores::failing_store::FailingStore;

const PAGE: u64 = 4096;

type Outcome = io::Result<Option<usize>>;

/// How the error starts, its kind, and the request.
type Case = (&'static str, ErrorKind, fn(&File, &Mapping) -> Outcome);

fn request_cases() -> Vec<Case> {
    use ErrorKind::{FileTooLarge, InvalidInput, UnexpectedEof};
    const FAR: u64 = i64::MAX as u64;
    const LAST_PAGE: u64 = u64::MAX - PAGE + 1;
    vec![
        ("write of 1 bytes at 18446744073709551615", FileTooLarge, |file, _| {
            file.write_at(&[1], u64::MAX).map(Some)
        }),
        ("write of 1 bytes at 9223372036854775807", FileTooLarge, |file, _| {
            file.write_at(&[1], FAR).map(Some)
        }),
        ("write of 8192 bytes at 18446744073709547520", FileTooLarge, |file, _| {
            file.write_all_at(&[1; 8192], LAST_PAGE).map(|()| None)
        }),
        ("direct write of 1 bytes at 18446744073709551615", FileTooLarge, |file, _| {
            file.write_direct_at(&[1], u64::MAX).map(Some)
        }),
        ("direct write of 2 bytes at 9223372036854775806", FileTooLarge, |file, _| {
            file.write_direct_at(&[1; 2], FAR - 1).map(Some)
        }),
        ("read of 8 bytes at 18446744073709551615", UnexpectedEof, |file, _| {
            file.read_exact_at(&mut [0; 8], u64::MAX).map(|()| None)
        }),
        ("set_len to 9223372036854775808 bytes of", FileTooLarge, |file, _| {
            file.set_len(1 << 63).map(|()| None)
        }),
        ("set_len to 18446744073709551615 bytes of", FileTooLarge, |file, _| {
            file.set_len(u64::MAX).map(|()| None)
        }),
        ("punch_hole of 2 bytes at 18446744073709551615", FileTooLarge, |file, _| {
            file.punch_hole(u64::MAX, 2).map(|()| None)
        }),
        ("punch_hole of 18446744073709551615 bytes at 1", FileTooLarge, |file, _| {
            file.punch_hole(1, u64::MAX).map(|()| None)
        }),
        ("zero_range of 18446744073709551615 bytes at 0", FileTooLarge, |file, _| {
            file.zero_range(0, u64::MAX, Length::Keep).map(|()| None)
        }),
        ("zero_range of 1 bytes at 9223372036854775807", FileTooLarge, |file, _| {
            file.zero_range(FAR, 1, Length::Extend).map(|()| None)
        }),
        ("allocate of 9223372036854775808 bytes at 0", FileTooLarge, |file, _| {
            file.allocate(0, 1 << 63, Length::Extend).map(|()| None)
        }),
        ("allocate of 1 bytes at 18446744073709551615", FileTooLarge, |file, _| {
            file.allocate(u64::MAX, 1, Length::Keep).map(|()| None)
        }),
        ("collapse_range of 1 bytes at 0", InvalidInput, |file, _| {
            file.collapse_range(0, 1).map(|()| None)
        }),
        ("collapse_range of 4096 bytes at 100", InvalidInput, |file, _| {
            file.collapse_range(100, PAGE).map(|()| None)
        }),
        ("collapse_range of 8192 bytes at 20480", InvalidInput, |file, _| {
            file.collapse_range(5 * PAGE, 2 * PAGE).map(|()| None)
        }),
        ("collapse_range of 18446744073709547520 bytes at 4096", InvalidInput, |file, _| {
            file.collapse_range(PAGE, LAST_PAGE).map(|()| None)
        }),
        ("collapse_range of 4096 bytes at 18446744073709547520", InvalidInput, |file, _| {
            file.collapse_range(LAST_PAGE, PAGE).map(|()| None)
        }),
        ("insert_range of 1 bytes at 0", InvalidInput, |file, _| {
            file.insert_range(0, 1).map(|()| None)
        }),
        ("insert_range of 4096 bytes at 28672", InvalidInput, |file, _| {
            file.insert_range(7 * PAGE, PAGE).map(|()| None)
        }),
        ("insert_range of 9223372036854771712 bytes at 0", FileTooLarge, |file, _| {
            file.insert_range(0, FAR - PAGE + 1).map(|()| None)
        }),
        ("insert_range of 18446744073709547520 bytes at 4096", FileTooLarge, |file, _| {
            file.insert_range(PAGE, LAST_PAGE).map(|()| None)
        }),
        ("insert_range of 4096 bytes at 18446744073709547520", InvalidInput, |file, _| {
            file.insert_range(LAST_PAGE, PAGE).map(|()| None)
        }),
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
        ("writeback of 0 bytes at 9", InvalidInput, |file, _| file.writeback(9..8).map(|()| None)),
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
        ("sync_range of 0 bytes at 9", InvalidInput, |file, _| {
            file.sync_range(9..8).map(|()| None)
        }),
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
        ("map of 0 bytes at 4096", InvalidInput, |file, _| file.map(4096..0).map(|_| None)),
        ("map from 18446744073709551614 to the end in", InvalidInput, |file, _| {
            file.map(u64::MAX - 1..u64::MAX).map(|_| None)
        }),
        ("load of 1 bytes at 18446744073709551615", InvalidInput, |_, mapping| {
            mapping.load(u64::MAX, &mut [0]).map(|()| None)
        }),
        ("load of 2 bytes at 1099511627775", InvalidInput, |_, mapping| {
            mapping.load((1 << 40) - 1, &mut [0; 2]).map(|()| None)
        }),
        ("load of 1 bytes at 28672", UnexpectedEof, |_, mapping| {
            mapping.load(7 * PAGE, &mut [0]).map(|()| None)
        }),
        ("store of 1 bytes at 18446744073709551615", InvalidInput, |_, mapping| {
            mapping.store(u64::MAX, &[0]).map(|()| None)
        }),
        ("store of 1 bytes at 1099511627775", UnexpectedEof, |_, mapping| {
            mapping.store((1 << 40) - 1, &[0]).map(|()| None)
        }),
    ]
}

#[test]
fn a_request_that_no_file_can_serve_is_refused_by_name_and_changes_nothing() {
    let mixed = MixedFile::new(FailingStore::default());
    for (message, kind, run) in request_cases() {
        let error = run(&mixed.file, &mixed.mapping).expect_err(message);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().starts_with(&format!("{message} ")), "{error}, not {message}");
        mixed.check(message);
    }
}

#[test]
fn a_mapping_ends_where_its_range_does_also_where_the_file_goes_on() {
    let mixed = MixedFile::new(FailingStore::default());
    let mapping = mixed.file.map(PAGE..2 * PAGE).unwrap();
    for offset in [PAGE - 1, PAGE, 2 * PAGE] {
        let errors = [mapping.load(offset, &mut [0; 2]), mapping.store(offset, &[0; 2])];
        for error in errors.map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    }
    mapping.load(PAGE - 2, &mut [0; 2]).unwrap();
    mixed.check("accesses outside a mapping");
}

/// Requests of no bytes succeed at any offset.
#[test]
fn an_empty_request_is_no_work_wherever_it_is() {
    let mixed = MixedFile::new(FailingStore::default());
    let MixedFile { file, mapping, .. } = &mixed;
    for offset in [0, 1, SIZE, i64::MAX as u64] {
        assert_eq!(file.write_at(&[], offset).unwrap(), 0);
        assert_eq!(file.write_direct_at(&[], offset).unwrap(), 0);
        file.punch_hole(offset, 0).unwrap();
        file.zero_range(offset, 0, Length::Extend).unwrap();
        file.allocate(offset, 0, Length::Extend).unwrap();
    }
    for offset in [SIZE, i64::MAX as u64, 1 << 63, u64::MAX] {
        assert_eq!(file.read_at(&mut [0; 9], offset).unwrap(), 0);
        assert_eq!(file.read_direct_at(&mut [0; 9], offset).unwrap(), 0);
    }
    file.collapse_range(PAGE, 0).unwrap();
    file.insert_range(PAGE, 0).unwrap();
    mapping.load(5, &mut []).unwrap();
    mapping.store(1 << 40, &[]).unwrap();
    file.writeback(u64::MAX..u64::MAX).unwrap();
    drop(file.map(0..u64::MAX).unwrap());
    mixed.check("nothing");
}

#[test]
fn the_longest_file_is_read_written_punched_and_truncated_up_to_its_last_byte() {
    const LONGEST: u64 = i64::MAX as u64;
    const LAST: u64 = LONGEST - 1;
    let file = PageCache::new(64).open(MemStore::new()).unwrap();
    let mapping = file.map(0..u64::MAX).unwrap();
    file.set_len(LONGEST).unwrap();
    assert_eq!(file.append(&[1]).unwrap_err().kind(), ErrorKind::FileTooLarge);
    assert_eq!(file.insert_range(0, PAGE).unwrap_err().kind(), ErrorKind::FileTooLarge);
    let mut seen = [0xff; 10];
    file.write_all_at(&[1], LAST).unwrap();
    assert_eq!(file.read_at(&mut seen, LAST).unwrap(), 1);
    mapping.load(LAST, &mut seen[..2]).unwrap();
    assert_eq!(seen[..2], [1, 0]);
    mapping.store(LAST, &[2]).unwrap();
    assert_eq!(file.read_direct_at(&mut seen, LAST).unwrap(), 1);
    assert_eq!(seen[0], 2);
    assert_eq!(file.write_direct_at(&[3], LAST).unwrap(), 1);
    file.sync_range(LAST..LONGEST).unwrap();
    file.collapse_range(0, PAGE).unwrap();
    assert_eq!(file.read_at(&mut seen, LAST - PAGE).unwrap(), 1);
    assert_eq!(seen[0], 3);
    file.insert_range(PAGE, PAGE).unwrap();
    file.zero_range(LAST, 1, Length::Extend).unwrap();
    file.allocate(LAST, 1, Length::Keep).unwrap();
    file.read_exact_at(&mut seen[..1], LAST).unwrap();
    assert_eq!(seen[0], 0);
    file.punch_hole(1, LAST).unwrap();
    file.sync_all().unwrap();
    file.set_len(0).unwrap();
    assert!(file.is_empty());
}

#[test]
fn a_cache_of_more_pages_than_there_are_numbers_for_panics_and_names_both() {
    for capacity in [usize::MAX, u32::MAX as usize] {
        let made = std::panic::catch_unwind(|| PageCache::new(capacity));
        let payload = made.expect_err("it was made");
        let message = payload.downcast_ref::<String>().unwrap();
        assert_eq!(
            *message,
            format!("a cache of {capacity} pages exceeds the maximum of 4294967294")
        );
    }
}
