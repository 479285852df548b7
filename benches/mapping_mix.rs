//! The mapping mix: the claims that a file's paths make on its mapping lock; and the mix with work.

mod harness;

use harness::criteria::{benchmark, criterion};
use harness::workloads::{mapping_mix, work_mix};

fn main() {
    let mut criterion = criterion();
    for threads in [1, 2, 4, 8] {
        benchmark(&mut criterion, "mapping-mix", threads, mapping_mix::operations(threads));
    }
    for threads in [2, 4] {
        benchmark(&mut criterion, "work-mix", threads, work_mix::operations(threads));
    }
    criterion.final_summary();
}
