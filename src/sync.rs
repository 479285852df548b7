//! The primitives that everything is built from, real or modelled: the only place that knows of loom,
//! and where shuttle comes in.
//!
//! Everything below this crate's public face takes its atomics, its mutex and its parking from
//! here. They have three faces:
//!
//! | compiled with            | the names stand for | to                                                     |
//! |--------------------------|---------------------|--------------------------------------------------------|
//! |                          | the real ones       | be used                                                |
//! | `--cfg spanlock_loom`    | loom's              | explore models of the lock to their end, orderings too |
//! | `--cfg spanlock_shuttle` | shuttle's           | run what is built on the lock as a deterministic scheduler says |
//!
//! Each needs the feature of the crate's name too (`loom`, `shuttle`). Under both models the lock's tables
//! shrink, so that few threads and few steps fill them.

#[cfg(spanlock_shuttle)]
mod explored;
#[cfg(spanlock_loom)]
mod model;
#[cfg(not(any(spanlock_loom, spanlock_shuttle)))]
mod native;

#[cfg(spanlock_shuttle)]
pub(crate) use explored::*;
#[cfg(spanlock_loom)]
pub(crate) use model::*;
#[cfg(not(any(spanlock_loom, spanlock_shuttle)))]
pub(crate) use native::*;

/// Declares a constructor that is `const` natively; loom's atomics have no `const` constructor.
macro_rules! const_constructor {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident() -> $type:ty $body:block) => {
        $(#[$attribute])*
        #[cfg(not(spanlock_loom))]
        $visibility const fn $name() -> $type $body

        $(#[$attribute])*
        #[cfg(spanlock_loom)]
        $visibility fn $name() -> $type $body
    };
}
pub(crate) use const_constructor;
