use std::ops::Range;

use super::Ranges;

/// Ranges with a state each, after they were reduced to so many; the greater state is worse.
fn limited(ranges: &[(Range<u64>, u8)], most: usize) -> Vec<(Range<u64>, u8)> {
    let mut limited = Ranges::default();
    ranges.iter().for_each(|(range, state)| limited.set(range.clone(), *state));
    limited.limit(most, u8::max);
    limited.iter().collect()
}

#[test]
fn ranges_are_rounded_out_to_the_smallest_power_of_two_that_makes_them_few_enough() {
    let ranges = [(1..2, 0), (5..6, 0), (37..39, 0)];
    assert_eq!(limited(&ranges, 3), ranges);
    // 0..2, 4..6 and 36..40 are three still; 0..4 and 4..8 are one.
    assert_eq!(limited(&ranges, 2), [(0..8, 0), (36..40, 0)]);
    assert_eq!(limited(&ranges, 1), [(0..64, 0)]);
}

#[test]
fn the_worse_state_counts_where_ranges_overlap_when_they_are_rounded_out() {
    // 0..2, 2..4 and 4..8 touch and have different states, until they are rounded out to 8 bytes.
    let ranges = [(1..2, 1), (2..3, 3), (5..7, 2), (100..101, 0)];
    assert_eq!(limited(&ranges, 3), [(0..4, 3), (4..8, 2), (100..104, 0)]);
    assert_eq!(limited(&ranges, 2), [(0..8, 3), (96..104, 0)]);
}
