//! Shared/exclusive locks on ranges of `u64` units, for storage engines.
//!
//! A [`RangeLock`] locks ranges, shared or exclusive. The caller decides what a unit is: a page, a byte, a
//! block. Claims on disjoint ranges never wait for each other. Conflicting claims of threads and of async
//! tasks wait in one queue, with bounded overtaking or strictly first in, first out. An uncontended claim on
//! one range usually takes no mutex: to lock and unlock one unit takes two atomic read-modify-writes, as with
//! a `parking_lot::RwLock`, and a range of any length takes two or four.
//!
//! ```
//! use spanlock::RangeLock;
//!
//! let pages = RangeLock::new();
//! let fault = pages.lock_shared(7..8);
//! let punch = pages.lock_exclusive(100..200); // disjoint: does not wait
//! assert!(pages.try_lock_exclusive(0..50).is_none()); // conflicts with page 7
//! drop(fault);
//! assert!(pages.try_lock_exclusive(0..50).is_some());
//! # drop(punch);
//! ```
//!
//! # Which type to use
//!
//! | to lock | use |
//! | --- | --- |
//! | ranges of anything | [`RangeLock`] |
//! | a file's pages, by byte range and kind of access | [`MappingLock`] |
//! | parts of a vector, an array or a slice, as slices | [`RangeRwLock`] |
//! | several ranges at once | [`RangeLock::lock_many`] |
//! | a range of each of two locks | [`lock_pair`] |
//! | in an async task | the methods with `_async` in their names ([`RangeLock::lock_exclusive_async`]) |
//! | until an IO completes on another thread | the methods that end in `_arc`, whose guards own an `Arc` of the lock ([`RangeLock::lock_exclusive_arc`]) |
//! | with a timeout, or without waiting | the methods that begin with `try_` ([`RangeLock::try_lock_exclusive_for`]) |
//! | the pages of a file that is cached in memory | the crate `spanlock-page-cache`, which is built on this one |
//!
//! [`RangeLock`] documents fairness, deadlocks, complexity and memory. [`LockFuture`] documents futures.
//!
//! # Vocabulary
//!
//! A *span* is a range of units, `start..end`. A *claim* is a request for a span in a *mode*
//! ([`Mode::Shared`] or [`Mode::Exclusive`]). It waits or is held. Two claims *conflict* if their spans
//! share a unit and at least one of them is exclusive. A waiting claim is *patient* (it may be overtaken) or
//! *due* (it may not be overtaken): see [Fairness](RangeLock#fairness).
//!
//! # Features
//!
//! - `stats`: [`RangeLock`]'s method `stats` counts claims, waits and wake-ups.
//! - `deadlock_detection`: `deadlock::check_deadlock` finds threads that wait for each other's claims in a
//!   cycle. [`RangeLock`]'s method `thread_claims` lists which thread holds or waits for each claim, and since
//!   when.
//! - `loom` and `shuttle` have no effect on their own. They serve this crate's tests.

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
