//! Programs of try-locks and releases, granted as by one queue for each cell.

#![no_main]

#[path = "../../tests/lock/operations.rs"]
mod operations;

use libfuzzer_sys::fuzz_target;
use operations::Program;

fuzz_target!(|program: Program| program.run());
