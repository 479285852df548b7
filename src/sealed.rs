//! The argument type that seals traits.
//!
//! A trait with a private supertrait cannot be implemented in other crates, but they can call the
//! supertrait's methods through a bound, since method names need no import. So each such method takes an
//! `Internal`, of which only this crate has a value.

/// Proof that the caller is this crate. It is `pub` for the private traits in public bounds; other
/// crates can neither name it nor make one.
#[derive(Clone, Copy)]
pub struct Internal(pub(crate) ());

/// The value that this crate passes.
pub(crate) const INTERNAL: Internal = Internal(());
