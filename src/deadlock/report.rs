//! The types that report a deadlock.

use std::backtrace::Backtrace;
use std::fmt;
use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;
use std::thread::{Thread, ThreadId};
use std::time::Instant;

use crate::span::Shown;
use crate::{ClaimState, Mode};

/// A deadlocked claim and a claim that blocks it.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use spanlock::deadlock::check_deadlock;
/// use spanlock::{Mode, RangeLock};
///
/// static LOCK: RangeLock = RangeLock::new();
/// thread::spawn(|| {
///     let _reader = LOCK.lock_shared(0..10);
///     let _writer = LOCK.lock_exclusive(5..6); // waits for itself
/// });
/// let cycle = loop {
///     match check_deadlock().pop() {
///         Some(cycle) => break cycle,
///         None => thread::yield_now(),
///     }
/// };
/// let [claim] = &cycle[..] else { panic!("{cycle:?}") };
/// assert_eq!((claim.waiting().range(), claim.waiting().mode()), (5..6, Mode::Exclusive));
/// assert_eq!((claim.blocker().range(), claim.blocker().mode()), (0..10, Mode::Shared));
/// ```
#[derive(Clone)]
pub struct DeadlockedClaim {
    pub(super) lock: usize,
    pub(super) waiting: ThreadClaim,
    pub(super) blocker: ThreadClaim,
}

impl DeadlockedClaim {
    /// Returns the address of the [`RangeLock`](crate::RangeLock). For a
    /// [`MappingLock`](crate::MappingLock) this is the address of [`pages`](crate::MappingLock::pages),
    /// for a [`RangeRwLock`](crate::RangeRwLock) that of [`indices`](crate::RangeRwLock::indices).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::DeadlockedClaim;
    ///
    /// fn is_on(claim: &DeadlockedClaim, mapping: &spanlock::MappingLock) -> bool {
    ///     claim.lock_address() == std::ptr::from_ref(mapping.pages()).addr()
    /// }
    /// ```
    #[must_use]
    pub fn lock_address(&self) -> usize {
        self.lock
    }

    /// Returns the claim that waits. For a claim on several ranges it has one of the ranges that are blocked.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::DeadlockedClaim;
    ///
    /// fn waits_for_itself(claim: &DeadlockedClaim) -> bool {
    ///     claim.waiting().thread_id() == claim.blocker().thread_id()
    /// }
    /// ```
    #[must_use]
    pub fn waiting(&self) -> &ThreadClaim {
        &self.waiting
    }

    /// Returns the conflicting claim on the same lock that blocks the waiting one. Its thread waits too: for
    /// the claim in the next element of the cycle.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::check_deadlock;
    ///
    /// for cycle in check_deadlock() {
    ///     let threads = cycle.iter().map(|claim| claim.waiting().thread_id());
    ///     let blockers = cycle.iter().map(|claim| claim.blocker().thread_id());
    ///     assert!(threads.cycle().skip(1).zip(blockers).all(|(next, blocker)| next == blocker));
    /// }
    /// ```
    #[must_use]
    pub fn blocker(&self) -> &ThreadClaim {
        &self.blocker
    }
}

/// Like `Display`: without backtraces, which are long.
impl fmt::Debug for DeadlockedClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DeadlockedClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeadlockedClaim { lock, waiting, blocker } = self;
        let ThreadClaim { range, mode, .. } = waiting;
        let (thread, range) = (ShownThread(&waiting.thread), Shown(range));
        write!(f, "{thread} waits for {range:?} {mode:?} of lock {lock:#x} behind {blocker}")
    }
}

/// A claim that a thread holds or waits for.
///
/// # Examples
///
/// ```
/// use spanlock::ClaimState;
/// use spanlock::deadlock::ThreadClaim;
///
/// fn is_only_queued(blocker: &ThreadClaim) -> bool {
///     blocker.state() == ClaimState::Waiting
/// }
/// ```
#[derive(Clone)]
pub struct ThreadClaim {
    pub(super) range: Range<u64>,
    pub(super) mode: Mode,
    pub(super) state: ClaimState,
    pub(super) thread: Thread,
    pub(super) since: Instant,
    pub(super) location: Option<&'static Location<'static>>,
    pub(super) backtrace: Arc<Backtrace>,
}

impl ThreadClaim {
    /// Returns the claimed units.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::ThreadClaim;
    ///
    /// fn units(claim: &ThreadClaim) -> u64 {
    ///     claim.range().end - claim.range().start
    /// }
    /// ```
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Returns the mode.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::Mode;
    /// use spanlock::deadlock::ThreadClaim;
    ///
    /// fn is_writer(claim: &ThreadClaim) -> bool {
    ///     claim.mode() == Mode::Exclusive
    /// }
    /// ```
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns whether the claim is held or waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::ClaimState;
    /// use spanlock::deadlock::ThreadClaim;
    ///
    /// fn is_held(claim: &ThreadClaim) -> bool {
    ///     claim.state() == ClaimState::Held
    /// }
    /// ```
    #[must_use]
    pub fn state(&self) -> ClaimState {
        self.state
    }

    /// Returns the thread that acquired the claim, or that waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::ThreadClaim;
    ///
    /// fn is_ours(claim: &ThreadClaim) -> bool {
    ///     claim.thread_id() == std::thread::current().id()
    /// }
    /// ```
    #[must_use]
    pub fn thread_id(&self) -> ThreadId {
        self.thread.id()
    }

    /// Returns the name of that thread, if it has one.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::ThreadClaim;
    ///
    /// fn name(claim: &ThreadClaim) -> &str {
    ///     claim.thread_name().unwrap_or("unnamed")
    /// }
    /// ```
    #[must_use]
    pub fn thread_name(&self) -> Option<&str> {
        self.thread.name()
    }

    /// Returns when the claim was granted to the thread, or when the thread began to wait. A split, a
    /// downgrade and a shrinking do not change this; an upgrade does.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use spanlock::deadlock::ThreadClaim;
    ///
    /// fn is_old(claim: &ThreadClaim) -> bool {
    ///     claim.since().elapsed() > Duration::from_secs(10)
    /// }
    /// ```
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Returns the call that acquired the claim, or `None` if it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::ThreadClaim;
    ///
    /// fn file(claim: &ThreadClaim) -> Option<&'static str> {
    ///     claim.location().map(|location| location.file())
    /// }
    /// ```
    #[must_use]
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }

    /// Returns the backtrace of where the claim was acquired, or of where it waits. For a held claim it
    /// is empty unless the environment enables backtraces.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::backtrace::BacktraceStatus;
    /// use spanlock::deadlock::ThreadClaim;
    ///
    /// fn is_traced(claim: &ThreadClaim) -> bool {
    ///     claim.backtrace().status() == BacktraceStatus::Captured
    /// }
    /// ```
    pub fn backtrace(&self) -> &Backtrace {
        &self.backtrace
    }
}

/// Like `Display`: without the backtrace, which is long.
impl fmt::Debug for ThreadClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ThreadClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ThreadClaim { range, mode, state, thread, since, .. } = self;
        let (range, thread, age) = (Shown(range), ShownThread(thread), since.elapsed());
        write!(f, "{range:?} {mode:?} {state:?} by {thread} for {age:.1?}")?;
        match self.location {
            Some(location) => write!(f, ", acquired at {location}"),
            None => Ok(()),
        }
    }
}

/// A thread's number, and its name if it has one.
struct ShownThread<'a>(&'a Thread);

impl fmt::Display for ShownThread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.id())?;
        match self.0.name() {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}
