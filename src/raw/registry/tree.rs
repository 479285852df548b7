//! An interval tree over an arena: a treap by start, augmented with the greatest end below.
//!
//! Insertion and removal are logarithmic; a visit to the spans that overlap a given one is
//! logarithmic plus linear in those that it finds. The tree balances on priorities from a fixed
//! pseudo-random sequence, so that equal histories make equal trees.

use crate::Span;

const NIL: u32 = u32::MAX;

struct Node {
    span: Span,
    /// The greatest end in the subtree of this node.
    reach: u64,
    priority: u32,
    left: u32,
    right: u32,
}

/// Spans by number. The number of a removed span is used again.
pub(crate) struct IntervalTree {
    nodes: Vec<Node>,
    vacant: Vec<u32>,
    root: u32,
    seed: u32,
    /// The way down to a node that is taken out, kept for its memory.
    path: Vec<u32>,
}

impl IntervalTree {
    pub(crate) fn new() -> IntervalTree {
        IntervalTree {
            nodes: Vec::new(),
            vacant: Vec::new(),
            root: NIL,
            seed: 0x9E37_79B9,
            path: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.root == NIL
    }

    pub(crate) fn span(&self, id: u32) -> Span {
        self.nodes[id as usize].span
    }

    /// Adds a span, which must not be empty, and returns its number.
    pub(crate) fn insert(&mut self, span: Span) -> u32 {
        let node = Node { span, reach: span.end(), priority: self.roll(), left: NIL, right: NIL };
        let id = match self.vacant.pop() {
            Some(id) => {
                self.nodes[id as usize] = node;
                id
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        };
        self.attach(id);
        id
    }

    /// Takes a span out; its number may be given to another.
    pub(crate) fn remove(&mut self, id: u32) {
        self.detach(id);
        self.vacant.push(id);
    }

    /// Gives a number another span, which must not be empty.
    pub(crate) fn replace(&mut self, id: u32, span: Span) {
        self.detach(id);
        let node = &mut self.nodes[id as usize];
        *node = Node { span, reach: span.end(), left: NIL, right: NIL, ..*node };
        self.attach(id);
    }

    /// Calls `visit` with the number of every span that overlaps `span`, by ascending start, until
    /// it breaks off.
    pub(crate) fn visit_overlapping<B>(
        &self,
        span: Span,
        mut visit: impl FnMut(u32) -> std::ops::ControlFlow<B>,
    ) -> std::ops::ControlFlow<B> {
        // A node goes onto the stack with its left subtree still to be visited; the depth of a treap
        // has no bound, so neither has the stack, but past 64 levels it is all but impossible.
        let mut stack = Vec::new();
        let mut inline = [NIL; 64];
        let mut depth = 0;
        let mut next = self.root;
        loop {
            while next != NIL && self.nodes[next as usize].reach > span.start() {
                match inline.get_mut(depth) {
                    Some(place) => *place = next,
                    None => stack.push(next),
                }
                depth += 1;
                next = self.nodes[next as usize].left;
            }
            if depth == 0 {
                return std::ops::ControlFlow::Continue(());
            }
            depth -= 1;
            let id = inline
                .get(depth)
                .copied()
                .unwrap_or_else(|| stack.pop().expect("what is not in the array is on the stack"));
            let node = &self.nodes[id as usize];
            if node.span.start() >= span.end() {
                // Every span from here on starts later still, and so do those of the stack.
                return std::ops::ControlFlow::Continue(());
            }
            if node.span.end() > span.start() {
                visit(id)?;
            }
            next = node.right;
        }
    }

    /// Links a node without children into the tree.
    fn attach(&mut self, id: u32) {
        let Node { span, priority, .. } = self.nodes[id as usize];
        // Down to where its priority ranks it, widening the reach of those above.
        let mut parent = NIL;
        let mut below = self.root;
        while below != NIL && self.nodes[below as usize].priority >= priority {
            let node = &mut self.nodes[below as usize];
            node.reach = node.reach.max(span.end());
            parent = below;
            below = if self.precedes(id, below) {
                self.nodes[below as usize].left
            } else {
                self.nodes[below as usize].right
            };
        }
        let (left, right) = self.split(below, id);
        let node = &mut self.nodes[id as usize];
        (node.left, node.right) = (left, right);
        self.pull(id);
        self.set_child(parent, below, id, id);
    }

    /// Unlinks a node, leaving it without children.
    fn detach(&mut self, id: u32) {
        let mut path = std::mem::take(&mut self.path);
        let mut parent = NIL;
        let mut at = self.root;
        while at != id {
            path.push(at);
            parent = at;
            at = if self.precedes(id, at) {
                self.nodes[at as usize].left
            } else {
                self.nodes[at as usize].right
            };
        }
        let Node { left, right, .. } = self.nodes[id as usize];
        let merged = self.merge(left, right);
        self.set_child(parent, id, merged, id);
        let node = &mut self.nodes[id as usize];
        (node.left, node.right) = (NIL, NIL);
        while let Some(above) = path.pop() {
            self.pull(above);
        }
        self.path = path;
    }

    /// Puts `new` where `old` was below `parent`, or at the root.
    fn set_child(&mut self, parent: u32, old: u32, new: u32, key: u32) {
        if parent == NIL {
            self.root = new;
            return;
        }
        let before = self.precedes(key, parent);
        let node = &mut self.nodes[parent as usize];
        let child = if before { &mut node.left } else { &mut node.right };
        debug_assert_eq!(*child, old);
        *child = new;
    }

    /// Splits a subtree into what comes before `key` and what comes after.
    fn split(&mut self, at: u32, key: u32) -> (u32, u32) {
        if at == NIL {
            return (NIL, NIL);
        }
        let halves = if self.precedes(key, at) {
            let (before, after) = self.split(self.nodes[at as usize].left, key);
            self.nodes[at as usize].left = after;
            (before, at)
        } else {
            let (before, after) = self.split(self.nodes[at as usize].right, key);
            self.nodes[at as usize].right = before;
            (at, after)
        };
        self.pull(at);
        halves
    }

    /// Joins two subtrees, all of `left` before all of `right`.
    fn merge(&mut self, left: u32, right: u32) -> u32 {
        if left == NIL || right == NIL {
            return left.min(right);
        }
        let top = if self.nodes[left as usize].priority >= self.nodes[right as usize].priority {
            self.nodes[left as usize].right = self.merge(self.nodes[left as usize].right, right);
            left
        } else {
            self.nodes[right as usize].left = self.merge(left, self.nodes[right as usize].left);
            right
        };
        self.pull(top);
        top
    }

    fn pull(&mut self, id: u32) {
        let node = &self.nodes[id as usize];
        let mut reach = node.span.end();
        for child in [node.left, node.right] {
            if child != NIL {
                reach = reach.max(self.nodes[child as usize].reach);
            }
        }
        self.nodes[id as usize].reach = reach;
    }

    /// The order of the tree: by start, and by number among equals.
    fn precedes(&self, a: u32, b: u32) -> bool {
        (self.span(a).start(), a) < (self.span(b).start(), b)
    }

    fn roll(&mut self) -> u32 {
        // Marsaglia's xorshift with 32 bits of state, period 2^32 - 1.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        self.seed
    }
}

#[cfg(test)]
impl IntervalTree {
    /// Checks that every node is in order, ranks below its parent and knows its reach.
    pub(crate) fn validate(&self) {
        let mut seen = Vec::new();
        self.validate_below(self.root, &mut seen);
        assert_eq!(seen.len() + self.vacant.len(), self.nodes.len(), "a node is lost");
        assert!(seen.is_sorted_by(|&a, &b| self.precedes(a, b)), "the tree is out of order");
    }

    fn validate_below(&self, id: u32, seen: &mut Vec<u32>) -> u64 {
        let Some(node) = self.nodes.get(id as usize) else { return 0 };
        let left = self.validate_below(node.left, seen);
        seen.push(id);
        let right = self.validate_below(node.right, seen);
        for child in [node.left, node.right] {
            assert!(child == NIL || self.nodes[child as usize].priority <= node.priority);
        }
        assert_eq!(node.reach, node.span.end().max(left).max(right), "wrong reach");
        node.reach
    }
}

#[cfg(test)]
mod tests;
