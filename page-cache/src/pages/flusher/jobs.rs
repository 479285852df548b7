//! Jobs: which files have to be written back, and when. This has no threads and no clock: callers pass the time.
//!
//! A file has a job from the time it has a dirty page until a worker finds that it has none. So
//! clean files cost nothing, however many there are. At most one worker works on a job.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::time::Instant;

/// The most pages of one file that wait for pageout.
const MOST_PAGEOUTS: usize = 16;

/// The most ranges of one file that are queued to be read.
const MOST_HINTS: usize = 64;

#[derive(Default)]
pub(crate) struct Jobs {
    jobs: HashMap<u64, Job>,
    /// The jobs that no worker has, by the time when they are due.
    turns: BTreeSet<(Instant, u64)>,
}

/// What a worker has to do for one file.
#[derive(Default)]
struct Job {
    worker: Worker,
    /// When everything dirty has to be written; `None` if that is later than an `Instant` can be.
    due: Option<Instant>,
    /// The store failed, and gets no request before this.
    not_before: Option<Instant>,
    /// Pages to write so that they can be evicted. They are not pinned, because the job may wait for a long time.
    pageouts: Vec<u64>,
    /// Pages to read into the cache.
    hints: Vec<Range<u64>>,
    /// When the first of either was queued.
    queued: Option<Instant>,
}

/// Whether a worker has the job.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Worker {
    #[default]
    None,
    Busy,
}

/// What a worker is to do.
pub(crate) struct Task {
    pub(crate) file: u64,
    pub(crate) pageouts: Vec<u64>,
    pub(crate) hints: Vec<Range<u64>>,
    pub(crate) extent: Work,
}

/// How much of a file has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// All that is dirty, after the pages that were queued.
    All,
    Queued,
}

/// What a worker found when it was done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It is clean, or closed.
    Clean,
    /// It has dirty pages, and is due then.
    Dirty { due: Option<Instant>, not_before: Option<Instant> },
}

impl Job {
    fn turn(&self) -> Option<Instant> {
        if self.worker == Worker::Busy {
            return None;
        }
        let turn = self.due.into_iter().chain(self.queued).min()?;
        Some(self.not_before.map_or(turn, |earliest| turn.max(earliest)))
    }

    fn hasten(&mut self, to: Instant) {
        self.due = Some(self.due.map_or(to, |due| due.min(to)));
    }
}

impl Jobs {
    /// Gives a file a job that is due then, unless it has one.
    pub(crate) fn add(&mut self, file: u64, due: Option<Instant>) {
        if !self.jobs.contains_key(&file) {
            self.change(file, |job| job.due = due);
        }
    }

    /// Ends the job of a file that is being closed, or lets it end when its worker is done.
    pub(crate) fn forget(&mut self, file: u64) {
        let Some(job) = self.jobs.get(&file) else { return };
        let is_over = job.worker == Worker::None;
        self.change(file, |job| *job = Job { worker: job.worker, ..Job::default() });
        if is_over {
            self.jobs.remove(&file);
        }
    }

    /// Lets a file's job be due by `now`, if it has one.
    pub(crate) fn hasten(&mut self, file: u64, now: Instant) {
        if self.jobs.contains_key(&file) {
            self.change(file, |job| job.hasten(now));
        }
    }

    /// Lets all jobs but that of one file be due by `now`.
    pub(crate) fn hasten_others(&mut self, but: u64, now: Instant) {
        let later = |(&file, job): (&u64, &Job)| {
            let is_later = file != but && job.due.is_none_or(|due| due > now);
            is_later.then_some(file)
        };
        let files: Vec<u64> = self.jobs.iter().filter_map(later).collect();
        files.into_iter().for_each(|file| self.hasten(file, now));
    }

    /// Queues a page of a file for pageout, unless it is queued, or enough are.
    pub(crate) fn queue(&mut self, file: u64, page: u64, now: Instant) {
        self.change(file, |job| {
            if job.pageouts.len() < MOST_PAGEOUTS && !job.pageouts.contains(&page) {
                job.pageouts.push(page);
                job.queued.get_or_insert(now);
            }
        });
    }

    /// Queues pages of a file to be read into the cache, unless enough are queued.
    pub(crate) fn bring_in(&mut self, file: u64, pages: Range<u64>, now: Instant) {
        self.change(file, |job| {
            if job.hints.len() < MOST_HINTS {
                job.hints.push(pages);
                job.queued.get_or_insert(now);
            }
        });
    }

    #[cfg(all(test, spanlock_shuttle))]
    pub(crate) fn has(&self, file: u64) -> bool {
        self.jobs.contains_key(&file)
    }

    /// When the next job is due.
    pub(crate) fn next_turn(&self) -> Option<Instant> {
        self.turns.first().map(|&(turn, _)| turn)
    }

    /// Takes a job that is due by `now`. The caller calls `done` when the job is done.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Task> {
        let &(_, file) = self.turns.first().filter(|&&(turn, _)| turn <= now)?;
        let mut task = Task { file, pageouts: Vec::new(), hints: Vec::new(), extent: Work::Queued };
        self.change(file, |job| {
            task.pageouts = std::mem::take(&mut job.pageouts);
            task.hints = std::mem::take(&mut job.hints);
            job.queued = None;
            if job.due.is_some_and(|due| due <= now) {
                task.extent = Work::All;
                job.due = None;
            }
            job.worker = Worker::Busy;
        });
        Some(task)
    }

    /// Ends a task, and the job if the file is clean.
    pub(crate) fn done(&mut self, file: u64, found: Afterwards) {
        self.change(file, |job| {
            job.worker = Worker::None;
            if let Afterwards::Dirty { due, not_before } = found {
                job.not_before = not_before;
                due.into_iter().for_each(|due| job.hasten(due));
            }
        });
        let over = |job: &Job| {
            found == Afterwards::Clean && job.pageouts.is_empty() && job.hints.is_empty()
        };
        if self.jobs.get(&file).is_some_and(over) {
            self.change(file, |job| job.due = None);
            self.jobs.remove(&file);
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.turns.is_empty()
    }

    fn change(&mut self, file: u64, change: impl FnOnce(&mut Job)) {
        let job = self.jobs.entry(file).or_default();
        let before = job.turn();
        change(job);
        let after = job.turn();
        if before != after {
            before.map(|turn| self.turns.remove(&(turn, file)));
            after.map(|turn| self.turns.insert((turn, file)));
        }
    }
}

#[cfg(test)]
mod tests;
