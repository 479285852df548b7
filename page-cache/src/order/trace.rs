//! A record of what threads do under a deterministic scheduler: the locks that they request,
//! acquire and release, as the hooks of the lock order report them, and the steps that they record themselves.
//!
//! It is kept for one schedule, and only during an exploration.

use std::cell::RefCell;
use std::ops::Range;

use spanlock::Mode;

thread_local! {
    // All threads of a scenario are coroutines of one real thread.
    static LOG: RefCell<Log> = RefCell::new(Log::default());
}

/// A step of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The number of the thread.
    pub thread: usize,
    /// What the thread did.
    pub what: What,
}

/// What a thread did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It requested a lock, and waits for it if necessary.
    Asks(String),
    /// It acquired a lock that it had requested.
    Gets(String),
    /// It released a lock.
    Leaves(String),
    /// Something else, described by the scenario.
    Does(String),
}

/// A lock, or a part of one, that a thread requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) lock: &'static str,
    /// The file or the mm that it belongs to.
    pub(crate) owner: u64,
    /// Which part of it, and in which units; `None` for a lock without parts.
    pub(crate) part: Option<(&'static str, Range<u64>)>,
    pub(crate) mode: Mode,
}

/// The name of a page lock, which has no modes.
pub(crate) const PAGE_LOCK: &str = "lock";

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
        let lock = match part {
            None => lock.to_string(),
            Some((unit, range)) if range.end == range.start + 1 => {
                format!("{lock} of {unit} {}", range.start)
            }
            Some((unit, range)) if range.end >= u64::MAX / 4096 => {
                format!("{lock} of {unit}s from {}", range.start)
            }
            Some((unit, range)) => format!("{lock} of {unit}s {}..{}", range.start, range.end),
        };
        match (self.lock, mode) {
            (PAGE_LOCK, _) => lock,
            (_, Mode::Shared) => format!("{lock}, shared"),
            (_, Mode::Exclusive) => format!("{lock}, exclusive"),
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
    /// `None` until it runs.
    task: Option<usize>,
    name: String,
}

/// A lock that was requested and not released.
struct Asked {
    ticket: usize,
    thread: usize,
    resource: Resource,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Waits,
    Holds,
    /// It holds the lock shared, and waits to hold it alone.
    Upgrades,
}

impl Asked {
    fn is_held(&self) -> bool {
        self.standing != Standing::Waits
    }

    /// The lock that it waits for, or holds.
    fn wanted(&self) -> Resource {
        let mode = match self.standing {
            Standing::Upgrades => Mode::Exclusive,
            Standing::Waits | Standing::Holds => self.resource.mode,
        };
        Resource { mode, ..self.resource.clone() }
    }

    fn is_waited_for(&self) -> bool {
        self.standing != Standing::Holds
    }
}

/// Records that the thread has requested a lock, or holds it. Dropped at the release.
#[must_use = "a ticket that is dropped immediately says that nothing is held"]
pub(crate) struct Ticket {
    number: Option<usize>,
}

/// Removes the record of the previous schedule.
pub(crate) fn begin() {
    LOG.with_borrow_mut(|log| *log = Log::default());
}

/// Starts to record.
pub(crate) fn record() {
    LOG.with_borrow_mut(|log| log.recording = Recording::On);
}

/// Ends recording.
pub(crate) fn pause() {
    LOG.with_borrow_mut(|log| log.recording = Recording::Off);
}

/// The recorded steps, and the names of the threads.
pub(crate) fn events() -> (Vec<Event>, Vec<String>) {
    LOG.with_borrow(|log| {
        (log.events.clone(), log.threads.iter().map(|thread| thread.name.clone()).collect())
    })
}

/// Gives a thread of the scenario a name and a column.
pub(crate) fn starts(name: &'static str) {
    LOG.with_borrow_mut(|log| {
        log.running.push(name);
        log.threads.push(Column { task: None, name: name.to_owned() });
    });
}

/// Records that the calling thread is this one.
pub(crate) fn runs(name: &str) {
    let task = this_task();
    LOG.with_borrow_mut(|log| {
        let column = log.threads.iter_mut().rfind(|column| column.name == name);
        column.expect("a thread is started before it runs").task = Some(task);
    });
}

/// Notes that a thread has ended.
pub(crate) fn ends(name: &str) {
    LOG.with_borrow_mut(|log| log.running.retain(|&other| other != name));
}

/// The threads that have not ended.
pub(crate) fn running() -> Vec<&'static str> {
    LOG.with_borrow(|log| log.running.clone())
}

/// Records a step of the thread.
pub(crate) fn does(what: impl Into<String>) {
    let task = this_task();
    LOG.with_borrow_mut(|log| {
        if log.recording == Recording::On {
            let thread = log.column(task);
            log.events.push(Event { thread, what: What::Does(what.into()) });
        }
    });
}

