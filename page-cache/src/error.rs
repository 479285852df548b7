//! Requests, as errors name them, and errors that keep an errno until the caller gets it.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::unwind;

/// A request of a caller to a file, as errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) operation: &'static str,
    pub(crate) offset: u64,
    pub(crate) len: u64,
    extent: Extent,
}

/// The meaning of a request's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Bytes,
    ToTheEnd,
    WholeFile,
    /// The offset is the length that the file is to have.
    NewLength,
    /// They are copied from here to this offset of another file.
    CopiedTo(u64),
    /// They are copied to here from this offset of another file.
    CopiedFrom(u64),
}

const COPY: &str = "copy_range";

impl Request {
    pub(crate) fn new(operation: &'static str, offset: u64, len: u64) -> Request {
        Request { operation, offset, len, extent: Extent::Bytes }
    }

    /// A request for a range, whose end may be `u64::MAX` for the end of the file.
    pub(crate) fn of_range(operation: &'static str, start: u64, end: u64) -> Request {
        let extent = if end == u64::MAX { Extent::ToTheEnd } else { Extent::Bytes };
        Request { operation, offset: start, len: end.saturating_sub(start), extent }
    }

    pub(crate) fn of_file(operation: &'static str) -> Request {
        Request { operation, offset: 0, len: 0, extent: Extent::WholeFile }
    }

    pub(crate) fn to_length(operation: &'static str, len: u64) -> Request {
        Request { operation, offset: len, len: 0, extent: Extent::NewLength }
    }

    /// A copy of `len` bytes, as a request to the source.
    pub(crate) fn of_source(len: u64, from: u64, to: u64) -> Request {
        Request { operation: COPY, offset: from, len, extent: Extent::CopiedTo(to) }
    }

    /// A copy of `len` bytes, as a request to the destination.
    pub(crate) fn of_destination(len: u64, from: u64, to: u64) -> Request {
        Request { operation: COPY, offset: to, len, extent: Extent::CopiedFrom(from) }
    }

    /// The same for the first `len` of its bytes.
    pub(crate) fn of_first(self, len: u64) -> Request {
        Request { len, ..self }
    }

    /// How many bytes were requested, if the request has a number.
    pub(crate) fn bytes(self) -> Option<u64> {
        match self.extent {
            Extent::Bytes | Extent::CopiedTo(_) | Extent::CopiedFrom(_) => Some(self.len),
            Extent::NewLength => Some(0),
            Extent::ToTheEnd | Extent::WholeFile => None,
        }
    }

    /// The error with the name of the request before it, for requests without a file. The kind is the same. An error
    /// that has an errno is only the errno.
    pub(crate) fn failed(self, cause: impl Into<io::Error>) -> io::Error {
        let cause = cause.into();
        match errno(&cause) {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::new(cause.kind(), RequestError { request: self, cause }),
        }
    }

    /// The end of the range, which must be an offset that a file can have.
    pub(crate) fn end(self) -> io::Result<u64> {
        match self.offset.checked_add(self.len) {
            Some(end) if end <= MAX_LEN => Ok(end),
            _ => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("a file can have at most {MAX_LEN} bytes"),
            )),
        }
    }

    /// The word between the request and the name of the file.
    pub(crate) fn preposition(self) -> &'static str {
        match (self.extent, self.operation) {
            (Extent::WholeFile | Extent::NewLength, _) => "of",
            (Extent::CopiedTo(_), _) => "in the source",
            (Extent::CopiedFrom(_), _) => "in the destination",
            (_, "read" | "direct read" | "load") => "from",
            (_, "write" | "direct write" | "append" | "store") => "to",
            _ => "in",
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { operation, offset, len, extent } = self;
        match extent {
            Extent::Bytes => write!(f, "{operation} of {len} bytes at {offset}"),
            Extent::ToTheEnd => write!(f, "{operation} from {offset} to the end"),
            Extent::WholeFile => f.write_str(operation),
            Extent::NewLength => write!(f, "{operation} to {offset} bytes"),
            Extent::CopiedTo(to) => write!(f, "{operation} of {len} bytes from {offset} to {to}"),
            Extent::CopiedFrom(from) => {
                write!(f, "{operation} of {len} bytes from {from} to {offset}")
            }
        }
    }
}

