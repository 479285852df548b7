//! `Bounded`: every schedule with few preemptions, one after another.
//!
//! A switch away from a thread that could have continued is a preemption; a switch away from a
//! thread that waits, yields or ends is not. Most bugs of this kind need one or two (Musuvathi and
//! Qadeer, 2007), and there are few enough schedules with so few preemptions to try them all.
//!
//! It is meant for two threads: of three or more, two that spin could yield to each other forever.

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId as Thread};

/// A depth-first walk through the choices.
pub(super) struct Bounded {
    preemptions: usize,
    /// The choices that led to where the current schedule is, and then on to where the last one was.
    path: Vec<Choice>,
    depth: usize,
    preempted: usize,
    begun: bool,
}

struct Choice {
    options: Vec<Thread>,
    taken: usize,
}

impl Bounded {
    pub(super) fn new(preemptions: usize) -> Bounded {
        Bounded { preemptions, path: Vec::new(), depth: 0, preempted: 0, begun: false }
    }

    /// The threads that may run next, the running one first. So the first schedule has no
    /// preemption, and a failing schedule is found with few.
    fn options(&self, runnable: &[&Task], current: Option<Thread>) -> Vec<Thread> {
        let mut options: Vec<Thread> = runnable.iter().map(|thread| thread.id()).collect();
        if let Some(at) = options.iter().position(|&thread| Some(thread) == current) {
            options.swap(0, at);
            if self.preempted == self.preemptions {
                options.truncate(1);
            }
        }
        options
    }
}

impl Scheduler for Bounded {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.begun {
            while let Some(last) = self.path.last_mut() {
                last.taken += 1;
                if last.taken < last.options.len() {
                    break;
                }
                self.path.pop();
            }
            if self.path.is_empty() {
                return None;
            }
        }
        self.begun = true;
        (self.depth, self.preempted) = (0, 0);
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<Thread>,
        is_yielding: bool,
    ) -> Option<Thread> {
        // A thread that yields waits for another, so it cannot continue, and a switch is no
        // preemption.
        let current = current.filter(|_| !is_yielding);
        let willing: Vec<&Task> = match runnable {
            [_] => runnable.to_vec(),
            _ => runnable
                .iter()
                .filter(|thread| !is_yielding || Some(thread.id()) != self.last())
                .copied()
                .collect(),
        };
        let options = self.options(&willing, current);
        if self.depth == self.path.len() {
            self.path.push(Choice { options, taken: 0 });
        } else {
            assert_eq!(self.path[self.depth].options, options, "a scenario is not deterministic");
        }
        let choice = &self.path[self.depth];
        let next = choice.options[choice.taken];
        let could_go_on = current.is_some_and(|current| choice.options.contains(&current));
        if could_go_on && Some(next) != current {
            self.preempted += 1;
        }
        self.depth += 1;
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

impl Bounded {
    /// The thread that was chosen last.
    fn last(&self) -> Option<Thread> {
        let choice = self.path.get(self.depth.checked_sub(1)?)?;
        choice.options.get(choice.taken).copied()
    }
}
