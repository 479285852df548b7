//! The state word of a slot.
//!
//! A slot holds the claims on one unit at a time, and its word contains the number of that unit.
//! The word is one of:
//!
//! | state     | unit (48) | readers (14) | WAITERS | EXCLUSIVE | meaning                                   |
//! |-----------|-----------|--------------|---------|-----------|-------------------------------------------|
//! | free      | 0         | 0            | 0       | 0         | no claim                                  |
//! | shared    | u         | 1..=MAX      | 0       | 0         | this many readers of unit u               |
//! | exclusive | u         | 0            | 0       | 1         | one writer of unit u                      |
//! | watched   | u         | as above     | 1       | as above  | the same, with a proxy in the registry    |
//! | moved     | all ones  | all ones     | 1       | 1         | the slot is closed: use the present table |
//!
//! A [reader's word](crate::raw::readers) has the same fields, but is never exclusive, and never
//! moved.
//!
//! WAITERS is set under the registry's mutex only, together with the proxy. It is cleared, under
//! the mutex too, when the last holder leaves or no claim waits any more. While it is set no reader
//! joins, and holders leave under the mutex.

use crate::Mode;

const EXCLUSIVE: u64 = 1;
const WAITERS: u64 = 1 << 1;
const READER: u64 = 1 << 2;
const READERS: u64 = ((1 << 14) - 1) << 2;
const UNIT_SHIFT: u32 = 16;

/// Units from here on do not fit into a word; their claims are kept in the registry.
pub(crate) const UNITS: u64 = 1 << 48;

/// A slot's state; see the table in the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    pub(crate) const FREE: Word = Word(0);
    pub(crate) const MOVED: Word = Word(u64::MAX);

    /// The word of a unit with one holder.
    #[inline]
    pub(crate) const fn sole(unit: u64, mode: Mode) -> Word {
        let holder = match mode {
            Mode::Shared => READER,
            Mode::Exclusive => EXCLUSIVE,
        };
        Word(unit << UNIT_SHIFT | holder)
    }

    #[inline]
    pub(crate) const fn from_bits(bits: u64) -> Word {
        Word(bits)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// The unit and the mode in which it is held, unless the slot is free or closed.
    pub(crate) fn holder(self) -> Option<(u64, Mode)> {
        if self == Word::FREE || self == Word::MOVED {
            return None;
        }
        let mode = if self.0 & EXCLUSIVE != 0 { Mode::Exclusive } else { Mode::Shared };
        Some((self.0 >> UNIT_SHIFT, mode))
    }

    pub(crate) fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    pub(crate) fn has_one_holder(self) -> bool {
        self.0 & EXCLUSIVE != 0 || self.0 & READERS == READER
    }

    /// One more reader of `unit`, if the slot has that unit and is shared, not watched and not
    /// full.
    pub(crate) fn join(self, unit: u64) -> Option<Word> {
        let joins = self.0 >> UNIT_SHIFT == unit
            && self.0 & (EXCLUSIVE | WAITERS) == 0
            && self.0 & READERS != 0
            && self.0 & READERS != READERS;
        joins.then(|| Word(self.0 + READER))
    }

    /// One holder fewer, if the slot is not watched; `None` if the mutex is needed.
    pub(crate) fn leave(self) -> Option<Word> {
        (!self.has_waiters()).then(|| self.leave_watched())
    }

    /// One holder fewer, with the mutex held. Free after the last holder, and still watched before
    /// that.
    pub(crate) fn leave_watched(self) -> Word {
        if self.has_one_holder() { Word::FREE } else { Word(self.0 - READER) }
    }

    /// Whether a reader of `unit` must not use another word: a writer has the slot, or the slot is
    /// closed.
    #[inline]
    pub(crate) fn keeps_out_readers_of(self, unit: u64) -> bool {
        self == Word::MOVED || self.0 & EXCLUSIVE != 0 && self.0 >> UNIT_SHIFT == unit
    }

    /// The same holders, watched.
    pub(crate) fn watched(self) -> Word {
        Word(self.0 | WAITERS)
    }

    /// The same holders, not watched any more.
    pub(crate) fn unwatched(self) -> Word {
        Word(self.0 & !WAITERS)
    }

    /// One reader instead of one writer, watched as before.
    pub(crate) fn downgraded(self) -> Word {
        Word((self.0 & !EXCLUSIVE) | READER)
    }
}

#[cfg(test)]
mod tests;
