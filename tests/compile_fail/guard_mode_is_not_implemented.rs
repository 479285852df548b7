//! A mode that says shared now and exclusive later.

use spanlock::{GuardMode, Mode};

#[derive(Clone, Copy)]
struct Mine;

impl GuardMode for Mine { //~ E0277
    fn mode(&self) -> Mode {
        Mode::Shared
    }
}

fn main() {}
