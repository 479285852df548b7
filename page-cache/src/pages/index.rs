//! The index: from a file and a page number to the frame that caches the page.
//!
//! A hash table whose chains run through the frames' headers, so it never allocates and is bounded
//! by the capacity of the cache. It is changed under a stripe's mutex, and searched in two ways.
//! `peek` takes no lock: it may miss a page whose chain changes meanwhile, and the frame that it
//! finds may cache another page by the time it returns. Its caller latches or locks the frame and
//! compares the key, and if in doubt uses `find`, which is exact and pins.

mod runs;

use crate::sync::atomic::Ordering;
use crate::sync::blocking::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

use self::runs::Runs;
use crate::order::{Held, Lock};
use crate::pages::frame::{
    AtomicLink, Frame, FrameId, Frames, FreeFrame, Key, LockedPage, Pin, Zeroes, zeroes,
};

const STRIPES: usize = 64;

/// How far `peek` follows a chain: a chain that changes meanwhile might be circular.
const PEEK_STEPS: usize = 16;

pub(crate) struct Index {
    heads: Zeroes<AtomicLink>,
    runs: Runs,
    stripes: Box<[CachePadded<Mutex<()>>]>,
}

/// A stripe that is locked.
struct Stripe<'a> {
    _guard: MutexGuard<'a, ()>,
    _held: Held,
}

/// The result of looking up or inserting a page.
pub(crate) enum Found<'a> {
    /// It was cached already, and is pinned now.
    Cached(Pin<'a>),
    /// It has been given the free frame.
    Made(LockedPage<'a>),
    /// It is not cached, and there was no free frame to give.
    Absent,
}

impl Index {
    /// An index for a cache of this many frames.
    pub(crate) fn new(frames: u32) -> Index {
        // Two for each frame at least: a lookup is fastest if the first frame of the chain is the right one.
        let buckets = (2 * frames as usize).next_power_of_two().max(STRIPES);
        Index {
            heads: zeroes(buckets),
            runs: Runs::new(frames),
            stripes: (0..STRIPES).map(|_| CachePadded::default()).collect(),
        }
    }

    /// The frame that seems to cache `key`; see the documentation of the module.
    #[inline]
    pub(crate) fn peek<'a>(&self, frames: &'a Frames, key: Key) -> Option<&'a Frame> {
        self.peek_with(frames, key, |_| ())
    }

    /// As `peek`. Calls `first` with the first frame of the chain, before its header is read.
    #[inline]
    pub(crate) fn peek_with<'a>(
        &self,
        frames: &'a Frames,
        key: Key,
        first: impl Fn(FrameId),
    ) -> Option<&'a Frame> {
        if let Some(id) = self.runs.guess(key)
            && let Some(frame) = frames.get(id)
        {
            frames.prefetch_header(id);
            first(id);
            if frame.key() == key {
                return Some(frame);
            }
        }
        // ORDERING: acquire, here and below, pairs with the release in `find_or_insert` and `unlink`: a thread that
        // follows a link sees the header it leads to. Under the stripe the mutex orders all of this.
        let mut id = self.heads[self.bucket_of(key)].load(Ordering::Acquire);
        if let Some(id) = id {
            frames.prefetch_header(id);
            first(id);
        }
        for _ in 0..PEEK_STEPS {
            let frame = frames.get(id?)?;
            if frame.key() == key {
                return Some(frame);
            }
            id = frame.next.load(Ordering::Acquire);
        }
        None
    }

    /// The page, pinned, if it is cached.
    pub(crate) fn find<'a>(&self, frames: &'a Frames, key: Key) -> Option<Pin<'a>> {
        let bucket = self.bucket_of(key);
        let _stripe = self.stripe(bucket);
        self.search(frames, bucket, key).map(|frame| Pin::new(frames, frame))
    }

    /// The page, pinned, if it is cached; else it is given the free frame, if there is one.
    pub(crate) fn find_or_insert<'a>(
        &self,
        frames: &'a Frames,
        key: Key,
        free: &mut Option<FreeFrame<'a>>,
    ) -> Found<'a> {
        let bucket = self.bucket_of(key);
        let _stripe = self.stripe(bucket);
        if let Some(frame) = self.search(frames, bucket, key) {
            return Found::Cached(Pin::new(frames, frame));
        }
        let Some(free) = free.take() else { return Found::Absent };
        let page = free.assign(key);
        let head = &self.heads[bucket];
        page.frame().next.store(head.load(Ordering::Relaxed), Ordering::Relaxed);
        head.store(Some(page.id()), Ordering::Release);
        self.runs.note(key, page.id());
        Found::Made(page)
    }

    /// Removes a page, which cannot be found from now on.
    pub(crate) fn remove(&self, frames: &Frames, page: &LockedPage<'_>) {
        let bucket = self.bucket_of(page.key());
        let _stripe = self.stripe(bucket);
        self.unlink(frames, bucket, page.id());
    }

    /// Removes a page unless it is pinned, and returns whether it did. `forget` runs before the page can be
    /// inserted again. The caller has latched the page, which then has no guard.
    pub(crate) fn remove_unpinned(
        &self,
        frames: &Frames,
        page: &LockedPage<'_>,
        forget: impl FnOnce(),
    ) -> bool {
        let bucket = self.bucket_of(page.key());
        let _stripe = self.stripe(bucket);
        // New pins are made under the stripe, or by threads that have a guard of the page or its lock.
        let alone = !page.state().is_pinned();
        if alone {
            forget();
            self.unlink(frames, bucket, page.id());
        }
        alone
    }

    fn search<'a>(&self, frames: &'a Frames, bucket: usize, key: Key) -> Option<&'a Frame> {
        let mut id = self.heads[bucket].load(Ordering::Acquire);
        while let Some(frame) = id.and_then(|id| frames.get(id)) {
            if frame.key() == key {
                return Some(frame);
            }
            id = frame.next.load(Ordering::Acquire);
        }
        None
    }

    fn unlink(&self, frames: &Frames, bucket: usize, id: FrameId) {
        let mut link = &self.heads[bucket];
        while let Some(frame) = link.load(Ordering::Acquire).and_then(|id| frames.get(id)) {
            if frame.id() == id {
                link.store(frame.next.load(Ordering::Relaxed), Ordering::Release);
                return;
            }
            link = &frame.next;
        }
        debug_assert!(false, "frame {id} is not in the index");
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn stripe(&self, bucket: usize) -> Stripe<'_> {
        let _held = Held::acquire(Lock::stripe());
        let mutex = &self.stripes[bucket % STRIPES];
        Stripe { _guard: mutex.lock().unwrap_or_else(PoisonError::into_inner), _held }
    }

    #[inline]
    fn bucket_of(&self, key: Key) -> usize {
        // Sixteen neighbouring pages share one line of heads; the groups are scattered, and the pages within them, since
        // many files may have only the first. The product's bits depend on lower bits of its factors only, so the file's
        // number is not at the top.
        let group = (key.page >> 4) ^ key.file.rotate_left(20);
        let product = group.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (scattered, within) = (product >> 28, key.page ^ product >> 24);
        ((scattered << 4 | within & 15) as usize) & (self.heads.len() - 1)
    }
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
