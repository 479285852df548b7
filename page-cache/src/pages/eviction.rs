//! Which page is evicted next: S3-FIFO, over frame numbers.
//!
//! A new page enters at the head of the *small* queue, a tenth of the frames; or, if it is
//! remembered as recently evicted from there, at the head of the *main* queue. To get a frame, the
//! tail of the small queue is examined while that queue has its tenth or more, and otherwise the
//! tail of the main queue:
//!
//! | tail | not used since it was examined | used |
//! | --- | --- | --- |
//! | small, first time | evicted, and remembered | back to the head, for the second time |
//! | small, second time | evicted, and remembered | to the head of main |
//! | main | evicted | back to the head |
//!
//! A scan passes through the small queue and does not affect main. The paper (Yang and others, SOSP
//! 2023) counts up to three uses of each page. Here a use only sets a bit, which a hit can do in
//! the atomic operation that it performs anyway. Instead of two counted uses, a page must be found
//! used in each of two passes through the small queue. So several uses in quick succession count as
//! one, for example when a page is scanned in pieces or through a mapping.
//!
//! Frames that are locked, pinned or dirty go back to the head of their queue.
//!
//! Invariant. A frame is in a queue if and only if it caches a page, except while the thread that
//! inserts or removes the page holds the page lock.

mod ghosts;

use self::ghosts::Ghosts;
use crate::pages::frame::{FrameId, Key};

/// The fewest frames of the small queue: threads that miss at the same time must not evict each
/// other's pages before these were used.
const LEAST_SMALL: u32 = 4;

pub(crate) struct Queues {
    /// One link for each queue, between its head and its tail, and one for each frame that has been in a queue.
    links: Vec<Link>,
    small: Queue,
    main: Queue,
    small_target: u32,
    /// How many frames in a row could not be taken from the examined queue.
    busy: u32,
    ghosts: Ghosts,
}

/// The numbers of the ends of the queues, which no frame has.
const SMALL_ENDS: FrameId = FrameId::MAX - 1;
const MAIN_ENDS: FrameId = FrameId::MAX;

/// One queue: the link between its ends, and its length.
struct Queue {
    ends: FrameId,
    len: u32,
}

#[derive(Clone, Copy)]
struct Link {
    newer: FrameId,
    older: FrameId,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    Small(Round),
    Main,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    First,
    Second,
}

impl Link {
    /// The link of a frame that is in no queue, or of the ends of an empty queue.
    fn alone(id: FrameId) -> Link {
        Link { newer: id, older: id, place: Place::Nowhere }
    }
}

/// The index of the link of a frame, or of the ends of a queue.
fn place_of(id: FrameId) -> usize {
    // The links of the ends come first.
    id.wrapping_add(2) as usize
}

fn small_target(frames: u32) -> u32 {
    (frames / 10).max(LEAST_SMALL)
}

/// Which pages may be evicted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victims {
    Any,
    /// Pages of the small queue, while it [gives](Queues::small_gives).
    Small,
}

/// What to do with the frame at a tail.
pub(crate) enum Verdict<T> {
    /// It was used since it was last examined.
    Used,
    /// It cannot be taken now.
    Busy,
    /// It may be evicted, and a thread is about to do so.
    Taken(T),
}

impl Queues {
    pub(crate) fn new(frames: u32) -> Queues {
        // Reserved memory costs nothing until it is used; moving the links later would make other threads wait.
        let mut links = Vec::with_capacity(place_of(frames));
        links.extend([SMALL_ENDS, MAIN_ENDS].map(Link::alone));
        Queues {
            links,
            small: Queue { ends: SMALL_ENDS, len: 0 },
            main: Queue { ends: MAIN_ENDS, len: 0 },
            small_target: small_target(frames),
            busy: 0,
            ghosts: Ghosts::new(frames),
        }
    }

