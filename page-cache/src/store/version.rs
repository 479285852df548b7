//! `Version`: whether a store has changed.

/// A version of a store's content, which [`Store::version`](crate::Store::version) returns. The cache only compares it.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::Version;
///
/// let (len, changes) = (4096, 7);
/// assert_eq!(Version::new([len, changes]), Version::new([len, changes]));
/// assert_ne!(Version::new([len, changes]), Version::new([len, changes + 1]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    numbers: Box<[u64]>,
}

impl Version {
    /// Creates a version from numbers. Two versions are equal if all of their numbers are.
    ///
    /// # Examples
    ///
    /// ```
    /// let version = spanlock_page_cache::Version::new([1, 2, 3]);
    /// assert!(format!("{version:?}").contains("[1, 2, 3]"));
    /// ```
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = u64>) -> Version {
        Version { numbers: numbers.into_iter().collect() }
    }
}
