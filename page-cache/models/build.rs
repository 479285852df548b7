//! The cache's sources are compiled as for shuttle: with primitives that are not made of zeroes.

fn main() {
    println!("cargo::rustc-cfg=spanlock_shuttle");
}
