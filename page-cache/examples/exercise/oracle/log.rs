//! The last operations that touched a shard, for the report of a finding.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use crate::oracle::allowed_versions::{IN_FLIGHT, Tick};
use crate::workload::op::Op;

/// How many operations a shard remembers.
const KEPT: usize = 32;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Running,
    Done,
    /// It read or wrote this many bytes, and not all.
    Short(usize),
    Failed,
}

/// One operation, and when it began and ended.
#[derive(Clone, Debug)]
pub struct Entry {
    pub op: Op,
    pub begun: Tick,
    pub ended: Tick,
    pub outcome: Outcome,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tick {:>6} to ", self.begun)?;
        match self.ended {
            IN_FLIGHT => write!(f, "{:<6}", "...")?,
            ended => write!(f, "{ended:<6}")?,
        }
        write!(f, "  {}", self.op)?;
        match self.outcome {
            Outcome::Running | Outcome::Done => Ok(()),
            Outcome::Short(bytes) => write!(f, ": {bytes} bytes"),
            Outcome::Failed => write!(f, ": failed"),
        }
    }
}

#[derive(Default)]
pub(super) struct Log(VecDeque<Entry>);

impl Log {
    pub(super) fn begin(&mut self, op: &Op, begun: Tick) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let op = op.clone();
        self.0.push_back(Entry { op, begun, ended: IN_FLIGHT, outcome: Outcome::Running });
    }

    pub(super) fn end(&mut self, op: &Op, ended: Tick, outcome: Outcome) {
        if let Some(entry) = self.0.iter_mut().rev().find(|entry| entry.op.is(op)) {
            entry.ended = ended;
            entry.outcome = outcome;
        }
    }

    /// The remembered operations that touched `bytes`, the oldest first.
    pub(super) fn entries_of(&self, bytes: &Range<u64>) -> Vec<Entry> {
        let touches = |op: &Op| op.bytes.start < bytes.end && bytes.start < op.bytes.end;
        self.0.iter().filter(|entry| touches(&entry.op)).cloned().collect()
    }
}
