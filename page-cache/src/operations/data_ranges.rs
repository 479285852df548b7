//! Which parts of a file have data.
//!
//! Claim the IO lock and the mapping lock shared, of the part that lies within the file. First see which pages are dirty, then ask the
//! store for its length and its holes: a page that is written back in between is data by either.
//! Nothing is flushed.

use std::io;
use std::ops::Range;

use crate::Store;
use crate::files::inode::Inode;
use spanlock::Access;

impl Inode {
    /// The parts of a range of bytes that have data, in the cache or in the store.
    pub(crate) fn data_in(&self, bytes: Range<u64>) -> io::Result<Vec<Range<u64>>> {
        let (_io, bytes) = self.io_shared_within(&bytes);
        if bytes.is_empty() { Ok(Vec::new()) } else { self.data_claimed(bytes) }
    }

    /// As `data_in`; the caller has the IO lock over the bytes, which lie within the file.
    pub(crate) fn data_claimed(&self, bytes: Range<u64>) -> io::Result<Vec<Range<u64>>> {
        let _claim = self.claim(Access::BufferedRead, bytes.clone());
        let mut data: Vec<Range<u64>> = self
            .dirty_pages(&bytes)
            .into_iter()
            .map(|page| page.range.start.max(bytes.start)..page.range.end.min(bytes.end))
            .filter(|range| !range.is_empty())
            .collect();
        let stored = bytes.start..bytes.end.min(self.store.len_now()?);
        if !stored.is_empty() {
            let mut from = stored.start;
            let holes = self.store.holes(stored.clone())?.unwrap_or_default();
            for hole in holes.into_iter().chain(std::iter::once(stored.end..stored.end)) {
                if from < hole.start {
                    data.push(from..hole.start.min(stored.end));
                }
                from = hole.end;
            }
        }
        Ok(joined(data))
    }
}

/// Joins ranges that overlap or touch, in ascending order.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut().filter(|last| last.end >= range.start) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    joined
}
