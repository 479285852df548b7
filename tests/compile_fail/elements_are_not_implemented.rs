//! A sequence of one's own.

use spanlock::Elements;

struct Mine;

impl Elements for Mine {} //~ E0277

fn main() {}
