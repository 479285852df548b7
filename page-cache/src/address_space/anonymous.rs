//! Anonymous memory: pages that belong to no file, and the swap that they go to.

use crate::PAGE_SIZE;
use crate::order::leaf::{Leaf, lock_leaf};
use crate::sync::blocking::Mutex;
use std::collections::BTreeMap;
use std::ops::Range;

/// The pages of one anonymous mapping, by number.
pub(super) struct Anonymous {
    /// Held for no longer than one copy of at most a page. A page that was never touched has no entry; a fault
    /// gives it one, with zeroes.
    pages: Mutex<BTreeMap<u64, Page>>,
}

struct Page {
    place: Residence,
    bytes: Box<[u8; PAGE_SIZE]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Residence {
    Memory,
    Swap,
}

impl Anonymous {
    pub(super) fn new() -> Anonymous {
        Anonymous { pages: Mutex::default() }
    }

    /// Does an access to a page, if it is present; whether it is.
    pub(super) fn access(&self, page: u64, access: impl FnOnce(&mut [u8])) -> bool {
        match self.pages().get_mut(&page) {
            Some(Page { place: Residence::Memory, bytes }) => {
                access(&mut bytes[..]);
                true
            }
            _ => false,
        }
    }

    pub(super) fn is_present(&self, page: u64) -> bool {
        self.pages().get(&page).is_some_and(|page| page.place == Residence::Memory)
    }

    /// Brings a page in: from the swap, or as zeroes.
    pub(super) fn fault(&self, page: u64) {
        let fresh = || Page { place: Residence::Memory, bytes: Box::new([0; PAGE_SIZE]) };
        self.pages().entry(page).or_insert_with(fresh).place = Residence::Memory;
    }

    /// Sends pages to the swap.
    pub(super) fn evict(&self, pages: Range<u64>) {
        for (_, page) in self.pages().range_mut(pages) {
            page.place = Residence::Swap;
        }
    }

    /// Forgets pages, wherever they are.
    pub(super) fn discard(&self, pages: Range<u64>) {
        self.pages().retain(|page, _| !pages.contains(page));
    }

    fn pages(&self) -> Leaf<'_, BTreeMap<u64, Page>> {
        lock_leaf(&self.pages)
    }
}
