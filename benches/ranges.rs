//! Small ranges by their length, and the whole range.

mod harness;

use harness::criteria::{benchmark, criterion};
use harness::workloads::pairs::MODES;
use harness::workloads::ranges::{LENGTHS, apart, whole};

fn main() {
    let mut criterion = criterion();
    for (mode, name) in MODES {
        for length in LENGTHS {
            for threads in [1, 2, 4] {
                let group = format!("{length}-units-{name}");
                benchmark(&mut criterion, &group, threads, apart(length, mode, threads));
            }
        }
        for threads in [1, 2, 4] {
            let group = format!("whole-range-{name}");
            benchmark(&mut criterion, &group, threads, whole(mode, threads));
        }
    }
    criterion.final_summary();
}
