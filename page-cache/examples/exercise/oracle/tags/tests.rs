use std::io;
use std::ops::Range;

use super::{Consent, Tagged, Tags, tag_of};
use crate::oracle::knowledge::Reliability;
use crate::page_size::page_size;
use crate::workload::op::{Op, Path};

fn op(path: Path, sequence: u64, bytes: Range<u64>) -> Op {
    Op { path, thread: 0, sequence, file: 0, bytes, len: None }
}

fn tags(store: Reliability) -> Tags {
    Tags::new(4 * page_size(), store)
}

/// A write with a tag to the first page, which has not ended.
fn begun(tags: &Tags, sequence: u64) -> Op {
    let op = op(Path::GuardWrite, sequence, 0..page_size());
    tags.begin(&op);
    op
}

/// One that has.
fn written(tags: &Tags, sequence: u64) -> u64 {
    let op = begun(tags, sequence);
    tags.end(&op, &Ok(0));
    tag_of(&op)
}

fn range_of(some: &[u64]) -> Tagged {
    let (least, greatest) = (some.iter().min(), some.iter().max());
    let or_none = |tag: Option<&u64>| tag.copied().unwrap_or(0);
    Tagged { oldest: or_none(least), newest: or_none(greatest) }
}

/// Whether a hook may be called for the first page with the range of some tags.
fn allows(tags: &Tags, some: &[u64], consent: Consent) -> bool {
    tags.announce_one(0..page_size(), range_of(some), consent);
    tags.take_wrong().is_none()
}

fn refused() -> io::Result<usize> {
    Err(io::Error::other("refused"))
}

#[test]
fn a_hook_gets_the_least_and_the_greatest_tag_of_what_was_written() {
    for seen in [[1, 1], [2, 2], [1, 3], [2, 3]] {
        let tags = tags(Reliability::Sound);
        let mut given = [1, 2, 3].map(|sequence| written(&tags, sequence));
        given.sort_unstable();
        let [oldest, newest] = seen.map(|at| given[at - 1]);
        let is_right = seen == [1, 3];
        assert_eq!(allows(&tags, &[oldest, newest], Consent::Given), is_right, "{seen:?}");
    }
}

#[test]
fn a_page_without_tags_has_none_and_no_other_page_has_its_tags() {
    let tags = tags(Reliability::Sound);
    assert!(allows(&tags, &[], Consent::Given));
    assert!(!allows(&tags, &[7], Consent::Given));
    let tag = written(&tags, 1);
    tags.announce_one(page_size()..2 * page_size(), range_of(&[tag]), Consent::Given);
    assert!(tags.take_wrong().is_some());
    assert!(!allows(&tags, &[], Consent::Given));
}

#[test]
fn a_page_that_was_written_back_has_the_tags_of_later_writes_only() {
    let tags = tags(Reliability::Sound);
    let first = written(&tags, 1);
    assert!(allows(&tags, &[first], Consent::Given));
    let second = written(&tags, 2);
    assert!(!allows(&tags, &[first, second], Consent::Given));
    assert!(allows(&tags, &[second], Consent::Given));
    assert!(allows(&tags, &[], Consent::Given));
}

#[test]
fn a_write_that_a_hook_overlaps_is_in_its_writeback_or_in_the_next() {
    for seen_first in [true, false] {
        let tags = tags(Reliability::Sound);
        let op = begun(&tags, 1);
        let tag = [tag_of(&op)];
        let of = |seen: bool| if seen { &tag[..] } else { &[] };
        assert!(allows(&tags, of(seen_first), Consent::Given));
        tags.end(&op, &Ok(0));
        assert!(allows(&tags, of(!seen_first), Consent::Given));
        assert!(!allows(&tags, &tag, Consent::Given));
    }
}

