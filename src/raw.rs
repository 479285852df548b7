//! The lock without its guards: slots, cells and registry.
//!
//! A claim on a single unit is a read-modify-write on that unit's [slot](slot). Any other takes a [cell].
//! Who must wait, or finds no cell, is in the [registry], behind a mutex. The [board] shows the registry's
//! claims to those who do not take that mutex. A claim that finds every cell taken has an older one [moved](make_way) out of its cell.
//!
//! # Invariants
//!
//! - **I1** A unit's claims in slots are all in one slot: the lock's embedded one until a table exists,
//!   that of the present table from then on. When a table is made, or exchanged for another, all old slots are closed, their
//!   words are stored in the new ones, and these are published, all under the mutex.
//! - **I2** A slot or a cell that is watched has a proxy in the registry, a held claim of the same span and
//!   mode; both come under the mutex. They go under the mutex too, but for the watch of a cell that is let go
//!   of: the cell then stays taken until the proxy has gone. A claim is counted as a blocker only if it is in
//!   the registry, itself or by proxy.
//! - **I3** Two claims that both consider themselves held never conflict.
//! - **I4** (the two-sided argument) A unit writes its slot (W, a SeqCst read-modify-write), then loads the
//!   summary (L, SeqCst). A range is entered in the summary (S, a SeqCst read-modify-write), then loads the slots
//!   in its span (B, SeqCst). If L does not see S or a later write, L precedes S in the single
//!   total order, hence W precedes B there, and B sees W or a later word. So at least one sees the
//!   other, and takes itself back, or waits for it by proxy. Of two ranges, the later is told by S of the
//!   earlier: every write of the summary is a read-modify-write.
//! - **I5** Tables, counters and core are freed with the lock; a pointer that was read stays valid.
//! - **I6** A claim on the board that is split, shrunk or downgraded is replaced: those that take its place are shown, and
//!   watch the slots and cells that conflict with them, all before it is released. A newcomer that finds nobody on
//!   the board in its way then looks whether it is watched itself, and takes itself back if so: the summary that it
//!   has read may be older than the change, and the cell younger.
//!
//! docs/design.md has the whole argument, each ordering with its counterpart, and the model that
//! fails without it.

mod acquire;
mod admit;
mod board;
mod cell;
mod change;
mod counters;
mod due;
mod enter;
mod fairness;
mod inspect;
mod make_way;
mod patient;
mod place;
mod readers;
mod regions;
mod registry;
mod release;
mod resize;
mod slot;
mod spin;
mod summary;
mod table;
mod upgrade;
mod waiter;
mod watch;

#[cfg(all(test, spanlock_loom))]
mod models;

use std::ops::ControlFlow;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::Span;
use crate::deadlock;
use crate::sync::{
    AtomicI64, AtomicPtr, AtomicU64, BOARD_CELLS, Mutex, MutexGuard, Ordering, const_constructor,
};
use cell::Cells;
use counters::{Counters, Path};
use place::Place;
use regions::{Counted, Regions};
use registry::{ClaimId, Registry};
use slot::{UNITS, Word};
use summary::Summary;
use table::{Current, Made, Table};
use waiter::{Waiter, Wakes};

pub(crate) use acquire::{Pending, Queued, Refused};
pub(crate) use fairness::Fairness;
pub(crate) use place::{Hold, Part};

/// The lock's words; what its users see is [`RangeLock`](crate::RangeLock). It is `pub` for a sealed
/// trait that is in public bounds; nobody outside can name it.
pub struct RawLock {
    /// The one slot of a lock that has no table.
    slot: AtomicU64,
    /// Who is on the board.
    summary: AtomicU64,
    /// The slots of a lock that had several units in use at once; null until then.
    table: Current,
    /// Cells and registry; until a claim needs them, which fairness they will have.
    core: AtomicPtr<Core>,
    /// Of no size without the feature `stats`.
    counters: Counters,
}

/// Where a core will be, of a lock that is fair within bounds, and of one that is strictly so.
const NO_CORE: *mut Core = std::ptr::null_mut();
const NO_CORE_AND_FAIR: *mut Core = std::ptr::without_provenance_mut(1);

/// The fairness of a lock whose core has not been made.
fn fairness_of(none: *mut Core) -> Fairness {
    if none == NO_CORE { Fairness::Bounded } else { Fairness::Strict }
}

fn is_made(core: *mut Core) -> bool {
    core.addr() > NO_CORE_AND_FAIR.addr()
}

/// What the lock allocates when a claim first needs more than a slot.
struct Core {
    fairness: Fairness,
    cells: Cells,
    regions: Regions,
    /// How many claims have yet to find their slot taken by another unit until it is looked whether slots are few.
    collisions_to_go: AtomicI64,
    books: Mutex<Books>,
}

/// What the mutex guards.
struct Books {
    registry: Registry<Waiter>,
    /// The proxies of claims that took their cells without the mutex.
    proxies: [Option<ClaimId>; BOARD_CELLS],
    /// The cell out of which a claim was moved last.
    moved_last: u32,
    /// Where the parts of a claim are shown that is being admitted, and how many block them; kept for its memory.
    shown: Vec<(Place, u32)>,
    regions: Counted,
    /// The tables that were ever made.
    tables: Made,
}

impl RawLock {
    const_constructor! {
        /// A lock that nobody holds.
        pub(crate) fn new() -> RawLock {
            RawLock {
                slot: AtomicU64::new(Word::FREE.bits()),
                summary: AtomicU64::new(Summary::EMPTY),
                table: Current::new(),
                core: AtomicPtr::new(NO_CORE),
                counters: Counters::new(),
            }
        }
    }

