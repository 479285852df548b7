//! What threads do that run under a deterministic scheduler: locks that they ask for, get and let go
//! of, which the hooks of the lock order tell, and what they note themselves.
//!
//! It is kept for one schedule, and only while something is being explored.

use std::cell::RefCell;
use std::ops::Range;

use crate::Mode;

thread_local! {
    // All threads of a scenario are coroutines of one real thread.
    static LOG: RefCell<Log> = RefCell::new(Log::default());
}

/// One thing that one thread did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The thread's number.
    pub thread: usize,
    /// What it did.
    pub what: What,
}

/// What a thread did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It asked for a lock, and waits for it if need be.
    Asks(String),
    /// It got a lock that it asked for.
    Gets(String),
    /// It let go of a lock.
    Leaves(String),
    /// Something else, in its own words.
    Does(String),
}

/// A lock, or the part of one, that a thread asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) lock: &'static str,
    /// The file or the mm that it belongs to.
    pub(super) owner: u64,
    /// What of it, and in which units; nothing of a lock that is one thing.
    pub(super) part: Option<(&'static str, Range<u64>)>,
    pub(super) mode: Mode,
}

impl Resource {
    fn conflicts_with(&self, other: &Resource) -> bool {
        let overlap = match (&self.part, &other.part) {
            (Some((_, one)), Some((_, two))) => one.start < two.end && two.start < one.end,
            _ => true,
        };
        (self.lock, self.owner) == (other.lock, other.owner)
            && overlap
            && self.mode.conflicts_with(other.mode)
    }

    fn name(&self) -> String {
        let Resource { lock, part, mode, .. } = self;
        let part = match part {
            None => String::new(),
            Some(("page", pages)) if pages.end == pages.start + 1 => format!(" {}", pages.start),
            Some((unit, range)) if range.end >= u64::MAX / 4096 => {
                format!(", {unit}s from {}", range.start)
            }
            Some((unit, range)) => format!(", {unit}s {}..{}", range.start, range.end),
        };
        match (*lock, mode) {
            ("page", _) => format!("page{part}"),
            (lock, Mode::Shared) => format!("{lock}{part}, shared"),
            (lock, Mode::Exclusive) => format!("{lock}{part}, exclusive"),
        }
    }
}

#[derive(Default)]
struct Log {
    recording: Recording,
    /// Threads that were started and have not ended.
    running: Vec<&'static str>,
    events: Vec<Event>,
    threads: Vec<Column>,
    asked: Vec<Asked>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Recording {
    #[default]
    Off,
    On,
}

struct Column {
    task: usize,
    name: String,
}

/// A lock that was asked for, and not let go of.
struct Asked {
    ticket: usize,
    thread: usize,
    resource: Resource,
    granted: bool,
}

/// That the thread has asked for a lock, or holds it; dropped when it lets go.
#[must_use = "a ticket that is dropped at once says that nothing is held"]
pub(super) struct Ticket {
    number: Option<usize>,
}

/// Forgets the schedule before.
pub(super) fn begin() {
    LOG.with_borrow_mut(|log| *log = Log::default());
}

/// From here on what happens is kept.
pub(super) fn record() {
    LOG.with_borrow_mut(|log| log.recording = Recording::On);
}

/// From here on it is not.
pub(super) fn pause() {
    LOG.with_borrow_mut(|log| log.recording = Recording::Off);
}

/// What happened, and who the threads are.
pub(super) fn events() -> (Vec<Event>, Vec<String>) {
    LOG.with_borrow(|log| {
        (log.events.clone(), log.threads.iter().map(|thread| thread.name.clone()).collect())
    })
}

/// Notes that a thread is to be waited for.
pub(super) fn starts(name: &'static str) {
    LOG.with_borrow_mut(|log| log.running.push(name));
}

/// Gives the thread that calls a name, and a column.
pub(super) fn runs(name: &str) {
    let task = this_task();
    LOG.with_borrow_mut(|log| log.threads.push(Column { task, name: name.to_owned() }));
}

/// Notes that a thread has ended.
pub(super) fn ends(name: &str) {
    LOG.with_borrow_mut(|log| log.running.retain(|&other| other != name));
}

/// The threads that have not ended.
pub(super) fn running() -> Vec<&'static str> {
    LOG.with_borrow(|log| log.running.clone())
}

/// Notes what the thread does.
pub(super) fn does(what: impl Into<String>) {
    let task = this_task();
    LOG.with_borrow_mut(|log| {
        if log.recording == Recording::On {
            let thread = log.column(task);
            log.events.push(Event { thread, what: What::Does(what.into()) });
        }
    });
}

