use std::collections::BTreeSet;

use super::{BLOCK, BLOCK_BITS, FIRST_TABLE_BITS, index};

/// How many words are in a cache line.
const LINE: usize = 8;

fn lines(units: std::ops::Range<u64>, bits: u32) -> BTreeSet<usize> {
    units.map(|unit| index(unit, bits) / LINE).collect()
}

/// So a longer table has room for all units of a shorter one.
#[test]
fn units_with_different_words_have_different_words_in_a_longer_array() {
    let mut random = fastrand::Rng::with_seed(1);
    for bits in FIRST_TABLE_BITS..20 {
        for _ in 0..100_000 {
            let (one, other) = (random.u64(..1 << 20), random.u64(..1 << 20));
            let meet = |bits| index(one, bits) == index(other, bits);
            assert!(meet(bits) || !meet(bits + 1), "{one} and {other} at 2^{}", bits + 1);
        }
    }
}

#[test]
fn the_units_of_a_block_have_all_of_its_words() {
    for bits in [FIRST_TABLE_BITS, 16] {
        for first in (0..1 << 12).step_by(BLOCK) {
            let units = first..first + BLOCK as u64;
            let words: BTreeSet<usize> = units.map(|unit| index(unit, bits)).collect();
            assert_eq!(words.len(), BLOCK);
            assert_eq!(words.first().map(|word| word % BLOCK), Some(0));
            assert!(
                words.iter().all(|word| word >> BLOCK_BITS == words.first().unwrap() >> BLOCK_BITS)
            );
        }
    }
}

#[test]
fn units_side_by_side_are_in_different_cache_lines_and_ranges_in_few() {
    for bits in [FIRST_TABLE_BITS, 16] {
        for first in (0..1 << 12).step_by(BLOCK) {
            let last = first + BLOCK as u64 - 1;
            assert!((first..last).all(|unit| lines(unit..unit + 2, bits).len() == 2));
            assert_eq!(lines(first..last + 1, bits).len(), BLOCK / LINE);
        }
    }
}

/// Units at regular distances are as far apart as any.
#[test]
fn units_at_regular_distances_share_words_about_as_often_as_random_ones() {
    for distance in 1..200 {
        let words: BTreeSet<usize> = (0..64).map(|unit| index(unit * distance, 9)).collect();
        assert!(
            words.len() >= 32,
            "64 units have {} words at a distance of {distance}",
            words.len()
        );
    }
}
