//! The figures that the lock has to reach, each a ratio to a neighbour measured in turns with it.
//!
//! Prints the table; speed is never asserted. As a test (`cargo bench -- --test`, `cargo test
//! --benches`) each figure is only run for a moment.

mod harness;

use std::env;
use std::time::Duration;

use harness::figures::{FIGURES, Measured, NEVER_USED, NEVER_USED_GOAL, NEVER_USED_MUST};
use harness::interleave::Rounds;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().any(|argument| argument == name);
    let rounds = if given("--bench") && !given("--test") {
        Rounds { count: 101, length: Duration::from_millis(4) }
    } else {
        Rounds { count: 1, length: Duration::from_micros(50) }
    };
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    for figure in &FIGURES {
        let id = format!("{}: {}", figure.target.what(), figure.what);
        if wanted.is_some_and(|wanted| !id.contains(wanted.as_str())) {
            continue;
        }
        let Measured { ratio, this, over, .. } = figure.measure(rounds);
        let (must, goal) = (figure.target.must(), figure.target.goal());
        println!("figures/{id}");
        println!(
            "    median of the rounds' ratios {:.2} [{:.2} {:.2}], must {must}, goal {goal}; \
             {:.1} ns over {:.1} ns",
            ratio.median, ratio.low, ratio.high, this.median, over.median,
        );
    }
    println!("figures/a lock that was never used");
    println!("    {NEVER_USED} bytes, must {NEVER_USED_MUST}, goal {NEVER_USED_GOAL}");
}
