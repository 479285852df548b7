use super::{Content, Effect, IN_FLIGHT, Tick, Version, View, check, prune};
use crate::oracle::stamp::{SECTOR, Stamp};
use crate::workload::op::Path;

const SECTOR_START: u64 = 1024;
const SECTOR_END: u64 = SECTOR_START + SECTOR as u64;

fn content(sequence: u64) -> Content {
    Content::Of(Stamp::new(Path::Write, 0, sequence))
}

/// A write of all of the sector.
fn write(sequence: u64, begun: Tick, ended: Tick) -> Version {
    let effect = if ended == IN_FLIGHT { Effect::Possible } else { Effect::Certain };
    Version { content: content(sequence), bytes: 0..4096, begun, ended, effect }
}

fn initial() -> Version {
    Version::initial(Content::Zero, SECTOR_START)
}

/// Whether a reader that began at `begun` may find `found` in the sector.
fn allows(versions: &[Version], found: &[u8], begun: Tick) -> bool {
    check(versions, found, &(SECTOR_START..SECTOR_END), &begun.into()).is_ok()
}

fn sector_of(sequence: u64) -> [u8; SECTOR] {
    content(sequence).sector(SECTOR_START)
}

#[test]
fn a_reader_sees_what_was_there_when_it_began_and_what_came_since() {
    let versions = [initial(), write(1, 1, 2), write(2, 5, 7), write(3, 8, IN_FLIGHT)];
    for (sequence, allowed) in [(1, true), (2, true), (3, true), (4, false)] {
        assert_eq!(allows(&versions, &sector_of(sequence), 6), allowed, "write {sequence}");
    }
    assert!(!allows(&versions, &[0; SECTOR], 6), "zeroes were superseded at tick 2");
    assert!(!allows(&versions, &sector_of(1), 9), "write 1 was superseded at tick 7");
}

#[test]
fn of_two_writes_that_overlapped_either_may_be_last() {
    let versions = [initial(), write(1, 1, 3), write(2, 2, 4)];
    assert!(allows(&versions, &sector_of(1), 10));
    assert!(allows(&versions, &sector_of(2), 10));
    assert!(!allows(&versions, &[0; SECTOR], 10));
}

#[test]
fn half_of_one_and_half_of_another_is_torn() {
    let versions = [initial(), write(1, 1, IN_FLIGHT)];
    let mut found = sector_of(1);
    found[256..].fill(0);
    assert!(!allows(&versions, &found, 2));
}

#[test]
fn a_write_to_a_part_leaves_the_rest() {
    let part = Version { bytes: SECTOR_START + 100..SECTOR_END, ..write(2, 3, 4) };
    let versions = [write(1, 1, 2), part];
    let mut found = sector_of(2);
    found[..100].copy_from_slice(&sector_of(1)[..100]);
    assert!(allows(&versions, &found, 5));
    assert!(!allows(&versions, &sector_of(1), 5), "the later part is lost");
    assert!(!allows(&versions, &sector_of(2), 5), "the earlier part is overwritten");
    let mismatch =
        check(&versions, &sector_of(1), &(SECTOR_START..SECTOR_END), &5.into()).unwrap_err();
    assert_eq!(mismatch.bytes, SECTOR_START + 100..SECTOR_END);
    assert_eq!(mismatch.expected, versions[1..]);
}

#[test]
fn what_failed_may_be_there_and_supersedes_nothing() {
    let failed = Version { effect: Effect::Possible, ..write(2, 3, 4) };
    let versions = [write(1, 1, 2), failed];
    assert!(allows(&versions, &sector_of(1), 9));
    assert!(allows(&versions, &sector_of(2), 9));
}

#[test]
fn a_piecemeal_version_may_be_cut_anywhere_and_shows_no_third_bytes() {
    let cut = Version { effect: Effect::Piecemeal, ..write(2, 3, 4) };
    let versions = [write(1, 1, 2), cut];
    let mut found = sector_of(2);
    found[77..].copy_from_slice(&sector_of(1)[77..]);
    assert!(allows(&versions, &found, 9));
    found[76] ^= 0xff;
    assert!(!allows(&versions, &found, 9));
}

#[test]
fn a_reader_of_a_part_is_shown_that_part() {
    let versions = [write(1, 1, 2)];
    let bytes = SECTOR_START + 10..SECTOR_START + 30;
    assert!(check(&versions, &sector_of(1)[10..30], &bytes, &3.into()).is_ok());
    assert!(check(&versions, &sector_of(1)[11..31], &bytes, &3.into()).is_err());
}

#[test]
fn only_what_no_reader_can_see_is_forgotten() {
    let mut versions = vec![initial(), write(1, 1, 2), write(2, 5, 7)];
    prune(&mut versions, SECTOR_START, 6);
    assert_eq!(versions, [write(1, 1, 2), write(2, 5, 7)]);
    prune(&mut versions, SECTOR_START, 8);
    assert_eq!(versions, [write(2, 5, 7)]);
}

#[test]
fn two_parts_together_supersede_a_whole() {
    let middle = SECTOR_START + 200;
    let left = Version { bytes: 0..middle, ..write(2, 3, 4) };
    let right = Version { bytes: middle..4096, ..write(3, 5, 6) };
    let mut versions = vec![write(1, 1, 2), left.clone()];
    prune(&mut versions, SECTOR_START, 9);
    assert_eq!(versions.len(), 2, "its right part is still to be seen");
    versions.push(right.clone());
    prune(&mut versions, SECTOR_START, 9);
    assert_eq!(versions, [left, right]);
}

#[test]
fn what_a_failed_sync_may_have_lost_shows_what_was_before_and_what_came_later_does_not() {
    let versions = [initial(), write(1, 1, 2), write(2, 5, 7)];
    let allows = |sequence, doubt| {
        let view = View { begun: 20, doubt };
        let found = if sequence == 0 { [0; SECTOR] } else { sector_of(sequence) };
        check(&versions, &found, &(SECTOR_START..SECTOR_END), &view).is_ok()
    };
    // Synced at tick 4; and a sync failed at tick 10.
    assert_eq!([0, 1, 2].map(|it| allows(it, Some(4..=10))), [false, true, true]);
    // The same, before the second write.
    assert_eq!([0, 1, 2].map(|it| allows(it, Some(1..=4))), [false, false, true]);
    assert_eq!([0, 1, 2].map(|it| allows(it, None)), [false, false, true]);
}
