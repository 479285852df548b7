//! Shifts: a range is removed from a store, or a hole is inserted, and everything after it moves.
//!
//! This only checks whether a shift is valid. The bytes are moved by reads and writes in
//! `store/defaults.rs`, or by the kernel (`store/fallocate.rs`), or by a store that can do it in
//! another way, as `MemStore` does.

use std::io;

use crate::PAGE_SIZE;

const PAGE: u64 = PAGE_SIZE as u64;

/// The direction in which the bytes after the range move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    /// Towards the start, over the range.
    Collapse,
    /// Towards the end, out of the range.
    Insert,
}

impl Shift {
    /// How long a file of `size` bytes is after the shift; an error if it cannot be shifted so, or
    /// would be longer than `most`.
    pub(crate) fn check(self, offset: u64, len: u64, size: u64, most: u64) -> io::Result<u64> {
        let whole_pages = offset.is_multiple_of(PAGE) && len.is_multiple_of(PAGE);
        match self {
            _ if !whole_pages => {
                Err(invalid(format!("offset and length must be multiples of {PAGE} bytes")))
            }
            Shift::Collapse if offset.checked_add(len).is_none_or(|end| end >= size) => Err(
                invalid(format!("the range must end before the end of the file, at {size} bytes")),
            ),
            Shift::Collapse => Ok(size - len),
            Shift::Insert if offset >= size => Err(invalid(format!(
                "the offset must lie before the end of the file, at {size} bytes"
            ))),
            Shift::Insert => match size.checked_add(len) {
                Some(longer) if longer <= most => Ok(longer),
                _ => {
                    let message = format!("the file has {size} bytes, and can have at most {most}");
                    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
                }
            },
        }
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
