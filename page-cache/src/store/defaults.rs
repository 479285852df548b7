//! The default implementations of [`Store`]'s methods, and what stores without a system call use:
//! by reading and writing.

use std::io;
use std::ops::Range;

use super::Store;
use super::full_requests::{read_full, shrunk, too_large, write_full};
use super::shift::Shift;
use crate::PAGE_SIZE;
use crate::error::{MAX_LEN, SharedError, described};
use crate::unwind;

const PAGE: u64 = PAGE_SIZE as u64;

/// The most bytes that are moved by one read and write.
const CHUNK: u64 = 256 << 10;

/// Writes zeroes.
pub(super) fn zero<S: Store + ?Sized>(store: &S, offset: u64, len: u64) -> io::Result<()> {
    let zeroes = vec![0; len.min(CHUNK) as usize];
    for_each_part(offset, len, most(store), |at, part| {
        write_full(store, &zeroes[..part], at).map_err(|(_, error)| error)
    })
}

/// Reads the range and writes it back. After that holes have blocks, and so has the part past the end.
pub(super) fn allocate<S: Store + ?Sized>(store: &S, offset: u64, len: u64) -> io::Result<()> {
    let mut bytes = vec![0; len.min(CHUNK) as usize];
    for_each_part(offset, len, most(store), |at, part| {
        let bytes = &mut bytes[..part];
        let found = read_full(store, bytes, at)?;
        bytes[found..].fill(0);
        write_full(store, bytes, at).map_err(|(_, error)| error)
    })
}

/// Allocates within the store; fails for a range past its end.
pub(super) fn reserve<S: Store + ?Sized>(store: &S, offset: u64, len: u64) -> io::Result<()> {
    let end = offset.saturating_add(len);
    if end > store.len()? && len > 0 {
        let message = "the store cannot have blocks past its end";
        return Err(io::Error::new(io::ErrorKind::Unsupported, message));
    }
    store.allocate(offset, len)
}

/// Moves the bytes after the range to its start, and truncates the store.
pub(super) fn collapse<S: Store + ?Sized>(store: &S, offset: u64, len: u64) -> io::Result<()> {
    let end = store.len()?;
    let shorter = Shift::Collapse.check(offset, len, end, most(store))?;
    if len == 0 {
        return Ok(());
    }
    let shift = Move::new(store, offset + len, offset, shorter - offset);
    let moved = shift.run(store);
    let cut = || caught(|| store.set_len(shorter)).map_err(|error| (shift.len, error));
    let outcome = moved.and_then(|()| cut());
    outcome.map_err(|(done, error)| match shift.undo(store, done, error) {
        Undone::Whole(error) | Undone::Stuck(error) => error,
    })
}

/// Moves the bytes after the offset towards the end, and makes a hole at the offset.
pub(super) fn insert<S: Store + ?Sized>(store: &S, offset: u64, len: u64) -> io::Result<()> {
    let end = store.len()?;
    let longer = Shift::Insert.check(offset, len, end, most(store))?;
    if len == 0 {
        return Ok(());
    }
    let shift = Move::new(store, offset, offset + len, end - offset);
    store.set_len(longer)?;
    let moved = shift.run(store);
    let clear = || caught(|| store.punch_hole(offset, len)).map_err(|error| (shift.len, error));
    let outcome = moved.and_then(|()| clear());
    outcome.map_err(|(done, error)| match shift.undo(store, done, error) {
        Undone::Whole(error) => match caught(|| store.set_len(end)) {
            Ok(()) => error,
            Err(second) => {
                let second = SharedError::from(second);
                described(error, |error| {
                    format!("{error}; the store kept {len} more bytes: {second}")
                })
            }
        },
        // The bytes past the old end may be in no other place.
        Undone::Stuck(error) => error,
    })
}

/// Converts a panic of a store to an error, so that what was begun is undone.
fn caught<T>(request: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    unwind::catch_as_error("the store", request)
}

/// How long a store can be.
fn most<S: Store + ?Sized>(store: &S) -> u64 {
    store.max_len().min(MAX_LEN)
}

fn for_each_part(
    offset: u64,
    len: u64,
    most: u64,
    mut run: impl FnMut(u64, usize) -> io::Result<()>,
) -> io::Result<()> {
    let end = offset.checked_add(len).filter(|&end| end <= most).ok_or_else(|| too_large(most))?;
    let mut at = offset;
    while at < end {
        let part = (end - at).min(CHUNK);
        run(at, part as usize)?;
        at += part;
    }
    Ok(())
}

/// Bytes that are moved to another offset.
struct Move {
    from: u64,
    to: u64,
    len: u64,
    /// The parts that have no blocks, according to the store, and get none at their new place.
    holes: Vec<Range<u64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Hole,
    Blocks,
}

