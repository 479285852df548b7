//! Claims on several spans of one lock, or on two locks, taken together.

use std::fmt;
use std::ops::{Range, RangeBounds};

use crate::deadlock::Held;
use crate::guard::Guard;
use crate::raw::{ClaimId, Part};
use crate::{Mode, RangeLock, Span};

/// Held claims on several spans of one lock, which were granted together.
///
/// # Examples
///
/// ```
/// use spanlock::{Mode, RangeLock};
///
/// let lock = RangeLock::new();
/// let guard = lock.lock_many([(0..4, Mode::Shared), (8..9, Mode::Exclusive)]);
/// assert_eq!(guard.claims().len(), 2);
/// assert!(lock.try_lock_exclusive(4..8).is_some());
/// ```
#[must_use = "a guard that is dropped at once locks nothing"]
pub struct ManyGuard<'a> {
    lock: &'a RangeLock,
    parts: Vec<Part>,
    ids: Box<[ClaimId]>,
    record: Held,
}

impl<'a> ManyGuard<'a> {
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn lock(lock: &'a RangeLock, parts: Vec<Part>) -> Self {
        let parts = disjoint(parts);
        let ids = lock.raw.lock_many(&parts);
        Self::of_this_thread(lock, parts, ids)
    }

    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn try_lock(lock: &'a RangeLock, parts: Vec<Part>) -> Option<Self> {
        let parts = disjoint(parts);
        let ids = lock.raw.try_lock_many(&parts)?;
        Some(Self::of_this_thread(lock, parts, ids))
    }

    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    fn of_this_thread(lock: &'a RangeLock, parts: Vec<Part>, ids: Box<[ClaimId]>) -> Self {
        let spans = parts.iter().map(|part| (part.span, part.mode));
        let record = Held::by_this_thread(lock.raw.address(), spans);
        ManyGuard { lock, parts, ids, record }
    }

    /// What is held: disjoint ranges in ascending order, each with its mode.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// let guard = lock.lock_many([(0..6, Mode::Shared), (4..8, Mode::Exclusive)]);
    /// assert!(guard.claims().eq([(0..4, Mode::Shared), (4..8, Mode::Exclusive)]));
    /// ```
    pub fn claims(&self) -> impl ExactSizeIterator<Item = (Range<u64>, Mode)> {
        self.parts.iter().map(|part| (part.span.range(), part.mode))
    }

    /// Lets go of all claims: the same as dropping the guard, by name.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// lock.lock_many([(0..6, Mode::Shared)]).unlock();
    /// assert!(!lock.is_locked(..));
    /// ```
    pub fn unlock(self) {}
}

impl Drop for ManyGuard<'_> {
    fn drop(&mut self) {
        self.record.end();
        self.lock.raw.unlock_many(&self.ids);
    }
}

impl fmt::Debug for ManyGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.claims()).finish()
    }
}

/// The parts, as disjoint spans in ascending order: where two overlap, the exclusive mode wins. Empty
/// ones are left out.
fn disjoint(parts: Vec<Part>) -> Vec<Part> {
    let exclusive = union(&parts, Mode::Exclusive);
    let mut disjoint: Vec<Part> = Vec::with_capacity(parts.len());
    for whole in union(&parts, Mode::Shared) {
        let mut shared = whole;
        for hole in exclusive.iter().filter(|hole| hole.overlaps(whole)) {
            let (before, rest) = shared.split_at(hole.start().max(shared.start()));
            disjoint.push(Part { span: before, mode: Mode::Shared });
            shared = rest.split_at(hole.end().min(rest.end())).1;
        }
        disjoint.push(Part { span: shared, mode: Mode::Shared });
    }
    disjoint.extend(exclusive.into_iter().map(|span| Part { span, mode: Mode::Exclusive }));
    disjoint.retain(|part| !part.span.is_empty());
    disjoint.sort_unstable_by_key(|part| part.span.start());
    disjoint
}

/// The union of the spans of one mode, in ascending order.
fn union(parts: &[Part], mode: Mode) -> Vec<Span> {
    let of_mode = parts.iter().filter(|part| part.mode == mode && !part.span.is_empty());
    let mut spans: Vec<Span> = of_mode.map(|part| part.span).collect();
    spans.sort_unstable_by_key(|span| span.start());
    spans.dedup_by(|next, last| {
        let touches = next.start() <= last.end();
        if touches {
            *last = Span::from_range(last.start()..last.end().max(next.end()));
        }
        touches
    });
    spans
}

/// Held claims on two locks, or on two ranges of one.
///
/// # Examples
///
/// ```
/// use spanlock::{Mode, RangeLock, lock_pair};
///
/// let (source, target) = (RangeLock::new(), RangeLock::new());
/// let guard = lock_pair(&source, 0..8, Mode::Shared, &target, 16..24, Mode::Exclusive);
/// assert!(source.try_lock_shared(..).is_some());
/// assert!(target.try_lock_shared(20..21).is_none());
/// # drop(guard);
/// ```
#[must_use = "a guard that is dropped at once locks nothing"]
#[derive(Debug)]
pub struct PairGuard<'a> {
    _held: Pair<'a>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held to be dropped, and shown by Debug")]
enum Pair<'a> {
    Two(Guard<&'a RangeLock, Mode>, Guard<&'a RangeLock, Mode>),
    Same(ManyGuard<'a>),
}

/// Locks a range of each of two locks, as a clone, a dedupe or a rename must, waiting as long as it
/// takes.
///
/// The locks are taken in the order of their addresses, so that two callers who name them in opposite
/// order cannot deadlock. If both are the same lock, its two ranges are claimed together
/// ([`RangeLock::lock_many`]) and may overlap.
///
/// # Fairness
///
/// FIFO on each lock. The claim on the first is held while the second is waited for.
///
/// # Panics
///
/// If a range starts after its end, or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use spanlock::{Mode, RangeLock, lock_pair};
///
/// let lock = RangeLock::new();
/// let guard = lock_pair(&lock, 0..8, Mode::Shared, &lock, 4..16, Mode::Exclusive);
/// assert!(lock.try_lock_shared(0..4).is_some());
/// assert!(lock.try_lock_shared(4..8).is_none());
/// # drop(guard);
/// ```
#[track_caller]
pub fn lock_pair<'a>(
    a: &'a RangeLock,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &'a RangeLock,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
) -> PairGuard<'a> {
    let (a_span, b_span) = (Span::from_range(a_range), Span::from_range(b_range));
    let held = match std::ptr::from_ref(a).addr().cmp(&std::ptr::from_ref(b).addr()) {
        std::cmp::Ordering::Less => {
            let first = Guard::lock(a, a_span, a_mode);
            Pair::Two(first, Guard::lock(b, b_span, b_mode))
        }
        std::cmp::Ordering::Greater => {
            let first = Guard::lock(b, b_span, b_mode);
            Pair::Two(Guard::lock(a, a_span, a_mode), first)
        }
        std::cmp::Ordering::Equal => Pair::Same(ManyGuard::lock(
            a,
            vec![Part { span: a_span, mode: a_mode }, Part { span: b_span, mode: b_mode }],
        )),
    };
    PairGuard { _held: held }
}

#[cfg(test)]
mod tests;
