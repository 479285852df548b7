//! Finding threads that wait for each other in a circle.
//!
//! [`check_deadlock`] looks at every thread that waits for a claim, on whichever
//! [`RangeLock`](crate::RangeLock), and at every claim that is in its way: one that is held, or one that
//! waits and was due before ([Fairness](crate::RangeLock#fairness)). If these lead in a circle, none of the threads will ever
//! go on. Call it from a thread of its own every few seconds, or from a debugger.
//!
//! # What it knows
//!
//! - The holder of a claim is the thread that took it. If a guard is sent to another thread, the
//!   detector goes on to think of it as the first one's: it misses circles through the other, and takes a
//!   circle for closed that the other is about to open.
//! - Tasks are not threads. A claim that was taken through a future has no known holder, and one that waits in
//!   a future is not followed. Neither is one that waits with a timeout, since it gives up.
//! - What threads wait for besides (other locks, channels, joins) it does not see.
//!
//! # What it costs
//!
//! With the feature `deadlock_detection` every claim is written into one global table when it is
//! taken and struck out when it is released, and a thread that waits takes down its back trace. All
//! locks of the process share the mutex of that table: this is for finding a fault, not for production.
//! Where a claim was taken is always known by file and line; its back trace is taken if the environment asks
//! for back traces (`RUST_BACKTRACE` or `RUST_LIB_BACKTRACE`, see [`std::backtrace`]). Without the feature there
//! is nothing.
//!
//! # Examples
//!
//! ```
//! let pages = spanlock::RangeLock::new();
//! let page = pages.lock_exclusive(7..8);
//! # #[cfg(feature = "deadlock_detection")]
//! assert!(spanlock::deadlock::check_deadlock().is_empty(), "holding deadlocks nobody");
//! # drop(page);
//! ```

#[cfg(not(feature = "deadlock_detection"))]
mod absent;
#[cfg(feature = "deadlock_detection")]
mod check;
#[cfg(feature = "deadlock_detection")]
mod circles;
#[cfg(feature = "deadlock_detection")]
mod records;
#[cfg(feature = "deadlock_detection")]
mod report;

#[cfg(not(feature = "deadlock_detection"))]
pub(crate) use absent::{Held, Waiting, forget_lock};
#[cfg(feature = "deadlock_detection")]
pub use check::check_deadlock;
#[cfg(feature = "deadlock_detection")]
pub(crate) use records::{Held, Waiting, forget_lock};
#[cfg(feature = "deadlock_detection")]
pub use report::{DeadlockedClaim, ThreadClaim};
