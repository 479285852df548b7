//! Nodes: the layout of a page.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..8 | the position in the log behind the last record that changed the page |
//! | 8 | its kind |
//! | 10..12 | how many entries it has |
//! | 16..24 | of a leaf, the next one; of an inner node, the child before its first key |
//! | 24.. | the entries, ascending: a key of 8 bytes, and a value of 24 or a child of 8 |
//! | the last 8 | the checksum, which is not the engine's |

use crate::checksum::SUM_AT;
use crate::steps::Noted;

pub type Key = u64;
pub type Value = [u8; 24];

const HEADER: usize = 24;
const VALUE: usize = size_of::<Value>();
const CHILD: usize = 8;

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Leaf,
    Inner,
}

impl Kind {
    const fn entry(self) -> usize {
        match self {
            Kind::Leaf => 8 + VALUE,
            Kind::Inner => 8 + CHILD,
        }
    }

    pub const fn capacity(self) -> usize {
        (SUM_AT - HEADER) / self.entry()
    }
}

/// A node in the bytes of a page, to read.
#[derive(Clone, Copy)]
pub struct Node<'a>(pub &'a [u8]);

/// A node in the bytes of a page, to change.
pub struct NodeMut<'a>(pub Noted<'a>);

pub fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

pub fn write_u64(bytes: &mut [u8], at: usize, number: u64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

impl<'a> Node<'a> {
    /// The kind of the node; `None` if the page is not a node.
    pub fn kind(self) -> Option<Kind> {
        match self.0[8] {
            1 => Some(Kind::Leaf),
            2 => Some(Kind::Inner),
            _ => None,
        }
    }

    fn known_kind(self) -> Kind {
        self.kind().expect("the page is a node")
    }

    pub fn len(self) -> usize {
        usize::from(u16::from_le_bytes([self.0[10], self.0[11]]))
    }

    pub fn is_full(self) -> bool {
        self.len() >= self.known_kind().capacity()
    }

    pub fn link(self) -> u64 {
        read_u64(self.0, 16)
    }

    fn at(self, index: usize) -> usize {
        HEADER + index * self.known_kind().entry()
    }

    pub fn key(self, index: usize) -> Key {
        read_u64(self.0, self.at(index))
    }

    pub fn value(self, index: usize) -> Value {
        let at = self.at(index) + 8;
        self.0[at..at + VALUE].try_into().expect("a value")
    }

    /// The index of a key; if it is not there, as an error the index at which to insert it.
    pub fn search(self, key: Key) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.key(middle).cmp(&key) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The child of an inner node, by its index: child zero is before the first key.
    pub fn child(self, place: usize) -> u64 {
        match place {
            0 => self.link(),
            _ => read_u64(self.0, self.at(place - 1) + 8),
        }
    }

    /// The child in whose subtree a key is.
    pub fn child_of(self, key: Key) -> u64 {
        let place = match self.search(key) {
            Ok(index) => index + 1,
            Err(index) => index,
        };
        self.child(place)
    }
}

impl NodeMut<'_> {
    pub fn read(&self) -> Node<'_> {
        Node(self.0.bytes)
    }

    pub fn format(&mut self, kind: Kind, link: u64) {
        self.0.clear();
        let kind = match kind {
            Kind::Leaf => 1,
            Kind::Inner => 2,
        };
        self.0.write(8, &[kind]);
        self.set_link(link);
    }

    pub fn set_link(&mut self, link: u64) {
        self.0.write_u64(16, link);
    }

    fn set_len(&mut self, len: usize) {
        self.0.write(10, &(len as u16).to_le_bytes());
    }

    /// Inserts an entry at an index, into a node that is not full.
    fn insert(&mut self, index: usize, key: Key, rest: &[u8]) {
        let (from, end) = (self.read().at(index), self.read().at(self.read().len()));
        let entry = self.read().known_kind().entry();
        self.0.move_within(from..end, from + entry);
        self.0.write_u64(from, key);
        self.0.write(from + 8, rest);
        self.set_len(self.read().len() + 1);
    }

    /// Puts a key and its value into a leaf that contains the key, or is not full.
    pub fn put(&mut self, key: Key, value: &Value) {
        match self.read().search(key) {
            Ok(index) => {
                let at = self.read().at(index) + 8;
                self.0.write(at, value);
            }
            Err(index) => self.insert(index, key, value),
        }
    }

    /// Inserts a child and the key before it into an inner node that is not full.
    pub fn put_child(&mut self, key: Key, child: u64) {
        let index = self.read().search(key).expect_err("keys of inner nodes are different");
        self.insert(index, key, &child.to_le_bytes());
    }

    /// Removes an entry of a leaf.
    pub fn remove(&mut self, index: usize) {
        let (from, end) = (self.read().at(index), self.read().at(self.read().len()));
        let entry = self.read().known_kind().entry();
        self.0.move_within(from + entry..end, from);
        self.set_len(self.read().len() - 1);
    }

    /// Moves the upper half to a new node with this number. Returns the key between the two.
    pub fn split(&mut self, right: &mut NodeMut<'_>, right_number: u64) -> Key {
        let (kind, len) = (self.read().known_kind(), self.read().len());
        let middle = len / 2;
        let between = self.read().key(middle);
        // The key between two inner nodes moves up, and its child is the first of the right one.
        let (first, link) = match kind {
            Kind::Leaf => (middle, self.read().link()),
            Kind::Inner => (middle + 1, self.read().child(middle + 1)),
        };
        right.format(kind, link);
        let bytes = self.read().at(first)..self.read().at(len);
        right.0.write(HEADER, &self.0.bytes[bytes]);
        right.set_len(len - first);
        self.set_len(middle);
        if kind == Kind::Leaf {
            self.set_link(right_number);
        }
        between
    }
}
