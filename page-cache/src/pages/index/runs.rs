//! `Runs`: where a page probably is, if its neighbours were inserted one after the other.
//!
//! Pages that are read ahead, loaded or appended in order are in frames with consecutive numbers. So
//! there is one word for sixteen neighbouring pages, with the frame in which page 0 of the sixteen
//! would be and how many pages have confirmed that. The words have a sixteenth of the size of the
//! index, so they stay in the processor's caches: to read a word and then the frame's header takes one
//! access to memory, and to read the index first takes two.
//!
//! A word is a guess. A thread that follows it compares the key in the header, and looks into the
//! index if that is another one.

use crate::sync::atomic::{AtomicU32, Ordering};

use crate::pages::frame::{FrameId, Key, Zeroes, zeroes};

/// The logarithm of how many neighbouring pages share a word.
const PAGES: u32 = 4;

/// A word is this many confirmations, and the number of a frame.
const CONFIRMED: u32 = 4;
const MOST: u32 = (1 << CONFIRMED) - 1;
const FRAMES: u32 = u32::MAX >> CONFIRMED;

/// From how many confirmations on a guess is made. The schedules have few pages, and guess always.
const ENOUGH: u32 = if cfg!(spanlock_shuttle) { 1 } else { 3 };

pub(super) struct Runs {
    words: Zeroes<AtomicU32>,
}

impl Runs {
    /// For a cache of this many frames.
    pub(super) fn new(frames: u32) -> Runs {
        let count = (frames as usize >> PAGES).next_power_of_two();
        Runs { words: zeroes(4 * count) }
    }

    /// The frame that probably caches a page.
    #[inline(always)]
    pub(super) fn guess(&self, key: Key) -> Option<FrameId> {
        // ORDERING: relaxed, here and below: a guess, which is compared with the header.
        let word = self.words[self.slot_of(key)].load(Ordering::Relaxed);
        (word & MOST >= ENOUGH).then(|| base_of(word).wrapping_add(within(key)) & FRAMES)
    }

    /// Notes the frame in which a page is now. Two threads may do so at once; then one is forgotten.
    pub(super) fn note(&self, key: Key, frame: FrameId) {
        let slot = &self.words[self.slot_of(key)];
        let word = slot.load(Ordering::Relaxed);
        let base = frame.wrapping_sub(within(key)) & FRAMES;
        let noted = match (base_of(word) == base, word & MOST) {
            (_, 0) => base << CONFIRMED | 1,
            (true, confirmed) => base << CONFIRMED | MOST.min(confirmed + 1),
            (false, _) => word - 1,
        };
        if noted != word {
            slot.store(noted, Ordering::Relaxed);
        }
    }

    /// Neighbouring words are those of neighbouring pages, so a file's words are close together.
    #[inline(always)]
    fn slot_of(&self, key: Key) -> usize {
        let start = key.file.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (key.page >> PAGES).wrapping_add(start) as usize & (self.words.len() - 1)
    }
}

#[inline(always)]
fn base_of(word: u32) -> u32 {
    word >> CONFIRMED
}

/// The place of a page among the pages that share its word.
#[inline(always)]
fn within(key: Key) -> u32 {
    key.page as u32 & ((1 << PAGES) - 1)
}

#[cfg(test)]
mod tests;