/// Passes all locks of the thread to another one, which releases them.
pub(crate) fn hands_over(to: &str) {
    let task = this_task();
    LOG.with_borrow_mut(|log| {
        let (from, to) =
            (log.column(task), log.threads.iter().position(|thread| thread.name == to));
        let Some(to) = to else { return };
        for held in log.asked.iter_mut().filter(|asked| asked.thread == from && asked.is_held()) {
            held.thread = to;
        }
    });
}

impl Ticket {
    /// Records that the thread requests a lock.
    pub(crate) fn asks(resource: Resource) -> Ticket {
        let task = this_task();
        let number = LOG.with_borrow_mut(|log| {
            if log.recording == Recording::Off {
                return None;
            }
            let thread = log.column(task);
            log.events.push(Event { thread, what: What::Asks(resource.name()) });
            let ticket = log.asked.last().map_or(0, |last| last.ticket + 1);
            log.asked.push(Asked { ticket, thread, resource, standing: Standing::Waits });
            Some(ticket)
        });
        Ticket { number }
    }

    /// Records that it has acquired the lock.
    pub(crate) fn gets(&self) {
        LOG.with_borrow_mut(|log| {
            let Log { asked, events, .. } = log;
            let Some(asked) = asked.iter_mut().find(|asked| Some(asked.ticket) == self.number)
            else {
                return;
            };
            asked.resource = asked.wanted();
            asked.standing = Standing::Holds;
            events.push(Event { thread: asked.thread, what: What::Gets(asked.resource.name()) });
        });
    }

    /// Records that the thread waits to hold alone what it holds shared.
    pub(crate) fn upgrades(&self) {
        LOG.with_borrow_mut(|log| {
            let Log { asked, events, .. } = log;
            let Some(asked) = asked.iter_mut().find(|asked| Some(asked.ticket) == self.number)
            else {
                return;
            };
            asked.standing = Standing::Upgrades;
            events.push(Event { thread: asked.thread, what: What::Asks(asked.wanted().name()) });
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
                let gone = asked.remove(at);
                if gone.is_held() && *recording == Recording::On {
                    let what = What::Leaves(gone.resource.name());
                    events.push(Event { thread: gone.thread, what });
                }
            }
        });
    }
}

impl Log {
    fn column(&mut self, task: usize) -> usize {
        match self.threads.iter().position(|thread| thread.task == Some(task)) {
            Some(column) => column,
            None => {
                // The only thread that no scenario starts.
                self.threads.push(Column { task: Some(task), name: "the cache".to_owned() });
                self.threads.len() - 1
            }
        }
    }

    fn name(&self, thread: usize) -> &str {
        &self.threads[thread].name
    }

    /// What the thread waits for, if it is a lock.
    fn waits_for(&self, thread: usize) -> Option<&Asked> {
        self.asked.iter().rfind(|asked| asked.thread == thread && asked.is_waited_for())
    }

    /// What blocks a lock that is requested. Locks are granted first in, first out, so that includes earlier
    /// requests.
    fn obstacles(&self, wanted: &Asked) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|other| {
            other.ticket != wanted.ticket
                && (other.is_held() || other.ticket < wanted.ticket)
                && wanted.wanted().conflicts_with(&other.resource)
        })
    }

    /// Follows the wait-for graph from a waiting thread until a thread repeats.
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
            .filter(|asked| asked.thread == thread && asked.is_held())
            .map(|asked| asked.resource.name())
            .collect();
        held.dedup();
        let holds = if held.is_empty() { "nothing".to_owned() } else { held.join(" and ") };
        let Some(wanted) = self.waits_for(thread) else {
            return format!("{name} holds {holds}, and waits for no lock");
        };
        let wants = wanted.wanted().name();
        let in_the_way: Vec<&Asked> =
            self.obstacles(wanted).filter(|other| other.thread == next).collect();
        let why = match in_the_way.iter().find(|other| other.is_held()) {
            Some(_) if next == thread => "which it holds itself".to_owned(),
            Some(held) if held.resource == wanted.resource => {
                format!("which {} holds", self.name(next))
            }
            Some(held) => format!("where {} holds {}", self.name(next), held.resource.name()),
            None => format!("behind {}, which requested it earlier", self.name(next)),
        };
        format!("{name} holds {holds}, and waits for {wants}, {why}")
    }
}

/// The cycle of threads that wait for each other's locks, if there is one: a sentence for each thread.
pub(crate) fn circle() -> Option<Vec<String>> {
    LOG.with_borrow(|log| {
        let circle = (0..log.threads.len()).find_map(|thread| log.walk(&mut Vec::new(), thread))?;
        let next = circle.iter().cycle().skip(1);
        Some(circle.iter().zip(next).map(|(&one, &two)| log.sentence(one, two)).collect())
    })
}

/// The name of the calling thread.
pub(crate) fn this_thread() -> String {
    let task = this_task();
    LOG.with_borrow_mut(|log| {
        let thread = log.column(task);
        log.name(thread).to_owned()
    })
}

fn this_task() -> usize {
    usize::from(shuttle::current::me())
}
