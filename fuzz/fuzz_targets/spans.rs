//! Two ranges with any bounds, against arithmetic that cannot overflow.

#![no_main]

use std::ops::Bound;

use libfuzzer_sys::fuzz_target;
use spanlock_fuzz::bounds;

type Bounds = (Bound<u64>, Bound<u64>);

fuzz_target!(|ranges: (Bounds, Bounds)| bounds::check(ranges.0, ranges.1));
