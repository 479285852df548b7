//! What ranges mean: bounds of every kind, against arithmetic that cannot overflow.
//!
//! The fuzz target for spans includes this file.

use std::ops::{Bound, RangeBounds};

use spanlock::{Span, SpanError};

/// One past the last unit.
const UNITS: i128 = u64::MAX as i128;

/// Checks a range, and two ranges against each other. Panics at the first difference.
pub fn check(one: (Bound<u64>, Bound<u64>), other: (Bound<u64>, Bound<u64>)) {
    let (Some(one), Some(other)) = (check_one(one), check_one(other)) else { return };
    let common = |a: Span, b: Span| {
        let start = i128::from(a.start()).max(i128::from(b.start()));
        let end = i128::from(a.end()).min(i128::from(b.end()));
        end - start
    };
    for (a, b) in [(one, other), (other, one), (one, one)] {
        assert_eq!(a.overlaps(b), common(a, b) > 0, "{a:?} overlaps {b:?}");
        let contained = b.is_empty() || common(a, b) == i128::from(b.len());
        assert_eq!(a.contains(b), contained, "{a:?} contains {b:?}");
        assert_eq!(a == b, (a.start(), a.end()) == (b.start(), b.end()));
    }
}

fn check_one(bounds: (Bound<u64>, Bound<u64>)) -> Option<Span> {
    let start = match bounds.start_bound() {
        Bound::Included(&first) => i128::from(first),
        Bound::Excluded(&before) => i128::from(before) + 1,
        Bound::Unbounded => 0,
    };
    let end = match bounds.end_bound() {
        Bound::Included(&last) => i128::from(last) + 1,
        Bound::Excluded(&end) => i128::from(end),
        Bound::Unbounded => UNITS,
    };
    match Span::new(bounds) {
        Ok(span) => {
            assert_eq!((i128::from(span.start()), i128::from(span.end())), (start, end));
            assert_eq!(i128::from(span.len()), end - start);
            assert_eq!(span.is_empty(), start == end);
            assert_eq!(Span::new(span.range()), Ok(span));
            assert_eq!(Span::of_unit(span.start()) == Some(span), end - start == 1);
            Some(span)
        }
        Err(SpanError::Inverted { start: s, end: e }) => {
            assert_eq!((i128::from(s), i128::from(e)), (start, end));
            assert!(start > end, "{start}..{end} was called inverted");
            None
        }
        Err(SpanError::NoSuchUnit) => {
            assert!(start > UNITS || end > UNITS, "{start}..{end} was said to go past the end");
            None
        }
        Err(unforeseen) => panic!("{start}..{end}: {unforeseen}"),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use spanlock::{Mode, RangeLock};

    use super::*;

    const BORDERS: [u64; 13] = [
        0,
        1,
        2,
        1000,
        (1 << 48) - 2,
        (1 << 48) - 1,
        1 << 48,
        (1 << 48) + 1,
        (1 << 48) + 2,
        1 << 63,
        u64::MAX - 2,
        u64::MAX - 1,
        u64::MAX,
    ];

    fn bounds_at_the_borders() -> impl Iterator<Item = (Bound<u64>, Bound<u64>)> + Clone {
        let bounds = BORDERS
            .iter()
            .flat_map(|&at| [Bound::Included(at), Bound::Excluded(at)])
            .chain([Bound::Unbounded]);
        let ends = bounds.clone();
        bounds.flat_map(move |start| ends.clone().map(move |end| (start, end)))
    }

    #[test]
    fn every_pair_of_border_ranges_agrees_with_wide_arithmetic() {
        for one in bounds_at_the_borders() {
            for other in bounds_at_the_borders() {
                check(one, other);
            }
        }
    }

    #[test]
    fn two_claims_at_the_borders_conflict_only_if_they_share_a_unit() {
        let lock = RangeLock::new();
        let spans = bounds_at_the_borders().filter_map(|bounds| Span::new(bounds).ok());
        for one in spans.clone() {
            let held = lock.try_lock_exclusive(one.range()).expect("nothing is held");
            for other in spans.clone() {
                let free = lock.try_lock_shared(other.range()).is_some();
                assert_eq!(free, !one.overlaps(other), "{other:?} while {one:?} is held");
            }
            drop(held);
        }
    }

    #[test]
    fn an_empty_range_is_granted_within_an_exclusive_one() {
        let lock = RangeLock::new();
        let _all = lock.lock_exclusive(..);
        for at in BORDERS {
            let nothing = lock.lock_exclusive(at..at);
            assert_eq!(nothing.range(), at..at);
        }
    }

    #[test]
    fn an_empty_range_within_a_held_one_is_neither_locked_nor_in_conflict() {
        let lock = RangeLock::new();
        let _all = lock.lock_exclusive(..);
        assert!(lock.is_locked(5..6));
        assert!(!lock.is_locked(5..5));
        assert!(!lock.conflicts(5..5, Mode::Exclusive));
    }

    #[test]
    fn an_open_end_reaches_the_last_unit() {
        let lock = RangeLock::new();
        let tail = lock.lock_exclusive(10..);
        assert_eq!(tail.range(), 10..u64::MAX);
        assert!(lock.try_lock_shared(u64::MAX - 1..u64::MAX).is_none());
        assert!(lock.try_lock_shared(..10).is_some());
    }

    #[test]
    fn messages_show_an_open_end_as_such() {
        let lock = RangeLock::new();
        let mut guard = lock.lock_exclusive(10..);
        assert_eq!(format!("{lock:?}"), "RangeLock[10.. Exclusive Held]");
        let shrunk = catch_unwind(AssertUnwindSafe(|| guard.shrink_to(5..)));
        let message = shrunk.expect_err("it is not contained").downcast::<String>();
        assert_eq!(*message.expect("a string"), "cannot shrink 10.. to 5..: it is not contained");
        let split = catch_unwind(AssertUnwindSafe(|| drop(guard.split_at(7))));
        let message = split.expect_err("it is outside").downcast::<String>();
        assert_eq!(*message.expect("a string"), "cannot split 10.. at 7");
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "they are what is refused")]
    fn a_range_that_names_no_units_panics_and_says_why_and_locks_nothing() {
        let lock = RangeLock::new();
        let message_of = |claim: &dyn Fn()| {
            let panic = catch_unwind(AssertUnwindSafe(claim)).expect_err("the range was taken");
            panic.downcast_ref::<String>().expect("a formatted message").clone()
        };
        let inverted: [&dyn Fn(); 4] = [
            &|| drop(lock.lock_shared(9..3)),
            &|| drop(lock.lock_exclusive(9..3)),
            &|| drop(lock.try_lock_shared(9..3)),
            &|| drop(lock.try_lock_exclusive(9..3)),
        ];
        for claim in inverted {
            let message = message_of(claim);
            assert!(message.contains('9') && message.contains('3'), "{message}");
        }
        let past_the_end = message_of(&|| drop(lock.lock_shared(0..=u64::MAX)));
        assert!(past_the_end.contains(&u64::MAX.to_string()), "{past_the_end}");
        assert!(lock.try_lock_exclusive(..).is_some());
    }
}
