//! Page tables: which pages of a mapping are present, and with which rights.
//!
//! They are inverted: an entry is in the header of the frame, with the number of the mapping. So
//! the tables of all mappings take no memory beyond the frames', and an operation that removes a
//! page from the cache has nothing to look up: it clears the entries of the frame that it has
//! locked. A lookup goes through the index, like that of a read.
//!
//! A frame has entries for a few mappings ([`SEATS`]). If another one maps the page, the first one loses its entry and
//! faults on its next access. A mapping may lose a page at any time anyway.
//!
//! A page with a writable entry is dirty: the write fault marks it dirty before any store, and
//! writeback removes the right to store before it clears the mark. So there is no dirty bit to
//! transfer from the entry to the page.
//!
//! Entries are added and removed, and their rights changed, under the page lock of the frame. An
//! access through an entry latches the frame, reads the entry and the frame's key again, and
//! copies. So a thread that removes an entry and then takes the latch once knows that no access
//! through the entry is in progress.

use crate::sync::atomic::{AtomicU64, Ordering};

/// How many mappings can have one page at a time.
const SEATS: usize = 3;

const WRITABLE: u64 = 1;

/// The number of a mapping, which no other mapping of its cache ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MappingId(u64);

/// What may be done through an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    Read,
    ReadWrite,
}

impl MappingId {
    /// The `number`th mapping of a cache, counted from one.
    pub(crate) fn new(number: u64) -> MappingId {
        debug_assert_ne!(number, 0);
        MappingId(number << 1)
    }
}

/// The mappings that have the page of one frame.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// Each the number of a mapping and its right to store, or zero.
    seats: [AtomicU64; SEATS],
}

impl Entries {
    /// Whether a mapping has the page, with these rights.
    #[inline]
    pub(crate) fn allow(&self, mapping: MappingId, rights: Rights) -> bool {
        let wanted = mapping.0 | WRITABLE;
        // ORDERING: acquire pairs with `map`; taking an entry away is ordered by the frame's latch. Below, relaxed
        // where an entry is read: entries change under the page lock.
        self.seats.iter().any(|seat| match (seat.load(Ordering::Acquire), rights) {
            (entry, Rights::ReadWrite) => entry == wanted,
            (entry, Rights::Read) => entry | WRITABLE == wanted,
        })
    }

    /// Adds the page to a mapping. The caller has it locked.
    pub(crate) fn map(&self, mapping: MappingId, rights: Rights) {
        let entry = match rights {
            Rights::Read => mapping.0,
            Rights::ReadWrite => mapping.0 | WRITABLE,
        };
        let place = self.seats.iter().position(|seat| {
            let before = seat.load(Ordering::Relaxed);
            before == 0 || before | WRITABLE == entry | WRITABLE
        });
        match place {
            Some(place) => self.seats[place].store(entry, Ordering::Release),
            None => {
                for place in 1..SEATS {
                    let later = self.seats[place].load(Ordering::Relaxed);
                    self.seats[place - 1].store(later, Ordering::Release);
                }
                self.seats[SEATS - 1].store(entry, Ordering::Release);
            }
        }
    }

    /// Removes the page from a mapping. The caller has it locked, and drains its latch.
    pub(crate) fn unmap(&self, mapping: MappingId) {
        let has =
            |seat: &&AtomicU64| seat.load(Ordering::Relaxed) | WRITABLE == mapping.0 | WRITABLE;
        if let Some(seat) = self.seats.iter().find(has) {
            seat.store(0, Ordering::Release);
        }
    }

    /// Removes the page from all mappings. The caller has it locked, and drains its latch.
    pub(crate) fn unmap_all(&self) {
        self.seats.iter().for_each(|seat| seat.store(0, Ordering::Release));
    }

    /// Removes the right to store. The caller has the page locked, and drains its latch.
    pub(crate) fn write_protect(&self) {
        for seat in &self.seats {
            seat.fetch_and(!WRITABLE, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests;
