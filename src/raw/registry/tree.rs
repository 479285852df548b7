//! An interval tree: a B+ tree ordered by start and number. Every entry has the greatest end of the
//! spans below it: of all of them, of the exclusive ones, and of the waiting ones.
//!
//! Insertion and removal take logarithmic time. To visit the spans that overlap a given one and
//! have the sought properties takes logarithmic time, plus linear time in the number of spans
//! found. So if many shared claims overlap, a new shared claim costs time logarithmic in their
//! number, and so does a release while no claim waits.
//!
//! A binary tree would need half the code. But with 65,536 claims held, its one cache miss for each
//! level made a single lookup cost more than all the rest of a lock and unlock. In this tree a
//! level is one node, and whether an entry has to be followed can be seen without reading the node
//! below it.

mod node;

use std::ops::ControlFlow;

use self::node::{Entry, Key, Node, ROOM, Reach};
use crate::{Mode, Span};

/// The properties of a span that a search can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) mode: Mode,
    pub(crate) is_waiting: bool,
}

/// Which spans a visit searches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sought {
    All,
    Exclusive,
    Waiting,
}

/// Which spans to visit in order to find the claims that conflict with this mode.
pub(crate) fn in_the_way_of(mode: Mode) -> Sought {
    match mode {
        Mode::Shared => Sought::Exclusive,
        Mode::Exclusive => Sought::All,
    }
}