    /// Sets the number of frames that the queues share.
    pub(crate) fn set_frames(&mut self, frames: u32) {
        self.small_target = small_target(frames);
        self.ghosts.set_capacity(frames);
    }

    /// Adds a new page. The caller has it locked.
    pub(crate) fn admit(&mut self, id: FrameId, key: Key) {
        while self.links.len() <= place_of(id) {
            self.links.push(Link::alone(id));
        }
        debug_assert_eq!(self.links[place_of(id)].place, Place::Nowhere);
        let remembered = self.ghosts.take(key);
        self.push(id, if remembered { Place::Main } else { Place::Small(Round::First) });
    }

    /// Removes a page that leaves the cache otherwise than by eviction. The caller has it locked.
    pub(crate) fn remove(&mut self, id: FrameId) {
        self.unlink(id);
    }

    /// Removes an evicted page. The caller has it locked.
    pub(crate) fn evicted(&mut self, id: FrameId, key: Key) {
        if let Place::Small(_) = self.unlink(id) {
            self.ghosts.insert(key);
        }
    }

    /// Whether the small queue has frames that can be evicted for new pages.
    pub(crate) fn small_gives(&self) -> bool {
        self.small.len > self.small_target / 2 && self.busy < self.small.len
    }

    /// How many frames belong to the small queue.
    pub(crate) fn small_target(&self) -> u32 {
        self.small_target
    }

    /// Examines one frame: `look` decides what to do with it.
    pub(crate) fn step<T>(
        &mut self,
        victims: Victims,
        look: impl FnOnce(FrameId) -> Verdict<T>,
    ) -> Option<T> {
        let small_is_due = victims == Victims::Small || self.small.len >= self.small_target;
        let turn = if small_is_due { &self.small } else { &self.main };
        let other = if turn.ends == self.main.ends { &self.small } else { &self.main };
        // If nothing can be taken from a queue, the two are examined in turn.
        let stuck = self.busy >= turn.len && self.busy.is_multiple_of(2);
        let queue = if turn.len == 0 || stuck && other.len > 0 { other } else { turn };
        if queue.len == 0 {
            return None;
        }
        let tail = self.links[place_of(queue.ends)].newer;
        let verdict = look(tail);
        self.busy = match verdict {
            Verdict::Busy => self.busy.saturating_add(1),
            _ if queue.ends == turn.ends => 0,
            _ => self.busy | 1,
        };
        let place = match (self.unlink(tail), &verdict) {
            (Place::Small(Round::First), Verdict::Used) => Place::Small(Round::Second),
            (Place::Small(Round::Second), Verdict::Used) => Place::Main,
            (place, _) => place,
        };
        self.push(tail, place);
        match verdict {
            Verdict::Taken(taken) => Some(taken),
            Verdict::Used | Verdict::Busy => None,
        }
    }

    /// Puts a frame at the head of a queue.
    fn push(&mut self, id: FrameId, place: Place) {
        let Some(queue) = self.queue_mut(place) else { return };
        queue.len += 1;
        let ends = queue.ends;
        let older = self.links[place_of(ends)].older;
        self.links[place_of(id)] = Link { newer: ends, older, place };
        self.links[place_of(older)].newer = id;
        self.links[place_of(ends)].older = id;
    }

    /// Removes a frame from its queue, and returns where it was.
    fn unlink(&mut self, id: FrameId) -> Place {
        let Link { newer, older, place } = self.links[place_of(id)];
        if let Some(queue) = self.queue_mut(place) {
            queue.len -= 1;
            self.links[place_of(newer)].older = older;
            self.links[place_of(older)].newer = newer;
            self.links[place_of(id)].place = Place::Nowhere;
        }
        place
    }

    fn queue_mut(&mut self, place: Place) -> Option<&mut Queue> {
        match place {
            Place::Nowhere => None,
            Place::Small(_) => Some(&mut self.small),
            Place::Main => Some(&mut self.main),
        }
    }
}

#[cfg(test)]
mod tests;
