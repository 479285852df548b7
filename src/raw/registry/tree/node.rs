//! One node of the tree: entries in ascending order of their keys.

use super::{Sought, Traits};
use crate::{Mode, Span};

/// The largest number of entries of a node. A node that becomes full is split at once.
pub(super) const ROOM: usize = 16;

/// Entries in ascending order of their keys. In a leaf, an entry describes a span: its start and
/// number as the key, its end as the reach, its number as the link. In other nodes, an entry
/// describes the node below: its least key, its greatest reaches, and its index as the link.
#[repr(align(64))]
pub(super) struct Node {
    pub(super) len: usize,
    pub(super) entries: [Entry; ROOM],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) link: u32,
    pub(super) reach: Reach,
}

/// The order of spans: by start, and by number if they have the same start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) start: u64,
    pub(super) id: u32,
}

/// The greatest end of all spans, of the exclusive ones, and of the waiting ones. 0 if there is
/// none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach([u64; 3]);

impl Reach {
    pub(super) fn of(span: Span, traits: Traits) -> Reach {
        let end_if = |is_such| if is_such { span.end() } else { 0 };
        Reach([span.end(), end_if(traits.mode == Mode::Exclusive), end_if(traits.is_waiting)])
    }

    #[inline]
    pub(super) fn max(self, other: Reach) -> Reach {
        Reach(std::array::from_fn(|i| self.0[i].max(other.0[i])))
    }

    #[inline]
    pub(super) fn to(self, sought: Sought) -> u64 {
        self.0[sought as usize]
    }
}

impl Node {
    pub(super) fn new() -> Node {
        let nothing = Entry { key: Key { start: 0, id: 0 }, link: 0, reach: Reach::default() };
        Node { len: 0, entries: [nothing; ROOM] }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries[..self.len]
    }

    /// How many entries have keys up to and including `key`.
    pub(super) fn position_after(&self, key: Key) -> usize {
        self.entries().iter().take_while(|entry| entry.key <= key).count()
    }

    /// The entry of this node in the node above.
    pub(super) fn as_entry(&self, index: u32) -> Entry {
        let reaches = self.entries().iter().map(|entry| entry.reach);
        Entry {
            key: self.entries[0].key,
            link: index,
            reach: reaches.fold(Reach::default(), Reach::max),
        }
    }

    #[inline]
    pub(super) fn insert(&mut self, i: usize, entry: Entry) {
        if i < self.len {
            self.entries.copy_within(i..self.len, i + 1);
        }
        self.entries[i] = entry;
        self.len += 1;
    }

    #[inline]
    pub(super) fn remove(&mut self, i: usize) {
        if i + 1 < self.len {
            self.entries.copy_within(i + 1..self.len, i);
        }
        self.len -= 1;
    }

    /// Moves the entries from `at` on to a new node.
    pub(super) fn split_off(&mut self, at: usize) -> Node {
        let mut upper = Node::new();
        upper.append(&self.entries[at..self.len]);
        self.len = at;
        upper
    }

    /// Appends entries.
    pub(super) fn append(&mut self, entries: &[Entry]) {
        self.entries[self.len..self.len + entries.len()].copy_from_slice(entries);
        self.len += entries.len();
    }
}
