//! A concurrent skip list of claims, locked node by node: after the concurrent interval skip list of
//! Kim, Kwon and Kang ("Scalable Address Spaces using Concurrent Interval Skiplist", SOSP 2025).
//!
//! That paper is about an address space: a map from intervals to what is mapped there, in which the
//! lock of an interval and the map are one structure. The text of the paper was not available. Published
//! summaries say that searches take no lock; that a thread that changes an interval locks the nodes that
//! overlap it and the node before them, so that no thread inserts anything into a gap that is being
//! changed; that new nodes become visible by one store to the link before them; and that links above the
//! lowest level only make searches fast. This contender applies that to the map that a range lock needs,
//! in which each claim is a node:
//!
//! - a claim searches its position without a lock. If a node overlaps it, it waits for that node's
//!   release. Otherwise it locks the nodes before its position, from the lowest level up and so from
//!   right to left, checks that they are still before it, links its own node, and unlocks them;
//! - a release marks the node, which waiting claims check, and unlinks it in the same way.
//!
//! Several nodes are locked level by level as in the lazy skip list of Herlihy, Lev, Luchangco and Shavit
//! (2007), because the summaries do not say how the paper maintains the upper levels. The paper's locks
//! of intervals are exclusive, and so are all claims here. What belongs to address spaces only is left
//! out: locks for everything, arenas, counters. Nodes come from the allocator and are reclaimed by
//! crossbeam-epoch. A waiting claim spins, then yields the processor.

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};

use crossbeam_epoch::{self as epoch, Atomic, Owned, Shared};
use crossbeam_utils::Backoff;
use parking_lot::RawMutex;
use parking_lot::lock_api::RawMutex as _;

/// The number of levels: enough for some million claims, because a fourth of the nodes of each level are on the next
/// one.
const LEVELS: usize = 12;

struct Node {
    start: u64,
    end: u64,
    /// The number of levels that it is on, from the lowest one up.
    height: usize,
    /// Held by a thread that changes one of its links, or marks it.
    mutex: RawMutex,
    /// Whether its claim is released. Then its links do not change any more.
    released: AtomicBool,
    next: [Atomic<Node>; LEVELS],
}

impl Node {
    fn new(range: Range<u64>, height: usize) -> Node {
        Node {
            start: range.start,
            end: range.end,
            height,
            mutex: RawMutex::INIT,
            released: AtomicBool::new(false),
            next: [const { Atomic::null() }; LEVELS],
        }
    }

    fn wait_until_released(&self) {
        let backoff = Backoff::new();
        while !self.released.load(Acquire) {
            backoff.snooze();
        }
    }
}

/// A range lock that is a skip list of claims.
pub struct SkipListLock {
    /// The node before all others. It belongs to no claim.
    head: Box<Node>,
    /// How many levels may have nodes.
    levels: AtomicUsize,
}

/// A held claim; dropping it releases.
#[must_use]
pub struct SkipListGuard<'a> {
    lock: &'a SkipListLock,
    /// `None` for the empty range, which claims nothing.
    node: Option<*const Node>,
}

