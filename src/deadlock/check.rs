//! `check_deadlock`: builds the wait-for graph and searches it for cycles.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::ThreadId;

use super::cycles::cycles;
use super::records::{Line, Record, Table, WaitRecord, table};
use super::report::{DeadlockedClaim, ThreadClaim};
use crate::{ClaimState, Mode, Span};

/// Returns the current cycles of threads that wait for each other's claims: at least one cycle for each
/// group of deadlocked threads.
///
/// A cycle is a list of waiting claims, each with the claim that blocks it. The blocking claim belongs to the
/// thread that waits in the next element, and that of the last element to the thread of the first. A thread
/// that waits for itself is a cycle of one. Every call reports a deadlock again for as long as it lasts,
/// which is usually until the process ends.
///
/// # Complexity
///
/// Proportional to the number of waiting threads times the number of held and waiting claims, with the mutex
/// of the table held, which every claim takes.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use std::time::Duration;
/// use spanlock::deadlock::check_deadlock;
///
/// thread::spawn(|| {
///     loop {
///         for (number, cycle) in check_deadlock().iter().enumerate() {
///             eprintln!("deadlock {number}:");
///             cycle.iter().for_each(|claim| eprintln!("{claim}\n{}", claim.waiting().backtrace()));
///         }
///         thread::sleep(Duration::from_secs(10));
///     }
/// });
/// assert!(check_deadlock().is_empty());
/// ```
#[must_use]
pub fn check_deadlock() -> Vec<Vec<DeadlockedClaim>> {
    let table = table();
    let waits: Vec<(u64, &WaitRecord)> =
        table.waiting.iter().map(|(&number, wait)| (number, wait)).collect();
    let nodes: HashMap<ThreadId, usize> =
        waits.iter().enumerate().map(|(node, (_, wait))| (wait.record.thread.id(), node)).collect();
    let ways: Vec<BTreeMap<usize, DeadlockedClaim>> =
        waits.iter().map(|&(number, wait)| ways_from(number, wait, &table, &nodes)).collect();
    let edges: Vec<Vec<usize>> = ways.iter().map(|way| way.keys().copied().collect()).collect();
    let claims_of = |cycle: Vec<usize>| {
        let next = cycle.iter().cycle().skip(1);
        cycle.iter().zip(next).map(|(&from, to)| ways[from][to].clone()).collect()
    };
    cycles(&edges).into_iter().map(claims_of).collect()
}

/// The edges of a node: the threads that must release a claim before the wait can end, each with that claim.
fn ways_from(
    number: u64,
    wait: &WaitRecord,
    table: &Table,
    nodes: &HashMap<ThreadId, usize>,
) -> BTreeMap<usize, DeadlockedClaim> {
    let held = table.held.values().map(|record| (record, ClaimState::Held));
    let ahead = table.waiting.iter().filter(|&(&other, ahead)| match (wait.line, ahead.line) {
        (Line::Passes, _) | (_, Line::Patient) => false,
        (Line::Due, Line::Due) => other < number,
        (Line::Patient, Line::Due) | (Line::Patient | Line::Due, Line::Passes) => true,
    });
    let ahead = ahead.map(|(_, ahead)| (&ahead.record, ClaimState::Waiting));
    let mut ways = BTreeMap::new();
    for (record, state) in held.chain(ahead) {
        let node = nodes.get(&record.thread.id());
        if let (Some(&node), Some(parts)) = (node, conflict(&wait.record, record)) {
            ways.entry(node).or_insert_with(|| claim(&wait.record, record, state, parts));
        }
    }
    ways
}

/// The claims of threads on one lock, held and waiting, by ascending start.
pub(crate) fn claims_on(lock: usize) -> Vec<ThreadClaim> {
    let table = table();
    let held = table.held.values().map(|record| (record, ClaimState::Held));
    let waiting = table.waiting.values().map(|wait| (&wait.record, ClaimState::Waiting));
    let ours = held.chain(waiting).filter(|(record, _)| record.lock == lock);
    let claims = ours.flat_map(|(record, state)| {
        record.parts.iter().map(move |&part| thread_claim(record, state, part))
    });
    let mut claims: Vec<ThreadClaim> = claims.collect();
    claims.sort_by_key(|claim| (claim.range.start, claim.range.end, claim.since));
    claims
}

type Part = (Span, Mode);

/// A part of each of two claims, so that these parts conflict.
fn conflict(one: &Record, other: &Record) -> Option<(Part, Part)> {
    if one.lock != other.lock {
        return None;
    }
    let pairs = one.parts.iter().flat_map(|a| other.parts.iter().map(move |b| (*a, *b)));
    pairs.into_iter().find(|(a, b)| a.0.overlaps(b.0) && a.1.conflicts_with(b.1))
}

fn claim(
    wait: &Record,
    blocker: &Record,
    state: ClaimState,
    parts: (Part, Part),
) -> DeadlockedClaim {
    DeadlockedClaim {
        lock: wait.lock,
        waiting: thread_claim(wait, ClaimState::Waiting, parts.0),
        blocker: thread_claim(blocker, state, parts.1),
    }
}

fn thread_claim(record: &Record, state: ClaimState, (span, mode): Part) -> ThreadClaim {
    ThreadClaim {
        range: span.range(),
        mode,
        state,
        thread: record.thread.clone(),
        since: record.since,
        location: (state == ClaimState::Held).then_some(record.location),
        backtrace: Arc::clone(&record.backtrace),
    }
}
