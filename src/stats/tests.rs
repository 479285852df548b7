use std::time::Duration;

use super::{BUCKETS, WaitHistogram};

fn histogram(waits: &[u64]) -> WaitHistogram {
    let mut buckets = [0; BUCKETS];
    waits.iter().for_each(|&wait| buckets[WaitHistogram::bucket_of(wait)] += 1);
    WaitHistogram::new(buckets, waits.iter().sum())
}

#[test]
fn every_wait_is_in_the_first_bucket_that_ends_after_it() {
    for wait in [0, 1, 2, 3, 4, 1_000, (1 << 38) - 1, 1 << 38, u64::MAX] {
        let waits = histogram(&[wait]);
        let bound =
            waits.buckets().map(|(bound, _)| bound).find(|&b| b > Duration::from_nanos(wait));
        let used = waits.buckets().find(|&(_, claims)| claims == 1).map(|(bound, _)| bound);
        assert_eq!(used, bound, "a wait of {wait} ns");
    }
}

#[test]
fn a_quantile_is_bounded_by_the_end_of_its_bucket() {
    let waits = histogram(&[1, 3, 3, 100, 5_000]);
    let ns = Duration::from_nanos;
    assert_eq!((waits.count(), waits.mean()), (5, ns(1_021)));
    let bounds = [0.0, 0.2, 0.5, 0.8, 1.0].map(|quantile| waits.quantile_bound(quantile));
    assert_eq!(bounds, [ns(2), ns(2), ns(4), ns(128), ns(8_192)]);
    assert_eq!(histogram(&[]).quantile_bound(1.0), Duration::ZERO);
    assert_eq!(histogram(&[u64::MAX]).quantile_bound(0.5), Duration::MAX);
}
