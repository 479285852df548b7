//! Memory without synchronisation, protected only by the lock.

use std::cell::UnsafeCell;
use std::ops::Range;

use spanlock::{ExclusiveGuard, SharedGuard};

/// One pair of counters for each unit of a range.
///
/// An exclusive holder increments both: first one counter of every unit, then the other. A shared holder
/// checks that they are equal. They are not atomic, so a lock that admits two claims at the same time, or does
/// not order one after the other, also shows as a data race in a race detector.
pub struct Cells {
    first: u64,
    cells: Vec<UnsafeCell<[u64; 2]>>,
}

// SAFETY: a cell is written only by `raise`, under an exclusive claim on its unit, and read only
// there and by `check`, under a claim on its unit. A lock that honours its claims therefore orders
// every two accesses of which one is a write; that it does is what these tests assert.
unsafe impl Sync for Cells {}

impl Cells {
    pub fn on(units: Range<u64>) -> Cells {
        let cells = units.clone().map(|_| UnsafeCell::new([0; 2])).collect();
        Cells { first: units.start, cells }
    }

    /// Increments both counters of every held unit. Returns the number of units.
    pub fn raise(&self, held: &ExclusiveGuard<'_>) -> u64 {
        let held = self.held(held.range());
        for half in 0..2 {
            for cell in held {
                let counter = cell.get().cast::<u64>().wrapping_add(half);
                // SAFETY: `counter` is within the live cell, and see the claim above `Sync`.
                // Volatile, so that the two rounds over the cells stay two rounds.
                unsafe { counter.write_volatile(counter.read_volatile() + 1) };
            }
        }
        held.len() as u64
    }

    /// Compares the counters of every held unit.
    pub fn check(&self, held: &SharedGuard<'_>) {
        for (at, cell) in self.held(held.range()).iter().enumerate() {
            // SAFETY: the cell is live, and see the claim above `Sync`.
            let [one, other] = unsafe { cell.get().read_volatile() };
            assert_eq!(one, other, "cell {at} of {:?} was read while it was written", held.range());
        }
    }

    /// The sum over all units, of each counter.
    pub fn totals(&mut self) -> [u64; 2] {
        self.cells.iter_mut().fold([0, 0], |[one, other], cell| {
            let cell = cell.get_mut();
            [one + cell[0], other + cell[1]]
        })
    }

    fn held(&self, units: Range<u64>) -> &[UnsafeCell<[u64; 2]>] {
        let place = |unit: u64| (unit.max(self.first) - self.first).min(self.cells.len() as u64);
        &self.cells[place(units.start) as usize..place(units.end) as usize]
    }
}
