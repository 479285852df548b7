//! The methods for claims on several ranges, for each kind of lock.

/// The methods of a lock for claims on several ranges. The lock has a method `parts`, which makes parts of its
/// kind of claims.
macro_rules! claims_on_many {
    (
        impl $lock:ident, for $item:ty $(, where $range:ident: $bounds:path)?;
        $(#[$note:meta])*
        panics: $panics:literal;
        example: $imports:literal, $claims:literal, beside $holder:literal;
    ) => {
        impl $lock {
            /// Locks several ranges at once, blocking the current thread until all of them are acquired
            /// together. While it waits it holds none of them, so their order does not matter.
            ///
            /// Ranges may be repeated and may overlap. A unit in several of them is locked once,
            /// exclusively if any of them is exclusive. Empty ranges lock nothing. A thread that already
            /// holds a conflicting claim on one of the ranges deadlocks.
            $(#[$note])*
            ///
            /// # Fairness
            ///
            /// The claim is due immediately ([Fairness](crate::RangeLock#fairness)): it waits for the
            /// conflicting claims that are held or due, and no later claim overtakes it.
            ///
            /// # Complexity
            ///
            /// Sorts the ranges and takes the mutex once. Each range takes the time of a registered claim
            /// ([Complexity](crate::RangeLock#complexity)).
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = ", stringify!($lock), "::new();")]
            #[doc = concat!("let guard = lock.lock_many(", $claims, ");")]
            /// assert_eq!(guard.claims().len(), 2);
            /// assert!(guard.claims().all(|(range, _)| lock.is_locked(range)));
            /// ```
            #[track_caller]
            pub fn lock_many$(<$range: $bounds>)?(
                &self,
                claims: impl IntoIterator<Item = $item>,
            ) -> GuardSet<&$lock> {
                GuardSet::lock(self, self.parts(claims))
            }

            /// Tries to lock several ranges at once, without waiting. Locks none of them if one cannot be
            /// locked. Fails as [`RangeLock::try_lock_shared`](crate::RangeLock::try_lock_shared) does, in
            /// rare cases spuriously.
            ///
            #[doc = concat!("See [`lock_many`](", stringify!($lock), "::lock_many) for ranges that are repeated or overlap.")]
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = ", stringify!($lock), "::new();")]
            #[doc = concat!("let both = ", $claims, ";")]
            #[doc = concat!("let held = ", $holder, ";")]
            /// assert!(lock.try_lock_many(both.clone()).is_none());
            /// drop(held);
            /// assert!(lock.try_lock_many(both).is_some());
            /// ```
            #[must_use = "if `None` is returned nothing is locked"]
            #[track_caller]
            pub fn try_lock_many$(<$range: $bounds>)?(
                &self,
                claims: impl IntoIterator<Item = $item>,
            ) -> Option<GuardSet<&$lock>> {
                GuardSet::try_lock(self, self.parts(claims))
            }

            /// Tries to lock several ranges at once, waiting at most `timeout`. Returns `None` if it
            /// times out. The claim has then left the queue of every range.
            ///
            #[doc = concat!("See [`lock_many`](", stringify!($lock), "::lock_many) for ranges that are repeated or overlap.")]
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::Duration;
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = ", stringify!($lock), "::new();")]
            #[doc = concat!("let held = ", $holder, ";")]
            #[doc = concat!("let both = ", $claims, ";")]
            /// assert!(lock.try_lock_many_for(both, Duration::from_millis(1)).is_none());
            /// # drop(held);
            /// ```
            #[must_use = "if `None` is returned nothing is locked"]
            #[track_caller]
            pub fn try_lock_many_for$(<$range: $bounds>)?(
                &self,
                claims: impl IntoIterator<Item = $item>,
                timeout: Duration,
            ) -> Option<GuardSet<&$lock>> {
                GuardSet::lock_until(self, self.parts(claims), after(timeout))
            }

            /// Tries to lock several ranges at once, waiting at most until `deadline`. Returns `None` if
            /// it times out. The claim has then left the queue of every range.
            ///
            #[doc = concat!("See [`lock_many`](", stringify!($lock), "::lock_many) for ranges that are repeated or overlap.")]
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::Instant;
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = ", stringify!($lock), "::new();")]
            #[doc = concat!("let held = ", $holder, ";")]
            #[doc = concat!("let both = ", $claims, ";")]
            /// assert!(lock.try_lock_many_until(both, Instant::now()).is_none());
            /// # drop(held);
            /// ```
            #[must_use = "if `None` is returned nothing is locked"]
            #[track_caller]
            pub fn try_lock_many_until$(<$range: $bounds>)?(
                &self,
                claims: impl IntoIterator<Item = $item>,
                deadline: Instant,
            ) -> Option<GuardSet<&$lock>> {
                GuardSet::lock_until(self, self.parts(claims), Some(deadline))
            }

            /// Returns a future that locks several ranges at once. See [`LockManyFuture`] for how it
            /// waits and what dropping it does.
            ///
            #[doc = concat!("See [`lock_many`](", stringify!($lock), "::lock_many) for ranges that are repeated or overlap.")]
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            /// use std::pin::pin;
            /// use std::task::{Context, Waker};
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = ", stringify!($lock), "::new();")]
            #[doc = concat!("let future = pin!(lock.lock_many_async(", $claims, "));")]
            /// assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
            /// ```
            #[track_caller]
            pub fn lock_many_async$(<$range: $bounds>)?(
                &self,
                claims: impl IntoIterator<Item = $item>,
            ) -> LockManyFuture<&$lock> {
                LockManyFuture::new(self, self.parts(claims))
            }

            #[doc = concat!("Like [`lock_many`](", stringify!($lock), "::lock_many), with a guard that owns an `Arc` of the lock.")]
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            /// use std::sync::Arc;
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = Arc::new(", stringify!($lock), "::new());")]
            #[doc = concat!("let guard = lock.lock_many_arc(", $claims, ");")]
            /// std::thread::spawn(move || drop(guard)).join().unwrap();
            /// ```
            #[track_caller]
            pub fn lock_many_arc$(<$range: $bounds>)?(
                self: &Arc<Self>,
                claims: impl IntoIterator<Item = $item>,
            ) -> GuardSet<Arc<$lock>> {
                GuardSet::lock(Arc::clone(self), self.parts(claims))
            }

            #[doc = concat!("Like [`try_lock_many`](", stringify!($lock), "::try_lock_many), with a guard that owns an `Arc` of the lock.")]
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            /// use std::sync::Arc;
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = Arc::new(", stringify!($lock), "::new());")]
            #[doc = concat!("assert!(lock.try_lock_many_arc(", $claims, ").is_some());")]
            /// ```
            #[must_use = "if `None` is returned nothing is locked"]
            #[track_caller]
            pub fn try_lock_many_arc$(<$range: $bounds>)?(
                self: &Arc<Self>,
                claims: impl IntoIterator<Item = $item>,
            ) -> Option<GuardSet<Arc<$lock>>> {
                GuardSet::try_lock(Arc::clone(self), self.parts(claims))
            }

            #[doc = concat!("Like [`try_lock_many_for`](", stringify!($lock), "::try_lock_many_for), with a guard that owns an `Arc` of the lock.")]
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            /// use std::sync::Arc;
            /// use std::time::Duration;
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = Arc::new(", stringify!($lock), "::new());")]
            #[doc = concat!("let both = ", $claims, ";")]
            /// assert!(lock.try_lock_many_for_arc(both, Duration::from_millis(1)).is_some());
            /// ```
            #[must_use = "if `None` is returned nothing is locked"]
            #[track_caller]
            pub fn try_lock_many_for_arc$(<$range: $bounds>)?(
                self: &Arc<Self>,
                claims: impl IntoIterator<Item = $item>,
                timeout: Duration,
            ) -> Option<GuardSet<Arc<$lock>>> {
                GuardSet::lock_until(Arc::clone(self), self.parts(claims), after(timeout))
            }

            #[doc = concat!("Like [`try_lock_many_until`](", stringify!($lock), "::try_lock_many_until), with a guard that owns an `Arc` of the lock.")]
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            /// use std::sync::Arc;
            /// use std::time::Instant;
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = Arc::new(", stringify!($lock), "::new());")]
            #[doc = concat!("let both = ", $claims, ";")]
            /// assert!(lock.try_lock_many_until_arc(both, Instant::now()).is_some());
            /// ```
            #[must_use = "if `None` is returned nothing is locked"]
            #[track_caller]
            pub fn try_lock_many_until_arc$(<$range: $bounds>)?(
                self: &Arc<Self>,
                claims: impl IntoIterator<Item = $item>,
                deadline: Instant,
            ) -> Option<GuardSet<Arc<$lock>>> {
                GuardSet::lock_until(Arc::clone(self), self.parts(claims), Some(deadline))
            }

            #[doc = concat!("Like [`lock_many_async`](", stringify!($lock), "::lock_many_async), with a future and a guard that own an `Arc` of the lock.")]
            ///
            /// # Panics
            ///
            #[doc = $panics]
            ///
            /// # Examples
            ///
            /// ```
            /// use std::pin::pin;
            /// use std::sync::Arc;
            /// use std::task::{Context, Waker};
            #[doc = concat!("use spanlock::", $imports, ";")]
            ///
            #[doc = concat!("let lock = Arc::new(", stringify!($lock), "::new());")]
            #[doc = concat!("let future = pin!(lock.lock_many_async_arc(", $claims, "));")]
            /// assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
            /// ```
            #[track_caller]
            pub fn lock_many_async_arc$(<$range: $bounds>)?(
                self: &Arc<Self>,
                claims: impl IntoIterator<Item = $item>,
            ) -> LockManyFuture<Arc<$lock>> {
                LockManyFuture::new(Arc::clone(self), self.parts(claims))
            }
        }
    };
}

pub(crate) use claims_on_many;
