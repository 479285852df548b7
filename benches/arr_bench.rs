//! ArrBench: operations on ranges of an array of 256 cells.

mod harness;

use harness::criteria::{benchmark, criterion};
use harness::workloads::arr_bench::{Ranges, operations};

fn main() {
    let mut criterion = criterion();
    for ranges in Ranges::ALL {
        for reads in [100, 60] {
            for threads in [1, 2, 4, 8] {
                let group = format!("arr-bench-{}-{reads}-per-cent-reads", ranges.name());
                benchmark(&mut criterion, &group, threads, operations(ranges, reads, threads));
            }
        }
    }
    criterion.final_summary();
}
