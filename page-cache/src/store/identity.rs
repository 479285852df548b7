//! `Identity`: whether two stores are the same.

/// The identity of a store. Stores with the same identity are the same store.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::Identity;
///
/// let (first, again) = (Identity::new("disk", [8, 1]), Identity::new("disk", [8, 1]));
/// assert_eq!(first, again);
/// assert_ne!(first, Identity::new("disk", [8, 2]));
/// assert_ne!(first, Identity::new("tape", [8, 1]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    space: &'static str,
    numbers: [u64; 2],
}

impl Identity {
    /// Creates an identity from two numbers in a named number space. The name distinguishes stores of
    /// different kinds, whose numbers may be equal.
    ///
    /// # Examples
    ///
    /// ```
    /// let volume = spanlock_page_cache::Identity::new("my volumes", [0, 77]);
    /// assert!(format!("{volume:?}").contains("my volumes"));
    /// ```
    #[must_use]
    pub const fn new(space: &'static str, numbers: [u64; 2]) -> Identity {
        Identity { space, numbers }
    }
}