#[test]
fn a_writeback_that_failed_leaves_the_tags() {
    let refuse = |tags: &Tags, tag| assert!(allows(tags, &[tag], Consent::Refused));
    let fail = |tags: &Tags, tag| {
        assert!(allows(tags, &[tag], Consent::Given));
        tags.answered(0..page_size(), &refused());
    };
    for (number, leave) in [(0, &refuse as &dyn Fn(&Tags, u64)), (1, &fail)] {
        let tags = tags(Reliability::Failing);
        let tag = written(&tags, 1);
        leave(&tags, tag);
        assert!(!allows(&tags, &[], Consent::Given), "{number}");
        leave(&tags, tag);
        let second = written(&tags, 2);
        assert!(!allows(&tags, &[second], Consent::Given), "{number}");
        assert!(allows(&tags, &[tag, second], Consent::Given), "{number}");
    }
}

#[test]
fn a_store_that_can_fail_has_a_page_once_it_has_answered_for_all_of_it() {
    for (end, is_certain) in [(page_size(), true), (page_size() / 2, false)] {
        let tags = tags(Reliability::Failing);
        let tag = written(&tags, 1);
        assert!(allows(&tags, &[tag], Consent::Given));
        tags.answered(0..end, &Ok(end as usize));
        // Too late: this is not of the same writeback.
        tags.answered(0..end, &refused());
        assert_ne!(allows(&tags, &[tag], Consent::Given), is_certain);
        assert!(allows(&tags, &[], Consent::Given));
    }
}

#[test]
fn a_write_that_failed_may_have_left_its_tag() {
    let tags = tags(Reliability::Failing);
    for _ in 0..2 {
        let op = begun(&tags, 1);
        tags.end(&op, &Err(io::ErrorKind::Other.into()));
        assert!(allows(&tags, &[tag_of(&op)], Consent::Refused));
        assert!(allows(&tags, &[], Consent::Refused));
    }
}

#[test]
fn what_is_discarded_has_no_tags() {
    for path in [Path::Punch, Path::Truncate, Path::Collapse, Path::Abandon] {
        let tags = tags(Reliability::Sound);
        written(&tags, 1);
        let (cleaner, during) = (op(path, 2, 0..page_size()), op(Path::GuardWrite, 3, 0..1));
        tags.begin(&cleaner);
        tags.begin(&during);
        tags.end(&cleaner, &Ok(0));
        tags.end(&during, &Ok(0));
        assert!(allows(&tags, &[], Consent::Given), "{path}");
        written(&tags, 4);
        assert!(!allows(&tags, &[], Consent::Given), "{path}");
    }
}

#[test]
fn a_write_through_has_its_own_tag_and_leaves_those_of_the_page() {
    let tags = tags(Reliability::Sound);
    let kept = written(&tags, 1);
    let plain = op(Path::Write, 2, 0..page_size());
    tags.begin(&plain);
    assert!(allows(&tags, &[], Consent::Given));
    tags.end(&plain, &Ok(1));
    assert!(!allows(&tags, &[], Consent::Given));
    let through = begun(&tags, 3);
    assert!(allows(&tags, &[tag_of(&through)], Consent::Given));
    tags.end(&through, &Ok(0));
    assert!(allows(&tags, &[kept], Consent::Given));
}

#[test]
fn a_list_of_dirty_pages_has_each_with_the_tags_of_a_moment_since_it_was_requested() {
    let tags = tags(Reliability::Sound);
    let [first, second] = [1, 2].map(|sequence| written(&tags, sequence));
    let compare = |since: &super::Glance, some: Option<&[u64]>| {
        tags.page(0).unwrap().compare(since, some.map(range_of)).is_ok()
    };
    let glance = || tags.page(0).unwrap().glance();
    let before = glance();
    assert!(compare(&before, Some(&[first, second])));
    assert!(!compare(&before, None) && !compare(&before, Some(&[first])));
    let third = written(&tags, 3);
    assert!(compare(&before, Some(&[first, second])));
    assert!(compare(&before, Some(&[first, second, third])));
    assert!(!compare(&glance(), Some(&[first, second])) || third < first.max(second));
    assert!(allows(&tags, &[first, second, third], Consent::Given));
    // It may be in flight, or clean.
    assert!(compare(&before, Some(&[first, second, third])) && compare(&before, None));
    assert!(!compare(&before, Some(&[first, second, third, u64::MAX])));
}
