//! What the length of the file may be at any moment.
//!
//! As long as nothing is in progress that can change it, the length is one known number, and an
//! operation learns it from two atomic loads. Changes are recorded under a mutex. After a period in which
//! changes overlapped, each order of the changes gives one possible length. Then the cache is asked for
//! the length: it must be a possible one, and from then on it is the known one.
//!
//! A write within the file does not change the length, unless a truncation comes first: then the write
//! extends the file again. So each write publishes its end in its thread's slot, and a truncation
//! counts the writes that it finds there as changes of the length (it *adopts* them). A write publishes
//! its end, then loads the epoch; a truncation makes the epoch odd, then loads the slots. All of these
//! are SeqCst, so at least one of the two sees the other.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

/// How many changes are remembered, for operations that span them.
const KEPT: usize = 64;
/// The length while it is not one known number.
const UNKNOWN: u64 = u64::MAX;
const IDLE: u64 = 0;
/// Set in a slot whose write counts as a change of the length.
const ADOPTED: u64 = 1;

/// The possible lengths of the file.
pub struct Length {
    /// An even number if no change is in progress.
    epoch: AtomicU64,
    /// The length, if no change is in progress and it is one known number.
    exact: AtomicU64,
    /// By thread, `end << 1 | ADOPTED` of the write that it has in progress.
    slots: Box<[CachePadded<AtomicU64>]>,
    state: Mutex<State>,
}

/// The time from which on an operation needs to know the lengths that the file had.
#[derive(Clone, Copy, Debug)]
pub struct Glance(u64);

struct State {
    /// What the length was, at least and at most, before the changes in progress.
    base: RangeInclusive<u64>,
    under_way: usize,
    changes: Changes,
    /// The possible lengths in each of the last epochs.
    past: VecDeque<(u64, RangeInclusive<u64>)>,
}

/// The changes of one period in which they overlap.
#[derive(Clone, Default)]
struct Changes {
    /// The least and the greatest length that truncations may leave.
    set: Option<RangeInclusive<u64>>,
    /// The same, of the truncations that took effect.
    was_set: Option<RangeInclusive<u64>>,
    /// How far writes reach that may have been made.
    reach: u64,
    /// How far writes reach that were made.
    reached: u64,
}

impl Length {
    /// The length of a file that has `len` bytes and is written by `threads`.
    pub fn new(len: u64, threads: usize) -> Length {
        Length {
            epoch: AtomicU64::new(0),
            exact: AtomicU64::new(len),
            slots: (0..threads).map(|_| CachePadded::default()).collect(),
            state: Mutex::new(State {
                base: len..=len,
                under_way: 0,
                changes: Changes::default(),
                past: VecDeque::from([(0, len..=len)]),
            }),
        }
    }

    /// To be called before an operation; what it returns is for [`since`](Length::since).
    pub fn glance(&self) -> Glance {
        Glance(self.epoch.load(SeqCst))
    }

    /// The least and the greatest length that the file may have had since `glance`.
    pub fn since(&self, glance: Glance) -> RangeInclusive<u64> {
        let exact = self.exact.load(SeqCst);
        let epoch = self.epoch.load(SeqCst);
        if epoch == glance.0 && epoch.is_multiple_of(2) && exact != UNKNOWN {
            return exact..=exact;
        }
        let state = self.state();
        let mut lens = state.possible();
        match state.past.front() {
            Some(&(oldest, _)) if oldest <= glance.0 => {}
            _ => return 0..=UNKNOWN,
        }
        for (epoch, past) in state.past.iter().rev() {
            lens = *lens.start().min(past.start())..=*lens.end().max(past.end());
            if *epoch <= glance.0 {
                break;
            }
        }
        lens
    }

    /// The least and the greatest length that the file may have now.
    pub fn now(&self) -> RangeInclusive<u64> {
        self.since(self.glance())
    }

    /// About what the length is now: for choosing the range of an operation.
    pub fn hint(&self) -> u64 {
        match self.exact.load(SeqCst) {
            UNKNOWN => self.longest(),
            exact => exact,
        }
    }

    /// To be called before `thread` writes up to `end`, which may extend the file.
    pub fn begin_write(&self, thread: u16, end: u64) {
        let slot = &self.slots[usize::from(thread)];
        slot.store(end << 1, SeqCst);
        let epoch = self.epoch.load(SeqCst);
        let exact = self.exact.load(SeqCst);
        if epoch.is_multiple_of(2) && exact != UNKNOWN && end <= exact {
            return;
        }
        let mut state = self.state();
        if slot.load(SeqCst) & ADOPTED == 0 {
            slot.store(end << 1 | ADOPTED, SeqCst);
            state.under_way += 1;
            state.changes.reach = state.changes.reach.max(end);
            self.change(&mut state);
        }
    }

    /// To be called when the write of `thread` has ended at `reached`, or has not taken effect.
    pub fn end_write(&self, thread: u16, reached: Option<u64>) {
        if self.slots[usize::from(thread)].swap(IDLE, SeqCst) & ADOPTED != 0 {
            let mut state = self.state();
            state.changes.reached = state.changes.reached.max(reached.unwrap_or(0));
            self.finish(&mut state);
        }
    }

    /// How long the file is at most, now and after the changes in progress.
    pub fn longest(&self) -> u64 {
        *self.state().possible().end()
    }

