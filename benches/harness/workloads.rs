//! The workloads, and the loops that time them.

pub mod arr_bench;
pub mod clocked;
pub mod flood;
pub mod held;
pub mod mapping_mix;
pub mod mix;
pub mod one_unit;
pub mod pairs;
pub mod ranges;
pub mod work_mix;
