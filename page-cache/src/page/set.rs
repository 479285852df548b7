//! A set of page numbers: which pages of a file are cached.
//!
//! Each miss inserts one number and removes another, after the store's answer, when little of the set is in the
//! processor's caches. So the set is a hash table of groups of 64 neighbouring pages: a change touches one or two
//! lines of memory, where a tree of as many pages has three or four levels. In return, the numbers in a range must be
//! sorted if the range has more groups than the set.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

/// The pages of a group, one for each bit.
const GROUP: u64 = u64::BITS as u64;

/// The groups of a table that is not made smaller while it has any.
const SMALL: usize = 16;

#[derive(Default)]
pub(crate) struct PageSet {
    /// The pages of each group that has any.
    groups: HashMap<u64, u64>,
    pages: u64,
    /// The greatest group that there has been since the set was empty.
    last_group: u64,
}

impl PageSet {
    pub(crate) fn len(&self) -> u64 {
        self.pages
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pages == 0
    }

    pub(crate) fn insert(&mut self, page: u64) {
        let (group, bit) = place(page);
        let is_empty = self.groups.is_empty();
        self.last_group = if is_empty { group } else { self.last_group.max(group) };
        let pages = self.groups.entry(group).or_default();
        self.pages += u64::from(*pages & bit == 0);
        *pages |= bit;
    }

    pub(crate) fn remove(&mut self, page: u64) {
        let (group, bit) = place(page);
        let Entry::Occupied(mut pages) = self.groups.entry(group) else { return };
        self.pages -= u64::from(*pages.get() & bit != 0);
        *pages.get_mut() &= !bit;
        if *pages.get() == 0 {
            pages.remove();
            self.shrink();
        }
    }

    /// The pages in a range, ascending. Takes time in proportion to the groups of the range or to those of the set,
    /// whichever are fewer, and to the pages found. Of the range, only what is before the end of the last group counts:
    /// a change of the file's length asks for all pages from there on.
    pub(crate) fn range(&self, range: Range<u64>) -> Vec<u64> {
        let first = range.start / GROUP;
        if range.is_empty() || self.is_empty() || first > self.last_group {
            return Vec::new();
        }
        let groups = first..=self.last_group.min((range.end - 1) / GROUP);
        let mut found: Vec<(u64, u64)> = if groups.end() - groups.start() < self.groups.len() as u64
        {
            groups.filter_map(|group| Some((group, *self.groups.get(&group)?))).collect()
        } else {
            let inside = self.groups.iter().filter(|(group, _)| groups.contains(group));
            inside.map(|(&group, &pages)| (group, pages)).collect()
        };
        found.sort_unstable();
        let pages = |(group, pages): (u64, u64)| {
            (0..GROUP).filter(move |bit| pages >> bit & 1 != 0).map(move |bit| group * GROUP + bit)
        };
        found.into_iter().flat_map(pages).filter(|page| range.contains(page)).collect()
    }

    /// Gives memory back once an eighth of it or less is used, and all of it once the set is empty.
    fn shrink(&mut self) {
        let groups = self.groups.len();
        if groups == 0 {
            self.groups.shrink_to_fit();
        } else if groups.max(SMALL) <= self.groups.capacity() / 8 {
            self.groups.shrink_to(2 * groups);
        }
    }
}

/// The group of a page, and its bit there.
fn place(page: u64) -> (u64, u64) {
    (page / GROUP, 1 << (page % GROUP))
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests {
    use std::collections::BTreeSet;

    use fastrand::Rng;

    use super::{PageSet, SMALL};

    #[test]
    fn a_page_set_agrees_with_a_tree() {
        let mut rng = Rng::with_seed(4);
        let (mut set, mut tree) = (PageSet::default(), BTreeSet::new());
        let ends =
            [0, 1, 63, 64, 65, 1000, 1 << 20, 1 << 52, u64::MAX - 64, u64::MAX - 1, u64::MAX];
        for step in 0..20_000 {
            let near = ends[rng.usize(..ends.len())];
            let page = near.saturating_sub(rng.u64(..200));
            if rng.bool() {
                set.insert(page);
                tree.insert(page);
            } else {
                set.remove(page);
                tree.remove(&page);
            }
            assert_eq!((set.len(), set.is_empty()), (tree.len() as u64, tree.is_empty()));
            if step % 10 == 0 {
                let (one, other) = (rng.u64(..1200), ends[rng.usize(..ends.len())]);
                let range = one.min(other)..one.max(other);
                assert_eq!(
                    set.range(range.clone()),
                    tree.range(range).copied().collect::<Vec<_>>()
                );
                assert_eq!(set.range(page..page), []);
            }
        }
        assert_eq!(set.range(0..u64::MAX), tree.range(..u64::MAX).copied().collect::<Vec<_>>());
    }

    #[test]
    fn a_page_set_gives_memory_back() {
        for count in [1, 300, 100_000] {
            let mut set = PageSet::default();
            let pages = || (0..count).map(|page| page * 64);
            pages().for_each(|page| set.insert(page));
            assert!(set.groups.capacity() as u64 >= count);
            pages().skip(1).for_each(|page| set.remove(page));
            assert!(set.groups.capacity() < 16 * SMALL, "{count}: {}", set.groups.capacity());
            set.remove(0);
            assert!(set.is_empty());
            assert_eq!(set.groups.capacity(), 0, "{count}");
        }
    }
}
