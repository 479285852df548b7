//! An interval tree: a treap sorted by start, in which each node has the greatest end of its subtree.

use std::cmp::Reverse;
use std::mem;
use std::ops::Range;

/// The index of a value in the arena, from its insertion to its removal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index(u32);

const NONE: Index = Index(u32::MAX);

struct Node<T> {
    range: Range<u64>,
    /// The greatest end of this node and of all below it.
    greatest_end: u64,
    priority: u32,
    left: Index,
    right: Index,
    value: Option<T>,
}

/// Ranges with a value each; they may overlap and repeat.
pub struct Tree<T> {
    nodes: Vec<Node<T>>,
    vacant: Vec<Index>,
    root: Index,
    random: u32,
}

impl<T> Tree<T> {
    pub const fn new() -> Tree<T> {
        Tree { nodes: Vec::new(), vacant: Vec::new(), root: NONE, random: 0x9E37_79B9 }
    }

    /// Inserts `value` with `range`, which must not be empty. Returns its index.
    pub fn insert(&mut self, range: Range<u64>, value: T) -> Index {
        let node = Node {
            greatest_end: range.end,
            range,
            priority: self.next_random(),
            left: NONE,
            right: NONE,
            value: Some(value),
        };
        let new = match self.vacant.pop() {
            Some(index) => {
                *self.at(index) = node;
                index
            }
            None => {
                self.nodes.push(node);
                Index(u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 claims"))
            }
        };
        self.root = self.insert_below(self.root, new);
        new
    }

    /// Removes the value that `insert` returned this index for.
    pub fn remove(&mut self, gone: Index) -> (Range<u64>, T) {
        self.root = self.remove_below(self.root, gone);
        self.vacant.push(gone);
        let node = self.at(gone);
        let value = node.value.take().expect("an index is removed once");
        (node.range.clone(), value)
    }

    /// Calls `each` with the value of every range that shares a unit with `range`.
    pub fn for_each_overlapping(&mut self, range: &Range<u64>, mut each: impl FnMut(&mut T)) {
        self.visit(self.root, range, &mut each);
    }

    fn visit(&mut self, index: Index, range: &Range<u64>, each: &mut impl FnMut(&mut T)) {
        if index == NONE || self.at(index).greatest_end <= range.start {
            return;
        }
        let node = self.at(index);
        let (left, right) = (node.left, node.right);
        let starts_before_end = node.range.start < range.end;
        if starts_before_end && node.range.end > range.start {
            each(node.value.as_mut().expect("nodes in the tree have values"));
        }
        self.visit(left, range, each);
        if starts_before_end {
            self.visit(right, range, each);
        }
    }

    fn insert_below(&mut self, top: Index, new: Index) -> Index {
        if top == NONE {
            return new;
        }
        if self.rank(new) > self.rank(top) {
            let (left, right) = self.split(top, self.key(new));
            self.at(new).left = left;
            self.at(new).right = right;
            self.mend(new);
            return new;
        }
        if self.key(new) < self.key(top) {
            let left = self.at(top).left;
            self.at(top).left = self.insert_below(left, new);
        } else {
            let right = self.at(top).right;
            self.at(top).right = self.insert_below(right, new);
        }
        self.mend(top);
        top
    }

    fn remove_below(&mut self, top: Index, gone: Index) -> Index {
        let (left, right) = (self.at(top).left, self.at(top).right);
        if top == gone {
            return self.join(left, right);
        }
        if self.key(gone) < self.key(top) {
            self.at(top).left = self.remove_below(left, gone);
        } else {
            self.at(top).right = self.remove_below(right, gone);
        }
        self.mend(top);
        top
    }

    /// Splits the subtree of `top` into the nodes before `key` and those after it.
    fn split(&mut self, top: Index, key: (u64, Index)) -> (Index, Index) {
        if top == NONE {
            return (NONE, NONE);
        }
        let halves = if self.key(top) < key {
            let (middle, after) = self.split(self.nodes[top.0 as usize].right, key);
            self.at(top).right = middle;
            (top, after)
        } else {
            let (before, middle) = self.split(self.nodes[top.0 as usize].left, key);
            self.at(top).left = middle;
            (before, top)
        };
        self.mend(top);
        halves
    }

    /// Joins two trees. All of `left` must be before all of `right`.
    fn join(&mut self, left: Index, right: Index) -> Index {
        if left == NONE {
            return right;
        }
        if right == NONE {
            return left;
        }
        let top = if self.rank(left) > self.rank(right) {
            let inner = self.at(left).right;
            self.at(left).right = self.join(inner, right);
            left
        } else {
            let inner = self.at(right).left;
            self.at(right).left = self.join(left, inner);
            right
        };
        self.mend(top);
        top
    }

    /// Restores `greatest_end` from the node and its children.
    fn mend(&mut self, index: Index) {
        let node = &self.nodes[index.0 as usize];
        let below = |child: Index| match child {
            NONE => 0,
            child => self.nodes[child.0 as usize].greatest_end,
        };
        let greatest_end = node.range.end.max(below(node.left)).max(below(node.right));
        self.at(index).greatest_end = greatest_end;
    }

    /// The sort order; the index distinguishes equal starts.
    fn key(&self, index: Index) -> (u64, Index) {
        (self.nodes[index.0 as usize].range.start, index)
    }

    /// The heap order. It is total, so that equal priorities have an order too.
    fn rank(&self, index: Index) -> (u32, Reverse<Index>) {
        (self.nodes[index.0 as usize].priority, Reverse(index))
    }

    fn at(&mut self, index: Index) -> &mut Node<T> {
        &mut self.nodes[index.0 as usize]
    }

    fn next_random(&mut self) -> u32 {
        let mut x = self.random;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        mem::replace(&mut self.random, x)
    }
}
