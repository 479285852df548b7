//! Complete requests, to a store that may do a part of one.

use std::io;

use super::Store;
use crate::unwind;

/// How often one request is interrupted before that is its error.
const MOST_INTERRUPTIONS: u32 = 1000;

/// Reads until `bytes` is full or the store has no more.
pub(crate) fn read_full<S: Store + ?Sized>(
    store: &S,
    bytes: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    let (mut done, mut interruptions) = (0, 0);
    while done < bytes.len() {
        match store.read_at(&mut bytes[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(part) if part > bytes.len() - done => return Err(overrun(part, bytes.len() - done)),
            Ok(part) => done += part,
            Err(error) => unless_interrupted(error, &mut interruptions)?,
        }
    }
    Ok(done)
}

/// Writes all of `bytes`, and says how far it came if it cannot.
pub(crate) fn write_full<S: Store + ?Sized>(
    store: &S,
    bytes: &[u8],
    offset: u64,
) -> Result<(), (usize, io::Error)> {
    let (mut done, mut interruptions) = (0, 0);
    while done < bytes.len() {
        match store.write_at(&bytes[done..], offset + done as u64) {
            Ok(0) => return Err((done, wrote_nothing(bytes.len() - done))),
            Ok(part) if part > bytes.len() - done => {
                return Err((done, overrun(part, bytes.len() - done)));
            }
            Ok(part) => done += part,
            Err(error) => {
                unless_interrupted(error, &mut interruptions).map_err(|error| (done, error))?;
            }
        }
    }
    Ok(())
}

fn wrote_nothing(asked: usize) -> io::Error {
    let message = format!("the store wrote 0 of {asked} bytes");
    io::Error::new(io::ErrorKind::WriteZero, message)
}

/// A request that ends past what a store can hold.
pub(super) fn too_large(most: u64) -> io::Error {
    let message = format!("the store can hold at most {most} bytes");
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

/// The error of a request, unless the request was interrupted and is to be repeated.
pub(super) fn unless_interrupted(error: io::Error, interruptions: &mut u32) -> io::Result<()> {
    *interruptions += 1;
    if error.kind() != io::ErrorKind::Interrupted || *interruptions >= MOST_INTERRUPTIONS {
        return Err(error);
    }
    unwind::discard(error);
    Ok(())
}

fn overrun(part: usize, asked: usize) -> io::Error {
    let message = format!("the store reported {part} bytes for a request of {asked}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// A store that ends where it is known to have held more.
pub(crate) fn shrunk(end: u64, held: u64) -> io::Error {
    let message = format!("the store ends at {end} bytes, but held {held} bytes before");
    io::Error::new(io::ErrorKind::UnexpectedEof, message)
}
