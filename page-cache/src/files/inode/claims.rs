//! Claims on a file's two locks, the IO lock and the mapping lock, with the checks of the lock order.

use std::ops::Range;
use std::time::Instant;

use crate::diagnostics::{Wait, Waiting};
use crate::files::inode::Inode;
use crate::files::operation_lock::{InodeLock, OperationGuard};
use crate::order::{Held, Lock};
use crate::stats::Grant;
use spanlock::Access;

/// The IO lock has the type of the mapping lock, but only the mode of an access matters. These two
/// accesses stand for the modes.
const IO_SHARED: Access = Access::BufferedRead;
const IO_EXCLUSIVE: Access = Access::Truncate;

/// A claim on the mapping lock. What requires the claim takes it as an argument.
pub(crate) struct MappingClaim<'a> {
    // Dropped in this order, so that the next holder finds the record removed.
    _held: Held,
    _guard: OperationGuard<'a>,
}

/// A claim on the IO lock.
pub(crate) struct IoClaim<'a> {
    // Dropped in this order, so that the next holder finds the record removed.
    _held: Held,
    _guard: OperationGuard<'a>,
}

impl Inode {
    /// The IO lock over some bytes, for the lock order.
    #[inline(always)]
    fn io_order(&self, bytes: &Range<u64>) -> Lock {
        Lock::io(&self.cache.frames, self.id, bytes)
    }

    /// The mapping lock over the pages of some bytes, for the lock order.
    #[inline(always)]
    fn mapping_order(&self, bytes: &Range<u64>) -> Lock {
        Lock::mapping(&self.cache.frames, self.id, self.page_size.touched(bytes))
    }

