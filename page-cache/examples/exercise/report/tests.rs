use super::{Latency, grouped};

#[test]
fn thousands_are_set_apart() {
    for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(grouped(number), text);
    }
}

#[test]
fn latencies_have_the_unit_that_fits() {
    for (nanos, text) in
        [(999, "999 ns"), (1_500, "1.5 us"), (22_300_000, "22.3 ms"), (1_500_000_000, "1.5 s")]
    {
        assert_eq!(Latency(nanos).to_string(), text);
    }
}
