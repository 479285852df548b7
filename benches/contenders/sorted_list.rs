//! The sorted lock-free list of Kogan, Dice and Issa ("Scalable Range Locks for Scalable Address
//! Spaces and Beyond", EuroSys 2020), its shared/exclusive variant.
//!
//! Every claim, held or about to be, is a node of one list that is sorted by the first unit. A thread
//! that claims a range walks the list to its position, waits on the way for each conflicting node to be
//! released, and links its own node with a compare-and-swap. A release tags the node's `next`; later
//! walks unlink tagged nodes. Shared nodes may overlap, so a walk can miss a conflicting node that is
//! linked behind it. So there is a second walk after the node was linked:
//!
//! - a shared claim walks on from its node, and waits for every exclusive node that overlaps it;
//! - an exclusive claim walks from the head to its node. If it meets an overlapping node, it withdraws
//!   its own node and starts again.
//!
//! At least one of two claims that race sees the other, because each links its node before its second
//! walk; for this, all accesses to links are `SeqCst`. As in the paper, there is a fast path for an empty
//! list: the head is set to the only node, with a tag, and the release sets it back. The next walk first
//! clears the tag.
//!
//! Differences from the paper: nodes come from the allocator and are reclaimed by crossbeam-epoch, not by
//! thread-local pools with their own epochs; a waiting claim spins, then yields the processor (in another
//! contender it sleeps: see [`Waiting`]); and the optional fairness scheme, an auxiliary lock for
//! impatient claims, is left out.

mod waiting;

use std::ops::Range;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crossbeam_epoch::{self as epoch, Atomic, Owned, Shared};
use spanlock::Mode;

pub use waiting::{Sleeping, Waiting, Yielding};

/// On a node's `next`: the node's claim is released.
const RELEASED: usize = 1;
/// On the head: the fast path set it to the only node, and no thread has walked the list since.
const ALONE: usize = 1;

struct Node {
    start: u64,
    end: u64,
    mode: Mode,
    next: Atomic<Node>,
}

/// The position of a node of the list relative to a claim that is being inserted.
enum Place {
    Before,
    Conflict,
    After,
}

impl Node {
    fn place_of(&self, claim: &Node) -> Place {
        let both_shared = !self.mode.conflicts_with(claim.mode);
        if self.end <= claim.start || (both_shared && self.start <= claim.start) {
            Place::Before
        } else if claim.end <= self.start || both_shared {
            Place::After
        } else {
            Place::Conflict
        }
    }

    fn is_released(&self, pin: &epoch::Guard) -> bool {
        self.next.load(SeqCst, pin).tag() == RELEASED
    }
}

/// A range lock that is a sorted list of claims.
pub struct SortedList<W> {
    head: Atomic<Node>,
    waiting: W,
}

/// The list as published, whose claims spin and yield.
pub type SortedListLock = SortedList<Yielding>;

/// A held claim; dropping it releases.
#[must_use]
pub struct SortedListGuard<'a, W: Waiting> {
    /// `None` for the empty range, which claims nothing.
    node: Option<*const Node>,
    lock: &'a SortedList<W>,
}

impl<W: Waiting> SortedList<W> {
    /// An unlocked lock.
    pub fn new() -> SortedList<W> {
        SortedList { head: Atomic::null(), waiting: W::default() }
    }

