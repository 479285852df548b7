//! The wait of a claim on everything among readers that never stop: median, far end and maximum.
//!
//! Prints a line for each lock; speed is never asserted. As a test (`cargo bench -- --test`) each lock
//! is only run for a moment.

mod harness;

use std::env;
use std::time::Duration;

use harness::interleave::Rounds;
use harness::workloads::clocked::in_turns;
use harness::workloads::flood::waits;

fn main() {
    let given = |name: &str| env::args().skip(1).any(|argument| argument == name);
    let rounds = if given("--bench") && !given("--test") {
        Rounds { count: 20, length: Duration::from_millis(250) }
    } else {
        Rounds { count: 1, length: Duration::from_millis(2) }
    };
    for (contender, [waits]) in in_turns(waits(), rounds) {
        let millis = |nanos: u64| nanos as f64 / 1e6;
        println!("flood/{contender}/3");
        println!(
            "    wait in ms: p50 {:.4}, p99.9 {:.4}, max {:.4}, of {} claims",
            millis(waits.value_at_quantile(0.5)),
            millis(waits.value_at_quantile(0.999)),
            millis(waits.max()),
            waits.len(),
        );
    }
}