/// The position of a node: the nodes before it and after it on each level.
struct Place<'g> {
    before: [&'g Node; LEVELS],
    after: [Shared<'g, Node>; LEVELS],
}

impl SkipListLock {
    /// An unlocked lock.
    pub fn new() -> SkipListLock {
        SkipListLock { head: Box::new(Node::new(0..0, LEVELS)), levels: AtomicUsize::new(1) }
    }

    /// Claims `range` exclusively, waiting as long as it takes.
    pub fn lock(&self, range: Range<u64>) -> SkipListGuard<'_> {
        if range.is_empty() {
            return SkipListGuard { lock: self, node: None };
        }
        let height = random_height();
        let pin = epoch::pin();
        let mut node = Owned::new(Node::new(range, height));
        self.levels.fetch_max(height, Relaxed);
        let backoff = Backoff::new();
        loop {
            let place = self.find(node.start, height, &pin);
            if let Some(conflict) = place.conflict_with(&node) {
                conflict.wait_until_released();
            }
            match self.link(node, &place, &pin) {
                Ok(linked) => return SkipListGuard { lock: self, node: Some(linked) },
                Err(unlinked) => node = unlinked,
            }
            // Another thread was at the same place, or a released node is not unlinked yet.
            backoff.snooze();
        }
    }

    /// The claims that are held, in order.
    ///
    /// # Panics
    ///
    /// Panics if a level is out of order, or has a claim that the one below it has not; other
    /// threads must not claim or release meanwhile.
    pub fn claims(&self) -> Vec<Range<u64>> {
        let pin = epoch::pin();
        let mut below: Option<Vec<Range<u64>>> = None;
        for level in 0..LEVELS {
            let mut claims: Vec<Range<u64>> = Vec::new();
            let mut node = self.head.next[level].load(Acquire, &pin);
            // SAFETY: read from a link while pinned.
            while let Some(claim) = unsafe { node.as_ref() } {
                let last = claims.last().map_or(0, |last| last.end);
                assert!(last <= claim.start, "level {level} is out of order at {}", claim.start);
                claims.push(claim.start..claim.end);
                node = claim.next[level].load(Acquire, &pin);
            }
            if let Some(below) = &below {
                assert!(claims.iter().all(|claim| below.contains(claim)), "level {level}");
            } else {
                below = Some(claims);
            }
        }
        below.unwrap_or_default()
    }

    /// Searches the position of a node that starts at `start`, on at least `height` levels.
    fn find<'g>(&'g self, start: u64, height: usize, pin: &'g epoch::Guard) -> Place<'g> {
        let mut place = Place { before: [&*self.head; LEVELS], after: [Shared::null(); LEVELS] };
        let mut before: &Node = &self.head;
        for level in (0..self.levels.load(Relaxed).max(height)).rev() {
            let mut after = before.next[level].load(Acquire, pin);
            // SAFETY: read from a link while pinned, so not reclaimed before the pin is gone.
            while let Some(node) = unsafe { after.as_ref() } {
                if node.start >= start {
                    break;
                }
                before = node;
                after = before.next[level].load(Acquire, pin);
            }
            place.before[level] = before;
            place.after[level] = after;
        }
        place
    }

    /// Links `node` at `place`, unless the place has changed, or a released node is still linked there.
    fn link<'g>(
        &self,
        node: Owned<Node>,
        place: &Place<'g>,
        pin: &'g epoch::Guard,
    ) -> Result<*const Node, Owned<Node>> {
        let height = node.height;
        let locked = place.lock(height);
        // A released node in the way must be unlinked first: with one of the same start in front of
        // it, no thread would find it.
        if place.conflict_with(&node).is_some() || !place.is_current(height, pin) {
            drop(locked);
            return Err(node);
        }
        for level in 0..height {
            node.next[level].store(place.after[level], Relaxed);
        }
        let node = node.into_shared(pin);
        for level in 0..height {
            // Release: a thread that finds the node sees what is in it.
            place.before[level].next[level].store(node, Release);
        }
        Ok(node.as_raw())
    }

    fn unlock(&self, node: *const Node) {
        let pin = epoch::pin();
        // SAFETY: the node was linked by the owner of the claim, which unlocks it once; so it has been
        // neither unlinked nor reclaimed.
        let claim = unsafe { &*node };
        claim.mutex.lock();
        // Release: a thread that waited for it sees what was done under the claim.
        claim.released.store(true, Release);
        let backoff = Backoff::new();
        loop {
            let place = self.find(claim.start, claim.height, &pin);
            let locked = place.lock(claim.height);
            let levels = 0..claim.height;
            let in_front = |level: usize| {
                let before = place.before[level];
                !before.released.load(Relaxed)
                    && before.next[level].load(Relaxed, &pin).as_raw() == node
            };
            if levels.clone().all(in_front) {
                for level in levels.rev() {
                    let behind = claim.next[level].load(Relaxed, &pin);
                    place.before[level].next[level].store(behind, Release);
                }
                drop(locked);
                // SAFETY: this thread took the mutex above.
                unsafe { claim.mutex.unlock() };
                // SAFETY: no link leads to the node any more, so no thread that pins from now on
                // reaches it, and no other thread hands it over.
                unsafe { pin.defer_destroy(Shared::from(node)) };
                return;
            }
            drop(locked);
            backoff.snooze();
        }
    }
}

/// The mutexes of the nodes before a place. Dropping this unlocks them.
struct Locked<'a> {
    before: &'a [&'a Node],
}

impl<'g> Place<'g> {
    /// A claim that `node` overlaps, held or released just now.
    fn conflict_with(&self, node: &Node) -> Option<&'g Node> {
        let before = self.before[0];
        // SAFETY: read from a link while pinned, for as long as the place exists.
        let after = unsafe { self.after[0].as_ref() };
        if before.end > node.start {
            Some(before)
        } else {
            after.filter(|after| after.start < node.end)
        }
    }

    /// Whether the nodes before and after the place are unchanged. With the mutexes held.
    fn is_current(&self, height: usize, pin: &epoch::Guard) -> bool {
        (0..height).all(|level| {
            let before = self.before[level];
            !before.released.load(Relaxed)
                && before.next[level].load(Relaxed, pin) == self.after[level]
        })
    }

    /// Locks the nodes before the place on the lowest `height` levels, each once. The node of a higher level is
    /// the same or further left, so all threads lock in the same order.
    fn lock(&self, height: usize) -> Locked<'_> {
        let before = &self.before[..height];
        for node in distinct(before) {
            node.mutex.lock();
        }
        Locked { before }
    }
}

/// The nodes of `before`, each once. Equal ones are adjacent.
fn distinct<'a>(before: &'a [&'a Node]) -> impl Iterator<Item = &'a Node> {
    let same_as_below = |level: usize| level > 0 && std::ptr::eq(before[level - 1], before[level]);
    (0..before.len()).filter(move |level| !same_as_below(*level)).map(|level| before[level])
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        for node in distinct(self.before) {
            // SAFETY: `Place::lock` locked each of these once, and built this after that.
            unsafe { node.mutex.unlock() };
        }
    }
}

impl Drop for SkipListGuard<'_> {
    fn drop(&mut self) {
        if let Some(node) = self.node {
            self.lock.unlock(node);
        }
    }
}

impl Drop for SkipListLock {
    fn drop(&mut self) {
        // SAFETY: no thread borrows the lock any more, so no thread reads the list.
        let pin = unsafe { epoch::unprotected() };
        let mut node = self.head.next[0].load(Relaxed, pin);
        while !node.is_null() {
            // SAFETY: linked nodes are reclaimed by no other thread, and each is met once on this level.
            let owned = unsafe { node.into_owned() };
            node = owned.next[0].load(Relaxed, pin);
        }
    }
}

/// A random height: one level, and each further one with a probability of a fourth.
fn random_height() -> usize {
    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }
    STATE.with(|state| {
        let mut x = state.get();
        if x == 0 {
            // The address of the state is different in each thread.
            x = std::ptr::from_ref(state).addr() as u64 | 1;
        }
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        ((x | 1 << (2 * (LEVELS - 1))).trailing_zeros() / 2) as usize + 1
    })
}