#[derive(Debug)]
struct RequestError {
    request: Request,
    cause: io::Error,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.request, self.cause)
    }
}

impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// An error of opening or creating the file at a path, with the path. The kind is the same.
pub(crate) fn at_path(operation: &'static str, path: &Path, cause: io::Error) -> io::Error {
    io::Error::new(cause.kind(), PathError { operation, path: path.into(), cause })
}

#[derive(Debug)]
struct PathError {
    operation: &'static str,
    path: PathBuf,
    cause: io::Error,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}: {}", self.operation, self.path, self.cause)
    }
}

impl Error for PathError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// Why a request was given up: its thread must not wait, or not longer. The caller is expected to try again, so this
/// is no failure of the file.
#[derive(Debug)]
pub(crate) struct TryAgain(Cow<'static, str>);

impl TryAgain {
    /// The error of a thread that has page guards and would have to wait for something that may wait for them.
    pub(crate) fn without_guards(what: &str) -> io::Error {
        let message = format!(
            "this thread holds page guards and would have to wait {what}: drop them all and try again"
        );
        io::Error::new(io::ErrorKind::WouldBlock, TryAgain(message.into()))
    }

    /// The error of a thread whose timeout has passed.
    pub(crate) fn timed_out(why: impl Into<Cow<'static, str>>) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, TryAgain(why.into()))
    }

    /// Whether an error is that of a thread whose timeout has passed.
    pub(crate) fn is_timeout(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::TimedOut && TryAgain::is(error)
    }

    /// Whether an error is one of these.
    pub(crate) fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<TryAgain>())
    }
}

impl fmt::Display for TryAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for TryAgain {}

/// The greatest length of a file, as in the systems below.
pub(crate) const MAX_LEN: u64 = i64::MAX as u64;

/// The errno of an error that has one, or that was made from one that has.
pub(crate) fn errno(error: &io::Error) -> Option<i32> {
    let described = || error.get_ref()?.downcast_ref::<Described>()?.errno;
    let of_path = || error.get_ref()?.downcast_ref::<PathError>()?.cause.raw_os_error();
    error.raw_os_error().or_else(described).or_else(of_path)
}

/// An error with another message, which keeps its kind and its errno.
pub(crate) fn described(
    error: io::Error,
    describe: impl FnOnce(&SharedError) -> String,
) -> io::Error {
    let mut error = SharedError::from(error);
    error.described.message = describe(&error);
    error.into()
}

#[derive(Clone, Debug)]
struct Described {
    message: String,
    errno: Option<i32>,
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Described {}

/// An error that is returned to several callers, or described. It runs no code of the store.
#[derive(Clone, Debug)]
pub(crate) struct SharedError {
    kind: io::ErrorKind,
    described: Described,
}

impl From<&io::Error> for SharedError {
    fn from(error: &io::Error) -> SharedError {
        // The description may be the store's own code, and pages may be in flight.
        let message = unwind::catch(|| error.to_string()).unwrap_or_else(|payload| {
            unwind::discard(payload);
            format!("{}, whose description panicked", error.kind())
        });
        SharedError { kind: error.kind(), described: Described { message, errno: errno(error) } }
    }
}

impl From<io::Error> for SharedError {
    fn from(error: io::Error) -> SharedError {
        let shared = SharedError::from(&error);
        unwind::discard(error);
        shared
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.described.fmt(f)
    }
}

impl From<SharedError> for io::Error {
    fn from(error: SharedError) -> io::Error {
        io::Error::new(error.kind, error.described)
    }
}
