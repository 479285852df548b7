//! Which operation comes next: all kinds, at random, and the same ones for the same seed.
//!
//! Half of the operations are on a window that all threads share and that moves from time to time,
//! or at the end of the file, so that operations meet. The others are anywhere in the file, so that
//! pages are evicted.
//!
//! Operations whose cost is proportional to the length of the file, and that remove all its pages from
//! the cache, are rarer the longer the file is. Otherwise a long file would take most of its time for
//! these, and would have no pages to evict.

pub mod met;
pub mod op;

use std::collections::VecDeque;
use std::ops::Range;

use fastrand::Rng;

use crate::oracle::stamp::SECTOR;
use crate::page_size::page_size;
use crate::workload::met::Met;
use crate::workload::op::Path;

/// The most bytes of one read or write.
pub fn longest() -> usize {
    16 * page_size() as usize
}
/// The most bytes of a copy between two files. They are copied in one step, so that no page is written in two parts.
pub const COPIED: u64 = 256 << 10;
/// The most pages of which guards are held at once: the smallest cache has room for them and one more.
const LISTED: u64 = 3;
/// After how many operations of a thread the shared window moves.
const STAY: u64 = 1 << 13;
fn window() -> u64 {
    64 * page_size()
}
/// The longest file for which operations of a cost proportional to its length are not made rarer.
const CHEAP: u64 = 1 << 20;
/// Until each kind of operation was performed on a file, one in so many operations is of a kind that was not.
const BETWEEN_FIRSTS: u32 = 2;

/// How often each kind of operation comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// As [`WEIGHTS`] say.
    Usual,
    /// As often as any other.
    Even,
    /// The same, without those that move bytes within the file, and with more that are durable when they return,
    /// since a killed process loses only what the flusher has not written yet.
    Still,
}

/// How often each kind usually comes, out of [`TOTAL`].
const WEIGHTS: [(Path, u32); 48] = [
    (Path::Read, 1400),
    (Path::VectoredRead, 200),
    (Path::UninitRead, 200),
    (Path::MemoryRead, 300),
    (Path::Write, 1500),
    (Path::VectoredWrite, 300),
    (Path::TaggedWrite, 200),
    (Path::MemoryWrite, 300),
    (Path::SelfWrite, 40),
    (Path::CopyRead, 100),
    (Path::CopyWrite, 150),
    (Path::DurableWrite, 2),
    (Path::DurableAppend, 1),
    (Path::Append, 40),
    (Path::VectoredAppend, 20),
    (Path::DirectAppend, 20),
    (Path::Load, 1060),
    (Path::Store, 900),
    (Path::GuardRead, 450),
    (Path::GuardWrite, 350),
    (Path::GuardBytes, 200),
    (Path::OwnedWrite, 100),
    (Path::ListRead, 150),
    (Path::ListWrite, 150),
    (Path::DirectRead, 281),
    (Path::VectoredDirectRead, 100),
    (Path::ExactDirectRead, 100),
    (Path::DirectWrite, 500),
    (Path::VectoredDirectWrite, 100),
    (Path::WholeDirectWrite, 100),
    (Path::Punch, 150),
    (Path::ZeroRange, 100),
    (Path::Allocate, 50),
    (Path::Collapse, 10),
    (Path::Insert, 10),
    (Path::Writeback, 150),
    (Path::SyncRange, 1),
    (Path::DirtyPages, 40),
    (Path::Hint, 100),
    (Path::Truncate, 30),
    (Path::Extend, 10),
    (Path::Times, 20),
    (Path::Sync, 1),
    (Path::CacheSync, 1),
    (Path::SyncUpTo, 1),
    (Path::Reopen, 7),
    (Path::Discard, 3),
    (Path::Abandon, 2),
];
const TOTAL: u32 = 10_000;

/// The next operation of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub path: Path,
    pub bytes: Range<u64>,
    /// The length to set, for a truncation, or to reach, for an extension.
    pub len: u64,
}

/// The operations of one thread.
pub struct Workload {
    rng: Rng,
    seed: u64,
    /// The length that the file never exceeds.
    limit: u64,
    mix: Mix,
    planned: u64,
    /// The next operation.
    planned_ahead: VecDeque<Plan>,
}

