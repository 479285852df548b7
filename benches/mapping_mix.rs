//! The mapping mix: the claims that a file's paths make on its mapping lock.

mod harness;

use harness::criteria::{benchmark, criterion};
use harness::mapping_mix::operations;

fn main() {
    let mut criterion = criterion();
    for threads in [1, 2, 4, 8] {
        benchmark(&mut criterion, "mapping-mix", threads, operations(threads));
    }
    criterion.final_summary();
}
