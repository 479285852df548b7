#![expect(clippy::single_range_in_vec_init, reason = "what is compared is lists of ranges")]

use std::io;
use std::ops::Range;

use super::ranges::Ranges;
use super::{Lost, Part, SharedError, Unstable};
use crate::files::durability::sync_group::Scope;
use crate::page::PageSize;

const PAGE: u64 = PageSize::DEFAULT.bytes();

const ALL: Part = Part::Whole;

fn told() -> SharedError {
    SharedError::from(&io::Error::other("told to fail"))
}

fn sync(unstable: &mut Unstable) {
    unstable.begin_commit(u64::MAX);
    unstable.committed(Scope::All);
}

fn fail(unstable: &mut Unstable) -> Vec<u64> {
    unstable.begin_commit(u64::MAX);
    unstable.failed(told())
}

fn broken(unstable: &Unstable) -> Vec<Range<u64>> {
    unstable.broken(u64::MAX)
}

fn with(pages: impl IntoIterator<Item = u64>) -> Unstable {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    pages.into_iter().for_each(|page| unstable.sent(page, &ALL));
    unstable
}

#[test]
fn pages_that_are_cached_are_owed_after_a_sync_that_failed_and_not_after_a_good_one() {
    let mut unstable = with([1, 2]);
    sync(&mut unstable);
    assert!(fail(&mut unstable).is_empty() && unstable.owes_nothing());
    unstable.sent(3, &ALL);
    assert_eq!(fail(&mut unstable), [3]);
    assert!(!unstable.owes_nothing() && !unstable.is_broken());
    unstable.sent(3, &ALL);
    assert!(unstable.owes_nothing());
    assert_eq!(fail(&mut unstable), [3]);
}

#[test]
fn what_was_sent_while_a_sync_was_failing_is_owed_as_well() {
    let mut unstable = with([1]);
    unstable.begin_commit(u64::MAX);
    unstable.sent(2, &ALL);
    assert_eq!(unstable.failed(told()), [1, 2]);
}

#[test]
fn what_was_sent_while_a_sync_succeeded_is_unstable_still() {
    let mut unstable = with([1]);
    unstable.begin_commit(u64::MAX);
    unstable.sent(2, &ALL);
    unstable.committed(Scope::All);
    assert_eq!(fail(&mut unstable), [2]);
}

#[test]
fn a_page_that_left_is_lost_with_the_sync_whenever_it_left() {
    // Before it, while it was in progress, and before it was sent again.
    for moment in 0..3 {
        let mut unstable = with([1]);
        let leave = |unstable: &mut Unstable, now| {
            if now == moment {
                unstable.page_left(1);
            }
        };
        leave(&mut unstable, 0);
        unstable.begin_commit(u64::MAX);
        leave(&mut unstable, 1);
        unstable.failed(told());
        leave(&mut unstable, 2);
        assert_eq!(broken(&unstable), [PAGE..2 * PAGE], "{moment}");
        assert!(unstable.owes_nothing());
    }
}

#[test]
fn of_a_page_that_was_sent_in_part_that_part_is_lost() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent(1, &Part::range(10..20));
    unstable.sent(1, &Part::range(30..40));
    unstable.page_left(1);
    fail(&mut unstable);
    assert_eq!(broken(&unstable), [PAGE + 10..PAGE + 20, PAGE + 30..PAGE + 40]);
}

#[test]
fn what_is_sent_of_a_page_settles_no_more_than_that_part_of_what_is_owed() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent(1, &Part::range(0..100));
    assert_eq!(fail(&mut unstable), [1]);
    // Sent before the page became dirty again.
    unstable.sent(1, &Part::range(50..200));
    assert_eq!(unstable.owed(1), Some(Part::range(0..50)));
    unstable.sent(1, &Part::range(0..50));
    assert!(unstable.owes_nothing());

    let mut unstable = with([1]);
    assert_eq!(fail(&mut unstable), [1]);
    unstable.sent(1, &Part::range(0..100));
    assert_eq!(unstable.owed(1), Some(ALL), "a page is owed whole or by ranges");
    unstable.sent(1, &ALL);
    assert!(unstable.owes_nothing());
}

