//! An entry, and what came of running it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use spanlock_page_cache::gallery::{Entry, Explored, Fault, Plan, Strategy};

/// What is shown of an entry.
pub struct Exhibit {
    pub entry: &'static Entry,
    pub broken: Explored,
    pub right: Explored,
}

impl Exhibit {
    pub fn id(&self) -> &'static str {
        self.entry.id
    }

    /// Whether the broken protocol failed, and the correct one survived.
    pub fn holds(&self) -> bool {
        let found = self.broken.finding.as_ref();
        let is_found = found.is_some_and(|found| !matches!(found.fault, Fault::Panic(_)));
        is_found && self.right.finding.is_none()
    }

    /// What was found, in a few words.
    pub fn found(&self) -> String {
        match self.broken.finding.as_ref().map(|finding| &finding.fault) {
            None => "NOTHING".to_owned(),
            Some(Fault::Deadlock(circle)) => match circle.len() {
                1 => "waits for itself".to_owned(),
                threads => format!("deadlock of {threads}"),
            },
            Some(Fault::Violation { rule, .. }) => {
                let cited = rule.split_once(':').map_or(*rule, |(cited, _)| cited);
                format!("against {cited}")
            }
            Some(Fault::NoProgress(_)) => "no progress".to_owned(),
            Some(Fault::Panic(_)) => "A PANIC".to_owned(),
        }
    }

    /// Which schedules the correct protocol survived. How many there are with few preemptions
    /// changes with every step that a path takes more or less, and is left out.
    pub fn survived(&self) -> String {
        let plans = self.entry.right.plans;
        let others: usize =
            plans.iter().filter(|plan| !is_exhaustive(plan)).map(|plan| plan.most).sum();
        match (&self.right.finding, self.right.exhausted) {
            (Some(_), _) => format!("FAILS in schedule {}", grouped(self.right.schedules)),
            (None, Some(_)) if self.right.schedules == 1 => "the only one".to_owned(),
            (None, Some(preemptions)) => {
                format!("all with {preemptions} preemptions or fewer, and {}", grouped(others))
            }
            (None, None) => grouped(others),
        }
    }
}

fn is_exhaustive(plan: &Plan) -> bool {
    matches!(plan.strategy, Strategy::Exhaustive { .. })
}

/// Runs the entries, on two threads: each exploration takes one.
pub fn run(entries: &[&'static Entry]) -> Vec<Exhibit> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let exhibit =
                        Exhibit { entry, broken: entry.broken.run(), right: entry.right.run() };
                    eprintln!(
                        "{:5} broken: {} in {}; right: {} schedules, {}",
                        entry.id,
                        exhibit.found(),
                        grouped(exhibit.broken.schedules),
                        grouped(exhibit.right.schedules),
                        exhibit.survived(),
                    );
                    done.lock().expect("no thread panics here").push(exhibit);
                }
            });
        }
    });
    let mut exhibits = done.into_inner().expect("no thread panicked");
    exhibits.sort_by_key(|exhibit| entries.iter().position(|entry| entry.id == exhibit.id()));
    exhibits
}

/// A number with a comma between thousands.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}
