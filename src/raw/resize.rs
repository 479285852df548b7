//! Exchanging the table of slots for one of another size, with the mutex held: it grows when units
//! collide, and shrinks when a claim has scanned many slots and found few units.
//!
//! It grows at once if it is crowded: if it has too few slots for the units that are held. Units may also collide
//! by chance: with 32 slots, those of two threads that hold one each do in one of 32 claims. A collision
//! writes cache lines that all threads read, and takes about a microsecond of their time. In a
//! [roomy](Room) table collisions are rarer, but claims that scan it take longer. So a table becomes
//! roomy after some collisions, and after more of them each time it has been shrunk.

use crate::Span;
use crate::raw::words::slot::Word;
use crate::raw::words::table::{self, Table};
use crate::raw::{Locked, RawLock};
use crate::sync::{AtomicU64, FIRST_TABLE_BITS, Ordering, ROOMY_TABLE_BITS, most_table_bits};

/// The least number of slots for each unit that is held.
const SLOTS_FOR_A_UNIT: usize = 8;

/// After how many checks a table that is not crowded becomes roomy: the first time, and at most. From one check
/// to the next there are as many collisions as a quarter of its slots.
const CHECKS_FOR_ROOM: (u32, u32) = (4, 512);

/// When a table that is not crowded becomes roomy.
#[derive(Debug)]
pub(super) struct Room {
    /// How many more checks come before that.
    checks_to_go: u32,
    /// How many checks there are from one shrinking to the next growth.
    checks: u32,
}

impl Default for Room {
    fn default() -> Room {
        Room { checks_to_go: CHECKS_FOR_ROOM.0, checks: CHECKS_FOR_ROOM.0 }
    }
}

impl Room {
    /// Counts a check that has found the table not crowded. Returns whether it becomes roomy now.
    fn is_wanted(&mut self) -> bool {
        self.checks_to_go = self.checks_to_go.saturating_sub(1);
        self.checks_to_go == 0
    }

    /// Called when a claim that has scanned the table shrinks it.
    fn hinders_scans(&mut self) {
        self.checks = (2 * self.checks).min(CHECKS_FOR_ROOM.1);
        self.checks_to_go = self.checks;
    }
}

impl RawLock {
    /// Counts a claim that found another unit in its unit's slot. Returns whether the table has
    /// grown because of it.
    #[cold]
    pub(super) fn note_collision(&self) -> bool {
        let core = self.core();
        // ORDERING: Relaxed: it only says when to check.
        if core.collisions_to_go.fetch_sub(1, Ordering::Relaxed) > 1 {
            return false;
        }
        let mut locked = core.enter(self);
        let has_grown = locked.grow_if_crowded();
        locked.close();
        has_grown
    }

    /// Shrinks a large table if a claim on `span` has scanned all of it and found few units.
    #[inline]
    pub(super) fn note_scan(&self, span: Span) {
        // A smaller table takes less time to scan than to count.
        let least = ROOMY_TABLE_BITS.max(FIRST_TABLE_BITS + 1);
        let is_large = |table: Table<'_>| table.bits() >= least && span.len() >= table.len();
        if span.len() >= 1 << least && self.table().is_some_and(is_large) {
            self.shrink_if_sparse();
        }
    }

    #[cold]
    fn shrink_if_sparse(&self) {
        let mut used = self.used_slots();
        let wanted = bits_for(2 * used.len()).max(FIRST_TABLE_BITS);
        if self.table().is_some_and(|table| table.bits() > bits_to_separate(&mut used, wanted)) {
            let mut locked = self.core().enter(self);
            locked.resize(wanted);
            locked.protected.room.hinders_scans();
            locked.close();
        }
    }

    /// The words of slots that are used.
    fn used_slots(&self) -> Vec<Word> {
        // ORDERING: Relaxed: an estimate.
        let words = self.slots().map(|slot| Word::from_bits(slot.load(Ordering::Relaxed)));
        words.filter(|word| word.holder().is_some()).collect()
    }

