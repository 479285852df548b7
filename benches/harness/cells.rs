//! The data that the locks guard in the larger workloads: one word for each unit.
//!
//! Words are read and written apart, never in one atomic step, so a lock that lets a writer in
//! beside another holder shows as a lost increment.

use std::hint::black_box;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// One word for each unit.
pub struct Cells {
    words: Box<[AtomicU64]>,
}

impl Cells {
    pub fn new(units: u64) -> Cells {
        Cells { words: (0..units).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Reads every word of `range`.
    #[inline]
    pub fn read(&self, range: Range<u64>) {
        let words = &self.words[range.start as usize..range.end as usize];
        black_box(words.iter().fold(0, |sum: u64, word| sum.wrapping_add(word.load(Relaxed))));
    }

    /// Increments every word of `range`.
    #[inline]
    pub fn increment(&self, range: Range<u64>) {
        for word in &self.words[range.start as usize..range.end as usize] {
            word.store(word.load(Relaxed) + 1, Relaxed);
        }
    }

    /// The sum of all words: how many increments were not lost.
    pub fn sum(&self) -> u64 {
        self.words.iter().map(|word| word.load(Relaxed)).sum()
    }
}
