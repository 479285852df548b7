//! What seals this crate's traits.
//!
//! A trait that has a private trait for its supertrait cannot be implemented elsewhere, but whoever has it as a
//! bound can call the supertrait's methods, whose names need no import. So each of these takes an argument of
//! which only this crate has a value.

/// The caller is this crate. `pub` for the private traits that are in public bounds; nobody outside can name it, or
/// make one.
#[derive(Clone, Copy)]
pub struct Internal(pub(crate) ());

/// What this crate's callers pass.
pub(crate) const INTERNAL: Internal = Internal(());
