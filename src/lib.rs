//! Shared/exclusive locks on ranges, as cheap as an rwlock for a single unit.
//!
//! A [`RangeLock`] locks ranges of `u64` units, shared or exclusive. A unit is whatever the caller says:
//! a page, a byte, a block. Disjoint ranges never wait for each other; overlapping ones are granted
//! in turn: within bounds, or strictly first in, first out. A claim on one unit costs two atomic read-modify-writes, as does a
//! `parking_lot::RwLock`; a range costs two or three, whatever its length. Who must wait does so in a registry, behind a mutex:
//! threads, tasks, with or without a deadline.
//!
//! ```
//! use spanlock::RangeLock;
//!
//! let pages = RangeLock::new();
//! let fault = pages.lock_shared(7..8); // two atomic operations, no allocation
//! let punch = pages.lock_exclusive(100..200); // elsewhere: does not wait
//! assert!(pages.try_lock_exclusive(0..50).is_none()); // page 7 is in use
//! drop(fault);
//! assert!(pages.try_lock_exclusive(0..50).is_some());
//! # drop(punch);
//! ```
//!
//! | to lock                              | use                                                    |
//! |--------------------------------------|--------------------------------------------------------|
//! | ranges of anything                   | [`RangeLock`]                                          |
//! | several ranges, or two locks, at once | [`RangeLock::lock_many`], [`lock_pair`]               |
//! | a file's pages, by the path that asks | [`MappingLock`], [`Access`]                           |
//! | the elements of a vector or a slice  | [`RangeRwLock`]                                        |
//! | a file, cached                       | the crate `spanlock-page-cache`, which is built on this one |
//!
//! # Vocabulary
//!
//! A *claim* is a request for a *span* of units in a *mode*, waiting or held. A claim waits for exactly those
//! conflicting claims that were there before it; the one that leaves last *grants* it, there and then.
//!
//! # The map of the crate
//!
//! Imports point one way: `mapping` → `lock` → `guard` → `raw` → `sync`, with `span`, `mode`
//! and `error` below. `data`, `many` and `future` are faces of the lock too. `raw` holds the algorithm
//! and knows nothing of guards; its `registry` decides who waits for whom and knows nothing of threads;
//! `sync` is the one place that knows of loom, and the one where shuttle's primitives stand for the
//! real ones.
//! `docs/design.md` has the argument for every ordering and the model that fails without it.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod claim;
mod data;
#[cfg(feature = "deadlock_detection")]
pub mod deadlock;
#[cfg(not(feature = "deadlock_detection"))]
mod deadlock;
mod error;
mod future;
mod guard;
mod lock;
mod many;
mod mapping;
mod mode;
mod raw;
mod sealed;
mod span;
#[cfg(feature = "stats")]
mod stats;
mod sync;
mod unwind;

pub use claim::{Claim, ClaimState};
pub use data::{
    BoundsError, Elements, RangeReadFuture, RangeReadGuard, RangeReadManyGuard, RangeRwFuture,
    RangeRwGuard, RangeRwLock, RangeRwManyGuard, RangeWriteFuture, RangeWriteGuard,
    RangeWriteManyGuard,
};
pub use error::SpanError;
pub use future::{
    ArcLockExclusiveFuture, ArcLockSharedFuture, LockExclusiveFuture, LockFuture,
    LockMappingFuture, LockSharedFuture,
};
pub use guard::{
    ArcExclusiveGuard, ArcRangeGuard, ArcSharedGuard, Exclusive, ExclusiveGuard, Guard, GuardMode,
    LockRef, RangeGuard, Shared, SharedGuard, UpgradeError, UpgradeFuture,
};
pub use lock::RangeLock;
pub use many::{
    ArcManyGuard, ArcPairGuard, GuardPair, GuardSet, LockManyFuture, LockPairFuture, ManyGuard,
    PairGuard, lock_pair, lock_pair_arc, lock_pair_async, lock_pair_async_arc, try_lock_pair,
    try_lock_pair_arc, try_lock_pair_for, try_lock_pair_for_arc, try_lock_pair_until,
    try_lock_pair_until_arc,
};
pub use mapping::{Access, ArcMappingGuard, MappingGuard, MappingLock};
pub use mode::Mode;
pub use span::Span;
#[cfg(feature = "stats")]
pub use stats::{ModeStats, Stats, WaitHistogram};

/// The examples of the README are tested with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
