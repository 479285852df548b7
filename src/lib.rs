//! Shared/exclusive locks on ranges of `u64` units.

mod claim;
mod error;
mod future;
mod guard;
mod lock;
mod many;
mod mapping;
mod mode;
pub mod page_cache;
mod raw;
mod span;
mod sync;

pub use claim::{Claim, ClaimState};
pub use error::SpanError;
pub use future::{
    ArcLockExclusiveFuture, ArcLockSharedFuture, LockExclusiveFuture, LockFuture,
    LockMappingFuture, LockSharedFuture,
};
pub use guard::{
    ArcExclusiveGuard, ArcSharedGuard, Exclusive, ExclusiveGuard, Guard, GuardMode, LockRef,
    Shared, SharedGuard,
};
pub use lock::RangeLock;
pub use many::{ManyGuard, PairGuard, lock_pair};
pub use mapping::{Access, ArcMappingGuard, MappingGuard, MappingLock};
pub use mode::Mode;
pub use span::Span;
