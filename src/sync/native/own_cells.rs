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
    let home = home_cell();
    (home < OWN_CELLS).then_some(home)
}

/// The cell that this thread tries first, and in whose cache line it is counted as a reader: its own, if it
/// has one. The others share the common cells, and take turns in choosing one, so that they write
/// different cache lines.
#[inline]
pub(crate) fn home_cell() -> u32 {
    let home = HOME.get();
    if home == UNKNOWN { first_home_cell() } else { home }
}

/// The cell that a thread without one of its own tries before it looks for a free one.
#[inline]
pub(crate) fn tried_first() -> Option<u32> {
    Some(home_cell())
}

/// The cells that belong to other threads, a bit each.
pub(crate) fn cells_of_others() -> u64 {
    let own = own_cell().map_or(0, |own| 1 << own);
    !common_cells() & !own
}

const UNKNOWN: u32 = u32::MAX;

std::thread_local! {
    static HOME: Cell<u32> = const { Cell::new(UNKNOWN) };
    static OWNER: Owner = const { Owner };
}

/// The cells that belong to a thread, a bit each. No model needs it: it only identifies threads.
static OWNED: AtomicU32 = AtomicU32::new(0);

/// How many threads have chosen a common cell.
static CHOSEN: AtomicU32 = AtomicU32::new(0);

#[cold]
fn first_home_cell() -> u32 {
    let home = free_own_cell().unwrap_or_else(|| {
        // ORDERING: Relaxed: it only spreads the threads.
        let turn = CHOSEN.fetch_add(1, Ordering::Relaxed);
        OWN_CELLS + turn % (BOARD_CELLS as u32 - OWN_CELLS)
    });
    HOME.set(home);
    home
}

fn free_own_cell() -> Option<u32> {
    // A thread that is being torn down gets none.
    OWNER.try_with(|_| ()).ok()?;
    let lowest_free = |owned: u32| {
        let own = owned.trailing_ones();
        (own < OWN_CELLS).then_some(owned | 1 << own)
    };
    // ORDERING: Acquire, paired with the Release in `drop`: we see what the thread that had the
    // cell wrote to it.
    let owned = OWNED.fetch_update(Ordering::Acquire, Ordering::Relaxed, lowest_free).ok()?;
    Some(owned.trailing_ones())
}

/// Frees a thread's cell when the thread ends.
struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        let home = HOME.replace(UNKNOWN);
        if home < OWN_CELLS {
            // ORDERING: Release, paired with the Acquire in `free_own_cell`.
            OWNED.fetch_and(!(1 << home), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests;
