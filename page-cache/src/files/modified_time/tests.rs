use super::*;

#[test]
fn times_before_and_after_the_epoch_come_back_as_they_were() {
    for nanos in [0, 1, -1, 1_700_000_000_123_456_789, -1_700_000_000_123_456_789, i64::MAX] {
        assert_eq!(to_nanos(from_nanos(nanos)), nanos);
    }
}

#[test]
fn the_clock_is_within_a_second_of_the_precise_one() {
    let before = to_nanos(SystemTime::now());
    assert!((now() - before).abs() < 1_000_000_000);
}
