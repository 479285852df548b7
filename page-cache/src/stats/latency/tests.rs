use std::time::Duration;

use super::{Answer, Asks, StoreTimes};

#[test]
fn the_share_of_requests_below_a_time_is_known_to_a_factor_of_two() {
    let times = StoreTimes::default();
    for _ in 0..99 {
        times.note(Asks::Write, Duration::from_micros(10), Answer::Well);
    }
    times.note(Asks::Write, Duration::from_millis(5), Answer::Error);
    let writes = times.read(Asks::Write);
    assert_eq!((writes.requests, writes.errors), (100, 1));
    assert_eq!(writes.total, Duration::from_micros(99 * 10 + 5000));
    assert_eq!(writes.longest, Duration::from_millis(5));
    for (share, took) in [(0.0, 10), (0.5, 10), (0.99, 10), (1.0, 5000)] {
        let (found, took) = (writes.quantile(share), Duration::from_micros(took));
        assert!(took <= found && found <= 2 * took, "{share}: {found:?} for {took:?}");
    }
    assert_eq!(times.read(Asks::Read).quantile(1.0), Duration::ZERO);
}

#[test]
fn the_shortest_and_the_longest_times_are_counted_too() {
    let times = StoreTimes::default();
    times.note(Asks::Sync, Duration::ZERO, Answer::Well);
    times.note(Asks::Sync, Duration::MAX, Answer::Well);
    assert_eq!(times.read(Asks::Sync).requests, 2);
    assert!(times.read(Asks::Sync).quantile(1.0) > times.read(Asks::Sync).quantile(0.5));
}
