use super::DirtyRanges;

const BYTES: usize = 40;

/// One cell for each byte.
fn cells(ranges: &DirtyRanges) -> [bool; BYTES] {
    let mut cells = [false; BYTES];
    for range in ranges.iter() {
        cells[range].fill(true);
    }
    cells
}

#[test]
fn random_insertions_and_removals_agree_with_one_cell_for_each_byte() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..200 {
        let mut ranges = DirtyRanges::default();
        let mut expected = [false; BYTES];
        for _ in 0..30 {
            let start = random.usize(..BYTES);
            let range = start..random.usize(start..=BYTES.min(start + 9));
            if random.bool() {
                ranges.insert(range.clone());
                expected[range].fill(true);
            } else {
                ranges.remove(range.clone());
                expected[range].fill(false);
            }
            assert_eq!(cells(&ranges), expected);
            let bounds: Vec<_> = ranges.iter().flat_map(|range| [range.start, range.end]).collect();
            assert!(bounds.is_sorted_by(|left, right| left < right), "{ranges:?}");
            let covered = expected.iter().position(|&dirty| !dirty).unwrap_or(BYTES);
            assert!(ranges.cover(covered) && !ranges.cover(covered + 1), "{ranges:?}");
        }
    }
}
