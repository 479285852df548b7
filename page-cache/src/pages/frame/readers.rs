//! Readers of hot pages, each of which writes a cache line of its own.
//!
//! After BRAVO (Dice and Kogan, USENIX ATC 2019), and like `raw/readers` of the lock. If readers of
//! a page slow each other down, its frame becomes *hot*: from then on a reader counts itself in a
//! *reader's word* of its thread's line, not in the frame's header. Readers of all frames use the
//! same words, which contain the frame's number. Copies and shared guards are both readers here.
//!
//! A thread that latches a hot frame *cools* it: it counts the readers that it finds in readers' words
//! in the header, marks their words as counted, and clears the flag. From then on the header says all,
//! as it does for a frame that is not hot. A reader that leaves a word that is marked leaves the header too.
//!
//! No reader is overlooked, and none enters a frame that is latched: a reader writes its word, then
//! looks at the header again; a thread that latches changes the header, then looks at the words.
//! All four accesses are SeqCst, so at least one of the two sees the other.

use std::cell::Cell;

use crossbeam_utils::CachePadded;

use super::{Frame, FrameId, Frames, State};
use crate::seat::{self, seat};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{thread_local, two_sided_barrier};

/// How many readers one line has room for. A reader that finds none counts itself in the header.
const WORDS: usize = if cfg!(spanlock_shuttle) { 2 } else { 8 };

/// The number of lines, at most: more than there are seats would not be used.
const MOST_LINES: usize = if cfg!(spanlock_shuttle) { 1 } else { seat::COUNT };

/// The number of readers that cooling may add to a header, at most.
pub(super) const MOST: u64 = (WORDS * MOST_LINES) as u64;

/// One in so many conflicts with other readers makes a frame hot.
const MANY: u32 = if cfg!(spanlock_shuttle) { 1 } else { 8 };

/// The readers' words of a cache.
pub(super) struct Readers {
    lines: Box<[CachePadded<[AtomicU64; WORDS]>]>,
}

/// What a reader's word contains, if it is in use: the frame's number, and two flags.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word(u64);

impl Word {
    const FREE: u64 = 0;
    const GUARD: u64 = 1;
    const COUNTED: u64 = 2;

    fn new(frame: FrameId, stay: Stay) -> Word {
        let guard = if stay == Stay::Guard { Word::GUARD } else { 0 };
        Word((u64::from(frame) + 1) << 2 | guard)
    }

    /// Whether this is a reader of a frame who is not counted in its header.
    fn is_only_here(self, frame: FrameId) -> bool {
        self.0 >> 2 == u64::from(frame) + 1 && self.0 & Word::COUNTED == 0
    }

    fn is_counted(self) -> bool {
        self.0 & Word::COUNTED != 0
    }

    fn counted(self) -> Word {
        Word(self.0 | Word::COUNTED)
    }

    /// What the reader counts in a header.
    fn weight(self) -> u64 {
        if self.0 & Word::GUARD != 0 { State::ONE_GUARD } else { State::ONE_READER }
    }
}

/// How long a reader stays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    /// For one copy.
    Copy,
    /// As long as the user likes.
    Guard,
}

/// Where a reader is counted: the number of a reader's word, plus one; or zero, in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(pub(super) usize);

impl Place {
    pub(super) const HEADER: Place = Place(0);
}

impl Readers {
    pub(super) fn new() -> Readers {
        let threads = std::thread::available_parallelism().map_or(MOST_LINES, usize::from);
        let lines = (2 * threads).next_power_of_two().min(MOST_LINES);
        Readers { lines: (0..lines).map(|_| CachePadded::default()).collect() }
    }

    /// Writes this to a free word of this thread's line, and returns the word's place.
    fn enter(&self, reader: Word) -> Option<Place> {
        let line = seat().number & (self.lines.len() - 1);
        let take = |word: &AtomicU64| {
            // ORDERING: SeqCst: the header is loaded after it, so that a thread that latches sees us here, or we see
            // it there. Relaxed where it reads: a hint.
            word.load(Ordering::Relaxed) == Word::FREE
                && word
                    .compare_exchange(Word::FREE, reader.0, Ordering::SeqCst, Ordering::Relaxed)
                    .is_ok()
        };
        let word = self.lines[line].iter().position(take)?;
        two_sided_barrier();
        Some(Place(line * WORDS + word + 1))
    }

    /// Frees the word at a place, and returns what it contained.
    fn leave(&self, place: Place) -> Word {
        let number = place.0 - 1;
        // ORDERING: release: what the reader read was read before a thread finds the word free, or used again, in
        // `cool`. Acquire: if the word is marked, the header counts the reader already.
        Word(self.lines[number / WORDS][number % WORDS].swap(Word::FREE, Ordering::AcqRel))
    }

    fn words(&self) -> impl Iterator<Item = &AtomicU64> {
        self.lines.iter().flat_map(|line| line.iter())
    }
}