    const_constructor! {
        /// The same, whose claims are all due as soon as they wait.
        pub(crate) fn fair() -> RawLock {
            RawLock {
                slot: AtomicU64::new(Word::FREE.bits()),
                summary: AtomicU64::new(Summary::EMPTY),
                table: Current::new(),
                core: AtomicPtr::new(NO_CORE_AND_FAIR),
                counters: Counters::new(),
            }
        }
    }

    pub(crate) fn fairness(&self) -> Fairness {
        // ORDERING: Acquire, as in `existing_core`.
        let core = self.core.load(Ordering::Acquire);
        // SAFETY: as in `existing_core`.
        is_made(core).then(|| unsafe { &*core }).map_or(fairness_of(core), |core| core.fairness)
    }

    /// By what a report of a deadlock names the lock.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The slot of a unit below [`UNITS`] (I1). If it is found closed, the caller must take the mutex
    /// and look again.
    #[inline(always)]
    fn slot_of(&self, unit: u64) -> &AtomicU64 {
        match self.table() {
            Some(table) => table.word(unit),
            None => &self.slot,
        }
    }

    #[inline]
    fn table(&self) -> Option<Table<'_>> {
        // ORDERING: Acquire, paired with the Release in `resize`: the table's words are seen as they
        // were moved.
        self.table.load(Ordering::Acquire)
    }

    /// The core, if there is one. Whoever has acquired a summary that is not empty, or a closed slot,
    /// finds it.
    #[inline]
    fn existing_core(&self) -> Option<&Core> {
        // ORDERING: Acquire, paired with the Release in `core`.
        let core = self.core.load(Ordering::Acquire);
        // SAFETY: a core that is none of the two was made by `core` and lives as long as the lock (I5).
        is_made(core).then(|| unsafe { &*core })
    }

    /// The core, made now if nobody has needed it before. Who does not find it yet finds it when it
    /// tries to install its own.
    #[inline]
    fn core(&self) -> &Core {
        // ORDERING: Acquire, as in `existing_core`.
        let core = self.core.load(Ordering::Acquire);
        // SAFETY: as in `existing_core`.
        if is_made(core) { unsafe { &*core } } else { self.make_core(core) }
    }

    /// Makes the core where `none` has been found.
    #[cold]
    fn make_core(&self, none: *mut Core) -> &Core {
        let new = Box::into_raw(Box::new(Core {
            fairness: fairness_of(none),
            cells: Cells::new(),
            regions: Regions::new(),
            collisions_to_go: AtomicI64::new(1),
            books: Mutex::new(Books {
                registry: Registry::new(),
                proxies: [None; BOARD_CELLS],
                moved_last: 0,
                shown: Vec::new(),
                regions: Counted::default(),
                tables: Made::default(),
            }),
        }));
        // ORDERING: Release for who finds our core, Acquire for when we find another's.
        let installed = self.core.compare_exchange(none, new, Ordering::Release, Ordering::Acquire);
        let core = match installed {
            Ok(_) => new,
            Err(other) => {
                // SAFETY: `new` came from a box above and was shown to nobody.
                drop(unsafe { Box::from_raw(new) });
                other
            }
        };
        // SAFETY: made by a `core` call, and lives as long as the lock (I5).
        unsafe { &*core }
    }

    /// Calls `visit` with every slot that may hold a unit of `span` and is not free, until it breaks off. Without
    /// the mutex the embedded one may be found closed.
    #[inline]
    fn visit_slots<'a, B>(
        &'a self,
        span: Span,
        mut visit: impl FnMut(&'a AtomicU64, Word) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let in_slots = Span::from_range(span.start().min(UNITS)..span.end().min(UNITS));
        match self.table() {
            Some(table) => table.visit(in_slots, visit),
            None if in_slots.is_empty() => ControlFlow::Continue(()),
            None => table::visit_used(&self.slot, &mut visit),
        }
    }
}

impl Core {
    fn enter<'a>(&'a self, lock: &'a RawLock) -> Ledger<'a> {
        Ledger { lock, core: self, books: self.books.lock(), wakes: Wakes::default() }
    }
}

/// The registry, its board and its slots, with the mutex held. Whoever is granted meanwhile is woken
/// by [`close`](Ledger::close), after the mutex is released.
struct Ledger<'a> {
    lock: &'a RawLock,
    core: &'a Core,
    books: MutexGuard<'a, Books>,
    wakes: Wakes,
}

impl Ledger<'_> {
    // Inlined, for a ledger that is moved to another function goes through memory.
    #[inline(always)]
    fn close(mut self) {
        self.make_overdue_due();
        self.make_room();
        self.set_queue();
        self.wakes.end_records();
        self.call_invited();
        let Ledger { lock, books, wakes, .. } = self;
        drop(books);
        wakes.wake(&lock.counters);
    }

    fn registry(&mut self) -> &mut Registry<Waiter> {
        &mut self.books.registry
    }
}

impl Drop for RawLock {
    fn drop(&mut self) {
        deadlock::forget_lock(self.address());
        // ORDERING: Relaxed: nobody else is left.
        let core = self.core.load(Ordering::Relaxed);
        if is_made(core) {
            // SAFETY: made from a box by `core`, and no reference outlives the lock (I5).
            drop(unsafe { Box::from_raw(core) });
        }
    }
}

// A panic with the mutex held would have to come from this crate's own bookkeeping; user code runs
// outside. So a lock seen after a panic is as consistent as before.
impl UnwindSafe for RawLock {}
impl RefUnwindSafe for RawLock {}

// The crate's promise to its users: sharing a lock needs no wrapper.
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<RawLock>();
    // What its pointers lead to, about which they say nothing.
    is_send_and_sync::<Core>();
};

#[cfg(all(test, not(spanlock_loom)))]
mod tests;
