//! The locks that each thread holds, and the check of each acquisition.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Weak};

use super::{InCache, Lock, Rank};
use crate::sync::thread_local;

thread_local! {
    /// What this thread has taken. A record that was dropped, on this thread or another, is removed from the list when
    /// the next one is made.
    static TAKEN: RefCell<Vec<Weak<Record>>> = const { RefCell::new(Vec::new()) };
    /// In how many hooks this thread is.
    static LEVEL: Cell<u32> = const { Cell::new(0) };
}

/// Records that this thread is in a hook: until this is dropped, what it held before is not checked.
pub(crate) struct InHook(());

impl InHook {
    pub(crate) fn enter() -> InHook {
        let _ = LEVEL.try_with(|level| level.set(level.get() + 1));
        InHook(())
    }
}

impl Drop for InHook {
    fn drop(&mut self) {
        let _ = LEVEL.try_with(|level| level.set(level.get() - 1));
    }
}

fn level() -> u32 {
    LEVEL.try_with(Cell::get).unwrap_or(0)
}

/// Records that a lock is held, as long as the guard that it comes with exists.
pub(crate) struct Held {
    record: Option<Arc<Record>>,
}

struct Record {
    lock: Lock,
    place: &'static Location<'static>,
    level: u32,
}

impl Held {
    /// Records the acquisition of a lock for which the thread is about to wait if necessary.
    ///
    /// # Panics
    ///
    /// If this thread holds a lock that it must not hold then.
    #[track_caller]
    pub(crate) fn acquire(lock: Lock) -> Held {
        let place = Location::caller();
        check(&lock, place, |held| held.allows(&lock));
        Held::record(lock, place)
    }

    /// Records a lock that was acquired without waiting.
    #[track_caller]
    pub(crate) fn tried(lock: Lock) -> Held {
        Held::record(lock, Location::caller())
    }

    /// Records that the wait is over. The order was checked before it.
    pub(crate) fn taken(&self) {}

    /// Removes the record before it is dropped, for a guard that is forgotten.
    pub(crate) fn release(&mut self) {
        self.record = None;
    }

    fn record(lock: Lock, place: &'static Location<'static>) -> Held {
        let record = Arc::new(Record { lock, place, level: level() });
        // A thread that is ending has no list any more. It takes locks only in destructors.
        let _ = TAKEN.try_with(|taken| {
            let mut taken = taken.borrow_mut();
            taken.retain(|record| record.strong_count() > 0);
            taken.push(Arc::downgrade(&record));
        });
        Held { record: Some(record) }
    }
}

/// Checks that this thread may wait for pages of a cache to become clean, or for a frame of it.
#[track_caller]
pub(crate) fn may_wait_for_clean(cache: &impl InCache) {
    let (place, cache) = (Location::caller(), cache.cache());
    let of_another = |held: &Lock| held.cache != 0 && held.cache != cache;
    check(&"clean pages", place, |held| held.rank < Rank::Mapping || of_another(held));
}

/// Checks that this thread may touch memory that can fault, which takes its mm.
#[track_caller]
pub(crate) fn may_fault() {
    let place = Location::caller();
    check(&"memory that can fault", place, |held| held.rank < Rank::Mm);
}

fn check(wanted: &dyn fmt::Display, place: &Location<'_>, allowed: impl Fn(&Lock) -> bool) {
    // A second panic would end the process, and hide the first.
    if std::thread::panicking() {
        return;
    }
    let forbidding = TAKEN.try_with(|taken| {
        let (taken, level) = (taken.borrow(), level());
        let mut held = taken.iter().filter_map(Weak::upgrade).filter(|held| held.level == level);
        held.find(|held| !allowed(&held.lock))
    });
    if let Ok(Some(held)) = forbidding {
        let Record { lock, place: taken_at, .. } = &*held;
        panic!(
            "lock order violated: {place} acquires {wanted} while its thread holds {lock}, acquired at {taken_at}; \
             the order is: IO locks in the order in which their files were opened, mm lock, mapping lock, pages of one file in ascending order, latch \
             (docs/design.md, \"Lock order\")"
        );
    }
}

impl Lock {
    /// Whether a thread that holds this may wait for `next`.
    fn allows(&self, next: &Lock) -> bool {
        let ascending = self.owner == next.owner && self.units.start < next.units.start;
        // A page that was removed from its file has no order: a thread that finds one releases it.
        let gone = self.owner == 0 || next.owner == 0;
        let next_file = self.owner < next.owner;
        self.rank < next.rank
            || (self.rank, next.rank) == (Rank::Io, Rank::Io) && next_file
            || self.is_of_another_cache_than(next)
            || (self.rank, next.rank) == (Rank::Page, Rank::Page) && (ascending || gone)
    }

    fn is_of_another_cache_than(&self, next: &Lock) -> bool {
        self.cache != 0 && next.cache != 0 && self.cache != next.cache
    }
}
