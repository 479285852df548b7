//! The page tables of an address space: its regions, and the state of each region's pages.
//!
//! A walk holds them for an access to one page: so once a region is removed, no access to it is in
//! progress. A walk may wait for the latch of the page that it leads to. A thread that holds a
//! latch must not wait for a walk; it only tries.

use std::ops::Deref;

use super::region::Regions;
use crate::mapping::Blocking;
use crate::order::{Held, Lock};
use crate::sync::blocking::{PoisonError, RwLock, RwLockReadGuard, TryLockError};

pub(super) struct Tables {
    regions: RwLock<Regions>,
}

/// The regions, as they are for the moment.
pub(super) struct Walk<'a> {
    regions: RwLockReadGuard<'a, Regions>,
    _held: Held,
}

impl Tables {
    pub(super) fn new() -> Tables {
        Tables { regions: RwLock::new(Regions::new()) }
    }

    /// Reads the regions. It may wait for a thread that changes them.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn walk(&self) -> Walk<'_> {
        let _held = Held::acquire(Lock::walk());
        Walk { regions: self.regions.read().unwrap_or_else(PoisonError::into_inner), _held }
    }

    /// Like `walk`, without waiting: `None` while a thread changes them.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn walk_with(&self, blocking: Blocking) -> Option<Walk<'_>> {
        if blocking == Blocking::Allowed {
            return Some(self.walk());
        }
        let regions = match self.regions.try_read() {
            Ok(regions) => regions,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Walk { regions, _held: Held::tried(Lock::walk()) })
    }

    /// Changes the regions while there is no walk. The caller holds the mm lock exclusively.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Regions) -> T) -> T {
        let _held = Held::acquire(Lock::walk());
        change(&mut self.regions.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Deref for Walk<'_> {
    type Target = Regions;

    fn deref(&self) -> &Regions {
        &self.regions
    }
}
