//! Limits on the number of dirty pages, of one file and of all.
//!
//! The rule is that of shared buffers in switches (Choudhury and Hahne, "Dynamic queue length
//! thresholds for shared-memory packet switches", 1998): the limit of a file is a multiple of the
//! unused part of the limit for all files. So a file that is alone may use most of that limit.
//! Several files that use all they may still leave a part of it unused for the next file, however
//! long their pages stay dirty. So a store that hangs need not be recognised. With the multiple
//! [`SHARE`], each of n such files gets `SHARE / (1 + n * SHARE)` of the limit, and
//! `1 / (1 + n * SHARE)` is left.
//!
//! A file without dirty pages may have one, even past the limit, up to a bound that leaves frames
//! for reads. Past that bound writes go through to the store. A store to a mapping has a bound that
//! is somewhat higher.
//!
//! A thread that has guards cannot wait until fewer pages are dirty. For such a thread the multiple
//! is larger, [`SHARE_WITH_GUARDS`], and a file may have up to [`FEW`] dirty pages whatever its
//! share is; but of the last [`LAST`] pages below the bound for writes, each file gets one. Beyond that the
//! thread gets an error, so that a file with as many dirty pages as guards allow leaves a part of the limit unused too.
//!
//! A file whose store fails has a smaller share until a write succeeds. Pages that a sync failed to
//! make durable become dirty again whatever the share is, up to the bound for writes; what exceeds
//! it is lost, and the file reports it as broken.

use crate::sync::atomic::{AtomicUsize, Ordering};

use crate::pages::frame_permits;

/// The limit of a file, as a multiple of the unused part of the limit for all files.
const SHARE: usize = 2;

/// The same for a thread that has guards. It must not wait, so it may have somewhat more than a thread that can: pages
/// that such a thread has made room for are not all taken by others before it has its guards again.
const SHARE_WITH_GUARDS: usize = 3;

/// How many dirty pages a file may have by guards even past its share.
const FEW: usize = 4;

/// How many pages below the bound for writes are for files that have no dirty page.
const LAST: usize = 8;

/// How many pins there can be, all of which may be of one page: fewer than a frame can count.
const MOST_PINS: usize = 1 << 23;

/// The part of the limit that may be pinned.
const PINNED: usize = 4;

/// The share of a file whose store fails, as a fraction of the share of another.
const FAILING: usize = 8;

/// How many pins there are, and how many there can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pins {
    pub(crate) are: usize,
    pub(crate) most: usize,
}

/// The pages of all files that are dirty or in flight.
pub(crate) struct DirtyPages {
    /// ORDERING: relaxed throughout: these are numbers, and order nothing.
    count: AtomicUsize,
    limit: AtomicUsize,
    /// The bound for writes, and that for stores to mappings.
    most_by_writes: AtomicUsize,
    most: AtomicUsize,
    /// Pages that users have pinned. Like dirty pages, they cannot be evicted.
    pins: AtomicUsize,
}

/// How a page becomes dirty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Write,
    Mapping,
    /// By a failed sync: the page was dirty before, and is dirty again.
    FailedSync,
    /// A thread that has another guard, and so must not wait until fewer pages are dirty.
    Guard,
}

/// What a file that requests one more dirty page has already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    pub(crate) pages: usize,
    pub(crate) store: StoreIs,
}

/// Whether the last request to a file's store succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreIs {
    Well,
    Failing,
}

impl DirtyPages {
    pub(crate) fn new(limit: usize, frames: usize) -> DirtyPages {
        let pages = DirtyPages {
            count: AtomicUsize::new(0),
            limit: AtomicUsize::new(0),
            most_by_writes: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            pins: AtomicUsize::new(0),
        };
        pages.set_frames(limit, frames);
        pages
    }

    /// Sets the limits for another number of frames. Dirty pages stay dirty.
    pub(crate) fn set_frames(&self, limit: usize, frames: usize) {
        let most = frames - frame_permits::most(frames) - frame_permits::spare(frames);
        let most_by_writes = most - frame_permits::spare(frames);
        self.most.store(most, Ordering::Relaxed);
        self.most_by_writes.store(most_by_writes, Ordering::Relaxed);
        self.limit.store(DirtyPages::limit_in(limit, frames), Ordering::Relaxed);
    }

