//! Whether there is an example for everything public.

#[path = "../../tests/examples/items.rs"]
mod items;

use std::path::Path;

/// Written `pub` for the sake of a sealed trait; other crates cannot name them.
const OUT_OF_REACH: [&str; 4] = [
    "pub enum InodeLock {",
    "pub trait AnyLock: Send + Sync {",
    "pub trait AnyGuard {}",
    "pub struct PageSize {",
];

#[test]
fn every_public_item_has_an_example() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (items, without) = items::count(&sources, &OUT_OF_REACH);
    assert!(without.is_empty(), "without an example: {without:#?}");
    assert!(items > 85, "only {items} items were found");
}
