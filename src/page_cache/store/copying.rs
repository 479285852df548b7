//! What a store has no call of its own for, done by reading and writing.

use std::io;

use super::Store;
use super::shift::Shift;
use super::whole::{read_full, shrunk, too_large, write_full};
use crate::page_cache::error::{MAX_LEN, described};

/// The most bytes that are moved at once.
const CHUNK: u64 = 256 << 10;

/// Writes zeroes.
pub(super) fn zero<S: Store + ?Sized>(store: &S, offset: u64, len: u64) -> io::Result<()> {
    let zeroes = vec![0; len.min(CHUNK) as usize];
    for_each_part(offset, len, most(store), |at, part| {
        write_full(store, &zeroes[..part], at).map_err(|(_, error)| error)
    })
}

/// Writes back what is read: a hole then has blocks, and so has what lay past the end.
pub(super) fn allocate<S: Store + ?Sized>(store: &S, offset: u64, len: u64) -> io::Result<()> {
    let mut bytes = vec![0; len.min(CHUNK) as usize];
    for_each_part(offset, len, most(store), |at, part| {
        let bytes = &mut bytes[..part];
        let found = read_full(store, bytes, at)?;
        bytes[found..].fill(0);
        write_full(store, bytes, at).map_err(|(_, error)| error)
    })
}

/// Moves what lies behind the range to its start, and cuts the rest off.
pub(super) fn collapse<S: Store + ?Sized>(store: &S, offset: u64, len: u64) -> io::Result<()> {
    let end = store.len()?;
    let shorter = Shift::Collapse.check(offset, len, end, most(store))?;
    let shift = Move { from: offset + len, to: offset, len: shorter - offset };
    let moved = shift.run(store);
    let outcome = moved.and_then(|()| store.set_len(shorter).map_err(|error| (shift.len, error)));
    outcome.map_err(|(done, error)| match shift.undo(store, done, error) {
        Undone::Whole(error) | Undone::Stuck(error) => error,
    })
}

/// Moves what lies behind the offset towards the end, and makes a hole there.
pub(super) fn insert<S: Store + ?Sized>(store: &S, offset: u64, len: u64) -> io::Result<()> {
    let end = store.len()?;
    let longer = Shift::Insert.check(offset, len, end, most(store))?;
    store.set_len(longer)?;
    let shift = Move { from: offset, to: offset + len, len: end - offset };
    let moved = shift.run(store);
    let outcome =
        moved.and_then(|()| store.punch_hole(offset, len).map_err(|error| (shift.len, error)));
    outcome.map_err(|(done, error)| match shift.undo(store, done, error) {
        Undone::Whole(error) => {
            // A store that fails at this too has a length that says so.
            let _ = store.set_len(end);
            error
        }
        // What is behind the old end may be nowhere else.
        Undone::Stuck(error) => error,
    })
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

/// Bytes on their way to another offset.
struct Move {
    from: u64,
    to: u64,
    len: u64,
}

/// What became of a move that failed, and the error to tell.
enum Undone {
    /// All that was moved is back.
    Whole(io::Error),
    /// That failed too.
    Stuck(io::Error),
}

impl Move {
    /// Moves the bytes, in an order in which none is overwritten before it was moved: from the
    /// front if they go towards the start, else from the back. An error comes with how many were
    /// moved.
    ///
    /// A part is no longer than the way, so a write that fails half way through has overwritten
    /// only what had been moved before, or what the move overwrites for good.
    fn run<S: Store + ?Sized>(&self, store: &S) -> Result<(), (u64, io::Error)> {
        let most = self.from.abs_diff(self.to).min(self.len).min(CHUNK);
        let mut bytes = vec![0; most as usize];
        let mut done = 0;
        while done < self.len {
            let part = most.min(self.len - done);
            let at = if self.to < self.from { done } else { self.len - done - part };
            let bytes = &mut bytes[..part as usize];
            move_part(store, bytes, self.from + at, self.to + at).map_err(|error| (done, error))?;
            done += part;
        }
        Ok(())
    }

    /// Moves back the first `done` bytes that were moved.
    fn undo<S: Store + ?Sized>(&self, store: &S, done: u64, error: io::Error) -> Undone {
        let at = if self.to < self.from { 0 } else { self.len - done };
        let back = Move { from: self.to + at, to: self.from + at, len: done };
        match back.run(store) {
            Ok(()) => Undone::Whole(error),
            Err((_, second)) => {
                let message = format!("{error}; what had been moved is not back: {second}");
                Undone::Stuck(described(&error, message))
            }
        }
    }
}

/// Moves bytes that fit into a buffer; a hole stays one.
fn move_part<S: Store + ?Sized>(store: &S, bytes: &mut [u8], from: u64, to: u64) -> io::Result<()> {
    let found = read_full(store, bytes, from)?;
    if found < bytes.len() {
        return Err(shrunk(from + found as u64, from + bytes.len() as u64));
    }
    if bytes.iter().all(|&byte| byte == 0) {
        return store.punch_hole(to, bytes.len() as u64);
    }
    write_full(store, bytes, to).map_err(|(_, error)| error)
}
