//! The lock without its guards: slots, cells and registry.
//!
//! A claim on a single unit is a read-modify-write on that unit's [slot](words::slot). Any other
//! claim takes a [cell](words::cell). A claim that must wait, or that finds no free cell, is in the
//! [registry], behind a mutex. The [board] shows the registry's claims to the threads that do not
//! take that mutex. If every cell is taken, an older claim is [moved](board::make_way) out of its
//! cell.
//!
//! # Invariants
//!
//! - **I1** A unit's claims in slots are all in one slot: the lock's embedded one until a table
//!   exists, that of the present table from then on. When a table is made, or exchanged for
//!   another, all old slots are closed, their words are stored in the new ones, and these are
//!   published, all under the mutex.
//! - **I2** A slot or a cell that is watched has a proxy in the registry: a held claim of the same
//!   span and mode. The watch is set and the proxy is added under the mutex. They are removed under
//!   the mutex too, except for the watch of a cell whose claim is released: that cell stays taken
//!   until the proxy is removed. A claim is counted as a blocker only if it is in the registry,
//!   itself or by proxy.
//! - **I3** Two claims that both consider themselves held never conflict.
//! - **I4** (the two-sided argument) A claim on a unit writes its slot (W, a SeqCst
//!   read-modify-write), then loads the summary (L, SeqCst), which is empty until the core is made.
//!   A claim on a range writes the summary (S, a SeqCst read-modify-write), then loads the slots in
//!   its span (B, SeqCst). If L does not see S or a later write, L precedes S in the single total
//!   order, hence W precedes B there, and B sees W or a later word. So at least one of the two
//!   claims sees the other, and is taken back,
//!   or waits for the other's proxy. Of two ranges, the later one sees the earlier one in the value
//!   that S reads, because every write of the summary is a read-modify-write.
//! - **I5** Tables, counters and core are freed with the lock; a pointer that was read stays valid.
//! - **I6** A claim on the board that is split, shrunk or downgraded is replaced. Before it is
//!   released, the claims that replace it are shown on the board, and the slots and cells that
//!   conflict with them are watched. A new claim that finds no conflicting claim on the board then
//!   checks whether it is watched itself, and if so it is taken back: it may have read the summary
//!   before the change and the cell after it.
//!
//! docs/design.md has the whole argument, each ordering with its counterpart, and the model that
//! fails without it.

mod acquire;
mod admit;
mod board;
mod change;
mod counters;
mod enter;
mod inspect;
mod place;
mod readers;
mod registry;
mod release;
mod resize;
mod upgrade;
mod waiting;
mod words;

#[cfg(all(test, spanlock_loom))]
mod models;

use std::ops::ControlFlow;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crossbeam_utils::CachePadded;

use crate::Span;
use crate::deadlock;
use crate::sync::{
    AtomicI64, AtomicPtr, AtomicU64, BOARD_CELLS, Mutex, MutexGuard, Ordering, const_constructor,
};
use board::{Counted, Regions};
use counters::{Counters, Path};
use place::Place;
use registry::{ClaimId, Registry};
use resize::Room;
use waiting::{News, Waiter, Wakes};
use words::cell::Cells;
use words::slot::{UNITS, Word};
use words::summary::Summary;
use words::table::{self, Current, Made, Table};

pub(crate) use place::{Hold, Part};
pub(crate) use waiting::Fairness;
pub(crate) use waiting::pending::{Pending, Queued, Unmet};

/// The lock's words. Its public interface is [`RangeLock`](crate::RangeLock). It is `pub` because a
/// sealed trait in public bounds mentions it; other crates cannot name it.
pub struct RawLock {
    /// The one slot of a lock that has no table.
    slot: AtomicU64,
    /// The slots of a lock that had several units in use at once; null until then.
    table: Current,
    /// Cells and registry. Until a claim needs them, one of the two values below, which says how
    /// fair they will be.
    core: AtomicPtr<Core>,
    /// A type of size zero without the feature `stats`.
    counters: Counters,
}

/// The values of `RawLock::core` before the core is made: of a lock with bounded fairness, and of a
/// strictly fair one.
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
    /// Which claims are on the board. Alone in its cache line: every claim on a range writes it, and
    /// loses it to another thread between two accesses.
    summary: CachePadded<AtomicU64>,
    fairness: Fairness,
    cells: Cells,
    regions: Regions,
    /// How many more claims may find their slot taken by another unit before the number of slots is
    /// checked.
    collisions_to_go: AtomicI64,
    news: News,
    protected: Mutex<Protected>,
}

/// What the mutex protects.
struct Protected {
    registry: Registry<Waiter>,
    /// The proxies of claims that took their cells without the mutex.
    proxies: [Option<ClaimId>; BOARD_CELLS],
    /// The cell out of which a claim was moved last.
    moved_last: u32,
    /// Of a claim that is being admitted: where each part is shown, and how many claims block it.
    /// Kept so that its memory is used again.
    shown: Vec<(Place, u32)>,
    regions: Counted,
    /// All tables that have been made.
    tables: Made,
    room: Room,
}

impl RawLock {
    const_constructor! {
        /// A lock without claims.
        pub(crate) fn new() -> RawLock {
            RawLock::without(NO_CORE)
        }
    }

    const_constructor! {
        /// A strictly fair lock without claims: its claims are due as soon as they wait.
        pub(crate) fn fair() -> RawLock {
            RawLock::without(NO_CORE_AND_FAIR)
        }
    }

