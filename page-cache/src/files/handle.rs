//! `Handle`: what keeps a file open.
//!
//! When it is dropped, another thread closes the file and drops the store: see
//! [`closers`](crate::pages::closers). The thread that drops the handle waits for that as long as
//! the store answers: a store may hang while it is written to, while it is read for a hint, or
//! while it is dropped.

use std::sync::Arc;

use crate::files::inode::Inode;
use crate::files::store_access::answer_timeout::AnswerTimeout;
use crate::order::nested::{is_inside, is_inside_hook};
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};

/// What keeps a file open. All `File`s and mappings of the file share one.
pub(crate) struct Handle {
    // Dropped in this order, so that the thread which closes the file has the last reference.
    pub(crate) inode: Arc<Inode>,
    closing: Closing,
}

/// A file that another thread is to close; waits for that when it is dropped.
struct Closing(Option<(Arc<Inode>, Wait)>);

/// Whether the end of a closing is waited for.
enum Wait {
    No,
    WhileItAnswers(AnswerTimeout),
}

/// Whether a closing has ended, and whether a thread waits for that.
#[derive(Default)]
struct End {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    ended: bool,
    /// The thread that dropped the handle has continued.
    given_up: bool,
}

/// Notes the end when it is dropped, also while a panic unwinds.
struct Teller(Arc<End>);

impl Handle {
    pub(crate) fn new(inode: Arc<Inode>) -> Handle {
        Handle { inode, closing: Closing(None) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Under shuttle no store hangs, and another thread would only add schedules.
        if cfg!(spanlock_shuttle) {
            return self.inode.close(|| true);
        }
        let frames = &self.inode.cache.frames;
        let is_in_hook = self.inode.before_writeback.is_some() && is_inside_hook(frames);
        let wait = match is_inside(frames) || is_in_hook {
            // It was dropped inside a store or a hook, whose caller may hold what closing waits for.
            true => Wait::No,
            false => Wait::WhileItAnswers(AnswerTimeout::new(self.inode.write_retry.answers())),
        };
        self.closing.0 = Some((Arc::clone(&self.inode), wait));
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let Some((inode, wait)) = self.0.take() else { return };
        let closers = Arc::clone(&inode.cache.closers);
        let end: Arc<End> = Arc::default();
        if matches!(wait, Wait::No) {
            end.state().given_up = true;
        }
        let teller = Teller(Arc::clone(&end));
        let close = move || {
            let teller = teller;
            // Dropped before the end is noted.
            let inode = inode;
            inode.close(|| !teller.0.state().given_up);
        };
        match closers.close(Box::new(close)) {
            Ok(()) => {}
            // There can be no other thread.
            Err(close) => close(),
        }
        if let Wait::WhileItAnswers(timeout) = wait {
            end.wait(timeout);
        }
    }
}

impl End {
    /// Waits for the end, as long as the store answers.
    fn wait(&self, mut timeout: AnswerTimeout) {
        let mut state = self.state();
        while !state.ended {
            let Some(time) = timeout.next_wait() else {
                state.given_up = true;
                return;
            };
            let waited = self.changed.wait_timeout_while(state, time, |state| !state.ended);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.changed.notify_one();
    }
}

#[cfg(all(test, spanlock_shuttle))]
mod schedules;
