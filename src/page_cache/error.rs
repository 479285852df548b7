//! Errors that name the request they are about.

use std::error::Error;
use std::fmt;
use std::io;

/// What a caller asked of a file, for its errors to name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) operation: &'static str,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl Request {
    pub(super) fn new(operation: &'static str, offset: u64, len: u64) -> Request {
        Request { operation, offset, len }
    }

    /// The error, with the request named before it; its kind stays.
    pub(super) fn failed(self, cause: impl Into<io::Error>) -> io::Error {
        let cause = cause.into();
        io::Error::new(cause.kind(), RequestError { request: self, cause })
    }

    /// The end of the range, which must be an offset that a file can have.
    pub(super) fn end(self) -> io::Result<u64> {
        match self.offset.checked_add(self.len) {
            Some(end) if end <= MAX_LEN => Ok(end),
            _ => Err(self.failed(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("a file ends at {MAX_LEN} at the latest"),
            ))),
        }
    }
}

/// The longest that a file can be, as the systems below have it.
pub(super) const MAX_LEN: u64 = i64::MAX as u64;

#[derive(Debug)]
struct RequestError {
    request: Request,
    cause: io::Error,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { operation, offset, len } = self.request;
        write!(f, "{operation} of {len} bytes at {offset}: {}", self.cause)
    }
}

impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// An error that happened once and is told to many.
#[derive(Clone, Debug)]
pub(super) struct Told {
    kind: io::ErrorKind,
    message: String,
}

impl From<&io::Error> for Told {
    fn from(error: &io::Error) -> Told {
        Told { kind: error.kind(), message: error.to_string() }
    }
}

impl From<Told> for io::Error {
    fn from(told: Told) -> io::Error {
        io::Error::new(told.kind, told.message)
    }
}
