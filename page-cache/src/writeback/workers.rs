//! Workers: the threads of the flusher, and what they do for a file.

use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::files::inode::visit;
use crate::files::store_access::write_retry::Asker;
use crate::options::Steal;
use crate::pages::flusher::jobs::{Afterwards, Task, Work};
use crate::pages::flusher::{MANY, Signal, State, become_worker};
use crate::pages::pool::Pool;
use crate::sync::atomic::Ordering;
use crate::sync::blocking::PoisonError;
use crate::sync::{MOST_WORKERS, thread};
use crate::unwind;

/// This many workers are started as they are needed, including the one that stays idle.
const FEW: usize = 4;

/// How long the last idle worker waits for another before it starts more than a few. If none came back, the
/// next ones are started as they are needed, up to [`MANY`]. Each further time that none comes back doubles the number.
const GRACE: Duration = Duration::from_secs(1);

/// How long a worker that has company is idle before it ends.
const LEISURE: Duration = Duration::from_secs(10);

/// The pause after a panic of the cache's own.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Why a worker is idle: it has just started, or has finished a task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Start,
    Task,
}

/// Whether the only idle worker may take a task.
#[derive(Debug, PartialEq, Eq)]
enum Leave {
    Now,
    AfterStartingAnother,
    At(Instant),
}

/// Starts the cache's first worker, if there is none.
pub(crate) fn start(cache: &Arc<Pool>) -> io::Result<()> {
    let signal = &cache.flusher.signal;
    let mut state = signal.state();
    if state.workers == 0 {
        spawn(&mut state, signal, &Arc::downgrade(cache))?;
    }
    Ok(())
}

/// Starts one more worker.
fn spawn(state: &mut State, signal: &Arc<Signal>, cache: &Weak<Pool>) -> io::Result<()> {
    let name = match state.started {
        0 => "page-flusher".into(),
        number => format!("page-flusher-{}", number + 1),
    };
    let (own_signal, own_cache) = (Arc::clone(signal), Weak::clone(cache));
    let run = move || {
        become_worker(&own_signal);
        run(&own_signal, &own_cache);
        own_signal.state().workers -= 1;
        own_signal.progress.notify_all();
    };
    drop(thread::Builder::new().name(name).spawn(run)?);
    state.started += 1;
    state.workers += 1;
    Ok(())
}

fn run(signal: &Arc<Signal>, cache: &Weak<Pool>) {
    let mut from = From::Start;
    while let Some(task) = next_task(signal, cache, from) {
        from = From::Task;
        let Some(cache) = cache.upgrade() else { return };
        let file = task.file;
        // The message of a panic was printed where it happened.
        let done = unwind::catch(|| cache.work(task)).map_err(unwind::discard);
        cache.finish(signal, file, done.is_err().then_some(AFTER_PANIC));
        cache.flusher.report();
    }
}

/// Waits for something to do. `None` if the cache ends, or if enough other workers are idle.
fn next_task(signal: &Arc<Signal>, cache: &Weak<Pool>, from: From) -> Option<Task> {
    let mut state = signal.state();
    let idle_since = Instant::now();
    state.come_back(from, idle_since);
    let task = loop {
        if state.stopped {
            break None;
        }
        let now = Instant::now();
        let mut until = state.jobs.next_turn();
        if until.is_some_and(|turn| turn <= now) {
            match state.may_leave(now) {
                Leave::Now => break state.jobs.take(now),
                Leave::AfterStartingAnother => {
                    // The thread could not be started; there may be no other idle worker.
                    let _ = spawn(&mut state, signal, cache);
                    break state.jobs.take(now);
                }
                Leave::At(when) => until = Some(when),
            }
        }
        if state.idle > 1 {
            let end = idle_since + LEISURE;
            if end <= now && until.is_none() {
                break None;
            }
            until = Some(until.map_or(end.max(now), |until| until));
        }
        let timeout = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
        let waited = signal.work.wait_timeout(state, timeout);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    };
    state.leave(Instant::now());
    task
}

impl State {
    fn come_back(&mut self, from: From, now: Instant) {
        self.idle += 1;
        if from == From::Task {
            self.at_once = MANY;
        }
        if from == From::Task || self.workers > self.at_once {
            self.note_if_alone(now);
        }
    }

    fn leave(&mut self, now: Instant) {
        self.idle -= 1;
        self.note_if_alone(now);
    }

    fn note_if_alone(&mut self, now: Instant) {
        if self.idle == 1 {
            self.alone_since = now;
        }
    }

    fn may_leave(&mut self, now: Instant) -> Leave {
        if self.idle > 1 || self.workers >= MOST_WORKERS {
            return Leave::Now;
        }
        let when = self.alone_since + GRACE;
        if self.workers < FEW || when <= now {
            if self.workers > self.at_once {
                self.at_once = 2 * self.workers;
            }
            return Leave::AfterStartingAnother;
        }
        Leave::At(when)
    }
}

impl Pool {
    fn work(&self, task: Task) {
        self.run_pageouts(task.file, task.pageouts);
        if !task.hints.is_empty()
            && let Some(file) = visit(self, task.file)
        {
            task.hints.into_iter().for_each(|pages| file.bring_in_ahead(pages));
        }
        if task.extent == Work::All
            && let Some(file) = visit(self, task.file)
        {
            file.hastened.store(false, Ordering::Relaxed);
            // The file keeps its errors for the next sync. Another thread may have used the store just before.
            if file.steal == Steal::Allowed && file.write_retry.refusal(Asker::Flusher).is_none() {
                file.flush_round();
            }
        }
    }

    /// Ends a task: the file gets its next due time, or none if it is clean.
    fn finish(&self, signal: &Signal, id: u64, pause: Option<Duration>) {
        let now = Instant::now();
        // Declared first, and so released after the mutex: it may be the last reference.
        let file;
        let mut state = signal.state();
        // Found with the mutex locked: a file that is opened later, and has the same number, adds its job after this one
        // has ended.
        file = visit(self, id);
        if pause.is_some()
            && let Some(file) = &file
        {
            // The task may have ended before it did this.
            file.hastened.store(false, Ordering::Relaxed);
        }
        let pause = pause.and_then(|pause| now.checked_add(pause));
        let found = match &file {
            Some(file) if file.steal == Steal::Allowed && !file.is_clean_and_unscheduled() => {
                Afterwards::Dirty {
                    due: now.checked_add(signal.interval),
                    not_before: pause.or_else(|| file.write_retry.next_attempt()),
                }
            }
            _ => Afterwards::Clean,
        };
        state.jobs.done(id, found);
        // Others may have waited for the file to be free.
        if state.jobs.next_turn().is_some_and(|turn| turn <= now) {
            signal.work.notify_one();
        }
        drop(state);
    }
}

#[cfg(test)]
mod tests;
