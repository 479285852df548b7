//! A reference type of another crate.

use spanlock::{LockRef, RangeLock};

struct Mine(RangeLock);

impl LockRef for Mine {} //~ E0277

fn main() {}