    /// Every slot there is.
    fn slots(&self) -> impl Iterator<Item = &AtomicU64> {
        let table = self.table();
        let embedded = table.is_none().then_some(&self.slot);
        embedded.into_iter().chain(table.into_iter().flat_map(Table::words))
    }
}

/// How many bits number the slots for so many units.
fn bits_for(units: usize) -> u32 {
    (units * SLOTS_FOR_A_UNIT).next_power_of_two().trailing_zeros()
}

/// The least number of bits from `wanted` on by which no two of these words are in one slot. Sorts
/// the words by their slots.
fn bits_to_separate(words: &mut [Word], wanted: u32) -> u32 {
    let mut are_apart = |bits| {
        words.sort_unstable_by_key(|&word| index_of(word, bits));
        words.windows(2).all(|two| index_of(two[0], bits) != index_of(two[1], bits))
    };
    (wanted..u64::BITS).find(|&bits| are_apart(bits)).expect("units differ")
}

/// The index among 2^`bits` slots of the unit that a word has.
fn index_of(word: Word, bits: u32) -> Option<usize> {
    word.holder().map(|(unit, _)| table::index(unit, bits))
}

impl Locked<'_> {
    /// Makes the table larger if its slots are too few for the units in them, or if units have collided often.
    fn grow_if_crowded(&mut self) -> bool {
        let used = self.lock.used_slots().len();
        let bits = self.lock.table().map_or(0, Table::bits);
        let mut wanted =
            if bits == 0 { FIRST_TABLE_BITS } else { bits_for(used).min(most_table_bits()) };
        if wanted <= bits && bits < ROOMY_TABLE_BITS && self.protected.room.is_wanted() {
            wanted = ROOMY_TABLE_BITS;
        }
        let grows = wanted > bits;
        if grows {
            self.resize(wanted);
        }
        // The number of slots is checked often while more and more units are held, and rarely once there are
        // enough slots.
        let to_go = (1 << wanted.max(bits)) / if grows { 64 } else { 4 };
        // ORDERING: Relaxed: as in `note_collision`.
        self.core.collisions_to_go.store(to_go.max(1), Ordering::Relaxed);
        grows
    }

    /// Exchanges the table for one of 2^`wanted` slots, or of a few more if two units would share a
    /// slot. Every old slot is closed before any new one is opened, so that a unit's holders are in
    /// one place at a time (I1).
    pub(super) fn resize(&mut self, wanted: u32) {
        let mut words = Vec::new();
        for slot in self.lock.slots() {
            // ORDERING: SeqCst: a range that takes a cell reads slots without the mutex. If it
            // finds this one as it was before, it has looked before any unit entered a new one, and
            // is seen by all that do (I4). As an Acquire: a claim that enters a new slot follows
            // those that left the old one. As a Release: a holder that finds its slot closed must
            // find the core.
            let word = slot.swap(Word::MOVED.bits(), Ordering::SeqCst);
            let word = Word::from_bits(word);
            words.extend(word.holder().map(|_| word));
        }
        let bits = bits_to_separate(&mut words, wanted);
        // SAFETY: tables are freed with the core, when no thread uses the lock any more (I5).
        let new = unsafe { self.protected.tables.get(bits) };
        let mut words = words.into_iter().peekable();
        for (index, slot) in new.words().enumerate() {
            let is_here = |word: &Word| index_of(*word, bits) == Some(index);
            let word = words.next_if(is_here).unwrap_or(Word::FREE);
            // ORDERING: Release: a claim that enters by an old address of this table follows those
            // that left the old slot, as we do.
            slot.store(word.bits(), Ordering::Release);
        }
        debug_assert!(words.next().is_none(), "every unit has a slot");
        // ORDERING: Release, paired with the Acquire in `RawLock::table`.
        self.lock.table.store(new, Ordering::Release);
    }
}
