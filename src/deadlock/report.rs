//! What a deadlock is reported as.

use std::backtrace::Backtrace;
use std::fmt;
use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;
use std::thread::ThreadId;

use crate::{ClaimState, Mode};

/// A claim that waits for ever, and one that is in its way.
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
/// let circle = loop {
///     match check_deadlock().pop() {
///         Some(circle) => break circle,
///         None => thread::yield_now(),
///     }
/// };
/// let [claim] = &circle[..] else { panic!("{circle:?}") };
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
    /// The address of the [`RangeLock`](crate::RangeLock); of a mapping's, that is
    /// [`pages`](crate::MappingLock::pages).
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

    /// The claim that waits; of a claim on several ranges, one that is blocked.
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

    /// The claim on the same lock that is in its way, whose thread waits for the next claim of the
    /// circle.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::check_deadlock;
    ///
    /// for circle in check_deadlock() {
    ///     let threads = circle.iter().map(|claim| claim.waiting().thread_id());
    ///     let blockers = circle.iter().map(|claim| claim.blocker().thread_id());
    ///     assert!(threads.cycle().skip(1).zip(blockers).all(|(next, blocker)| next == blocker));
    /// }
    /// ```
    #[must_use]
    pub fn blocker(&self) -> &ThreadClaim {
        &self.blocker
    }
}

/// As it is displayed: without back traces, of which each is a page.
impl fmt::Debug for DeadlockedClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DeadlockedClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeadlockedClaim { lock, waiting, blocker } = self;
        let ThreadClaim { range, mode, thread_id, .. } = waiting;
        write!(f, "{thread_id:?} waits for {range:?} {mode:?} of lock {lock:#x} behind {blocker}")
    }
}

/// A claim of a thread: one that it waits for, or one that it holds.
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
    pub(super) thread_id: ThreadId,
    pub(super) location: Option<&'static Location<'static>>,
    pub(super) backtrace: Arc<Backtrace>,
}

impl ThreadClaim {
    /// The units that it is on.
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

    /// Its mode.
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

    /// Whether it is held, or waits.
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

    /// The thread that took it, or that waits for it.
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
        self.thread_id
    }

    /// The call that took it, if it is held.
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

    /// Where it was taken, if it is held and the environment asks for back traces; where it waits, if
    /// it does.
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

/// As it is displayed: without its back trace, which is a page.
impl fmt::Debug for ThreadClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ThreadClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ThreadClaim { range, mode, state, thread_id, .. } = self;
        write!(f, "{range:?} {mode:?} {state:?} by {thread_id:?}")?;
        match self.location {
            Some(location) => write!(f, ", taken at {location}"),
            None => Ok(()),
        }
    }
}
