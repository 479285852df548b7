//! Programs of every operation that cannot block, granted as by one queue for each cell.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spanlock_fuzz::operations::Program;

fuzz_target!(|program: Program| program.run());