    /// Claims `range` in `mode`, waiting as long as it takes.
    pub fn lock(&self, range: Range<u64>, mode: Mode) -> SortedListGuard<'_, W> {
        let mut guard = SortedListGuard { node: None, lock: self };
        if range.is_empty() {
            return guard;
        }
        let pin = epoch::pin();
        loop {
            let node = Node { start: range.start, end: range.end, mode, next: Atomic::null() };
            let (node, linked) = self.link(Owned::new(node), &pin);
            let granted = match (linked, mode) {
                (Linked::Alone, _) => true,
                (Linked::AmongOthers, Mode::Shared) => {
                    self.wait_for_exclusives_after(node, &pin);
                    true
                }
                (Linked::AmongOthers, Mode::Exclusive) => self.none_overlaps_before(node, &pin),
            };
            if granted {
                guard.node = Some(node.as_raw());
                return guard;
            }
            // SAFETY: the node was linked above and only its owner, this thread, releases it; so
            // it has been neither unlinked nor reclaimed.
            self.release(unsafe { node.deref() }, &pin);
        }
    }

    /// Tags `node`, which the caller owns, and wakes those that wait for it.
    fn release(&self, node: &Node, pin: &epoch::Guard) {
        node.next.fetch_or(RELEASED, SeqCst, pin);
        self.waiting.after_release();
    }

    fn wait_until_released(&self, node: &Node, pin: &epoch::Guard) {
        self.waiting.until(|| node.is_released(pin));
    }

    /// Links `node` at its position, after it has waited for the conflicting nodes on the way.
    fn link<'g>(&self, mut node: Owned<Node>, pin: &'g epoch::Guard) -> (Shared<'g, Node>, Linked) {
        if self.head.load(SeqCst, pin).is_null() {
            let alone = node.with_tag(ALONE);
            match self.head.compare_exchange(Shared::null(), alone, SeqCst, SeqCst, pin) {
                Ok(linked) => return (linked.with_tag(0), Linked::Alone),
                Err(lost) => node = lost.new.with_tag(0),
            }
        }
        'from_head: loop {
            let mut prev = &self.head;
            let mut cur = self.first(pin);
            loop {
                if cur.tag() == RELEASED {
                    // The node that this link belongs to was released, so the position is lost.
                    continue 'from_head;
                }
                // SAFETY: `cur` was read from a link while pinned, so it is not yet reclaimed.
                if let Some(at) = unsafe { cur.as_ref() } {
                    let next = at.next.load(SeqCst, pin);
                    if next.tag() == RELEASED {
                        cur = unlink(prev, cur, next, pin);
                        continue;
                    }
                    match at.place_of(&node) {
                        Place::Before => {
                            prev = &at.next;
                            cur = next;
                            continue;
                        }
                        Place::Conflict => {
                            self.wait_until_released(at, pin);
                            continue;
                        }
                        Place::After => {}
                    }
                }
                node.next.store(cur, Relaxed);
                match prev.compare_exchange(cur, node, SeqCst, SeqCst, pin) {
                    Ok(linked) => return (linked, Linked::AmongOthers),
                    Err(lost) => {
                        node = lost.new;
                        continue 'from_head;
                    }
                }
            }
        }
    }

    /// The first node, after the fast path's tag has been cleared.
    fn first<'g>(&self, pin: &'g epoch::Guard) -> Shared<'g, Node> {
        loop {
            let first = self.head.load(SeqCst, pin);
            if first.tag() != ALONE {
                return first;
            }
            let tagless = first.with_tag(0);
            if self.head.compare_exchange(first, tagless, SeqCst, SeqCst, pin).is_ok() {
                return tagless;
            }
        }
    }

    /// The second walk of a shared claim.
    fn wait_for_exclusives_after(&self, node: Shared<'_, Node>, pin: &epoch::Guard) {
        // SAFETY: this thread owns the node and has not released it.
        let claim = unsafe { node.deref() };
        let mut cur = claim.next.load(SeqCst, pin);
        // SAFETY: read from a link while pinned. The link of a released node still leads to the node that was after
        // it when it was released, so no claim that was linked before ours can be missed.
        while let Some(at) = unsafe { cur.as_ref() } {
            if at.start >= claim.end {
                return;
            }
            if at.mode == Mode::Exclusive {
                self.wait_until_released(at, pin);
            }
            cur = at.next.load(SeqCst, pin).with_tag(0);
        }
    }

    /// The second walk of an exclusive claim.
    fn none_overlaps_before(&self, node: Shared<'_, Node>, pin: &epoch::Guard) -> bool {
        // SAFETY: this thread owns the node and has not released it.
        let claim = unsafe { node.deref() };
        'from_head: loop {
            let mut prev = &self.head;
            let mut cur = self.first(pin);
            while cur != node {
                if cur.tag() == RELEASED {
                    continue 'from_head;
                }
                // SAFETY: read from a link while pinned.
                let Some(at) = (unsafe { cur.as_ref() }) else { continue 'from_head };
                let next = at.next.load(SeqCst, pin);
                if next.tag() == RELEASED {
                    cur = unlink(prev, cur, next, pin);
                } else if at.end > claim.start {
                    return false;
                } else {
                    prev = &at.next;
                    cur = next;
                }
            }
            return true;
        }
    }
}

/// The result of `link`.
enum Linked {
    /// There was nothing else in the list, so no second walk is necessary.
    Alone,
    AmongOthers,
}

/// Removes the released node `cur` from the list, and returns the node that `prev` leads to now.
fn unlink<'g>(
    prev: &Atomic<Node>,
    cur: Shared<'g, Node>,
    next: Shared<'g, Node>,
    pin: &'g epoch::Guard,
) -> Shared<'g, Node> {
    match prev.compare_exchange(cur, next.with_tag(0), SeqCst, SeqCst, pin) {
        Ok(_) => {
            // SAFETY: this exchange took away the one link to the node, so no thread that pins from
            // now on can reach it, and no other thread hands it over.
            unsafe { pin.defer_destroy(cur) };
            next.with_tag(0)
        }
        Err(lost) => lost.current,
    }
}

impl<W: Waiting> Drop for SortedListGuard<'_, W> {
    fn drop(&mut self) {
        let Some(node) = self.node else { return };
        let pin = epoch::pin();
        let node = Shared::from(node);
        let alone = node.with_tag(ALONE);
        let head = &self.lock.head;
        if head.load(SeqCst, &pin) == alone
            && head.compare_exchange(alone, Shared::null(), SeqCst, SeqCst, &pin).is_ok()
        {
            // SAFETY: the exchange took away the one link to the node.
            unsafe { pin.defer_destroy(node) };
        } else {
            // SAFETY: only the owner releases the node, and that is this guard, once.
            self.lock.release(unsafe { node.deref() }, &pin);
        }
    }
}

impl<W> Drop for SortedList<W> {
    fn drop(&mut self) {
        // SAFETY: no thread borrows the lock any more, so no thread reads the list.
        let pin = unsafe { epoch::unprotected() };
        let mut cur = self.head.load(Relaxed, pin);
        while !cur.is_null() {
            // SAFETY: linked nodes are reclaimed by no other thread, and each is met once.
            let node = unsafe { cur.into_owned() };
            cur = node.next.load(Relaxed, pin);
        }
    }
}
