use super::{DirtyRanges, PartialPages};

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
            let dirty = |at: usize| at < BYTES && expected[at];
            let starts = (0..BYTES).filter(|&at| dirty(at) && (at == 0 || !dirty(at - 1)));
            assert_eq!(ranges.len(), starts.count(), "{ranges:?}");
            assert_eq!(ranges.is_empty(), expected == [false; BYTES]);
            assert!(ranges.cover(covered) && !ranges.cover(covered + 1), "{ranges:?}");
        }
    }
}

fn with(added: &[(usize, usize)]) -> DirtyRanges {
    let mut ranges = DirtyRanges::default();
    added.iter().for_each(|&(start, end)| ranges.insert(start..end));
    ranges
}

#[test]
fn a_range_of_blocks_starts_with_one_and_ends_with_one_or_with_the_file() {
    for whole in [(8, 16), (8, 21), (0, 24), (16, 24)] {
        assert!(with(&[whole]).is_one_of_blocks(8, 21), "{whole:?}");
    }
    let others: [&[_]; 5] = [&[], &[(8, 15)], &[(9, 16)], &[(9, 21)], &[(0, 8), (16, 24)]];
    for part in others {
        assert!(!with(part).is_one_of_blocks(8, 21), "{part:?}");
    }
}

#[test]
fn the_ranges_of_a_page_are_kept_until_they_are_forgotten_or_none_is_left() {
    let pages = PartialPages::default();
    pages.set(1, with(&[(3, 5)]));
    pages.set(2, with(&[(7, 9)]));
    assert_eq!((pages.get(1), pages.get(3)), (with(&[(3, 5)]), DirtyRanges::default()));
    pages.set(1, DirtyRanges::default());
    pages.forget(2);
    assert!(pages.pages.lock().unwrap().is_empty());
}
