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
/// use spanlock::RangeLock;
/// use spanlock::deadlock::{DeadlockedClaim, check_deadlock};
///
/// fn is_on(claim: &DeadlockedClaim, lock: &RangeLock) -> bool {
///     claim.lock_address() == std::ptr::from_ref(lock).addr()
/// }
///
/// let lock = RangeLock::new();
/// let guard = lock.lock_shared(0..10);
/// assert!(!check_deadlock().iter().flatten().any(|claim| is_on(claim, &lock)));
/// # drop(guard);
/// ```
#[derive(Clone)]
pub struct DeadlockedClaim {
    pub(super) lock: usize,
    pub(super) range: Range<u64>,
    pub(super) mode: Mode,
    pub(super) thread_id: ThreadId,
    pub(super) backtrace: Arc<Backtrace>,
    pub(super) blocker: BlockingClaim,
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

    /// The units that it waits for; of a claim on several ranges, one that is blocked.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::DeadlockedClaim;
    ///
    /// fn units(claim: &DeadlockedClaim) -> u64 {
    ///     claim.range().end - claim.range().start
    /// }
    /// ```
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The mode in which it wants them.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::Mode;
    /// use spanlock::deadlock::DeadlockedClaim;
    ///
    /// fn is_writer(claim: &DeadlockedClaim) -> bool {
    ///     claim.mode() == Mode::Exclusive
    /// }
    /// ```
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The thread that waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::DeadlockedClaim;
    ///
    /// fn waits_for_itself(claim: &DeadlockedClaim) -> bool {
    ///     claim.thread_id() == claim.blocker().thread_id()
    /// }
    /// ```
    #[must_use]
    pub fn thread_id(&self) -> ThreadId {
        self.thread_id
    }

    /// Where it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::DeadlockedClaim;
    ///
    /// fn print(claim: &DeadlockedClaim) {
    ///     println!("{}", claim.backtrace());
    /// }
    /// ```
    pub fn backtrace(&self) -> &Backtrace {
        &self.backtrace
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
    ///     let threads = circle.iter().map(|claim| claim.thread_id());
    ///     let blockers = circle.iter().map(|claim| claim.blocker().thread_id());
    ///     assert!(threads.cycle().skip(1).zip(blockers).all(|(next, blocker)| next == blocker));
    /// }
    /// ```
    #[must_use]
    pub fn blocker(&self) -> &BlockingClaim {
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
        let DeadlockedClaim { lock, range, mode, thread_id, blocker, .. } = self;
        write!(f, "{thread_id:?} waits for {range:?} {mode:?} of lock {lock:#x} behind {blocker}")
    }
}

/// A claim that is in the way of one that waits for ever.
///
/// # Examples
///
/// ```
/// use spanlock::ClaimState;
/// use spanlock::deadlock::BlockingClaim;
///
/// fn is_only_queued(claim: &BlockingClaim) -> bool {
///     claim.state() == ClaimState::Waiting
/// }
/// ```
#[derive(Clone)]
pub struct BlockingClaim {
    pub(super) range: Range<u64>,
    pub(super) mode: Mode,
    pub(super) state: ClaimState,
    pub(super) thread_id: ThreadId,
    pub(super) location: Option<&'static Location<'static>>,
    pub(super) backtrace: Arc<Backtrace>,
}

impl BlockingClaim {
    /// The units that it is on.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::deadlock::BlockingClaim;
    ///
    /// fn units(claim: &BlockingClaim) -> u64 {
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
    /// use spanlock::deadlock::BlockingClaim;
    ///
    /// fn is_writer(claim: &BlockingClaim) -> bool {
    ///     claim.mode() == Mode::Exclusive
    /// }
    /// ```
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether it is held, or waits and was there before.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::ClaimState;
    /// use spanlock::deadlock::BlockingClaim;
    ///
    /// fn is_held(claim: &BlockingClaim) -> bool {
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
    /// use spanlock::deadlock::BlockingClaim;
    ///
    /// fn is_ours(claim: &BlockingClaim) -> bool {
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
    /// use spanlock::deadlock::BlockingClaim;
    ///
    /// fn file(claim: &BlockingClaim) -> Option<&'static str> {
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
    /// use spanlock::deadlock::BlockingClaim;
    ///
    /// fn is_traced(claim: &BlockingClaim) -> bool {
    ///     claim.backtrace().status() == BacktraceStatus::Captured
    /// }
    /// ```
    pub fn backtrace(&self) -> &Backtrace {
        &self.backtrace
    }
}

/// As it is displayed: without back traces, of which each is a page.
impl fmt::Debug for BlockingClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for BlockingClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockingClaim { range, mode, state, thread_id, .. } = self;
        write!(f, "{range:?} {mode:?} {state:?} by {thread_id:?}")?;
        match self.location {
            Some(location) => write!(f, ", taken at {location}"),
            None => Ok(()),
        }
    }
}
