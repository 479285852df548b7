//! The page size of all caches of a run. Ranges of operations are chosen in units of it.

use std::sync::OnceLock;

use spanlock_page_cache::{Options, PAGE_SIZE};

static PAGE: OnceLock<u64> = OnceLock::new();

/// Sets the page size. Must be called before it is first used.
pub fn set(bytes: u64) {
    PAGE.set(bytes).expect("the page size is set once, before it is used");
}

/// The page size in bytes.
pub fn page_size() -> u64 {
    *PAGE.get_or_init(|| PAGE_SIZE as u64)
}

/// The options of a cache of `pages` such pages.
pub fn cache_of(pages: usize) -> Options {
    Options::new(pages).page_size(page_size() as usize)
}
