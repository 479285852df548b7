//! What every benchmark is made of: the locks side by side, and the work they are given.
//!
//! A workload is a function that returns one [`Case`] for each lock that can do it. Criterion, the
//! ratio table and the report all run these same cases. The timed loops are generic over the lock,
//! so each is compiled as if it had been written for that lock alone.

#![allow(dead_code, reason = "each program that includes the harness runs its own part of it")]

pub mod adapters;
pub mod case;
pub mod cells;
pub mod contender;
pub mod criteria;
pub mod draws;
pub mod figures;
pub mod interleave;
pub mod processors;
pub mod workloads;

#[path = "../contenders/mod.rs"]
pub mod contenders;
