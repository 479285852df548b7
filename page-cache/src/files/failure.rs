//! `Failure`: a failed request, with the numbers that an OS error cannot carry.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::error::{Request, errno};

/// A failed request to a file: the operation, the file, and the cause.
///
/// An [`io::Error`] carries an errno or a description, not both. If the store's error has an errno, the
/// caller gets the errno, and [`File::last_failure`](crate::File::last_failure) has the description.
/// Otherwise the caller's error has a `Failure` as its [inner error](io::Error::get_ref).
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{Failure, MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// let error = file.read_exact_at(&mut [0; 8], 100).unwrap_err();
/// let failure = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>()).unwrap();
/// assert_eq!((failure.operation(), failure.offset(), failure.len()), ("read", 100, Some(8)));
/// assert_eq!(
///     error.to_string(),
///     r#"read of 8 bytes at 100 from "memory": the file ends at 0 bytes"#,
/// );
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    request: Request,
    label: Arc<str>,
    cause: Arc<io::Error>,
}

impl Failure {
    pub(crate) fn new(request: Request, label: Arc<str>, cause: io::Error) -> Failure {
        Failure { request, label, cause: Arc::new(cause) }
    }

    /// The error that the caller gets: the errno if there is one, else the description.
    pub(crate) fn into_error(self) -> io::Error {
        match self.raw_os_error() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::new(self.kind(), self),
        }
    }

    /// Returns the name of the operation. Methods that do the same have the same name: all reads are
    /// `read` or `direct read`, all writes `write` or `direct write`, all appends `append` or
    /// `direct append`, and all requests for a guard of one page `page` or `page_mut`.
    /// [`copy_range_to`](crate::File::copy_range_to) is `copy_range`, or `read` if the source cannot be read, and the
    /// sync after a durable write is `sync_range`. Other operations have the name of their method.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.punch_hole(0, u64::MAX).unwrap_err();
    /// assert_eq!(file.last_failure().unwrap().operation(), "punch_hole");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.request.operation
    }

    /// Returns the offset of the request in the file or mapping, in bytes. For `set_len` and
    /// `extend_to`, it is the requested length. For a request about the whole file, it is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 63).unwrap_err();
    /// assert_eq!(file.last_failure().unwrap().offset(), 1 << 63);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.request.offset
    }

    /// Returns the length of the request in bytes, or `None` for a request up to the end of the file or
    /// about the whole file. For `set_len` and `extend_to`, it is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.map(1..u64::MAX).unwrap_err();
    /// assert_eq!(file.last_failure().unwrap().len(), None);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is the length of a request")]
    pub fn len(&self) -> Option<u64> {
        self.request.bytes()
    }

    /// Returns the name of the file's store: [`Store::label`](crate::Store::label).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.map(1..2).unwrap_err();
    /// assert_eq!(file.last_failure().unwrap().label(), "memory");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the kind of the error that caused the failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.map(1..2).unwrap_err();
    /// assert_eq!(file.last_failure().unwrap().kind(), ErrorKind::InvalidInput);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.cause.kind()
    }

    /// Returns the errno of the error that caused the failure, if it has one.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.map(1..2).unwrap_err();
    /// assert_eq!(file.last_failure().unwrap().raw_os_error(), None);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        errno(&self.cause)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { request, label, cause } = self;
        write!(f, "{request} {} {label:?}: {cause}", request.preposition())
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}
