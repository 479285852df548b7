//! Two ranges with any bounds, against arithmetic that cannot overflow.

#![no_main]

#[path = "../../tests/lock/bounds.rs"]
mod bounds;

use std::ops::Bound;

use libfuzzer_sys::fuzz_target;

type Bounds = (Bound<u64>, Bound<u64>);

fuzz_target!(|ranges: (Bounds, Bounds)| bounds::check(ranges.0, ranges.1));
