//! A way to a lock of one's own.

use spanlock::{LockRef, RangeLock};

struct Mine(RangeLock);

impl LockRef for Mine {} //~ E0277

fn main() {}