    /// Claims the mapping lock for an operation.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn claim(&self, access: Access, bytes: Range<u64>) -> MappingClaim<'_> {
        let _held = Held::acquire(self.mapping_order(&bytes).in_mode(access.mode()));
        let (_guard, grant) = lock(&self.mapping, access, bytes, Wait::MappingLock);
        self.cache.counters.mapping_claim(access, grant);
        _held.taken();
        MappingClaim { _guard, _held }
    }

    /// Claims the mapping lock for an operation, if that is possible without waiting.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn try_claim(&self, access: Access, bytes: Range<u64>) -> Option<MappingClaim<'_>> {
        let lock = self.mapping_order(&bytes).in_mode(access.mode());
        let _guard = self.mapping.try_lock(access, bytes)?;
        self.cache.counters.mapping_claim(access, Grant::AtOnce);
        Some(MappingClaim { _guard, _held: Held::tried(lock) })
    }

    /// Claims the mapping lock for an operation, if that can be done before a time.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn claim_until(
        &self,
        access: Access,
        bytes: Range<u64>,
        end: Instant,
    ) -> Option<MappingClaim<'_>> {
        let lock = self.mapping_order(&bytes).in_mode(access.mode());
        let _held = Held::acquire(lock);
        let _guard = self.mapping.lock_until(access, bytes, end)?;
        self.cache.counters.mapping_claim(access, Grant::AfterWaiting);
        _held.taken();
        Some(MappingClaim { _guard, _held })
    }

    /// Claims the mapping lock for one page.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn claim_page(&self, access: Access, page: u64) -> MappingClaim<'_> {
        let _held = Held::acquire(
            Lock::mapping(&self.cache.frames, self.id, page..page.saturating_add(1))
                .in_mode(access.mode()),
        );
        let (_guard, grant) = match self.mapping.try_lock_page(access, page, self.page_size) {
            Some(guard) => (guard, Grant::AtOnce),
            None => {
                let _waiting = Waiting::new(Wait::MappingLock);
                (self.mapping.lock_page(access, page, self.page_size), Grant::AfterWaiting)
            }
        };
        self.cache.counters.mapping_claim(access, grant);
        _held.taken();
        MappingClaim { _guard, _held }
    }

    /// Waits until the page can be claimed. A request calls this before it acquires a permit: while it waits for an
    /// exclusive claim, other requests to the file may need the permit.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn wait_until_claimable(&self, access: Access, page: u64) {
        if self.mapping.try_lock_page(access, page, self.page_size).is_none() {
            drop(self.claim_page(access, page));
        }
    }

    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn io_shared(&self, bytes: Range<u64>) -> IoClaim<'_> {
        self.io_claim(IO_SHARED, bytes)
    }

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn io_exclusive(&self, bytes: Range<u64>) -> IoClaim<'_> {
        self.io_claim(IO_EXCLUSIVE, bytes)
    }

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn io_exclusive_page(&self, page: u64) -> IoClaim<'_> {
        let _held =
            Held::acquire(self.io_order(&self.page_size.bytes_of(&(page..page.saturating_add(1)))));
        let (_guard, grant) = match self.io.try_lock_page(IO_EXCLUSIVE, page, self.page_size) {
            Some(guard) => (guard, Grant::AtOnce),
            None => {
                let _waiting = Waiting::new(Wait::IoLock);
                (self.io.lock_page(IO_EXCLUSIVE, page, self.page_size), Grant::AfterWaiting)
            }
        };
        self.cache.counters.io_claim(grant);
        _held.taken();
        IoClaim { _guard, _held }
    }

    /// Claims a page of the IO lock exclusively, if that is possible without waiting. The claim is
    /// counted by `count_io_claim`.
    ///
    /// Nothing is done here after the claim is made. So the compiler builds it where the caller keeps
    /// it, and does not copy it.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn try_io_exclusive_page(&self, page: u64) -> Option<IoClaim<'_>> {
        let order = self.io_order(&self.page_size.bytes_of(&(page..page.saturating_add(1))));
        let _guard = self.io.try_lock_page(IO_EXCLUSIVE, page, self.page_size)?;
        Some(IoClaim { _guard, _held: Held::tried(order) })
    }

    /// Counts a claim that did not wait.
    #[inline]
    pub(crate) fn count_io_claim(&self) {
        self.cache.counters.io_claim(Grant::AtOnce);
    }

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn io_claim(&self, access: Access, bytes: Range<u64>) -> IoClaim<'_> {
        let _held = Held::acquire(self.io_order(&bytes).in_mode(access.mode()));
        let (_guard, grant) = lock(&self.io, access, bytes, Wait::IoLock);
        self.cache.counters.io_claim(grant);
        _held.taken();
        IoClaim { _guard, _held }
    }

    /// Claims the IO lock for a write to `bytes`: those, or if the write extends the file all from
    /// the old end or the write's start on, whichever is first.
    ///
    /// The file may be truncated while the claim waits, so that the write extends it after all. Then
    /// the whole file is claimed instead, whatever its size.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn io_for_write(&self, bytes: Range<u64>) -> IoClaim<'_> {
        if bytes.end > self.size() {
            return self.io_from(bytes.start);
        }
        let page = self.page_size.number(bytes.start);
        let claim = if page == self.page_size.number(bytes.end - 1) {
            self.io_exclusive_page(page)
        } else {
            self.io_exclusive(bytes.clone())
        };
        if bytes.end <= self.size() {
            return claim;
        }
        drop(claim);
        self.io_exclusive(0..u64::MAX)
    }

    /// Claims the IO lock in shared mode over the part of a range that lies within the file, and returns this part.
    ///
    /// If the file has grown into the rest of the range when the claim is granted, all of the range is claimed, so a
    /// caller waits at most twice. The file does not become shorter than what is returned while the claim is held.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn io_shared_within(&self, bytes: &Range<u64>) -> (IoClaim<'_>, Range<u64>) {
        let within = || bytes.start..bytes.end.min(self.size()).max(bytes.start);
        let before = within();
        let claim = self.io_shared(before.clone());
        let now = within();
        if now.end <= before.end {
            return (claim, now);
        }
        drop(claim);
        let claim = self.io_shared(bytes.clone());
        (claim, within())
    }

    /// Claims the IO lock from `at` or the end on, whichever is first.
    ///
    /// If the file grows while the claim waits, the claim stays larger than necessary, and keeps its
    /// place in the queue: otherwise appends that come in between could delay it without end. If the
    /// file is truncated meanwhile to less than was claimed, all of it is claimed. So a writer waits at
    /// most twice.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn io_from(&self, at: u64) -> IoClaim<'_> {
        let from = self.size().min(at);
        let claim = self.io_exclusive(from..u64::MAX);
        if self.size() >= from {
            return claim;
        }
        drop(claim);
        self.io_exclusive(0..u64::MAX)
    }
}

#[inline]
fn lock(
    lock: &InodeLock,
    access: Access,
    bytes: Range<u64>,
    wait: Wait,
) -> (OperationGuard<'_>, Grant) {
    match lock.try_lock(access, bytes.clone()) {
        Some(guard) => (guard, Grant::AtOnce),
        None => {
            let _waiting = Waiting::new(wait);
            (lock.lock(access, bytes), Grant::AfterWaiting)
        }
    }
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
