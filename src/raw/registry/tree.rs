//! An interval tree: a B+ tree by start, in which every entry knows the greatest end below it.
//!
//! Insertion and removal are logarithmic; a visit to the spans that overlap a given one is logarithmic
//! plus linear in those that it finds. Spans that start at the same unit overlap one another, so a
//! search among them stays within that bound.
//!
//! A binary tree would do with half the code, but with 65,536 claims held its one cache miss a level
//! made a single lookup cost more than all the rest of a lock and unlock. Here a level is one node, and an
//! entry is judged without touching what is below it.

use std::ops::ControlFlow;

use crate::Span;

/// How many entries a node has room for. A node that becomes full is split at once.
const ROOM: usize = 16;

/// Entries in ascending order of their keys. In a leaf an entry is a span: its start, its end, its
/// number. Above, it is a node: its least key, its greatest reach, its index.
///
/// The few claims that a lock has as a rule are in one leaf, and their entries in one cache line.
#[repr(align(64))]
struct Node {
    len: usize,
    entries: [Entry; ROOM],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    key: u64,
    reach: u64,
    link: u32,
}

/// Spans by number. The number of a removed span is used again.
pub(crate) struct IntervalTree {
    spans: Vec<Span>,
    vacant_spans: Vec<u32>,
    nodes: Vec<Node>,
    vacant_nodes: Vec<u32>,
    root: u32,
    /// How many levels of nodes are above the leaves.
    height: u32,
}

