//! Byte ranges of a file, each with a state.

use std::collections::BTreeMap;
use std::ops::Range;

/// Disjoint ranges, ascending; two that touch have different states.
#[derive(Clone, Debug)]
pub(super) struct Ranges<S> {
    /// From where each starts to where it ends.
    ranges: BTreeMap<u64, (u64, S)>,
    /// What the ranges are rounded out to: a power of two.
    grain: u64,
}

impl<S> Default for Ranges<S> {
    fn default() -> Ranges<S> {
        Ranges { ranges: BTreeMap::new(), grain: 1 }
    }
}

impl<S: Copy + PartialEq> Ranges<S> {
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Range<u64>, S)> + '_ {
        self.ranges.iter().map(|(&start, &(end, state))| (start..end, state))
    }

    /// Sets the state of a range.
    pub(super) fn set(&mut self, range: Range<u64>, state: S) {
        if range.is_empty() {
            return;
        }
        self.take(&range);
        self.ranges.insert(range.start, (range.end, state));
        self.join(range.start);
        self.join(range.end);
    }

    /// Changes the states in a range, or removes parts of it.
    pub(super) fn update(&mut self, range: Range<u64>, to: impl Fn(S) -> Option<S>) {
        if range.is_empty() || self.ranges.is_empty() {
            return;
        }
        for (part, state) in self.take(&range) {
            if let Some(state) = to(state) {
                self.set(part, state);
            }
        }
    }

    /// Removes a range, and returns what was in it.
    pub(super) fn take(&mut self, range: &Range<u64>) -> Vec<(Range<u64>, S)> {
        if range.is_empty() || self.ranges.is_empty() {
            return Vec::new();
        }
        self.split(range.start);
        self.split(range.end);
        let starts: Vec<u64> = self.ranges.range(range.clone()).map(|(&start, _)| start).collect();
        let taken = starts.into_iter().filter_map(|start| {
            let (end, state) = self.ranges.remove(&start)?;
            Some((start..end, state))
        });
        taken.collect()
    }

    /// Reduces the number of ranges to `most`, by rounding them out. Where two then overlap,
    /// `worse` decides which state counts.
    pub(super) fn limit(&mut self, most: usize, worse: impl Fn(S, S) -> S) {
        while self.ranges.len() > most {
            self.grain = self.grain.saturating_mul(2);
            let rounded =
                std::mem::take(&mut self.ranges).into_iter().map(|(start, (end, state))| {
                    let end = end.checked_next_multiple_of(self.grain).unwrap_or(u64::MAX);
                    (start - start % self.grain..end, state)
                });
            let mut last: Option<(Range<u64>, S)> = None;
            for (range, state) in rounded {
                match &mut last {
                    Some((before, worst)) if range.start < before.end => {
                        before.end = before.end.max(range.end);
                        *worst = worse(*worst, state);
                    }
                    Some((before, same)) if range.start == before.end && *same == state => {
                        before.end = range.end;
                    }
                    _ => {
                        let done = last.replace((range, state));
                        self.ranges
                            .extend(done.map(|(range, state)| (range.start, (range.end, state))));
                    }
                }
            }
            self.ranges.extend(last.map(|(range, state)| (range.start, (range.end, state))));
        }
        if self.ranges.is_empty() {
            self.grain = 1;
        }
    }

    fn split(&mut self, at: u64) {
        if let Some((_, (end, state))) = self.ranges.range_mut(..at).next_back()
            && *end > at
        {
            let behind = (*end, *state);
            *end = at;
            self.ranges.insert(at, behind);
        }
    }

    /// Joins the ranges that touch at an offset, if they are of one state.
    fn join(&mut self, at: u64) {
        let Some(&(end, state)) = self.ranges.get(&at) else { return };
        if let Some((_, before)) = self.ranges.range_mut(..at).next_back()
            && before.0 == at
            && before.1 == state
        {
            before.0 = end;
            self.ranges.remove(&at);
        }
    }
}

#[cfg(test)]
mod tests;