impl Frame {
    /// Enters as a reader, after a first try failed: the frame is hot, cannot be read now, or other threads
    /// changed its word. `None` if it cannot be read now.
    #[inline(never)]
    pub(super) fn enter_again(&self, frames: &Frames, stay: Stay) -> Option<Place> {
        if self.state().is_hot()
            && let Some(place) = self.enter_word(frames, stay)
        {
            return Some(place);
        }
        let tries = Cell::new(0);
        let step = |state: State| {
            tries.set(tries.get() + 1);
            match stay {
                Stay::Copy => state.enter_and_use(),
                Stay::Guard => state.guard(),
            }
        };
        self.update(step).ok()?;
        if tries.get() > 1 && are_many() {
            // It fails if a thread has latched the frame.
            let _ = self.update(State::heated);
        }
        Some(Place::HEADER)
    }

    /// Enters a reader's word, if there is a free one and the frame is hot and can be read now.
    fn enter_word(&self, frames: &Frames, stay: Stay) -> Option<Place> {
        let place = frames.readers.enter(Word::new(self.id(), stay))?;
        // ORDERING: SeqCst: see `Readers::enter`. As an Acquire: what was done to the page before it could be read.
        let state = State(self.state.load(Ordering::SeqCst));
        if !state.lets_readers_into_words() {
            self.leave(frames, stay, place);
            return None;
        }
        if !state.is_referenced() {
            self.step(State::used);
        }
        Some(place)
    }

    /// Leaves the place where a reader entered.
    #[inline]
    pub(super) fn leave(&self, frames: &Frames, stay: Stay, place: Place) {
        if place == Place::HEADER {
            self.leave_header(frames, stay);
        } else {
            self.leave_word(frames, stay, place);
        }
    }

    #[inline]
    fn leave_header(&self, frames: &Frames, stay: Stay) {
        // ORDERING: release: what the reader read was read before a writer, which acquires in `drain`, starts.
        match stay {
            Stay::Copy => drop(self.state.fetch_sub(State::ONE_READER, Ordering::Release)),
            Stay::Guard => {
                let before = self.state.fetch_sub(State::ONE_GUARD, Ordering::Release);
                if State(before).frees_waiters_as_guard_leaves() {
                    frames.waits.clear_and_wake(self);
                }
            }
        }
    }

    #[inline(never)]
    fn leave_word(&self, frames: &Frames, stay: Stay, place: Place) {
        if frames.readers.leave(place).is_counted() {
            self.leave_header(frames, stay);
        }
    }

    /// Counts the readers who are in readers' words in the header, and makes the frame no longer hot. For the thread
    /// that has set the latch: until it unlatches, a reader that enters a word leaves it again.
    #[cold]
    pub(super) fn cool(&self, frames: &Frames) {
        two_sided_barrier();
        for word in frames.readers.words() {
            // ORDERING: SeqCst: after the latch was set; see `Readers::enter`. As an Acquire: a reader who has left
            // read before this.
            let found = Word(word.load(Ordering::SeqCst));
            if !found.is_only_here(self.id()) {
                continue;
            }
            // ORDERING: relaxed: counted before the mark, which releases it to the reader.
            self.state.fetch_add(found.weight(), Ordering::Relaxed);
            let (from, to) = (found.0, found.counted().0);
            // ORDERING: release: see `Readers::leave`. Acquire where it fails: as the load above.
            if word.compare_exchange(from, to, Ordering::Release, Ordering::Acquire).is_err() {
                self.state.fetch_sub(found.weight(), Ordering::Relaxed);
            }
        }
        let before = self.step(State::cooled);
        frames.waits.wake(self, before);
    }

    /// Cools a frame that is hot and not latched, so that its header says whether it has readers.
    pub(super) fn try_cool(&self, frames: &Frames) -> bool {
        let latched = self.update(State::latch_hot).is_ok();
        if latched {
            self.cool(frames);
            let before = self.step(State::unlatched);
            frames.waits.wake(self, before);
        }
        latched
    }

    /// Whether there is a shared guard of the frame in a reader's word.
    pub(super) fn has_guard_in_word(&self, frames: &Frames) -> bool {
        let guard = Word::new(self.id(), Stay::Guard);
        let words = frames.readers.words();
        // ORDERING: relaxed: the answer may be out of date when it is used, whatever the ordering.
        words.map(|word| word.load(Ordering::Relaxed)).any(|word| word == guard.0)
    }
}

#[cfg(test)]
impl Frame {
    /// Makes the frame hot, unless it is latched.
    pub(crate) fn heat(&self) {
        let _ = self.update(State::heated);
    }
}

/// Counts a conflict with another reader. Returns whether there have been many.
fn are_many() -> bool {
    thread_local! {
        static CONFLICTS: Cell<u32> = const { Cell::new(0) };
    }
    let conflicts = CONFLICTS.with(|conflicts| {
        conflicts.set(conflicts.get().wrapping_add(1));
        conflicts.get()
    });
    conflicts.is_multiple_of(MANY)
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