#[test]
fn a_broken_range_is_whole_again_once_it_was_written_sent_and_synced_in_that_order() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent_past(0..100);
    fail(&mut unstable);
    sync(&mut unstable);
    assert_eq!(broken(&unstable), [0..100]);
    // Sent with a page that another thread wrote to.
    unstable.sent(0, &ALL);
    sync(&mut unstable);
    assert_eq!(broken(&unstable), [0..100]);
    unstable.rewritten(0..60);
    sync(&mut unstable);
    assert_eq!(broken(&unstable), [0..100]);
    unstable.begin_commit(u64::MAX);
    unstable.sent(0, &ALL);
    unstable.committed(Scope::All);
    assert_eq!(broken(&unstable), [0..100]);
    sync(&mut unstable);
    assert_eq!(broken(&unstable), [60..100]);
    unstable.sent_past(60..100);
    assert!(unstable.is_broken());
    sync(&mut unstable);
    assert!(!unstable.is_broken());
}

#[test]
fn a_broken_range_that_was_repaired_is_broken_again_if_that_sync_fails_too() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent_past(0..2 * PAGE);
    fail(&mut unstable);
    unstable.rewritten(0..2 * PAGE);
    unstable.sent(0, &ALL);
    unstable.sent(1, &ALL);
    unstable.page_left(1);
    assert_eq!(fail(&mut unstable), [0]);
    // The first page is owed, and whole again when it was sent; of the other nothing is left.
    unstable.sent(0, &ALL);
    unstable.sent(1, &ALL);
    sync(&mut unstable);
    assert_eq!(broken(&unstable), [PAGE..2 * PAGE]);
}

#[test]
fn what_was_written_past_the_cache_is_not_repaired_by_a_page_that_was_read_back() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent_past(0..PAGE);
    fail(&mut unstable);
    unstable.sent_past(0..PAGE);
    unstable.begin_commit(u64::MAX);
    // Read from the store while that loses it, written to elsewhere, and sent.
    unstable.sent(0, &ALL);
    unstable.failed(told());
    unstable.sent(0, &ALL);
    sync(&mut unstable);
    assert_eq!(broken(&unstable), [0..PAGE]);
}

#[test]
fn a_truncation_takes_what_lies_behind_along_and_is_owed_itself() {
    let mut unstable = with([0, 1, 2]);
    unstable.page_left(2);
    unstable.resized(PAGE + 10, 3 * PAGE);
    assert_eq!(fail(&mut unstable), [0, 1]);
    assert!(!unstable.is_broken() && unstable.owes_length());
    unstable.resized(PAGE + 10, PAGE + 10);
    assert!(!unstable.owes_length());
    fail(&mut unstable);
    assert!(unstable.owes_length());
}

#[test]
fn a_lost_length_makes_bytes_zeroes_where_nothing_that_was_written_is_lost() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent_past(PAGE..2 * PAGE);
    assert!(!unstable.may_lack(0..1));
    unstable.length_unknown();
    fail(&mut unstable);
    for range in [0..PAGE, 2 * PAGE..3 * PAGE] {
        assert!(unstable.may_lack(range.clone()), "{range:?}");
    }
    for range in [0..PAGE + 1, PAGE + 1..PAGE + 2, 2 * PAGE - 1..3 * PAGE, 0..3 * PAGE] {
        assert!(!unstable.may_lack(range.clone()), "{range:?}");
    }
}

/// The cache sends a page again that a failed sync may have lost; until it has, a sync repairs nothing.
#[test]
fn a_repair_that_a_failed_sync_may_have_lost_is_made_again_before_the_range_is_whole() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent_past(0..PAGE);
    fail(&mut unstable);
    unstable.rewritten(0..PAGE);
    unstable.sent(0, &ALL);
    assert_eq!(fail(&mut unstable), [0]);
    sync(&mut unstable);
    assert_eq!(broken(&unstable), [0..PAGE]);
    unstable.sent(0, &ALL);
    sync(&mut unstable);
    assert!(!unstable.is_broken());
}

