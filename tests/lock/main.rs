//! The lock through its public interface.

#![cfg(not(spanlock_loom))]

mod bounds;
mod cells;
mod comparison;
mod exclusion;
mod fairness;
mod nesting;
mod operations;
mod panics;
mod release;
mod several;
mod traits;
mod tries;
mod unruly;
mod upgrade;
mod watchdog;
