//! Spinning before a claim is queued.
//!
//! If no claim waits, a blocked claim is tried again for a moment before it is queued, so that a wait
//! for a short critical section costs no wake-up. A claim that spins has no place in the order of
//! waiting claims yet; it gets one when it is queued.
//!
//! How long a thread spins is set in `sync/native.rs`: `SPINS_BEFORE_QUEUEING` pauses here
//! (`FEW_SPINS` if only units block the claim), each twice as long as the one before. Once the claim
//! is queued, its thread makes `CHECKS_BEFORE_PARKING` short pauses, yields up to
//! `YIELDS_WHILE_PATIENT` times while the claim is patient, and then parks.

use std::time::Instant;

use crate::deadlock::Waiting;
use crate::raw::RawLock;
use crate::raw::enter::Looks;
use crate::raw::place::{Hold, Obstacle, Part};
use crate::raw::waiting::pending::Request;
use crate::sync::Spins;
use crate::{Mode, Span};

impl RawLock {
    /// Acquires a claim that was blocked at its first attempt: spins for a moment, and then queues
    /// it.
    #[cold]
    #[inline(never)]
    pub(in crate::raw) fn spin_or_wait(
        &self,
        span: Span,
        mode: Mode,
        mut obstacle: Obstacle,
        deadline: Option<Instant>,
    ) -> Option<Hold> {
        let is_brief = |obstacle| matches!(obstacle, Obstacle::Conflict | Obstacle::Undecided);
        let mut spins = Spins::new();
        while is_brief(obstacle) && !self.summary_hint().has_queue() && spins.spin() {
            if self.looks_blocked_by_a_cell(span, mode) {
                continue;
            }
            if self.looks_blocked_by_a_unit(span, mode) {
                // Readers that overlap one another could hold the units without end, so a writer queues soon.
                if spins.are_few() {
                    continue;
                }
                break;
            }
            match self.attempt(span, mode, Looks::Several) {
                Ok(hold) => return Some(hold),
                Err(again) => obstacle = again,
            }
        }
        let record = || match deadline {
            None => Waiting::patiently(self.address(), [(span, mode)]),
            Some(_) => Waiting::unfollowed(),
        };
        self.wait_for(Request::Claim(Part { span, mode }, obstacle), deadline, record).ok()
    }
}
