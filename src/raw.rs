//! The lock without its guards. This first stand-in is one mutex over a list of claims.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::{Mode, Span};

/// What an acquisition holds, consumed by its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// An empty span: nothing.
    Nothing,
    /// A claim in the registry.
    Claim(u32),
}

#[derive(Default)]
struct Claims {
    held: Vec<(u32, Span, Mode)>,
    next: u32,
}

impl Claims {
    fn take(&mut self, span: Span, mode: Mode) -> Option<Hold> {
        if span.is_empty() {
            return Some(Hold::Nothing);
        }
        if self.held.iter().any(|&(_, s, m)| s.overlaps(span) && m.conflicts_with(mode)) {
            return None;
        }
        self.next += 1;
        self.held.push((self.next, span, mode));
        Some(Hold::Claim(self.next))
    }
}

pub(crate) struct RawLock {
    claims: Mutex<Option<Claims>>,
    released: Condvar,
}

impl RawLock {
    pub(crate) const fn new() -> RawLock {
        RawLock { claims: Mutex::new(None), released: Condvar::new() }
    }

    pub(crate) fn lock(&self, span: Span, mode: Mode) -> Hold {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(hold) = claims.get_or_insert_default().take(span, mode) {
                return hold;
            }
            claims = self.released.wait(claims).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn try_lock(&self, span: Span, mode: Mode) -> Option<Hold> {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.get_or_insert_default().take(span, mode)
    }

    pub(crate) fn lock_until(&self, span: Span, mode: Mode, deadline: Instant) -> Option<Hold> {
        loop {
            if let Some(hold) = self.try_lock(span, mode) {
                return Some(hold);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::yield_now();
        }
    }

    pub(crate) fn unlock(&self, _span: Span, _mode: Mode, hold: Hold) {
        if let Hold::Claim(id) = hold {
            let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
            claims.get_or_insert_default().held.retain(|claim| claim.0 != id);
            drop(claims);
            self.released.notify_all();
        }
    }
}