#[test]
fn what_a_file_grew_over_since_it_was_cut_off_is_lost_with_the_sync() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.resized(100, 500);
    unstable.grown_over(200..1000);
    fail(&mut unstable);
    assert_eq!(broken(&unstable), [200..500]);
    // Also if the cut that failed was made again.
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.resized(100, 500);
    fail(&mut unstable);
    unstable.resized(100, 100);
    unstable.grown_over(100..1000);
    fail(&mut unstable);
    assert_eq!(broken(&unstable), [100..500]);
    // Not if it was durable before.
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.resized(100, 500);
    sync(&mut unstable);
    unstable.grown_over(200..1000);
    fail(&mut unstable);
    assert!(!unstable.is_broken());
}

#[test]
fn broken_ranges_behind_the_end_are_no_more_than_the_truncation() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent_past(0..1000);
    fail(&mut unstable);
    unstable.resized(100, 1000);
    assert_eq!(unstable.broken(100), [0..100]);
    // The file has grown again, and the truncation is not durable.
    assert_eq!(broken(&unstable), [0..1000]);
    sync(&mut unstable);
    assert_eq!(broken(&unstable), [0..100]);
}

#[test]
fn broken_ranges_move_with_the_bytes() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent_past(PAGE..PAGE + 10);
    unstable.sent_past(5 * PAGE..5 * PAGE + 10);
    fail(&mut unstable);
    unstable.inserted(3 * PAGE, 2 * PAGE, 6 * PAGE);
    assert_eq!(broken(&unstable), [PAGE..PAGE + 10, 7 * PAGE..7 * PAGE + 10]);
    unstable.collapsed(0, 4 * PAGE, 8 * PAGE);
    assert_eq!(broken(&unstable), [3 * PAGE..3 * PAGE + 10]);
    fail(&mut unstable);
    assert_eq!(broken(&unstable), [0..8 * PAGE]);
}

#[test]
fn a_hole_forgets_the_pages_that_it_covers_whole() {
    let mut unstable = with([0, 1, 2]);
    unstable.zeroed(10..2 * PAGE);
    unstable.page_left(1);
    assert_eq!(fail(&mut unstable), [0, 2]);
    assert_eq!(broken(&unstable), [10..2 * PAGE]);
}

#[test]
fn ranges_that_are_too_many_are_rounded_out_and_none_is_forgotten() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    for range in 0..20_000 {
        unstable.sent_past(range * PAGE..range * PAGE + 10);
    }
    fail(&mut unstable);
    let ranges = broken(&unstable);
    assert!(ranges.len() <= super::MOST_RANGES);
    for range in 0..20_000 {
        let start = range * PAGE;
        assert!(ranges.iter().any(|lost| lost.start <= start && start + 10 <= lost.end), "{start}");
    }
}

#[test]
fn broken_ranges_that_are_repaired_in_pieces_are_not_too_many_either() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.doubtful(0..u64::MAX);
    for page in (0..20_000).step_by(2) {
        unstable.sent_past(page * PAGE..(page + 1) * PAGE);
        assert!(unstable.broken.count() <= super::MOST_RANGES);
    }
    sync(&mut unstable);
    assert!(unstable.is_broken());
    unstable.sent_past(0..u64::MAX);
    sync(&mut unstable);
    assert!(!unstable.is_broken());
}

#[test]
fn ranges_agree_with_one_state_for_each_byte() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..500 {
        let mut ranges = Ranges::default();
        let mut bytes = [None; 40];
        for _ in 0..40 {
            let start = random.usize(0..40);
            let end = random.usize(start..=40);
            let (range, state) = (start as u64..end as u64, random.u8(0..3));
            match random.u8(0..3) {
                0 => {
                    ranges.set(range, state);
                    bytes[start..end].fill(Some(state));
                }
                1 => {
                    ranges.update(range, |old| (old != state).then_some(0));
                    let changed = bytes[start..end].iter_mut().filter(|byte| byte.is_some());
                    changed.for_each(|byte| *byte = (*byte != Some(state)).then_some(0));
                }
                _ => {
                    ranges.take(&range);
                    bytes[start..end].fill(None);
                }
            }
            let mut seen = [None; 40];
            let mut last = None;
            for (range, state) in ranges.iter() {
                assert!(!range.is_empty() && last != Some((range.start, state)), "{ranges:?}");
                seen[range.start as usize..range.end as usize].fill(Some(state));
                last = Some((range.end, state));
            }
            assert_eq!(seen, bytes, "{ranges:?}");
        }
    }
}

