//! Whether every public item has an example. rustdoc's own lint for this is not stable, and ignores
//! methods.

#![cfg(not(spanlock_loom))]

mod items;

use std::path::Path;

/// `pub` because of a sealed trait or a test; other crates cannot name them.
const OUT_OF_REACH: [&str; 5] = [
    "pub trait Cells: Sized {",
    "pub trait Reach {",
    "pub trait Sealed {}",
    "pub struct RawLock {",
    "pub struct Internal(pub(crate) ());",
];

#[test]
fn every_public_item_has_an_example() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (items, without) = items::count(&sources, &OUT_OF_REACH);
    assert!(without.is_empty(), "without an example: {without:#?}");
    assert!(items > 120, "only {items} items were found");
}