    /// The limit in a cache of so many frames: `limit`, or less to leave frames for reads.
    pub(super) fn limit_in(limit: usize, frames: usize) -> usize {
        let most = frames - frame_permits::most(frames) - 2 * frame_permits::spare(frames);
        limit.min(most - most / 4)
    }

    #[inline]
    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Counts one more dirty page of a file, if the limits allow it, and returns whether they do.
    pub(crate) fn admit(&self, own: Own, by: By) -> bool {
        let one_more = |count| self.allows(own, by, count).then_some(count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    pub(crate) fn remove_one(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether a file may have one more dirty page.
    pub(crate) fn has_room(&self, own: Own, by: By) -> bool {
        self.allows(own, by, self.count())
    }

    /// Whether a file may have this many more dirty pages, if guards of them are taken one after the other.
    pub(crate) fn has_room_for(&self, own: Own, pages: usize) -> bool {
        let Some(before) = pages.checked_sub(1) else { return true };
        let last = Own { pages: own.pages + before, ..own };
        self.allows(last, By::Guard, self.count() + before)
    }

    /// How many pages of a file can be dirty by guards if nothing else is.
    pub(crate) fn most_by_guards(&self) -> usize {
        let share = (SHARE_WITH_GUARDS * self.limit()).div_ceil(1 + SHARE_WITH_GUARDS);
        share.max(FEW).min(self.most_by_writes.load(Ordering::Relaxed))
    }

    /// Whether more than half of the limit for all files is dirty.
    #[inline]
    pub(crate) fn worth_cleaning(&self) -> bool {
        self.count() > self.limit() / 2
    }

    /// Whether a file has more than half of its share.
    pub(crate) fn presses(&self, own: Own) -> bool {
        2 * own.pages > self.share(own, self.count(), SHARE)
    }

    /// Counts one more pin, if the limit allows it, and returns whether it does.
    pub(crate) fn admit_pin(&self) -> bool {
        let most = most_pins(self.limit());
        let one_more = |pins| (pins < most).then_some(pins + 1);
        self.pins.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// The pins that there are, and those that a limit of so many dirty pages allows.
    pub(crate) fn pins_of(&self, limit: usize) -> Pins {
        Pins { are: self.pins.load(Ordering::Relaxed), most: most_pins(limit) }
    }

    /// The same for the present limit.
    pub(crate) fn pins(&self) -> Pins {
        self.pins_of(self.limit())
    }

    pub(crate) fn remove_pin(&self) {
        self.pins.fetch_sub(1, Ordering::Relaxed);
    }

    fn allows(&self, own: Own, by: By, count: usize) -> bool {
        let count = count + self.pins.load(Ordering::Relaxed);
        let most = match by {
            By::Mapping => &self.most,
            By::Write | By::FailedSync | By::Guard => &self.most_by_writes,
        };
        let within_share = match by {
            By::FailedSync => true,
            By::Guard => {
                own.pages < self.few(own, count)
                    || own.pages < self.share(own, count, SHARE_WITH_GUARDS)
            }
            By::Write | By::Mapping => own.pages == 0 || own.pages < self.share(own, count, SHARE),
        };
        within_share && count < most.load(Ordering::Relaxed)
    }

    /// How many dirty pages a file may have by guards whatever its share is.
    fn few(&self, own: Own, count: usize) -> usize {
        let others = count.saturating_sub(own.pages);
        let left = self.most_by_writes.load(Ordering::Relaxed).saturating_sub(others);
        if left < LAST { 1 } else { FEW }
    }

    fn share(&self, own: Own, count: usize, share: usize) -> usize {
        let left = self.limit().saturating_sub(count).saturating_mul(share);
        match own.store {
            StoreIs::Well => left,
            StoreIs::Failing => left / FAILING,
        }
    }
}

/// How many pins there can be if so many pages may be dirty.
fn most_pins(limit: usize) -> usize {
    (limit / PINNED).min(MOST_PINS)
}

#[cfg(test)]
mod tests;
