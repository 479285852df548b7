//! The lock order, unchecked: as the cache's `order::absent`.

#[path = "../../src/order/leaf.rs"]
pub(crate) mod leaf;

use crate::page::Key;

pub(crate) trait InCache {
    fn cache(&self) -> usize;
}

pub(crate) trait OfPage: InCache {
    fn key(&self) -> Key;
}

pub(crate) struct Lock;

impl Lock {
    pub(crate) fn page(_: &impl OfPage) -> Lock {
        Lock
    }

    pub(crate) fn latch(_: &impl OfPage) -> Lock {
        Lock
    }

    pub(crate) fn stripe() -> Lock {
        Lock
    }

    pub(crate) fn leaf() -> Lock {
        Lock
    }
}

pub(crate) struct Held;

impl Held {
    pub(crate) fn acquire(_: Lock) -> Held {
        Held
    }

    pub(crate) fn tried(_: Lock) -> Held {
        Held
    }

    pub(crate) fn taken(&self) {}

    pub(crate) fn release(&mut self) {}
}
