//! The primitives that everything is built from, real or modelled: the only place that knows of loom,
//! and where shuttle comes in.
//!
//! Everything below this crate's public face takes its atomics, its mutex and its parking from
//! here. They have three faces:
//!
//! | compiled with   | the names stand for | to                                                      |
//! |-----------------|---------------------|---------------------------------------------------------|
//! |                 | the real ones       | be used                                                 |
//! | `--cfg loom`    | loom's              | explore models of the lock to their end, orderings too  |
//! | `--cfg shuttle` | shuttle's           | run the page cache as a deterministic scheduler says    |
//!
//! Under both models the lock's tables shrink, so that few threads and few steps fill them. The page
//! cache is too long for loom and left out there. It takes what blocks a thread from `blocking`,
//! which natively is `std::sync` itself; likewise `atomic`, `hint` and `thread`.

#[cfg(shuttle)]
mod explored;
#[cfg(loom)]
mod model;
#[cfg(not(any(loom, shuttle)))]
mod native;

#[cfg(shuttle)]
pub(crate) use explored::*;
#[cfg(loom)]
pub(crate) use model::*;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use native::*;

/// Declares a constructor that is `const` natively; loom's atomics have no `const` constructor.
macro_rules! const_constructor {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident() -> $type:ty $body:block) => {
        $(#[$attribute])*
        #[cfg(not(loom))]
        $visibility const fn $name() -> $type $body

        $(#[$attribute])*
        #[cfg(loom)]
        $visibility fn $name() -> $type $body
    };
}
pub(crate) use const_constructor;
