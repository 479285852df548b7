//! The page cache beside its neighbours: memcpy, the kernel's cache, itself under other locks.
//!
//! First each group with the medians of the ratios of rounds taken in turns, then the same cases
//! as criterion benchmarks. Speed is never asserted. With `--test`, as `cargo bench -- --test`
//! passes it, each is only run for a moment.

#[path = "page_cache/mod.rs"]
mod groups;
#[path = "../../benches/harness/mod.rs"]
mod harness;

use std::env;
use std::time::Duration;

use groups::{GROUPS, Group};
use harness::criteria::{benchmark, criterion};
use harness::interleave::{Rounds, interleave};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen = |group: &&&Group| wanted.is_none_or(|wanted| group.name.contains(wanted.as_str()));
    let moment = arguments.iter().any(|argument| argument == "--test");
    for group in GROUPS.iter().filter(chosen) {
        let rounds = if moment {
            Rounds { count: 1, length: Duration::from_micros(50) }
        } else {
            Rounds { count: 401, length: group.round }
        };
        compare(group, rounds);
    }
    for of in groups::claims_of_hits(1000) {
        let (mapping, io) = (of.mapping, of.io);
        println!("1000 {}: {mapping} claims of the mapping lock, {io} of the IO lock", of.what);
    }
    let mut criterion = criterion();
    for group in GROUPS.iter().filter(chosen) {
        benchmark(&mut criterion, group.name, group.threads, (group.cases)().into_iter());
    }
    criterion.final_summary();
}

fn compare(group: &Group, rounds: Rounds) {
    let turns = interleave(&(group.cases)(), rounds);
    println!("{}, over {}", group.name, turns[0].contender);
    for this in &turns {
        let (ratio, nanos) = (this.over(&turns[0]), this.nanos());
        println!(
            "    {:<44} {:.3} [{:.3} {:.3}]  {:.0} ns",
            this.contender, ratio.median, ratio.low, ratio.high, nanos.median,
        );
    }
}
