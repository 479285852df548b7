//! Detection of deadlocks among threads, and of threads that hold a claim for a long time.
//!
//! [`check_deadlock`] looks at every thread that waits for a claim on any [`RangeLock`](crate::RangeLock),
//! and at the claims that block it: those that are held, and those that wait and that it cannot overtake
//! ([Fairness](crate::RangeLock#fairness)). If such threads form a cycle, none of them can continue. Call it
//! every few seconds from a separate thread, or from a debugger.
//!
//! [`RangeLock::thread_claims`](crate::RangeLock::thread_claims) lists the claims of one lock, each with its
//! thread, since when it is held or waits, and where it was acquired.
//!
//! # Limits
//!
//! - The holder of a claim is the thread that acquired it. If its guard is sent to another thread, the
//!   detector still reports the first thread: it can miss a cycle through the other thread, and can report
//!   a cycle that the other thread is about to end.
//! - Tasks are not threads. A claim acquired through a future has no known holder, and a future that waits
//!   is ignored. So is a claim that waits with a timeout.
//! - It does not know what else threads wait for (other locks, channels, joins).
//!
//! # Cost
//!
//! With the feature `deadlock_detection` every claim of a thread is recorded in one table, whose mutex all
//! locks of the process share. A thread that waits without a timeout always captures its backtrace. This is
//! for debugging, not for production. For a held claim the file and line that acquired it are always
//! recorded, and a backtrace only if the environment enables backtraces (`RUST_BACKTRACE` or
//! `RUST_LIB_BACKTRACE`, see [`std::backtrace`]). Without the feature nothing is recorded.
//!
//! # Examples
//!
//! ```
//! let pages = spanlock::RangeLock::new();
//! let page = pages.lock_exclusive(7..8);
//! # #[cfg(feature = "deadlock_detection")]
//! assert!(spanlock::deadlock::check_deadlock().is_empty(), "a held claim is no deadlock");
//! # drop(page);
//! ```

#[cfg(not(feature = "deadlock_detection"))]
mod absent;
#[cfg(feature = "deadlock_detection")]
mod check;
#[cfg(feature = "deadlock_detection")]
mod cycles;
#[cfg(feature = "deadlock_detection")]
mod records;
#[cfg(feature = "deadlock_detection")]
mod report;

#[cfg(not(feature = "deadlock_detection"))]
pub(crate) use absent::{Held, Waiting, forget_lock};
#[cfg(feature = "deadlock_detection")]
pub use check::check_deadlock;
#[cfg(feature = "deadlock_detection")]
pub(crate) use check::claims_on;
#[cfg(feature = "deadlock_detection")]
pub(crate) use records::{Held, Waiting, forget_lock};
#[cfg(feature = "deadlock_detection")]
pub use report::{DeadlockedClaim, ThreadClaim};
