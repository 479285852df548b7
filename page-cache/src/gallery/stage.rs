//! The stage: where the threads of a scenario meet.

use shuttle::thread::{self, Scope};

use super::explore::{self, Fault};
use crate::order::trace;

/// What a scenario starts its threads on.
pub(super) struct Stage<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
}

/// Runs threads in whatever order the exploration tries, from when all were started until all have
/// ended. They may borrow whatever was made before.
pub(super) fn play<'env>(start: impl for<'scope> FnOnce(&Stage<'scope, 'env>)) {
    // The caches' own threads come to rest first.
    thread::yield_now();
    thread::scope(|scope| {
        start(&Stage { scope });
        explore::open();
        // This thread continues when no other can.
        thread::yield_now();
        let stuck = trace::running();
        if !stuck.is_empty() {
            let asleep =
                || stuck.iter().map(|name| format!("{name} waits, and no thread wakes it"));
            let circle = trace::circle().unwrap_or_else(|| asleep().collect());
            explore::found(Fault::Deadlock(circle));
        }
        explore::close();
    });
}

impl<'scope> Stage<'scope, '_> {
    /// Starts a thread.
    pub(super) fn thread(&self, name: &'static str, body: impl FnOnce() + Send + 'scope) {
        trace::starts(name);
        self.scope.spawn(move || {
            trace::runs(name);
            body();
            trace::ends(name);
        });
    }
}

/// Reports bytes or an answer that a rule forbids, and ends the exploration.
pub(super) fn violation(saw: impl Into<String>, rule: &'static str) -> ! {
    let saw = saw.into();
    trace::does(format!("SEES {saw}"));
    explore::found(Fault::Violation { reader: trace::this_thread(), saw, rule })
}
