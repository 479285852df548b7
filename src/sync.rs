//! The primitives that the lock is built from, real or modelled: the only place that knows of loom.
//!
//! Everything below this crate's public face takes its atomics, its mutex and its parking from
//! here. Compiled with `--cfg loom`, the same names stand for loom's, and the lock's tables shrink so
//! that a model of two or three threads can be explored to its end.

#[cfg(loom)]
mod model;
#[cfg(not(loom))]
mod native;

#[cfg(loom)]
pub(crate) use model::*;
#[cfg(not(loom))]
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
