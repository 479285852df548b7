//! The writes with tags whose bytes were not replaced since.

use std::ops::Range;

/// Bytes, each with the tag of its latest write. No two ranges overlap.
#[derive(Default)]
pub(super) struct LatestWrites(Vec<(Range<u64>, u64)>);

impl LatestWrites {
    /// To be called when bytes were written with a tag.
    pub(super) fn add(&mut self, bytes: Range<u64>, tag: u64) {
        self.replace(&bytes);
        self.0.push((bytes, tag));
    }

    /// To be called when bytes were changed in another way, or may have been.
    pub(super) fn replace(&mut self, bytes: &Range<u64>) {
        for (old, tag) in std::mem::take(&mut self.0) {
            let before = old.start..old.end.min(bytes.start);
            let behind = old.start.max(bytes.end).max(before.end)..old.end;
            let left = [before, behind].into_iter().filter(|left| !left.is_empty());
            self.0.extend(left.map(|left| (left, tag)));
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The bytes whose latest write has a tag up to this one.
    pub(super) fn up_to(&self, tag: u64) -> Vec<Range<u64>> {
        let included = self.0.iter().filter(|(_, other)| *other <= tag);
        included.map(|(bytes, _)| bytes.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::LatestWrites;

    #[test]
    fn what_was_written_with_a_tag_counts_until_it_is_replaced() {
        let mut writes = LatestWrites::default();
        writes.add(0..100, 5);
        writes.add(40..60, 9);
        assert_eq!(writes.up_to(4), []);
        assert_eq!(writes.up_to(5), [0..40, 60..100]);
        assert_eq!(writes.up_to(9), [0..40, 60..100, 40..60]);
        writes.replace(&(50..70));
        assert_eq!(writes.up_to(9), [0..40, 70..100, 40..50]);
        writes.replace(&(200..200));
        writes.replace(&(0..1000));
        assert_eq!(writes.up_to(9), []);
    }

    #[test]
    fn a_change_of_no_bytes_replaces_none() {
        let mut writes = LatestWrites::default();
        writes.add(0..100, 5);
        writes.replace(&(50..50));
        assert_eq!(writes.up_to(5), [0..50, 50..100]);
    }
}
