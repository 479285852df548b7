//! The page cache beside its neighbours: memcpy, the kernel's cache, itself under other locks.
//!
//! First the figures, each the median of the ratios of rounds taken in turns, then the same cases
//! as criterion benchmarks. Speed is never asserted. With `--test`, as `cargo bench -- --test`
//! passes it, each is only run for a moment.

#[path = "page_cache/copies.rs"]
mod copies;
#[path = "page_cache/elsewhere.rs"]
mod elsewhere;
mod harness;
#[path = "page_cache/subject.rs"]
mod subject;

use std::env;
use std::time::Duration;

use harness::case::Case;
use harness::criteria::{benchmark, criterion};
use harness::interleave::{Rounds, interleave};

/// Cases that are compared, each with the first of them.
struct Group {
    name: &'static str,
    threads: usize,
    cases: fn() -> Vec<Case>,
    round: Duration,
}

const GROUPS: [Group; 6] = [
    Group {
        name: "page-cache-read",
        threads: 1,
        cases: copies::reads,
        round: Duration::from_micros(150),
    },
    Group {
        name: "page-cache-overwrite",
        threads: 1,
        cases: copies::overwrites,
        round: Duration::from_micros(150),
    },
    Group {
        name: "page-cache-overwrite-by-lock",
        threads: 1,
        cases: copies::overwrites_by_lock,
        round: Duration::from_micros(150),
    },
    Group {
        name: "page-cache-overwrite-disjoint",
        threads: 2,
        cases: copies::disjoint_overwrites,
        round: Duration::from_micros(600),
    },
    Group {
        name: "page-cache-elsewhere-punch",
        threads: 2,
        cases: elsewhere::beside_punches,
        round: Duration::from_millis(4),
    },
    Group {
        name: "page-cache-elsewhere-direct",
        threads: 2,
        cases: elsewhere::beside_direct_writes,
        round: Duration::from_millis(4),
    },
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen = |group: &&Group| wanted.is_none_or(|wanted| group.name.contains(wanted.as_str()));
    let moment = arguments.iter().any(|argument| argument == "--test");
    for group in GROUPS.iter().filter(chosen) {
        let rounds = if moment {
            Rounds { count: 1, length: Duration::from_micros(50) }
        } else {
            Rounds { count: 401, length: group.round }
        };
        figures(group, rounds);
    }
    let mut criterion = criterion();
    for group in GROUPS.iter().filter(chosen) {
        benchmark(&mut criterion, group.name, group.threads, (group.cases)().into_iter());
    }
    criterion.final_summary();
}

fn figures(group: &Group, rounds: Rounds) {
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