    /// To be called before the length is set to `len`. Returns how long the file was at most.
    pub fn begin_set(&self, len: u64) -> u64 {
        let mut state = self.state();
        let longest = *state.possible().end();
        state.under_way += 1;
        state.changes.set = Some(including(state.changes.set.take(), len));
        self.change(&mut state);
        for slot in &self.slots {
            let adopted = slot.fetch_update(SeqCst, SeqCst, |write| {
                (write != IDLE && write & ADOPTED == 0).then_some(write | ADOPTED)
            });
            if let Ok(write) = adopted {
                state.under_way += 1;
                state.changes.reach = state.changes.reach.max(write >> 1);
                self.change(&mut state);
            }
        }
        longest
    }

    /// To be called when the length has been set to `len`, or has not been changed.
    pub fn end_set(&self, len: Option<u64>) {
        let mut state = self.state();
        if let Some(len) = len {
            state.changes.was_set = Some(including(state.changes.was_set.take(), len));
        }
        self.finish(&mut state);
    }

    /// Asks for the length with `ask`, unless it is known or a change is in progress.
    ///
    /// Returns what the answer should have been, and the answer, if it is a wrong one.
    pub fn observe(&self, ask: impl FnOnce() -> u64) -> Result<(), (RangeInclusive<u64>, u64)> {
        let before = self.epoch.load(SeqCst);
        if !before.is_multiple_of(2) || self.exact.load(SeqCst) != UNKNOWN {
            return Ok(());
        }
        let answer = ask();
        let mut state = self.state();
        if self.epoch.load(SeqCst) != before || self.exact.load(SeqCst) != UNKNOWN {
            return Ok(());
        }
        if !state.base.contains(&answer) {
            return Err((state.base.clone(), answer));
        }
        state.base = answer..=answer;
        self.exact.store(answer, SeqCst);
        Ok(())
    }

    /// Runs `scribble` with the length, if no change of it is in progress. Changes that begin meanwhile wait until
    /// `scribble` returns.
    pub fn while_steady(&self, scribble: impl FnOnce(u64)) {
        let state = self.state();
        let exact = self.exact.load(SeqCst);
        if state.under_way == 0 && exact != UNKNOWN {
            scribble(exact);
        }
    }

    /// Runs `append` with the length, if no change of it is in progress. `append` adds `count` bytes and returns the
    /// new end of the file, or adds none.
    pub fn while_appending(&self, count: u64, append: impl FnOnce(u64) -> Option<u64>) {
        let mut state = self.state();
        let exact = self.exact.load(SeqCst);
        if state.under_way > 0 || exact == UNKNOWN {
            return;
        }
        state.under_way += 1;
        state.changes.reach = exact + count;
        self.change(&mut state);
        state.changes.reached = append(exact).unwrap_or(0);
        if state.changes.reached == 0 {
            // All or nothing.
            state.changes.reach = 0;
        }
        self.finish(&mut state);
    }

    /// Begins an epoch in which another change is in progress.
    fn change(&self, state: &mut State) {
        let epoch = self.epoch.load(SeqCst);
        let next = if epoch.is_multiple_of(2) { epoch + 1 } else { epoch + 2 };
        state.remember(next);
        self.exact.store(UNKNOWN, SeqCst);
        self.epoch.store(next, SeqCst);
    }

    fn finish(&self, state: &mut State) {
        state.under_way -= 1;
        if state.under_way > 0 {
            return;
        }
        state.base = state.changes.outcome(&state.base);
        state.changes = Changes::default();
        let (start, end) = (*state.base.start(), *state.base.end());
        let next = self.epoch.load(SeqCst) + 1;
        state.remember(next);
        self.exact.store(if start == end { start } else { UNKNOWN }, SeqCst);
        self.epoch.store(next, SeqCst);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What the length may be while the changes are in progress.
    fn possible(&self) -> RangeInclusive<u64> {
        let Changes { set, reach, .. } = &self.changes;
        let (mut least, mut most) = (*self.base.start(), *self.base.end());
        if let Some(set) = set {
            least = least.min(*set.start());
            most = most.max(*set.end());
        }
        least..=most.max(*reach)
    }

    fn remember(&mut self, epoch: u64) {
        if self.past.len() == KEPT {
            self.past.pop_front();
        }
        self.past.push_back((epoch, self.possible()));
    }
}

impl Changes {
    /// What the length may be after all changes, if it was one of `base` before.
    fn outcome(&self, base: &RangeInclusive<u64>) -> RangeInclusive<u64> {
        match &self.was_set {
            // The last truncation determines the length, except for writes that it did not wait for.
            Some(set) => *set.start()..=*set.end().max(&self.reach),
            None => *base.start().max(&self.reached)..=*base.end().max(&self.reach),
        }
    }
}

fn including(range: Option<RangeInclusive<u64>>, len: u64) -> RangeInclusive<u64> {
    range.map_or(len..=len, |range| *range.start().min(&len)..=*range.end().max(&len))
}

/// How many of `asked` bytes there are, if the file has one of `lens`.
pub fn count(asked: &Range<u64>, lens: &RangeInclusive<u64>) -> RangeInclusive<u64> {
    let within = |len: u64| len.clamp(asked.start, asked.end) - asked.start;
    within(*lens.start())..=within(*lens.end())
}

#[cfg(test)]
mod tests;