impl Ticket {
    /// Notes that the thread asks for a lock.
    pub(super) fn asks(resource: Resource) -> Ticket {
        let task = this_task();
        let number = LOG.with_borrow_mut(|log| {
            if log.recording == Recording::Off {
                return None;
            }
            let thread = log.column(task);
            log.events.push(Event { thread, what: What::Asks(resource.name()) });
            let ticket = log.asked.last().map_or(0, |last| last.ticket + 1);
            log.asked.push(Asked { ticket, thread, resource, granted: false });
            Some(ticket)
        });
        Ticket { number }
    }

    /// Notes that it has got it.
    pub(super) fn gets(&self) {
        LOG.with_borrow_mut(|log| {
            let Log { asked, events, .. } = log;
            let Some(asked) = asked.iter_mut().find(|asked| Some(asked.ticket) == self.number)
            else {
                return;
            };
            asked.granted = true;
            events.push(Event { thread: asked.thread, what: What::Gets(asked.resource.name()) });
        });
    }

    /// Gives what is held to the thread that calls.
    pub(super) fn taken_over(&self) {
        let task = this_task();
        LOG.with_borrow_mut(|log| {
            let thread = log.column(task);
            let held = log.asked.iter_mut().find(|asked| Some(asked.ticket) == self.number);
            if let Some(held) = held {
                held.thread = thread;
            }
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        // A thread that is never scheduled again leaves its stack behind, and no ticket is dropped.
        LOG.with_borrow_mut(|log| {
            let Log { asked, events, recording, .. } = log;
            if let Some(at) = asked.iter().position(|asked| asked.ticket == number) {
                let Asked { thread, resource, granted, .. } = asked.remove(at);
                if granted && *recording == Recording::On {
                    events.push(Event { thread, what: What::Leaves(resource.name()) });
                }
            }
        });
    }
}

impl Log {
    fn column(&mut self, task: usize) -> usize {
        match self.threads.iter().position(|thread| thread.task == task) {
            Some(column) => column,
            None => {
                // The only thread that no scenario starts.
                self.threads.push(Column { task, name: "flusher".to_owned() });
                self.threads.len() - 1
            }
        }
    }

    fn name(&self, thread: usize) -> &str {
        &self.threads[thread].name
    }

    /// What the thread waits for, if it is a lock.
    fn waits_for(&self, thread: usize) -> Option<&Asked> {
        self.asked.iter().rfind(|asked| asked.thread == thread && !asked.granted)
    }

    /// What is in the way of a lock that is asked for: locks are granted first in, first out, so also
    /// what was asked for before.
    fn obstacles(&self, wanted: &Asked) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|other| {
            other.ticket != wanted.ticket
                && (other.granted || other.ticket < wanted.ticket)
                && wanted.resource.conflicts_with(&other.resource)
        })
    }

    /// Goes on from one who waits to one in its way, until it comes by somebody again.
    fn walk(&self, path: &mut Vec<usize>, thread: usize) -> Option<Vec<usize>> {
        if let Some(at) = path.iter().position(|&before| before == thread) {
            return Some(path[at..].to_vec());
        }
        let wanted = self.waits_for(thread)?;
        path.push(thread);
        let found = self.obstacles(wanted).find_map(|other| self.walk(path, other.thread));
        path.pop();
        found
    }

    fn sentence(&self, thread: usize, next: usize) -> String {
        let name = self.name(thread);
        let mut held: Vec<String> = self
            .asked
            .iter()
            .filter(|asked| asked.thread == thread && asked.granted)
            .map(|asked| asked.resource.name())
            .collect();
        held.dedup();
        let holds = if held.is_empty() { "nothing".to_owned() } else { held.join(" and ") };
        let Some(wanted) = self.waits_for(thread) else {
            return format!("{name} holds {holds}, and waits for no lock");
        };
        let wants = wanted.resource.name();
        let in_the_way: Vec<&Asked> =
            self.obstacles(wanted).filter(|other| other.thread == next).collect();
        let why = match in_the_way.iter().find(|other| other.granted) {
            Some(_) if next == thread => "which it holds itself".to_owned(),
            Some(held) if held.resource == wanted.resource => {
                format!("which {} holds", self.name(next))
            }
            Some(held) => format!("where {} holds {}", self.name(next), held.resource.name()),
            None => format!("behind {}, who asked for it before", self.name(next)),
        };
        format!("{name} holds {holds}, and waits for {wants}, {why}")
    }
}

/// The circle of threads that wait for each other, told by one sentence each; or, where they wait
/// for something else than locks, all that is known.
pub(super) fn knot() -> Vec<String> {
    LOG.with_borrow(|log| {
        let circle = (0..log.threads.len()).find_map(|thread| log.walk(&mut Vec::new(), thread));
        match circle {
            Some(circle) => {
                let next = circle.iter().cycle().skip(1);
                circle.iter().zip(next).map(|(&one, &two)| log.sentence(one, two)).collect()
            }
            None => {
                let stuck = log.running.iter();
                stuck.map(|name| format!("{name} waits, and nobody wakes it")).collect()
            }
        }
    })
}

fn this_task() -> usize {
    usize::from(shuttle::current::me())
}
