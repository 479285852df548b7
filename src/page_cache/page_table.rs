//! A mapping's page table: which frames its pages are mapped to.
//!
//! A radix tree of the depth that the mapping's length needs; a node is made when the first page
//! below it is mapped, and lives as long as the table. An entry is present, and if writable then
//! its page is dirty: the write fault marks it so before it lets anybody store, and writeback
//! takes the right to store away before it clears the mark. So there is no dirty bit to carry
//! from the entry to the page, and none to lose.
//!
//! An entry goes from absent to present, and from read-only to writable, under the page lock of its
//! frame; the same for the way back. Who accesses memory through an entry latches its frame, reads
//! the entry again, and copies: so who takes an entry away and then takes the latch once knows that
//! no access through it goes on.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::blocking::OnceLock;

use super::frame::FrameId;

const FANOUT_BITS: u32 = 9;
const FANOUT: u64 = 1 << FANOUT_BITS;

const PRESENT: u64 = 1 << 62;
const WRITABLE: u64 = 1 << 63;

/// What a page is mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    word: u64,
}

/// What may be done through an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    Read,
    ReadWrite,
}

impl Entry {
    pub(super) fn new(frame: FrameId, rights: Rights) -> Entry {
        let writable = match rights {
            Rights::Read => 0,
            Rights::ReadWrite => WRITABLE,
        };
        Entry { word: PRESENT | writable | u64::from(frame) }
    }

    #[inline]
    pub(super) fn frame(self) -> FrameId {
        self.word as FrameId
    }

    #[inline]
    pub(super) fn allows(self, rights: Rights) -> bool {
        rights == Rights::Read || self.word & WRITABLE != 0
    }
}

enum Node {
    Inner(Box<[OnceLock<Node>]>),
    Leaf(Box<[AtomicU64]>),
}

impl Node {
    fn new(height: u32) -> Node {
        match height {
            0 => Node::Leaf((0..FANOUT).map(|_| AtomicU64::new(0)).collect()),
            _ => Node::Inner((0..FANOUT).map(|_| OnceLock::new()).collect()),
        }
    }
}

pub(super) struct PageTable {
    /// The file's page that the first entry maps.
    first: u64,
    pages: u64,
    height: u32,
    root: OnceLock<Node>,
}

impl PageTable {
    pub(super) fn new(first: u64, pages: u64) -> PageTable {
        let mut height = 0;
        while pages.saturating_sub(1) >> (FANOUT_BITS * (height + 1)) != 0 {
            height += 1;
        }
        PageTable { first, pages, height, root: OnceLock::new() }
    }

    /// The entry of a page of the file, if it is present.
    #[inline]
    pub(super) fn get(&self, page: u64) -> Option<Entry> {
        // ORDERING: pairs with `map`; taking an entry away is ordered by the frame's latch.
        let word = self.slot(page)?.load(Ordering::Acquire);
        (word & PRESENT != 0).then_some(Entry { word })
    }

    /// Maps a page of the file; the caller holds its page lock.
    pub(super) fn map(&self, page: u64, entry: Entry) {
        let Some(at) = self.position(page) else { return };
        let mut height = self.height;
        let mut node = self.root.get_or_init(|| Node::new(height));
        loop {
            match node {
                Node::Leaf(entries) => {
                    return entries[index_at(at, 0)].store(entry.word, Ordering::Release);
                }
                Node::Inner(children) => {
                    let child = &children[index_at(at, height)];
                    height -= 1;
                    node = child.get_or_init(|| Node::new(height));
                }
            }
        }
    }

    /// Unmaps a page of the file; the caller holds its page lock, and drains its latch.
    pub(super) fn unmap(&self, page: u64) {
        if let Some(slot) = self.slot(page) {
            slot.store(0, Ordering::Release);
        }
    }

    /// Takes away the right to store; the caller holds the page lock, and drains the latch.
    pub(super) fn write_protect(&self, page: u64) {
        if let Some(slot) = self.slot(page) {
            slot.fetch_and(!WRITABLE, Ordering::AcqRel);
        }
    }

    #[inline]
    fn slot(&self, page: u64) -> Option<&AtomicU64> {
        let at = self.position(page)?;
        let mut height = self.height;
        let mut node = self.root.get()?;
        loop {
            match node {
                Node::Leaf(entries) => return entries.get(index_at(at, 0)),
                Node::Inner(children) => node = children[index_at(at, height)].get()?,
            }
            height -= 1;
        }
    }

    #[inline]
    fn position(&self, page: u64) -> Option<u64> {
        page.checked_sub(self.first).filter(|&at| at < self.pages)
    }
}

#[inline]
fn index_at(at: u64, height: u32) -> usize {
    (at >> (FANOUT_BITS * height) & (FANOUT - 1)) as usize
}

#[cfg(test)]
mod tests;
