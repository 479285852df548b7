//! `CheckedStore`: a store, and how many bytes it is known to have.
//!
//! The file may be longer than its store, by dirty bytes and by holes at its end. So a store that
//! ends early is no error, unless it had more before: then something has truncated it without the
//! cache, and reading zeroes there would invent data.
//!
//! The number is a lower bound at every moment. It only decreases with the store's length; an
//! operation that shortens the store has claimed everything past the new end, and a reader has
//! claimed what it reads.
//!
//! It also records what the store has received and not made durable: see `unstable`. Requests that
//! change the store without the cache are recorded here. Writes are recorded by their callers,
//! because it matters whether the cache could send the bytes again.
//!
//! A store is user code and may panic, on a thread of the flusher or while other threads wait for
//! pages in flight. Every operation handles a store that fails, so a panic is turned into an error
//! of the request in which it happened.

mod requests;

use std::any::TypeId;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use crate::diagnostics;
use crate::error::Request;
use crate::files::durability::unstable::Unstable;
use crate::files::failure::Failure;
use crate::order::leaf::{Leaf, lock_leaf};
use crate::order::nested::Inside;
use crate::pages::frame::Frames;
use crate::stats::latency::{Answer, Asks, StoreTimes};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::blocking::Mutex;
use crate::unwind;
use crate::{FileStore, Identity, Store};

/// How often a request is made at most: it is repeated if a sync of the store fails while it is in progress.
const MOST_ATTEMPTS: u32 = 3;

/// The greatest alignment of direct requests, in bytes: they are split at multiples of it.
pub(crate) const MOST_ALIGNED: u64 = 1 << 20;

pub(crate) struct CheckedStore<S: Store + ?Sized> {
    /// ORDERING: relaxed throughout: claims order what matters.
    held: AtomicU64,
    /// The cache, as `Frames::cache` has it.
    cache: usize,
    unstable: Mutex<Unstable>,
    /// ORDERING: relaxed: a writer that misses it has begun before the sync failed.
    broken: AtomicBool,
    label: Arc<str>,
    block_size: u64,
    direct_alignment: u64,
    is_read_only: bool,
    /// Whether each read fills as many bytes as the store reports.
    is_exact: bool,
    /// How many requests that change the store have ended. Each sets the store's own time.
    changes: AtomicU64,
    times: StoreTimes,
    /// Those of all stores of the cache.
    all_times: Arc<StoreTimes>,
    store: S,
}

impl<S: Store + 'static> CheckedStore<S> {
    pub(crate) fn new(
        store: S,
        frames: &Frames,
        all_times: &Arc<StoreTimes>,
    ) -> io::Result<CheckedStore<S>> {
        let cache = frames.cache();
        let label: Arc<str> = ask(cache, || Ok(store.label()))?.into();
        let block_size = ask(cache, || Ok(store.block_size()))?;
        let direct_alignment = ask(cache, || Ok(store.direct_alignment()))?;
        check_alignment(direct_alignment).map_err(|error| refused(&label, error))?;
        let is_read_only = ask(cache, || Ok(store.is_read_only()))?;
        ask(cache, || store.acquire()).map_err(|error| refused(&label, error))?;
        // From here on, dropping this releases the store.
        let backing = CheckedStore {
            held: AtomicU64::new(0),
            cache,
            unstable: Mutex::new(Unstable::new(frames.page_size())),
            broken: AtomicBool::new(false),
            label,
            block_size,
            direct_alignment,
            is_read_only,
            is_exact: is_exact::<S>(),
            changes: AtomicU64::new(0),
            times: StoreTimes::default(),
            all_times: Arc::clone(all_times),
            store,
        };
        let len = ask(cache, || backing.store.len()).map_err(|error| backing.refused(error))?;
        backing.holds_to(len);
        Ok(backing)
    }
}

impl<S: Store + ?Sized> CheckedStore<S> {
    /// The label that the store had when the file was opened.
    pub(crate) fn label_at_open(&self) -> &Arc<str> {
        &self.label
    }

    /// An error of opening the store.
    pub(crate) fn refused(&self, error: io::Error) -> io::Error {
        refused(&self.label, error)
    }

    /// Whether each read fills as many bytes as the store reports. Other stores are not trusted to do that: what is in
    /// the memory that they read into may be of another file.
    pub(crate) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// How many bytes the store is known to hold. It may hold more: after a shift it may have
    /// failed to report its length.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether the store is known to hold bytes up to `end`. If not, it may hold them nevertheless: ask for
    /// its length before anything that would overwrite them.
    pub(crate) fn reaches(&self, end: u64) -> bool {
        self.held.load(Ordering::Relaxed) >= end
    }

    /// The length that the store reports. Unlike [`len`](Store::len), also while another thread
    /// makes the file shorter: the caller has a claim on the bytes that it is interested in.
    pub(crate) fn len_now(&self) -> io::Result<u64> {
        ask(self.cache, || self.store.len())
    }

    /// The same, if the store reports it.
    fn reported_len(&self) -> Option<u64> {
        self.len_now().map_err(unwind::discard).ok()
    }

    /// How long the store can be, or its panic.
    pub(crate) fn try_max_len(&self) -> io::Result<u64> {
        ask(self.cache, || Ok(self.store.max_len()))
    }

