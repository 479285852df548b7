//! The lock agrees with the reference, on fixed seeds.

use arbitrary::{Arbitrary, Unstructured};

use super::operations::Program;

const RUNS: u64 = match (cfg!(miri), cfg!(debug_assertions)) {
    (true, _) => 6,
    (_, true) => 400,
    (_, false) => 8_000,
};

fn programs() -> impl Iterator<Item = Program> {
    (0..RUNS).filter_map(|seed| {
        let mut bytes = vec![0; 16 << (seed % 9)];
        fastrand::Rng::with_seed(seed).fill(&mut bytes);
        Program::arbitrary(&mut Unstructured::new(&bytes)).ok()
    })
}

#[test]
fn tries_and_releases_are_granted_as_by_one_queue_per_cell() {
    programs().for_each(|program| program.tries_only().run());
}

#[test]
fn all_operations_are_granted_as_by_one_queue_per_cell() {
    programs().for_each(|program| program.run());
}