impl Workload {
    pub fn new(seed: u64, thread: u16, limit: u64, mix: Mix) -> Workload {
        let rng = Rng::with_seed(seed ^ u64::from(thread).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Workload { rng, seed, limit, mix, planned: 0, planned_ahead: VecDeque::new() }
    }

    /// True once in `chances` calls.
    pub fn once_in(&mut self, chances: u32) -> bool {
        self.rng.u32(..chances) == 0
    }

    /// The next operation on a file that has about `len` bytes, and on which some kinds of operations were performed.
    pub fn next(&mut self, len: u64, met: &Met) -> Plan {
        self.planned += 1;
        // Appends in progress may count for more bytes than there is room for.
        let len = len.min(self.limit);
        // How likely it is that the file grows past its store next, or that a page gets several tags.
        let between_plans = match self.mix {
            Mix::Usual => None,
            Mix::Even => Some(10),
            Mix::Still => Some(4),
        };
        if let Some(chances) = between_plans {
            if self.planned_ahead.is_empty() && self.once_in(chances) {
                self.plan_gap(len);
            }
            if self.planned_ahead.is_empty() && self.once_in(2 * chances) {
                self.plan_tags(len);
            }
        }
        if let Some(plan) = self.planned_ahead.pop_front() {
            return plan;
        }
        let path = match self.mix == Mix::Usual && self.once_in(BETWEEN_FIRSTS) {
            true => met.lacking(&mut self.rng).unwrap_or_else(|| self.path()),
            false => self.path(),
        };
        let bytes = match path {
            Path::Punch | Path::ZeroRange => {
                let longest = if self.once_in(8) { self.limit / 16 } else { window() / 4 };
                self.bytes(len, longest.max(page_size()))
            }
            Path::Writeback | Path::SyncRange | Path::Allocate | Path::DirtyPages | Path::Hint => {
                self.bytes(len, window())
            }
            Path::Collapse | Path::Insert => self.pages(len),
            Path::ListRead | Path::ListWrite => self.bytes(len, LISTED * page_size()),
            Path::CopyRead | Path::CopyWrite => self.bytes(len, (longest() as u64).min(COPIED)),
            _ => self.bytes(len, longest() as u64),
        };
        // Not every write near the end should extend the file, and not every store there should fail.
        let crosses = bytes.start < len && len < bytes.end;
        let bytes = if crosses && !self.once_in(4) { bytes.start..len } else { bytes };
        let count = bytes.end - bytes.start;
        let (path, len) = match path {
            // If the limit leaves no room for an insertion, truncate first, so that the next one has room.
            Path::Insert if len + count > self.limit => {
                (Path::Truncate, self.rounded(len - count.min(len)))
            }
            Path::Extend => (path, self.extended(len)),
            _ => (path, self.new_len(len)),
        };
        Plan { path, bytes, len }
    }

    /// Plans to make bytes durable where the file ends, to let it grow in the cache alone, past a gap, and then to
    /// write directly over the place where the store ends, or to change that in another way. Mostly that place is in
    /// one page, and what is dirty in another, or the store would first grow by the dirty bytes.
    fn plan_gap(&mut self, len: u64) {
        let durable = self.rng.u64(1..=page_size());
        let end = len + durable;
        let page_end = end.next_multiple_of(page_size());
        let start = match self.once_in(4) {
            true => end + self.rng.u64(..page_size()),
            false => page_end + self.rng.u64(..page_size()),
        };
        let last = start + self.rng.u64(1..=page_size());
        if last > self.limit {
            return;
        }
        let most = if self.once_in(4) { last } else { page_end.max(end + 1) };
        let over = end - self.rng.u64(1..=durable)..end + self.rng.u64(1..=most - end);
        let path = match self.rng.u32(..8) {
            0..4 => Path::DirectWrite,
            4 => Path::VectoredDirectWrite,
            5 => Path::WholeDirectWrite,
            6 => Path::Punch,
            _ => Path::ZeroRange,
        };
        let plans = [(Path::DurableAppend, len..end), (Path::Write, start..last), (path, over)];
        let plans = plans.map(|(path, bytes)| Plan { path, bytes, len });
        self.planned_ahead.extend(plans);
    }

    /// Plans to write to both parts of a page with a tag each, and to sync up to a tag: it may be between the two.
    fn plan_tags(&mut self, len: u64) {
        let Some(last) = (len / page_size()).checked_sub(1) else { return };
        let start = self.rng.u64(..=last) * page_size();
        let middle = start + self.rng.u64(1..page_size());
        let second = match self.rng.u32(..4) {
            0 => Path::TaggedWrite,
            1 => Path::GuardWrite,
            2 => Path::OwnedWrite,
            _ => Path::ListWrite,
        };
        let parts = [start..middle, middle..start + page_size()];
        let [first, behind] = if self.once_in(2) { [0, 1] } else { [1, 0] };
        let plan = |path, part: usize| Plan { path, bytes: parts[part].clone(), len };
        let sync = Plan { path: Path::SyncUpTo, bytes: start..start + page_size(), len };
        self.planned_ahead.extend([plan(Path::TaggedWrite, first), plan(second, behind), sync]);
    }

    /// Where a mapping begins that covers `bytes`.
    pub fn mapping_start(&mut self, bytes: &Range<u64>) -> u64 {
        self.rng.u64(..=bytes.start / page_size()) * page_size()
    }

    fn path(&mut self) -> Path {
        if self.mix == Mix::Still && self.once_in(6) {
            return if self.once_in(2) { Path::DurableWrite } else { Path::DurableAppend };
        }
        if self.mix != Mix::Usual {
            let path = Path::ALL[self.rng.usize(..Path::ALL.len())];
            let moves = matches!(path, Path::Collapse | Path::Insert);
            return if moves && self.mix == Mix::Still { Path::Append } else { path };
        }
        let mut drawn = self.rng.u32(..TOTAL);
        for (path, weight) in WEIGHTS {
            if drawn < weight {
                let is_dear = matches!(
                    path,
                    Path::Collapse | Path::Insert | Path::Reopen | Path::Discard | Path::Abandon
                );
                return if is_dear && !self.can_afford() { Path::Read } else { path };
            }
            drawn -= weight;
        }
        Path::Read
    }

    /// Whether an operation with a cost proportional to the file's length comes next.
    fn can_afford(&mut self) -> bool {
        self.rng.u64(..self.limit.max(CHEAP)) < CHEAP
    }

    /// At most `longest` bytes, below the limit, and mostly within a file of `len` bytes.
    fn bytes(&mut self, len: u64, longest: u64) -> Range<u64> {
        let start = self.place(len);
        let (start, count) = match self.rng.u32(..20) {
            // A page.
            0..8 => (start - start % page_size(), page_size()),
            // Several.
            8..12 => (
                start - start % page_size(),
                self.rng.u64(1..=(longest / page_size()).max(1)) * page_size(),
            ),
            // Sectors of one page.
            12..15 => {
                let sector = SECTOR as u64;
                (start - start % sector, self.rng.u64(1..=page_size() / sector) * sector)
            }
            // Less than a page, anywhere.
            15..18 => (start, self.rng.u64(1..page_size())),
            // Anything.
            _ => (start, self.rng.u64(1..=longest)),
        };
        let start = start.min(self.limit - 1);
        start..(start + count.min(longest)).min(self.limit)
    }

    /// Some whole pages that end before the file does, if it has so many.
    fn pages(&mut self, len: u64) -> Range<u64> {
        let most = (len.saturating_sub(1) / page_size()).max(1);
        let count = self.rng.u64(1..=most.min(8));
        let first = self.rng.u64(..=most - count);
        first * page_size()..((first + count) * page_size()).min(self.limit)
    }

    fn place(&mut self, len: u64) -> u64 {
        let len = len.clamp(1, self.limit);
        match self.rng.u32(..16) {
            0..7 => {
                let window = window().min(self.limit);
                let moves = Rng::with_seed(self.seed ^ (self.planned / STAY)).u64(..);
                let start = moves % (len.max(window) - window + 1);
                start + self.rng.u64(..window)
            }
            7 => len.saturating_sub(self.rng.u64(..8 * page_size())),
            // Anywhere below the limit, also past the end.
            8 if self.once_in(8) => self.rng.u64(..self.limit),
            _ => self.rng.u64(..len),
        }
    }

    /// Longer or shorter, usually by little, and within the upper half of the limit.
    fn new_len(&mut self, len: u64) -> u64 {
        let least = self.limit / 2;
        let len = if self.once_in(4) && self.can_afford() {
            self.rng.u64(least..=self.limit)
        } else {
            let step = self.limit / 64 + page_size();
            let len = (len + self.rng.u64(..=step)).saturating_sub(self.rng.u64(..=step));
            // Reflected at the limit, so that the length does not stay there.
            len.min((2 * self.limit).saturating_sub(len))
        };
        self.rounded(len)
    }

    /// Longer, by little, or shorter, which has no effect. It usually leaves room for insertions of pages, because
    /// the file is seldom made shorter.
    fn extended(&mut self, len: u64) -> u64 {
        let room = if self.once_in(4) { 0 } else { self.limit / 8 };
        let step = self.limit / 64 + page_size();
        let len = (len + self.rng.u64(..=step)).saturating_sub(self.rng.u64(..=step / 2));
        self.rounded(len.min(self.limit - room))
    }

    /// A length near `len`: of whole pages, of whole sectors, or of neither.
    fn rounded(&mut self, len: u64) -> u64 {
        let len = match self.rng.u32(..4) {
            0 | 1 => len - len % page_size(),
            2 => len - len % SECTOR as u64,
            _ => len,
        };
        len.clamp(self.limit / 2, self.limit)
    }
}

#[cfg(test)]
mod tests;
