//! The lock that serialises the operations on a file.
//!
//! A file has two: the IO lock, and the mapping lock below it. Both are [`MappingLock`]s. With the
//! feature `model` a cache can use another lock instead, to measure it or to show what goes wrong
//! without one.

#[cfg(feature = "model")]
pub(crate) mod model;

use std::ops::Range;
use std::time::Instant;

use crate::page::PageSize;
use spanlock::{Access, MappingGuard, MappingLock};

#[cfg(feature = "model")]
use self::model::{AnyGuard, AnyLock, WholeFile, WholeFileGuard};

pub enum InodeLock {
    Ranges(MappingLock),
    #[cfg(feature = "model")]
    WholeFile(WholeFile),
    #[cfg(feature = "model")]
    Unlocked,
    #[cfg(feature = "model")]
    Other(Box<dyn AnyLock>, PageSize),
}

#[expect(dead_code, reason = "the guards are kept for their drop")]
pub(crate) enum OperationGuard<'a> {
    Ranges(MappingGuard<'a>),
    #[cfg(feature = "model")]
    WholeFile(WholeFileGuard<'a>),
    #[cfg(feature = "model")]
    Unlocked,
    #[cfg(feature = "model")]
    Other(Box<dyn AnyGuard + 'a>),
}

impl InodeLock {
    pub(crate) fn ranges(page_size: PageSize) -> InodeLock {
        InodeLock::Ranges(MappingLock::with_page_size(page_size.bytes()))
    }

    /// Claims `bytes`, rounded out to whole pages, in the mode of `access`; waits for its turn.
    #[inline]
    pub(crate) fn lock(&self, access: Access, bytes: Range<u64>) -> OperationGuard<'_> {
        match self {
            InodeLock::Ranges(lock) => OperationGuard::Ranges(lock.lock(access, bytes)),
            #[cfg(feature = "model")]
            other => other.lock_model(access, bytes),
        }
    }

    /// Claims as [`lock`](InodeLock::lock) does, if that is possible without waiting.
    #[inline]
    pub(crate) fn try_lock(&self, access: Access, bytes: Range<u64>) -> Option<OperationGuard<'_>> {
        match self {
            InodeLock::Ranges(lock) => lock.try_lock(access, bytes).map(OperationGuard::Ranges),
            #[cfg(feature = "model")]
            other => other.try_lock_model(access, bytes),
        }
    }

    /// Claims as [`lock`](InodeLock::lock) does, if that can be done before a time. A lock of the model waits as
    /// long as it takes.
    pub(crate) fn lock_until(
        &self,
        access: Access,
        bytes: Range<u64>,
        end: Instant,
    ) -> Option<OperationGuard<'_>> {
        match self {
            InodeLock::Ranges(lock) => {
                lock.try_lock_until(access, bytes, end).map(OperationGuard::Ranges)
            }
            #[cfg(feature = "model")]
            other => Some(other.lock_model(access, bytes)),
        }
    }

    /// Claims one page, by its number: what most claims are for.
    #[inline]
    #[cfg_attr(not(feature = "model"), expect(unused_variables, reason = "the lock knows it"))]
    pub(crate) fn lock_page(
        &self,
        access: Access,
        page: u64,
        page_size: PageSize,
    ) -> OperationGuard<'_> {
        match self {
            InodeLock::Ranges(lock) => OperationGuard::Ranges(lock.lock_page(access, page)),
            #[cfg(feature = "model")]
            other => other.lock_model(access, page_size.bytes_of(&(page..page + 1))),
        }
    }

    /// Claims as [`lock_page`](InodeLock::lock_page) does, if that is possible without waiting.
    #[inline(always)]
    #[cfg_attr(not(feature = "model"), expect(unused_variables, reason = "the lock knows it"))]
    pub(crate) fn try_lock_page(
        &self,
        access: Access,
        page: u64,
        page_size: PageSize,
    ) -> Option<OperationGuard<'_>> {
        match self {
            InodeLock::Ranges(lock) => lock.try_lock_page(access, page).map(OperationGuard::Ranges),
            #[cfg(feature = "model")]
            other => other.try_lock_model(access, page_size.bytes_of(&(page..page + 1))),
        }
    }
}

#[cfg(feature = "model")]
impl InodeLock {
    fn lock_model(&self, access: Access, bytes: Range<u64>) -> OperationGuard<'_> {
        use model::OperationLock;
        match self {
            InodeLock::Ranges(lock) => OperationGuard::Ranges(lock.lock(access, bytes)),
            InodeLock::WholeFile(lock) => OperationGuard::WholeFile(lock.lock(access, bytes)),
            InodeLock::Unlocked => OperationGuard::Unlocked,
            InodeLock::Other(lock, page_size) => {
                OperationGuard::Other(lock.lock_any(access, page_size.round_out(&bytes)))
            }
        }
    }

    fn try_lock_model(&self, access: Access, bytes: Range<u64>) -> Option<OperationGuard<'_>> {
        use model::OperationLock;
        Some(match self {
            InodeLock::Ranges(lock) => OperationGuard::Ranges(lock.try_lock(access, bytes)?),
            InodeLock::WholeFile(lock) => OperationGuard::WholeFile(lock.try_lock(access, bytes)?),
            InodeLock::Unlocked => OperationGuard::Unlocked,
            InodeLock::Other(lock, page_size) => {
                OperationGuard::Other(lock.try_lock_any(access, page_size.round_out(&bytes))?)
            }
        })
    }
}