impl IntervalTree {
    pub(crate) fn new() -> IntervalTree {
        IntervalTree {
            spans: Vec::new(),
            vacant_spans: Vec::new(),
            nodes: vec![Node::new()],
            vacant_nodes: Vec::new(),
            root: 0,
            height: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.node(self.root).len == 0
    }

    pub(crate) fn span(&self, id: u32) -> Span {
        self.spans[id as usize]
    }

    /// Adds a span, which must not be empty, and returns its number.
    pub(crate) fn insert(&mut self, span: Span) -> u32 {
        let id = match self.vacant_spans.pop() {
            Some(id) => {
                self.spans[id as usize] = span;
                id
            }
            None => {
                self.spans.push(span);
                let id = u32::try_from(self.spans.len()).expect("fewer than 2^32 claims at once");
                id - 1
            }
        };
        self.attach(id, span);
        id
    }

    /// Takes a span out; its number may be given to another.
    pub(crate) fn remove(&mut self, id: u32) {
        self.detach(id);
        self.vacant_spans.push(id);
    }

    /// Gives a number another span, which must not be empty.
    pub(crate) fn replace(&mut self, id: u32, span: Span) {
        self.detach(id);
        self.spans[id as usize] = span;
        self.attach(id, span);
    }

    /// Calls `visit` with the number of every span that overlaps `span`, by ascending start, until
    /// it breaks off.
    #[inline]
    pub(crate) fn visit_overlapping<B>(
        &self,
        span: Span,
        mut visit: impl FnMut(u32) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.visit_below(self.root, self.height, span, &mut visit)
    }

    fn visit_below<B>(
        &self,
        node: u32,
        height: u32,
        span: Span,
        visit: &mut impl FnMut(u32) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for entry in self.node(node).entries() {
            if entry.key >= span.end() {
                break;
            }
            if entry.reach > span.start() {
                match height {
                    0 => visit(entry.link)?,
                    _ => self.visit_below(entry.link, height - 1, span, visit)?,
                }
            }
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn attach(&mut self, id: u32, span: Span) {
        let right = self.attach_below(self.root, self.height, id, span);
        if let Some(right) = right {
            self.grow(right);
        }
    }

    /// Puts a new root above the old one and the node that was split off it.
    #[cold]
    fn grow(&mut self, right: Entry) {
        let left = self.node(self.root).as_entry(self.root);
        let mut root = Node::new();
        root.insert(0, left);
        root.insert(1, right);
        self.root = self.add_node(root);
        self.height += 1;
    }

    /// Adds a span to a leaf below `node`. A node that it fills gives some of its entries to a new one, to
    /// its right, which is returned.
    fn attach_below(&mut self, node: u32, height: u32, id: u32, span: Span) -> Option<Entry> {
        let position = self.node(node).position_after(span.start());
        if height == 0 {
            let entry = Entry { key: span.start(), reach: span.end(), link: id };
            self.node_mut(node).insert(position, entry);
        } else {
            let child = position.saturating_sub(1);
            let link = self.node(node).entries[child].link;
            let right = self.attach_below(link, height - 1, id, span);
            self.refresh(node, child);
            if let Some(right) = right {
                self.node_mut(node).insert(child + 1, right);
            }
        }
        (self.node(node).len == ROOM).then(|| self.split(node, position))
    }

    /// Splits a node that an entry at or below `position` has filled.
    #[cold]
    fn split(&mut self, node: u32, position: usize) -> Entry {
        // Claims in ascending order leave full nodes behind them.
        let at = if position == ROOM - 1 { ROOM - 1 } else { ROOM / 2 };
        let upper = self.node_mut(node).split_off(at);
        let index = self.add_node(upper);
        self.node(index).as_entry(index)
    }

    fn detach(&mut self, id: u32) {
        let found = self.detach_below(self.root, self.height, self.span(id).start(), id);
        debug_assert!(found, "a span is removed once");
        while self.height > 0 && self.node(self.root).len == 1 {
            self.vacant_nodes.push(self.root);
            self.root = self.node(self.root).entries[0].link;
            self.height -= 1;
        }
    }

    /// Takes the entry of span `id`, which starts at `key`, out of a leaf below `node`.
    fn detach_below(&mut self, node: u32, height: u32, key: u64, id: u32) -> bool {
        if height == 0 {
            let position = self.node(node).entries().iter().position(|entry| entry.link == id);
            position.inspect(|&i| self.node_mut(node).remove(i)).is_some()
        } else {
            // Equal keys may stand in several children: to the left of the last whose least is `key`.
            let last = self.node(node).position_after(key);
            let first = self.node(node).entries[..last].partition_point(|entry| entry.key < key);
            (first.saturating_sub(1)..last).any(|child| {
                let link = self.node(node).entries[child].link;
                let found = self.detach_below(link, height - 1, key, id);
                if found {
                    self.settle(node, child);
                }
                found
            })
        }
    }

    /// After a removal below entry `child` of `node`: drops a child that is empty, joins one that is
    /// sparse with a neighbour, and brings the entries up to date.
    fn settle(&mut self, node: u32, child: usize) {
        let child_len = |tree: &Self, i: usize| tree.node(tree.node(node).entries[i].link).len;
        if child_len(self, child) == 0 {
            self.vacant_nodes.push(self.node(node).entries[child].link);
            self.node_mut(node).remove(child);
            return;
        }
        self.refresh(node, child);
        let left = child.saturating_sub(1);
        let right = left + 1;
        let is_sparse = child_len(self, child) < ROOM / 4;
        if is_sparse && right < self.node(node).len {
            let [left_link, right_link] = [left, right].map(|i| self.node(node).entries[i].link);
            if child_len(self, left) + child_len(self, right) < ROOM * 3 / 4 {
                let emptied = self.node_mut(right_link).split_off(0);
                self.node_mut(left_link).append(emptied.entries());
                self.vacant_nodes.push(right_link);
                self.node_mut(node).remove(right);
                self.refresh(node, left);
            }
        }
    }

    /// Brings an entry up to date with the node that it stands for.
    fn refresh(&mut self, node: u32, child: usize) {
        let link = self.node(node).entries[child].link;
        let entry = self.node(link).as_entry(link);
        self.node_mut(node).entries[child] = entry;
    }

    fn add_node(&mut self, node: Node) -> u32 {
        match self.vacant_nodes.pop() {
            Some(index) => {
                *self.node_mut(index) = node;
                index
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        }
    }

    fn node(&self, index: u32) -> &Node {
        &self.nodes[index as usize]
    }

    fn node_mut(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index as usize]
    }
}

impl Node {
    fn new() -> Node {
        Node { len: 0, entries: [Entry { key: 0, reach: 0, link: 0 }; ROOM] }
    }

    fn entries(&self) -> &[Entry] {
        &self.entries[..self.len]
    }

    /// How many entries have keys up to and including `key`.
    fn position_after(&self, key: u64) -> usize {
        self.entries().iter().take_while(|entry| entry.key <= key).count()
    }

    /// The entry that stands for this node in the one above.
    fn as_entry(&self, index: u32) -> Entry {
        let reach = self.entries().iter().map(|entry| entry.reach).max().unwrap_or(0);
        Entry { key: self.entries[0].key, reach, link: index }
    }

    #[inline]
    fn insert(&mut self, i: usize, entry: Entry) {
        if i < self.len {
            self.entries.copy_within(i..self.len, i + 1);
        }
        self.entries[i] = entry;
        self.len += 1;
    }

    #[inline]
    fn remove(&mut self, i: usize) {
        if i + 1 < self.len {
            self.entries.copy_within(i + 1..self.len, i);
        }
        self.len -= 1;
    }

    /// Moves the entries from `at` on into a new node.
    fn split_off(&mut self, at: usize) -> Node {
        let mut upper = Node::new();
        upper.append(&self.entries[at..self.len]);
        self.len = at;
        upper
    }

    /// Adds entries behind this node's.
    fn append(&mut self, entries: &[Entry]) {
        self.entries[self.len..self.len + entries.len()].copy_from_slice(entries);
        self.len += entries.len();
    }
}

#[cfg(test)]
impl IntervalTree {
    /// Checks that entries are in order, that each knows what is below it, and that nothing is lost.
    pub(crate) fn validate(&self) {
        let mut seen = Vec::new();
        let nodes = self.validate_below(self.root, self.height, &mut seen);
        assert_eq!(nodes + self.vacant_nodes.len(), self.nodes.len(), "a node is lost");
        assert_eq!(seen.len() + self.vacant_spans.len(), self.spans.len(), "a span is lost");
        assert!(seen.is_sorted_by_key(|&id| self.span(id).start()), "out of order");
    }

    fn validate_below(&self, index: u32, height: u32, seen: &mut Vec<u32>) -> usize {
        let node = self.node(index);
        assert!(node.len < ROOM, "a full node was not split");
        let mut nodes = 1;
        for &entry in node.entries() {
            let link = entry.link;
            if height == 0 {
                let span = self.span(link);
                assert_eq!(entry, Entry { key: span.start(), reach: span.end(), link });
                seen.push(link);
            } else {
                assert_ne!(self.node(link).len, 0, "an empty node was kept");
                assert_eq!(entry, self.node(link).as_entry(link));
                nodes += self.validate_below(link, height - 1, seen);
            }
        }
        nodes
    }
}

#[cfg(test)]
mod tests;
