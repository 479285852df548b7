//! The primitives of the lock, real or modelled: the only module that refers to loom or shuttle.
//!
//! All other modules take atomics, mutex and parking from here. There are three sets of them:
//!
//! | compiled with            | primitives | used for                                                   |
//! |--------------------------|------------|------------------------------------------------------------|
//! |                          | real       | all builds of users                                        |
//! | `--cfg spanlock_loom`    | loom's     | models of the lock: all interleavings, and orderings too   |
//! | `--cfg spanlock_shuttle` | shuttle's  | what is built on the lock, under a deterministic scheduler |
//!
//! The flags also need the feature of the same name (`loom`, `shuttle`). Both models make the lock's
//! tables so small that few threads fill them in few steps.

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

/// Declares a constructor that is `const` natively. loom's atomics have no `const` constructor.
macro_rules! const_constructor {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $of:ty)?) -> $type:ty $body:block) => {
        $(#[$attribute])*
        #[cfg(not(spanlock_loom))]
        $visibility const fn $name($($argument: $of)?) -> $type $body

        $(#[$attribute])*
        #[cfg(spanlock_loom)]
        $visibility fn $name($($argument: $of)?) -> $type $body
    };
}
pub(crate) use const_constructor;
