//! Which kinds of operations were performed on a file.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;

use crate::workload::op::Path;

const ALL: u64 = (1 << Path::ALL.len()) - 1;

/// The kinds of operations that were performed on a file.
#[derive(Default)]
pub struct Met(AtomicU64);

impl Met {
    /// Records that an operation of this kind was performed.
    pub fn note(&self, path: Path) {
        let bit = 1 << path.index();
        // Usually it is set already, and then the threads need not contend for the cache line.
        if self.0.load(Ordering::Relaxed) & bit == 0 {
            self.0.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// One of the kinds that were not performed yet, at random.
    pub fn lacking(&self, rng: &mut Rng) -> Option<Path> {
        let lacking = ALL & !self.0.load(Ordering::Relaxed);
        match lacking.count_ones() {
            0 => None,
            count => {
                let skipped = rng.u32(..count) as usize;
                let mut paths =
                    Path::ALL.into_iter().filter(|path| lacking & 1 << path.index() != 0);
                paths.nth(skipped)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Met, Path, Rng};

    #[test]
    fn each_path_is_lacking_until_it_was_met() {
        let (met, mut rng) = (Met::default(), Rng::with_seed(1));
        let mut seen = Vec::new();
        while let Some(path) = met.lacking(&mut rng) {
            met.note(path);
            seen.push(path.index());
        }
        seen.sort_unstable();
        assert_eq!(seen, Vec::from_iter(0..Path::ALL.len()));
    }
}
