//! Shared/exclusive locks on ranges of `u64` units.

mod error;
mod guard;
mod lock;
mod mapping;
mod mode;
pub mod page_cache;
mod raw;
mod span;

pub use error::SpanError;
pub use guard::{ArcExclusiveGuard, ArcSharedGuard, ExclusiveGuard, Guard, SharedGuard};
pub use lock::RangeLock;
pub use mapping::{Access, MappingGuard, MappingLock};
pub use mode::Mode;
pub use span::Span;
