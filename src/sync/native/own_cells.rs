//! Cells that belong to one thread each, in every lock.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use super::BOARD_CELLS;

/// The number of cells that belong to one thread each; they are the first ones.
const OWN_CELLS: u32 = 4;

/// The cells that belong to no thread, a bit each.
#[inline]
pub(crate) fn common_cells() -> u64 {
    !((1 << OWN_CELLS) - 1)
}

/// The cell that belongs to this thread, if any. A thread gets a free one when it first calls this, and
/// keeps it until it ends.
#[inline]
pub(crate) fn own_cell() -> Option<u32> {
    let own = OWN.get();
    if own == UNKNOWN { first_own_cell() } else { (own != NONE).then_some(own) }
}

/// The cell in whose cache line this thread is counted as a reader: its own, if it has one.
#[inline]
pub(crate) fn home_cell() -> u32 {
    own_cell().unwrap_or_else(|| {
        // Scattered, since the addresses of threads differ in their upper bits only.
        let address = OWN.with(|own| std::ptr::from_ref(own).addr()) as u64;
        (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32 % BOARD_CELLS as u32
    })
}

/// The cells that belong to other threads, a bit each.
pub(crate) fn cells_of_others() -> u64 {
    let own = own_cell().map_or(0, |own| 1 << own);
    !common_cells() & !own
}

const UNKNOWN: u32 = u32::MAX;
const NONE: u32 = u32::MAX - 1;

std::thread_local! {
    static OWN: Cell<u32> = const { Cell::new(UNKNOWN) };
    static OWNER: Owner = const { Owner };
}

/// The cells that belong to a thread, a bit each. No model needs it: it only identifies threads.
static OWNED: AtomicU32 = AtomicU32::new(0);

#[cold]
fn first_own_cell() -> Option<u32> {
    OWN.set(NONE);
    // A thread that is being torn down gets none.
    OWNER.try_with(|_| ()).ok()?;
    let lowest_free = |owned: u32| {
        let own = owned.trailing_ones();
        (own < OWN_CELLS).then_some(owned | 1 << own)
    };
    // ORDERING: Acquire, paired with the Release in `drop`: we see what the thread that had the
    // cell wrote to it.
    let owned = OWNED.fetch_update(Ordering::Acquire, Ordering::Relaxed, lowest_free).ok()?;
    OWN.set(owned.trailing_ones());
    own_cell()
}

/// Frees a thread's cell when the thread ends.
struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        let own = OWN.replace(NONE);
        if own < OWN_CELLS {
            // ORDERING: Release, paired with the Acquire in `first_own_cell`.
            OWNED.fetch_and(!(1 << own), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests;
