//! How a claim waits that cannot be held at once: it spins, waits patiently, and becomes due.

pub(crate) mod due;
pub(crate) mod fairness;
pub(crate) mod news;
pub(crate) mod patient;
pub(crate) mod pending;
pub(crate) mod spin;
pub(crate) mod waiter;

pub(crate) use due::Patience;
pub(crate) use fairness::Fairness;
pub(crate) use news::{News, Seen};
pub(crate) use waiter::{Sleeper, Waiter, Wakes};
