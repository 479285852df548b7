//! `Handle`: what keeps a file open.
//!
//! When it is dropped, a thread of its own closes the file and drops the store. The thread that drops the handle waits for that as
//! long as the store answers: a store may hang while it is written to, while it is read for a hint, or while it is dropped.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::files::inode::Inode;
use crate::files::store_access::nested::{is_inside, is_inside_hook};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::blocking::{Condvar, Mutex, PoisonError};
use crate::sync::thread;

/// The longest that the drop of the last handle waits for an answer of the store.
const PATIENCE: Duration = Duration::from_secs(5);

/// What keeps a file open: its `File`s and its mappings have it in common.
pub(crate) struct Handle {
    // Dropped in this order, so that the thread which closes the file has the last reference when it is waited for.
    pub(crate) inode: Arc<Inode>,
    closing: Option<Closing>,
}

/// How far a closing has come.
#[derive(Default)]
struct Progress {
    steps: Mutex<Steps>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct Steps {
    /// The thread that dropped the handle has no reference to the file any more.
    let_go: bool,
    ended: bool,
}

/// A file that another thread closes; ends when that thread may drop it, and has dropped it or does not get on.
struct Closing {
    progress: Arc<Progress>,
    wait: Wait,
}

/// Whether the end of a closing is waited for.
enum Wait {
    No,
    /// As long as this number changes.
    WhileItAnswers(Arc<AtomicU64>),
}

/// Notes the end when it is dropped, also by a panic.
struct Teller(Arc<Progress>);

impl Handle {
    pub(crate) fn new(inode: Arc<Inode>) -> Handle {
        Handle { inode, closing: None }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Under shuttle no store hangs, and one thread more would only be one more to schedule.
        if cfg!(spanlock_shuttle) {
            return self.inode.close();
        }
        let frames = &self.inode.cache.frames;
        let is_in_hook = self.inode.before_writeback.is_some() && is_inside_hook(frames);
        let wait = match is_inside(frames) || is_in_hook {
            // It was dropped inside a store or a hook, whose caller may hold what closing waits for.
            true => Wait::No,
            false => Wait::WhileItAnswers(Arc::clone(self.inode.health.answers())),
        };
        match close_elsewhere(&self.inode) {
            Ok(progress) => self.closing = Some(Closing { progress, wait }),
            Err(_) => self.inode.close(),
        }
    }
}

/// Has another thread close a file, and drop it once it may.
fn close_elsewhere(inode: &Arc<Inode>) -> io::Result<Arc<Progress>> {
    let progress: Arc<Progress> = Arc::default();
    let (inode, told) = (Arc::clone(inode), Teller(Arc::clone(&progress)));
    let close = move || {
        let told = told;
        // Dropped before the end is noted.
        let inode = inode;
        inode.close();
        told.0.until(|steps| steps.let_go);
    };
    thread::Builder::new().name("page-closer".into()).spawn(close)?;
    Ok(progress)
}

impl Progress {
    fn step(&self, step: impl FnOnce(&mut Steps)) {
        step(&mut self.steps.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn until(&self, done: impl Fn(&Steps) -> bool) {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_while(steps, |steps| !done(steps));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the end, as long as a number changes.
    fn until_it_ends_or_hangs(&self, answers: &AtomicU64) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // ORDERING: relaxed: it is a number that changes or not.
            let before = answers.load(Ordering::Relaxed);
            let waited = self.changed.wait_timeout_while(steps, PATIENCE, |steps| !steps.ended);
            let (guard, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if !waited.timed_out() || answers.load(Ordering::Relaxed) == before {
                return;
            }
            steps = guard;
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.progress.step(|steps| steps.let_go = true);
        if let Wait::WhileItAnswers(answers) = &self.wait {
            self.progress.until_it_ends_or_hangs(answers);
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.step(|steps| steps.ended = true);
    }
}
