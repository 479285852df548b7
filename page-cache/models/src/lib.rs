//! loom models of a frame and of what finds it.
//!
//! The modules are the cache's own. What they take from the rest of the cache is replaced here: `sync` has loom's
//! primitives, and `order` checks nothing.
#![allow(dead_code, unused_imports, reason = "the models use a part of each module")]

#[cfg(test)]
mod models;
mod order;
mod sync;

#[path = "../../src"]
mod cache {
    pub(crate) mod page;
    pub(crate) mod seat;
}

#[path = "../../src/pages"]
mod pages {
    pub(crate) mod frame;
    pub(crate) mod index;
    pub(crate) mod page_table;
}

pub use cache::page::PAGE_SIZE;
pub(crate) use cache::{page, seat};