/// The effect of a failed move, and the error to return.
enum Undone {
    /// All bytes that were moved are in their old place again.
    Whole(io::Error),
    /// Moving them back failed too.
    Stuck(io::Error),
}

impl Move {
    fn new<S: Store + ?Sized>(store: &S, from: u64, to: u64, len: u64) -> Move {
        // A store that fails here reports no holes.
        let holes = caught(|| store.holes(from..from + len)).map_err(unwind::discard);
        let holes = holes.ok().flatten().unwrap_or_default();
        Move { from, to, len, holes }
    }

    /// Moves the bytes, in an order in which none is overwritten before it was moved: from the first if they
    /// move towards the start, otherwise from the last. An error comes with how many were moved.
    ///
    /// A part is no longer than the distance. So a write that fails half way through has overwritten only bytes
    /// that had been moved before, or that the move is meant to replace.
    fn run<S: Store + ?Sized>(&self, store: &S) -> Result<(), (u64, io::Error)> {
        debug_assert!(self.from != self.to || self.len == 0, "a move by no byte never ends");
        let most = self.from.abs_diff(self.to).min(self.len).min(CHUNK);
        let mut bytes = vec![0; most as usize];
        let mut done = 0;
        while done < self.len {
            // If the last bytes are moved first, the part that is not a whole page comes first, so that all others are
            // whole pages.
            let within = if self.to > self.from && done == 0 { self.len % PAGE } else { 0 };
            let part = most.min(if within > 0 { within } else { self.len - done });
            let at = if self.to < self.from { done } else { self.len - done - part };
            let bytes = &mut bytes[..part as usize];
            caught(|| self.move_part(store, bytes, at)).map_err(|error| (done, error))?;
            done += part;
        }
        Ok(())
    }

    /// Moves back the first `done` bytes that were moved.
    fn undo<S: Store + ?Sized>(&self, store: &S, done: u64, error: io::Error) -> Undone {
        let at = if self.to < self.from { 0 } else { self.len - done };
        let back = Move::new(store, self.to + at, self.from + at, done);
        match back.run(store) {
            Ok(()) => Undone::Whole(error),
            Err((moved_back, second)) => {
                let second = SharedError::from(second);
                let left = done - moved_back;
                // The first bytes are moved back last if they move towards the end then.
                let at = if self.to < self.from { at } else { at + moved_back };
                let (from, to) = (self.from + at, self.to + at);
                Undone::Stuck(described(error, |error| {
                    format!(
                        "{error}; moving the bytes back failed: {second}; \
                         {left} bytes from {from} on are at {to} instead"
                    )
                }))
            }
        }
    }

    /// Moves the bytes that fit into a buffer, from `at` bytes after the start. A hole stays a hole. Bytes that may
    /// have blocks, also zeroes, get blocks at their new place.
    fn move_part<S: Store + ?Sized>(&self, store: &S, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let (from, to) = (self.from + at, self.to + at);
        let found = read_full(store, bytes, from)?;
        if found < bytes.len() {
            return Err(shrunk(from + found as u64, from + bytes.len() as u64));
        }
        for (run, content) in self.runs(bytes, from) {
            let (start, bytes) = (to + run.start as u64, &bytes[run]);
            match content {
                Content::Hole => store.punch_hole(start, bytes.len() as u64)?,
                Content::Blocks if is_zero(bytes) => store.zero_range(start, bytes.len() as u64)?,
                Content::Blocks => write_full(store, bytes, start).map_err(|(_, error)| error)?,
            }
        }
        Ok(())
    }

    /// Splits what was read at `from` into runs of pages that are holes, and runs of others.
    fn runs(&self, bytes: &[u8], from: u64) -> Vec<(Range<usize>, Content)> {
        let mut runs: Vec<(Range<usize>, Content)> = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let at = from + start as u64;
            let end = bytes.len().min(start + (PAGE - at % PAGE) as usize);
            // Bytes that are not zero are moved as data, even if the store reports a hole there.
            let hole = is_zero(&bytes[start..end]) && self.is_hole(at..from + end as u64);
            let content = if hole { Content::Hole } else { Content::Blocks };
            match runs.last_mut().filter(|(_, last)| *last == content) {
                Some((run, _)) => run.end = end,
                None => runs.push((start..end, content)),
            }
            start = end;
        }
        runs
    }

    fn is_hole(&self, range: Range<u64>) -> bool {
        let next = self.holes.partition_point(|hole| hole.end < range.end);
        self.holes.get(next).is_some_and(|hole| hole.start <= range.start)
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}
