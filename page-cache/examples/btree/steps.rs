//! Steps: how a change of a page is logged.
//!
//! An entry that is inserted into a node moves the entries after it. That is logged as a move. The bytes that the move
//! changes are half of the page on average.

use std::ops::Range;

use crate::checksum::SUM_AT;
use crate::node::{read_u64, write_u64};

/// The bytes of a page that are logged: all after the position, except for the checksum.
const LOGGED: Range<usize> = 8..SUM_AT;

/// One step of a change. The bytes of a `Write` are taken from the page when the change is logged. So bytes must not be
/// moved after they were written, unless the page is logged as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Write { at: usize, len: usize },
    Move { to: usize, len: usize, from: usize },
}

/// The bytes of a page, and the steps by which they were changed.
pub struct Noted<'a> {
    pub bytes: &'a mut [u8],
    pub steps: &'a mut Vec<Step>,
}

impl Noted<'_> {
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.steps.push(Step::Write { at, len: bytes.len() });
    }

    pub fn write_u64(&mut self, at: usize, number: u64) {
        self.write(at, &number.to_le_bytes());
    }

    pub fn move_within(&mut self, from: Range<usize>, to: usize) {
        let (from, len) = (from.start, from.len());
        self.bytes.copy_within(from..from + len, to);
        self.steps.push(Step::Move { to, len, from });
    }

    /// Zeroes all bytes that are logged. The page is then logged as a whole.
    pub fn clear(&mut self) {
        self.bytes[LOGGED].fill(0);
        self.steps.push(WHOLE);
    }
}

const WHOLE: Step = Step::Write { at: LOGGED.start, len: LOGGED.end - LOGGED.start };

/// Marks a step in a record as a move.
const MOVE: u16 = 1 << 15;

/// Adds the steps of a page to a record: the page's number, the number of steps, and each step.
pub fn log(steps: &[Step], number: u64, page: &[u8], record: &mut Vec<u8>) {
    record.extend(number.to_le_bytes());
    record.extend((steps.len() as u16).to_le_bytes());
    for step in steps {
        let number = |number: usize| (number as u16).to_le_bytes();
        match *step {
            Step::Write { at, len } => {
                record.extend([number(at), number(len)].as_flattened());
                record.extend(&page[at..at + len]);
            }
            Step::Move { to, len, from } => {
                let to = MOVE | to as u16;
                record.extend([to.to_le_bytes(), number(len), number(from)].as_flattened());
            }
        }
    }
}

/// The steps to log for a page that had the position `before`: the whole page, if that position is not after `redo`.
pub fn logged(steps: &[Step], before: u64, redo: u64) -> &[Step] {
    if before <= redo || steps.contains(&WHOLE) { &[WHOLE] } else { steps }
}

/// The steps of one page in a record.
#[derive(Clone, Copy)]
pub struct Logged<'a> {
    pub page: u64,
    count: usize,
    steps: &'a [u8],
}

impl<'a> Logged<'a> {
    /// Removes the steps of the first page from the rest of a record, and returns them.
    pub fn take(record: &mut &'a [u8]) -> Option<Logged<'a>> {
        let (head, rest) = record.split_at_checked(10)?;
        let (page, count) = (read_u64(head, 0), usize::from(read_u16(head, 8)));
        let mut end = rest;
        for _ in 0..count {
            take_step(&mut end);
        }
        let steps = &rest[..rest.len() - end.len()];
        *record = end;
        Some(Logged { page, count, steps })
    }

    /// All bytes that are logged of a page, if the page was logged as a whole.
    pub fn whole(self) -> Option<&'a [u8]> {
        let mut rest = self.steps;
        match take_step(&mut rest) {
            (step, bytes) if step == WHOLE && self.count == 1 => Some(bytes),
            _ => None,
        }
    }

    /// Repeats the steps on a page.
    pub fn redo(self, page: &mut [u8]) {
        let mut rest = self.steps;
        for _ in 0..self.count {
            match take_step(&mut rest) {
                (Step::Write { at, len }, bytes) => page[at..at + len].copy_from_slice(bytes),
                (Step::Move { to, len, from }, _) => page.copy_within(from..from + len, to),
            }
        }
    }
}

/// Removes the first of some steps, and returns it with its bytes.
fn take_step<'a>(rest: &mut &'a [u8]) -> (Step, &'a [u8]) {
    let (to, len) = (read_u16(rest, 0), usize::from(read_u16(rest, 2)));
    let (step, head, bytes) = match to & MOVE {
        0 => (Step::Write { at: usize::from(to), len }, 4, len),
        _ => {
            let (to, from) = (usize::from(to & !MOVE), usize::from(read_u16(rest, 4)));
            (Step::Move { to, len, from }, 6, 0)
        }
    };
    let bytes = &rest[head..head + bytes];
    *rest = &rest[head + bytes.len()..];
    (step, bytes)
}

fn read_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// A page as recovery writes it without reading it.
pub fn whole_page(position: u64, bytes: &[u8]) -> Vec<u8> {
    let mut page = vec![0; spanlock_page_cache::PAGE_SIZE];
    write_u64(&mut page, 0, position);
    page[LOGGED].copy_from_slice(bytes);
    page
}
