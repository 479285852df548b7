//! A sequence type of another crate.

use spanlock::Elements;

struct Mine;

impl Elements for Mine {} //~ E0277

fn main() {}
