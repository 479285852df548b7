//! Held growth: one pair of lock and unlock among many held claims.

mod harness;

use harness::criteria::{benchmark, criterion};
use harness::workloads::held::{CLAIMS, Lengths, among};

fn main() {
    let mut criterion = criterion();
    for lengths in Lengths::ALL {
        for claims in CLAIMS {
            let group = format!("held-{}-{claims}", lengths.name());
            benchmark(&mut criterion, &group, 1, among(lengths, claims));
        }
    }
    criterion.final_summary();
}
