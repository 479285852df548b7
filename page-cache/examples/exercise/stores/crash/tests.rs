use fastrand::Rng;
use spanlock_page_cache::Store;

use super::{Honesty, Volatile};

/// What many crashes leave, each once.
fn crashes(store: &Volatile) -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(1);
    let mut left: Vec<_> = (0..200).map(|_| store.crash(&mut rng)).collect();
    left.sort_unstable();
    left.dedup();
    left
}

#[test]
fn what_was_synced_survives() {
    let store = Volatile::new(4096, Honesty::Honest);
    store.write_at(&[1; 1500], 100).unwrap();
    store.set_len(2000).unwrap();
    store.sync().unwrap();
    assert_eq!(crashes(&store), [store.contents()]);
}

#[test]
fn of_what_was_not_synced_any_sectors_do() {
    let store = Volatile::new(1536, Honesty::Honest);
    store.write_at(&[1; 1536], 0).unwrap();
    let left = crashes(&store);
    assert_eq!(left.len(), 8);
    for bytes in left {
        for sector in bytes.chunks(512) {
            assert!(sector.iter().all(|byte| *byte == sector[0]));
        }
    }
    assert_eq!(store.contents(), [1; 1536]);
}

#[test]
fn a_length_is_lost_or_kept_as_a_whole() {
    let store = Volatile::new(1536, Honesty::Honest);
    store.set_len(100).unwrap();
    let lens: Vec<_> = crashes(&store).iter().map(Vec::len).collect();
    assert_eq!(lens, [100, 1536]);
}

#[test]
fn of_what_a_failed_sync_loses_some_reads_as_before_and_none_is_durable_after_the_next() {
    let mut outcomes = Vec::new();
    for seed in 0..100 {
        let store = Volatile::new(512, Honesty::Honest);
        store.write_at(&[1; 512], 0).unwrap();
        store.lose(seed);
        let mut seen = [0; 512];
        store.read_at(&mut seen, 0).unwrap();
        store.sync().unwrap();
        let left = crashes(&store);
        assert_eq!(left, [store.contents()], "the next sync has nothing to sync");
        outcomes.push((seen[0], left[0][0]));
    }
    outcomes.sort_unstable();
    outcomes.dedup();
    // Lost and forgotten, lost and still cached, and durable.
    assert_eq!(outcomes, [(0, 0), (1, 0), (1, 1)]);
}

#[test]
fn a_sector_that_was_lost_and_still_cached_reads_as_it_was_sooner_or_later() {
    let store = Volatile::new(512, Honesty::Honest);
    let reads = |seed| {
        store.write_at(&[1; 512], 0).unwrap();
        store.sync().unwrap();
        store.write_at(&[2; 512], 0).unwrap();
        store.lose(seed);
        Vec::from_iter((0..40).map(|_| {
            let mut seen = [0; 512];
            store.read_at(&mut seen, 0).unwrap();
            seen[0]
        }))
    };
    assert!((0..100).any(|seed| matches!(reads(seed)[..], [2, .., 1])));
}

#[test]
fn what_is_written_anew_after_it_was_lost_is_durable() {
    for seed in 0..100 {
        let store = Volatile::new(512, Honesty::Honest);
        store.write_at(&[1; 512], 0).unwrap();
        store.lose(seed);
        store.write_at(&[2; 512], 0).unwrap();
        store.sync().unwrap();
        assert_eq!(crashes(&store), [vec![2; 512]]);
    }
}

#[test]
fn a_sync_that_does_nothing_keeps_nothing() {
    let store = Volatile::new(512, Honesty::Lying);
    store.write_at(&[1; 512], 0).unwrap();
    store.sync().unwrap();
    assert_eq!(crashes(&store).len(), 2);
}
