//! Findings: results that are wrong.

use std::fmt;
use std::io;
use std::ops::{Range, RangeInclusive};

use crate::oracle::Entry;
use crate::oracle::allowed_versions::Version;
use crate::oracle::page_atomicity::TornPage;
use crate::oracle::stamp::{Found, SECTOR};

/// The number of findings that are kept. Further ones are only counted.
const KEPT: usize = 16;

/// Something that a correct file does not do.
#[derive(Debug)]
pub struct Finding {
    /// Where it was found: by an operation, or by the comparison of the file at the end.
    pub seen_by: String,
    pub what: What,
    /// The last operations that touched the place, the oldest first.
    pub history: Vec<Entry>,
}

/// The findings: the first few in full, and the number of all.
#[derive(Debug, Default)]
pub struct Findings {
    pub first: Vec<Finding>,
    pub count: u64,
}

impl Findings {
    pub fn push(&mut self, finding: Finding) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(finding);
        }
    }
}

/// What is wrong.
#[derive(Debug)]
pub enum What {
    /// Bytes of one sector that match none of the versions which may be there.
    Bytes { bytes: Range<u64>, expected: Vec<Version>, found: Found },
    /// A page of which some bytes are newer than one write to it, and others older.
    TornPage(Box<TornPage>),
    /// More bytes than the file has, or too few.
    Count { expected: RangeInclusive<u64>, found: u64 },
    /// A length that the file cannot have.
    Len { expected: RangeInclusive<u64>, found: u64 },
    /// An access to pages past the end succeeded.
    PastEnd { end: u64, len: u64 },
    /// An error without a reason.
    Refused(io::Error),
    /// Two requests to the store that should have excluded each other.
    Collision(String),
    /// Tags that a page cannot have.
    Tags(String),
    /// The operation did not end.
    Stuck { seconds: u64 },
    /// The operation panicked.
    Panicked(String),
}

impl Finding {
    /// Tags that are wrong, found at the end of `seen_by` or earlier.
    pub fn of_tags(seen_by: &str, wrong: String) -> Finding {
        Finding { seen_by: seen_by.to_owned(), what: What::Tags(wrong), history: Vec::new() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Bytes { bytes, expected, found } => {
                let sector = bytes.start - bytes.start % SECTOR as u64;
                let within = bytes.start - sector..bytes.end - sector;
                writeln!(f, "sector {} (offset {sector})", sector / SECTOR as u64)?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  bytes     {} to {}", within.start, within.end)?;
                for (index, version) in expected.iter().enumerate() {
                    let label = if index == 0 { "expected" } else { "or" };
                    writeln!(f, "  {label:<9} {version}")?;
                }
                writeln!(f, "  found     {found}")?;
            }
            What::TornPage(torn) => {
                let TornPage { newer, older } = &**torn;
                writeln!(f, "a torn page (sector {})", older.0.start / SECTOR as u64)?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  found     {}..{}: {}", newer.0.start, newer.0.end, newer.1)?;
                writeln!(f, "  but       {}..{}: {}", older.0.start, older.0.end, older.1)?;
                writeln!(f, "  expected  at {} the newer version, or a later one", older.0.start)?;
            }
            What::Count { expected, found } => {
                writeln!(f, "a wrong count")?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  expected  {}", Between(expected))?;
                writeln!(f, "  found     {found} bytes")?;
            }
            What::Len { expected, found } => {
                writeln!(f, "a wrong length")?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  expected  {}", Between(expected))?;
                writeln!(f, "  found     {found} bytes")?;
            }
            What::PastEnd { end, len } => {
                writeln!(f, "access past the end")?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  expected  an error: the file has {len} bytes at most")?;
                writeln!(f, "  found     success up to {end}")?;
            }
            What::Refused(error) => {
                writeln!(f, "an unexpected error")?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  expected  success")?;
                writeln!(f, "  found     {error}")?;
            }
            What::Collision(requests) => {
                writeln!(f, "requests that collide")?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  expected  one after the other")?;
                writeln!(f, "  found     {requests}")?;
            }
            What::Tags(found) => {
                writeln!(f, "wrong tags")?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  found     {found}")?;
            }
            What::Stuck { seconds } => {
                writeln!(f, "no progress")?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  expected  an end")?;
                writeln!(f, "  found     none after {seconds} seconds")?;
            }
            What::Panicked(message) => {
                writeln!(f, "a panic")?;
                writeln!(f, "  seen by   {}", self.seen_by)?;
                writeln!(f, "  found     {message}")?;
            }
        }
        if !self.history.is_empty() {
            writeln!(f, "  last operations that touched it:")?;
            for entry in &self.history {
                writeln!(f, "    {entry}")?;
            }
        }
        Ok(())
    }
}

struct Between<'a>(&'a RangeInclusive<u64>);

impl fmt::Display for Between<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.start(), self.0.end()) {
            (start, end) if start == end => write!(f, "{start} bytes"),
            (start, end) => write!(f, "{start} to {end} bytes"),
        }
    }
}