#[test]
fn each_byte_and_each_page_that_is_lost_is_counted_once() {
    let mut lost = Lost::new(PageSize::DEFAULT);
    lost.add(10..20);
    lost.add(15..30);
    lost.add_part(0, &Part::range(25..40));
    lost.add(PAGE - 1..2 * PAGE + 1);
    assert_eq!((lost.bytes(), lost.pages()), (30 + PAGE + 2, 3));
}

#[test]
fn what_is_owed_is_owed_no_more_once_it_was_cut_off() {
    let mut unstable = with([2, 3]);
    unstable.sent(1, &Part::range(10..200));
    assert_eq!(fail(&mut unstable), [1, 2, 3]);
    unstable.resized(PAGE + 100, 4 * PAGE);
    unstable.page_left(2);
    unstable.page_left(3);
    assert_eq!(unstable.all_owed(), [1]);
    assert_eq!(unstable.owed(1), Some(Part::range(10..100)));
    unstable.sent(1, &Part::range(10..100));
    sync(&mut unstable);
    assert!(!unstable.is_broken() && unstable.owes_nothing());
}

#[test]
fn what_is_owed_is_owed_no_more_once_it_was_zeroed() {
    let mut unstable = with([0, 1, 2, 3]);
    fail(&mut unstable);
    unstable.zeroed(10..3 * PAGE);
    unstable.page_left(1);
    unstable.page_left(2);
    assert_eq!(unstable.all_owed(), [0, 3]);
    unstable.sent(0, &ALL);
    unstable.sent(3, &ALL);
    sync(&mut unstable);
    assert!(!unstable.is_broken() && unstable.owes_nothing());

    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent(1, &Part::range(10..200));
    fail(&mut unstable);
    unstable.forget_part(1, 0..100);
    assert_eq!(unstable.owed(1), Some(Part::range(100..200)));
}

#[test]
fn a_page_that_leaves_takes_what_was_rewritten_of_it_along_and_nothing_else() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.sent_past(0..5 * PAGE);
    fail(&mut unstable);
    unstable.rewritten(0..5 * PAGE);
    unstable.page_left(3);
    (0..5).for_each(|page| unstable.sent(page, &ALL));
    sync(&mut unstable);
    assert_eq!(broken(&unstable), [3 * PAGE..4 * PAGE]);
}

#[test]
fn a_broken_range_that_is_cut_out_of_the_file_is_gone() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    for page in [1, 2, 5] {
        unstable.sent_past(page * PAGE + 5..page * PAGE + 10);
    }
    fail(&mut unstable);
    unstable.collapsed(2 * PAGE, PAGE, 6 * PAGE);
    assert_eq!(broken(&unstable), [PAGE + 5..PAGE + 10, 4 * PAGE + 5..4 * PAGE + 10]);
}

#[test]
fn a_shift_that_failed_may_have_moved_what_is_broken_to_anywhere_behind_it() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    unstable.shift_failed(2 * PAGE, 6 * PAGE, 7 * PAGE);
    assert!(!unstable.is_broken());
    sync(&mut unstable);
    unstable.sent_past(5 * PAGE..5 * PAGE + 10);
    fail(&mut unstable);
    unstable.shift_failed(2 * PAGE, 6 * PAGE, 7 * PAGE);
    assert_eq!(broken(&unstable), [2 * PAGE..7 * PAGE]);
}

#[test]
fn what_lies_behind_the_end_is_not_named_and_the_cause_is_known() {
    let mut unstable = Unstable::new(PageSize::DEFAULT);
    assert!(unstable.cause().is_none());
    unstable.sent_past(100..200);
    fail(&mut unstable);
    assert!(unstable.broken(100).is_empty());
    assert_eq!(unstable.broken(101), [100..101]);
    assert!(unstable.cause().is_some());
}