    const_constructor! {
        fn without(core: *mut Core) -> RawLock {
            RawLock {
                slot: AtomicU64::new(Word::FREE.bits()),
                table: Current::new(),
                core: AtomicPtr::new(core),
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

    /// The number by which a deadlock report names the lock.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The slot of a unit below [`UNITS`] (I1). If it is found closed, the caller must take the
    /// mutex and look again.
    #[inline(always)]
    fn slot_of(&self, unit: u64) -> &AtomicU64 {
        match self.table() {
            Some(table) => table.word(unit),
            None => &self.slot,
        }
    }

    #[inline]
    fn table(&self) -> Option<Table<'_>> {
        // ORDERING: Acquire, paired with the Release in `resize`: the words are seen that were
        // moved to the table.
        self.table.load(Ordering::Acquire)
    }

    /// The core, if it has been made; until then the board is empty. A thread that has loaded a closed slot
    /// with Acquire finds it.
    #[inline]
    fn existing_core(&self) -> Option<&Core> {
        // ORDERING: SeqCst, the first part of L in the two-sided argument (I4). As an Acquire it is
        // paired with `make_core`: all of the core is visible.
        let core = self.core.load(Ordering::SeqCst);
        // SAFETY: a value other than these two was made by `make_core`, and lives as long as the
        // lock (I5).
        is_made(core).then(|| unsafe { &*core })
    }

    /// The core, made now if it has not been made. A thread that does not see another thread's core
    /// yet finds it when it tries to install its own.
    #[inline]
    fn core(&self) -> &Core {
        // ORDERING: SeqCst, so that the two-sided argument (I4) also holds for a range that uses the
        // core of another thread: if a unit did not find this core, it had entered its slot before
        // this load, and B sees it there. As an Acquire, as in `existing_core`.
        let core = self.core.load(Ordering::SeqCst);
        // SAFETY: as in `existing_core`.
        if is_made(core) { unsafe { &*core } } else { self.make_core(core) }
    }

    /// Makes the core, if `self.core` still has the value `none`.
    #[cold]
    fn make_core(&self, none: *mut Core) -> &Core {
        let new = Box::into_raw(Box::new(Core {
            summary: CachePadded::new(AtomicU64::new(Summary::EMPTY.bits())),
            fairness: fairness_of(none),
            cells: Cells::new(),
            regions: Regions::new(),
            collisions_to_go: AtomicI64::new(1),
            news: News::new(),
            protected: Mutex::new(Protected {
                registry: Registry::new(),
                proxies: [None; BOARD_CELLS],
                moved_last: 0,
                shown: Vec::new(),
                regions: Counted::default(),
                tables: Made::default(),
                room: Room::default(),
            }),
        }));
        // ORDERING: SeqCst, also if it fails: as in `core`. As a Release it shows all of the core to the
        // threads that find it, and as an Acquire we see all of another thread's.
        let installed = self.core.compare_exchange(none, new, Ordering::SeqCst, Ordering::SeqCst);
        let core = match installed {
            Ok(_) => new,
            Err(other) => {
                // SAFETY: `new` came from a box above, and no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
                other
            }
        };
        // SAFETY: made by `make_core`, here or in another thread, and lives as long as the lock
        // (I5).
        unsafe { &*core }
    }

    /// Calls `visit` with every slot that may hold a unit of `span` and is not free, until it
    /// returns `Break`. Without the mutex, the embedded slot may be closed.
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
    fn enter<'a>(&'a self, lock: &'a RawLock) -> Locked<'a> {
        Locked { lock, core: self, protected: self.protected.lock(), wakes: Wakes::default() }
    }
}

/// Access to the registry, the board and the slots, with the mutex held. [`close`](Locked::close)
/// releases the mutex, and then wakes the owners of the claims that were granted meanwhile.
struct Locked<'a> {
    lock: &'a RawLock,
    core: &'a Core,
    protected: MutexGuard<'a, Protected>,
    wakes: Wakes,
}

impl Locked<'_> {
    // Inlined, because a `Locked` that is passed to another function is copied through memory.
    #[inline(always)]
    fn close(mut self) {
        self.make_overdue_due();
        self.make_room();
        self.set_queue();
        self.wakes.announce_grants(&self.core.news);
        self.call_invited();
        let Locked { lock, protected, wakes, .. } = self;
        drop(protected);
        wakes.wake(&lock.counters);
    }

    fn registry(&mut self) -> &mut Registry<Waiter> {
        &mut self.protected.registry
    }
}

impl Drop for RawLock {
    fn drop(&mut self) {
        deadlock::forget_lock(self.address());
        // ORDERING: Relaxed: no other thread uses the lock.
        let core = self.core.load(Ordering::Relaxed);
        if is_made(core) {
            // SAFETY: made from a box by `make_core`, and no reference outlives the lock (I5).
            drop(unsafe { Box::from_raw(core) });
        }
    }
}

// No user code runs with the mutex held, so a panic of user code leaves the lock consistent.
impl UnwindSafe for RawLock {}
impl RefUnwindSafe for RawLock {}

// Users share locks between threads without a wrapper.
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<RawLock>();
    // The raw pointers of a lock do not check this of what they point to.
    is_send_and_sync::<Core>();
};

#[cfg(all(test, not(spanlock_loom)))]
mod tests;
