//! Ghosts: fingerprints of recently evicted pages.
//!
//! A table of fixed size, with eight bytes an entry. An entry counts as long as at most a capacity
//! of pages was evicted after it. A full bucket drops its oldest entry early, and two pages share a
//! fingerprint in about one of 2^28 lookups. Either only puts a page into the wrong queue.

use crate::pages::frame::Key;

const WAYS: usize = 8;

pub(super) struct Ghosts {
    /// Entries as numbers, of which zeroes cost nothing before they are touched.
    buckets: Box<[[u64; WAYS]]>,
    capacity: u32,
    /// How many pages were evicted, modulo 2^32.
    now: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    fingerprint: u32,
    evicted_at: u32,
}

impl Entry {
    /// No page has this fingerprint.
    const NONE: Entry = Entry { fingerprint: 0, evicted_at: 0 };

    fn of(number: u64) -> Entry {
        Entry { fingerprint: (number >> 32) as u32, evicted_at: number as u32 }
    }

    fn number(self) -> u64 {
        u64::from(self.fingerprint) << 32 | u64::from(self.evicted_at)
    }
}

impl Ghosts {
    pub(super) fn new(capacity: u32) -> Ghosts {
        // Twice the size, so that unevenly filled buckets still keep nearly all recent pages.
        let buckets = (2 * capacity as usize).div_ceil(WAYS).next_power_of_two();
        Ghosts { buckets: vec![[0; WAYS]; buckets].into(), capacity, now: 0 }
    }

    /// Changes how many pages are remembered, up to the reserved number.
    pub(super) fn set_capacity(&mut self, capacity: u32) {
        self.capacity = capacity;
    }

    pub(super) fn insert(&mut self, key: Key) {
        self.now = self.now.wrapping_add(1);
        let now = self.now;
        let (bucket, fingerprint) = self.place(key);
        let age = |number: &u64| match Entry::of(*number) {
            Entry::NONE => u32::MAX,
            entry => now.wrapping_sub(entry.evicted_at),
        };
        if let Some(oldest) = self.buckets[bucket].iter_mut().max_by_key(|entry| age(entry)) {
            *oldest = Entry { fingerprint, evicted_at: now }.number();
        }
    }

    /// Forgets a page; whether it was remembered.
    pub(super) fn take(&mut self, key: Key) -> bool {
        let (bucket, fingerprint) = self.place(key);
        let (now, capacity) = (self.now, self.capacity);
        let found = self.buckets[bucket].iter_mut().find(|number| {
            let entry = Entry::of(**number);
            entry.fingerprint == fingerprint && now.wrapping_sub(entry.evicted_at) < capacity
        });
        found.map(|number| *number = Entry::NONE.number()).is_some()
    }

    fn place(&self, key: Key) -> (usize, u32) {
        let mut hash = (key.page ^ key.file.rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ hash >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash ^= hash >> 32;
        (hash as usize & (self.buckets.len() - 1), (hash >> 32) as u32 | 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ghosts, Key};

    fn key(page: u64) -> Key {
        Key { file: 1, page }
    }

    #[test]
    fn the_last_evicted_are_remembered_and_those_before_them_forgotten() {
        let mut ghosts = Ghosts::new(1000);
        (0..10_000).for_each(|page| ghosts.insert(key(page)));
        let remembered = |ghosts: &mut Ghosts, mut pages: std::ops::Range<u64>| {
            pages.by_ref().filter(|&page| ghosts.take(key(page))).count()
        };
        assert_eq!(remembered(&mut ghosts, 0..9000), 0);
        assert!(remembered(&mut ghosts, 9000..10_000) > 950);
        assert_eq!(remembered(&mut ghosts, 9000..10_000), 0);
    }

    /// Eight pages fit into any bucket.
    #[test]
    fn as_many_are_remembered_as_there_are_frames_and_not_one_more() {
        for evicted in 1..40 {
            let mut ghosts = Ghosts::new(8);
            (0..evicted).for_each(|page| ghosts.insert(key(page)));
            for page in 0..evicted {
                assert_eq!(ghosts.take(key(page)), page + 8 >= evicted, "{page} of {evicted}");
            }
        }
    }

    #[test]
    fn pages_of_different_files_are_not_taken_for_each_other() {
        let mut ghosts = Ghosts::new(8);
        ghosts.insert(key(5));
        assert!(!ghosts.take(Key { file: 2, page: 5 }));
        assert!(ghosts.take(key(5)));
    }
}
