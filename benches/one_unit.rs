//! Single units: every pattern, shared and exclusive, also beside a range that is held.

mod harness;

use harness::criteria::{benchmark, criterion};
use harness::workloads::one_unit::{Pattern, pairs, pairs_beside_a_range};
use harness::workloads::pairs::MODES;

fn main() {
    let mut criterion = criterion();
    for pattern in Pattern::ALL {
        for (mode, name) in MODES {
            for threads in [1, 2, 4, 8] {
                let group = format!("one-unit-{}-{name}", pattern.name());
                benchmark(&mut criterion, &group, threads, pairs(pattern, mode, threads));
            }
        }
    }
    for (mode, name) in MODES {
        for threads in [1, 2, 4, 8] {
            let group = format!("one-unit-beside-a-range-{name}");
            let cases = pairs_beside_a_range(Pattern::Neighbours, mode, threads);
            benchmark(&mut criterion, &group, threads, cases);
        }
    }
    criterion.final_summary();
}