/// Spans, each with a number. The number of a removed span is used again.
pub(crate) struct IntervalTree {
    spans: Vec<(Span, Traits)>,
    vacant_spans: Vec<u32>,
    nodes: Vec<Node>,
    vacant_nodes: Vec<u32>,
    root: u32,
    /// How many levels of nodes are above the leaves.
    height: u32,
    /// How many entries have been read, by visits and in searches for a position.
    #[cfg(test)]
    pub(crate) looks: std::cell::Cell<u64>,
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
            #[cfg(test)]
            looks: std::cell::Cell::new(0),
        }
    }

    pub(crate) fn span(&self, id: u32) -> Span {
        self.spans[id as usize].0
    }

    /// Adds a span, which must not be empty, and returns its number.
    pub(crate) fn insert(&mut self, span: Span, traits: Traits) -> u32 {
        let id = match self.vacant_spans.pop() {
            Some(id) => {
                self.spans[id as usize] = (span, traits);
                id
            }
            None => {
                self.spans.push((span, traits));
                let id = u32::try_from(self.spans.len()).expect("fewer than 2^32 claims at once");
                id - 1
            }
        };
        self.attach(id);
        id
    }

    /// Removes a span. Its number may be given to another.
    pub(crate) fn remove(&mut self, id: u32) {
        self.detach(id);
        self.vacant_spans.push(id);
    }

    /// Changes the traits of a span.
    pub(crate) fn set_traits(&mut self, id: u32, traits: Traits) {
        self.spans[id as usize].1 = traits;
        self.reach_anew(self.root, self.height, self.entry(id));
    }

    fn entry(&self, id: u32) -> Entry {
        let (span, traits) = self.spans[id as usize];
        Entry { key: Key { start: span.start(), id }, link: id, reach: Reach::of(span, traits) }
    }

    /// Calls `visit` with the number of every span that overlaps `span` and has the properties of
    /// `sought`, by ascending start, until it returns `Break`.
    #[inline]
    pub(crate) fn visit_overlapping<B>(
        &self,
        sought: Sought,
        span: Span,
        mut visit: impl FnMut(u32) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.visit_below(self.root, self.height, sought, span, &mut visit)
    }

    fn visit_below<B>(
        &self,
        node: u32,
        height: u32,
        sought: Sought,
        span: Span,
        visit: &mut impl FnMut(u32) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for entry in self.node(node).entries() {
            self.look();
            if entry.key.start >= span.end() {
                break;
            }
            if entry.reach.to(sought) > span.start() {
                match height {
                    0 => visit(entry.link)?,
                    _ => self.visit_below(entry.link, height - 1, sought, span, visit)?,
                }
            }
        }
        ControlFlow::Continue(())
    }

    #[inline(always)]
    fn look(&self) {
        #[cfg(test)]
        self.looks.set(self.looks.get() + 1);
    }

    #[inline]
    fn attach(&mut self, id: u32) {
        let right = self.attach_below(self.root, self.height, self.entry(id));
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

    /// Adds an entry to a leaf below `node`. If that fills `node`, some of its entries are moved to
    /// a new node to its right, whose entry is returned.
    fn attach_below(&mut self, node: u32, height: u32, new: Entry) -> Option<Entry> {
        let position = self.position_after(node, new.key);
        if height == 0 {
            self.node_mut(node).insert(position, new);
        } else {
            let child = position.saturating_sub(1);
            let link = self.node(node).entries[child].link;
            match self.attach_below(link, height - 1, new) {
                None => {
                    let entry = &mut self.node_mut(node).entries[child];
                    entry.key = entry.key.min(new.key);
                    entry.reach = entry.reach.max(new.reach);
                }
                Some(right) => {
                    self.refresh(node, child);
                    self.node_mut(node).insert(child + 1, right);
                }
            }
        }
        (self.node(node).len == ROOM).then(|| self.split(node, position))
    }

    /// Changes the reach of a span's entry, and of the entries above it.
    fn reach_anew(&mut self, node: u32, height: u32, changed: Entry) {
        let place = self.position_after(node, changed.key) - 1;
        if height == 0 {
            debug_assert_eq!(self.node(node).entries[place].key, changed.key);
            self.node_mut(node).entries[place] = changed;
        } else {
            self.reach_anew(self.node(node).entries[place].link, height - 1, changed);
            self.refresh(node, place);
        }
    }

    fn position_after(&self, node: u32, key: Key) -> usize {
        let position = self.node(node).position_after(key);
        (0..position).for_each(|_| self.look());
        position
    }

    /// Splits a node that an entry at or below `position` has filled.
    #[cold]
    fn split(&mut self, node: u32, position: usize) -> Entry {
        // If claims arrive in ascending order, the nodes to the left stay full.
        let at = if position == ROOM - 1 { ROOM - 1 } else { ROOM / 2 };
        let upper = self.node_mut(node).split_off(at);
        let index = self.add_node(upper);
        self.node(index).as_entry(index)
    }

    fn detach(&mut self, id: u32) {
        self.detach_below(self.root, self.height, self.entry(id).key);
        while self.height > 0 && self.node(self.root).len == 1 {
            self.vacant_nodes.push(self.root);
            self.root = self.node(self.root).entries[0].link;
            self.height -= 1;
        }
    }

    /// Removes an entry from a leaf below `node`. The entry must be there.
    fn detach_below(&mut self, node: u32, height: u32, key: Key) {
        let place = self.position_after(node, key) - 1;
        if height == 0 {
            debug_assert_eq!(self.node(node).entries[place].key, key, "a span is removed once");
            self.node_mut(node).remove(place);
        } else {
            self.detach_below(self.node(node).entries[place].link, height - 1, key);
            self.settle(node, place);
        }
    }

    /// After a removal below entry `child` of `node`: removes the child if it is empty, merges it
    /// with a neighbour if both have few entries, and updates the entries of `node`.
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

    /// Updates an entry from the node that it points to.
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

#[cfg(test)]
impl IntervalTree {
    pub(crate) fn is_empty(&self) -> bool {
        self.node(self.root).len == 0
    }

    pub(crate) fn traits(&self, id: u32) -> Traits {
        self.spans[id as usize].1
    }

    /// Checks that entries are in order, that each has the key and reach of what is below it, and
    /// that no node and no span is lost.
    pub(crate) fn validate(&self) {
        let mut seen = Vec::new();
        let nodes = self.validate_below(self.root, self.height, &mut seen);
        assert_eq!(nodes + self.vacant_nodes.len(), self.nodes.len(), "a node is lost");
        assert_eq!(seen.len() + self.vacant_spans.len(), self.spans.len(), "a span is lost");
        assert!(seen.is_sorted_by_key(|&id| self.entry(id).key), "out of order");
    }

    fn validate_below(&self, index: u32, height: u32, seen: &mut Vec<u32>) -> usize {
        let node = self.node(index);
        assert!(node.len < ROOM, "a full node was not split");
        let mut nodes = 1;
        for &entry in node.entries() {
            let link = entry.link;
            if height == 0 {
                assert_eq!(entry, self.entry(link));
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