    /// What the store has not made durable.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn unstable(&self) -> Leaf<'_, Unstable> {
        lock_leaf(&self.unstable)
    }

    /// Whether ranges are broken: then writes to the cache are recorded.
    #[inline]
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Records what changes the broken ranges.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn note<T>(&self, change: impl FnOnce(&mut Unstable) -> T) -> T {
        let mut unstable = self.unstable();
        let done = change(&mut unstable);
        self.broken.store(unstable.is_broken(), Ordering::Relaxed);
        done
    }

    /// Makes a request that changes `bytes`, and records its effect. Repeats the request if a sync failed
    /// meanwhile, because the effect may have been lost with the sync.
    pub(crate) fn attempt<T>(
        &self,
        bytes: impl IntoIterator<Item = Range<u64>>,
        mut request: impl FnMut() -> T,
        note: impl FnOnce(&mut Unstable, &T),
    ) -> T {
        let mut attempts = 1;
        let mut failures = self.unstable().failures();
        loop {
            let outcome = request();
            let mut unstable = self.unstable();
            let doubtful = unstable.failures() != failures;
            if doubtful && attempts < MOST_ATTEMPTS {
                failures = unstable.failures();
                attempts += 1;
                drop(unstable);
                unwind::discard(outcome);
                continue;
            }
            note(&mut unstable, &outcome);
            if doubtful {
                bytes.into_iter().for_each(|range| unstable.doubtful(range));
            }
            self.broken.store(unstable.is_broken(), Ordering::Relaxed);
            return outcome;
        }
    }

    /// How many requests that change the store have ended.
    pub(crate) fn changes(&self) -> u64 {
        // ORDERING: Acquire, paired with the Release in `change`: what has been counted comes before what is asked next.
        self.changes.load(Ordering::Acquire)
    }

    /// Makes a request that changes the store.
    fn change<T>(&self, asks: Asks, request: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let outcome = self.timed(asks, request);
        self.changes.fetch_add(1, Ordering::Release);
        outcome
    }

    /// The durations of the requests to the store.
    pub(crate) fn times(&self) -> &StoreTimes {
        &self.times
    }

    /// Makes a request to the store, converts a panic to an error, and records how long it took.
    fn timed<T>(&self, asks: Asks, request: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let start = Instant::now();
        let outcome = ask(self.cache, request);
        let took = start.elapsed();
        let answer = if outcome.is_ok() { Answer::Well } else { Answer::Error };
        self.times.note(asks, took, answer);
        self.all_times.note(asks, took, answer);
        diagnostics::answered(&self.label, asks.name(), took);
        outcome
    }

    /// Records that the store holds bytes up to `end`; returns up to where it was known to hold them before.
    fn holds_to(&self, end: u64) -> u64 {
        self.held.fetch_max(end, Ordering::Relaxed)
    }

    /// Sets the known length to the one that the store reports, after a shift, successful or not.
    fn hold_reported_len(&self) {
        self.held.store(self.reported_len().unwrap_or(0), Ordering::Relaxed);
    }

    /// After a truncation that failed: the length that it left, if that is known, and between the one
    /// that was asked for and the one before, `held`. The caller has claimed what the store may have lost.
    pub(crate) fn left_by_failed_cut(&self, len: u64, held: u64) -> Option<u64> {
        let left = self.reported_len().filter(|left| (len + 1..held).contains(left))?;
        self.held.fetch_min(left, Ordering::Relaxed);
        Some(left)
    }
}

impl<S: Store + ?Sized> Drop for CheckedStore<S> {
    fn drop(&mut self) {
        // A panic cannot be reported.
        let _ = ask(self.cache, || {
            self.store.release();
            Ok(())
        });
    }
}

/// Refuses an alignment that [`Store::direct_alignment`] must not return.
fn check_alignment(alignment: u64) -> io::Result<()> {
    if alignment.is_power_of_two() && alignment <= MOST_ALIGNED {
        return Ok(());
    }
    let message = format!(
        "its direct_alignment is {alignment} bytes, which is not a power of two from 1 to {MOST_ALIGNED}"
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

/// Whether a type of store is known to fill as many bytes as it reports.
fn is_exact<S: 'static>() -> bool {
    let exact =
        [TypeId::of::<FileStore>(), TypeId::of::<Box<FileStore>>(), TypeId::of::<Arc<FileStore>>()];
    exact.contains(&TypeId::of::<S>())
}

/// The identity of a store.
pub(crate) fn identify(store: &impl Store, frames: &Frames) -> io::Result<Option<Identity>> {
    ask(frames.cache(), || Ok(store.identity()))
}

/// How a store was opened.
pub(crate) fn mode_of(store: &impl Store, frames: &Frames) -> io::Result<String> {
    ask(frames.cache(), || Ok(store.mode()))
}

/// An error of opening a store, with its name.
pub(crate) fn refused_by_name(store: &impl Store, frames: &Frames, error: io::Error) -> io::Error {
    match ask(frames.cache(), || Ok(store.label())) {
        Ok(label) => refused(&label.into(), error),
        Err(panicked) => panicked,
    }
}

fn refused(label: &Arc<str>, error: io::Error) -> io::Error {
    Failure::new(Request::of_file("open"), Arc::clone(label), error).into_error()
}

/// Makes a request to a store, and converts a panic to an error.
fn ask<T>(cache: usize, request: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let _inside = Inside::of(cache);
    unwind::catch_as_error("the store", request)
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
