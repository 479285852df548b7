//! The lock does what the naive lock does, on fixed seeds.

use arbitrary::{Arbitrary, Unstructured};

use super::operations::Program;

const RUNS: u64 = if cfg!(debug_assertions) { 1_000 } else { 20_000 };

fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

#[test]
fn random_tries_and_releases_are_granted_as_by_one_queue_per_cell() {
    for seed in 0..RUNS {
        let bytes = random_bytes(seed, 16 << (seed % 9));
        if let Ok(program) = Program::arbitrary(&mut Unstructured::new(&bytes)) {
            program.run();
        }
    }
}
