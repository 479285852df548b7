//! Frames: the memory in which pages are cached. Only this module accesses it.
//!
//! The bytes of a frame are shared memory, accessed by operations that hold no common lock. So they
//! have a latch in the frame's word: many readers or one writer. It is held for one copy of at most
//! a page, and longer only by a fill, whose page is not uptodate and so has no readers, and by the
//! guards of users. Copying under the latch makes a read of one page atomic, allows `memcpy`, needs
//! no retries, and costs a reader two atomic operations, which also serve as its reference.
//!
//! The alternative, relaxed word copies that a sequence count validates, was measured without
//! contention beside a latch like this one: it took 1.4 to 1.9 times as long to read a page, and
//! 1.6 to 2.4 times to write one, with 1, 64 and 4096 pages in turn (an x86 machine of 2 cores).
//! The cost when readers and a writer meet was not measured. The benchmark `page_cache` has the
//! word copies beside `memcpy` and this cache.
//!
//! Frames are never freed while the cache lives, and their headers are atomics. A stale number from
//! the index or from a page table leads to some frame, which the latch, the page lock or a pin
//! keeps unchanged while its key is compared.

mod bytes;
mod frames;
pub(crate) mod guard;
mod latch;
mod link;
mod page;
mod prefetch;
mod readers;
mod state;
mod wait;

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::order::{InCache, OfPage};
pub(crate) use crate::page::Key;
use crate::pages::page_table::Entries;
pub(crate) use frames::Frames;
pub(crate) use latch::{ReadLatch, WriteLatch};
pub(crate) use link::{AtomicLink, Zeroes, zeroes};
pub(crate) use page::{DetachedPin, FreeFrame, LockedPage, Pin, WaitTimedOut, WriteHit};
pub(crate) use state::State;
pub(crate) use wait::WaitLimit;

/// The value of a frame's bytes until its page is filled, unless the frame is `unpoisoned`.
pub(crate) const POISON: u8 = 0xDB;

/// A frame's number.
pub(crate) type FrameId = u32;

/// One frame's header: a cache line. All zeroes are a frame that was never used.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Frame {
    state: AtomicU64,
    file: AtomicU64,
    page: AtomicU64,
    /// Set before the frame is first used.
    id: AtomicU32,
    /// The next frame of the index's bucket.
    pub(crate) next: AtomicLink,
    /// The mappings that have the page. There is none once it is out of the index.
    pub(crate) entries: Entries,
}

const _: () = assert!(cfg!(spanlock_shuttle) || size_of::<Frame>() == 64);

impl InCache for Frame {
    #[inline(always)]
    fn cache(&self) -> usize {
        Frame::cache(self)
    }
}

impl OfPage for Frame {
    #[inline(always)]
    fn key(&self) -> Key {
        Frame::key(self)
    }
}

impl Frame {
    /// As [`Frames::cache`]: the headers of a cache are one slice.
    #[inline(always)]
    pub(crate) fn cache(&self) -> usize {
        std::ptr::from_ref(self).wrapping_sub(self.id() as usize).addr()
    }

    #[inline]
    pub(crate) fn id(&self) -> FrameId {
        // ORDERING: relaxed, here and below: see `Frames::prepare`.
        self.id.load(Ordering::Relaxed)
    }

    /// The bytes of a frame of this cache. Their address is computed from the address of the
    /// header, not read from it, because threads that read the same page write to the header.
    #[inline]
    fn bytes(&self, frames: &Frames) -> *mut [u8] {
        let index = (std::ptr::from_ref(self).addr() - frames.cache()) / size_of::<Frame>();
        let start = frames.memory.start().wrapping_add(index * frames.page_size.len());
        std::ptr::slice_from_raw_parts_mut(start, frames.page_size.len())
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        // ORDERING: pairs with the release half of every step: what was done to the frame before
        // a flag was set is seen by a thread that sees the flag.
        State(self.state.load(Ordering::Acquire))
    }

    /// The page that the frame caches. It may change at any time unless the caller holds the
    /// frame still, by a latch, the page lock or a pin (S3).
    #[inline]
    pub(crate) fn key(&self) -> Key {
        // ORDERING: relaxed, since a thread that relies on the answer took the latch or the lock before, and
        // with it saw what the last change released.
        Key { file: self.file.load(Ordering::Relaxed), page: self.page.load(Ordering::Relaxed) }
    }

    fn set_key(&self, key: Key) {
        // ORDERING: relaxed: the next write of the word releases it.
        self.file.store(key.file, Ordering::Relaxed);
        self.page.store(key.page, Ordering::Relaxed);
    }

    /// Does a step, and returns the word from before it; or returns the word that did not allow the step.
    #[inline]
    fn update(&self, step: impl Fn(State) -> Option<State>) -> Result<State, State> {
        // ORDERING: acquire, for what earlier holders of the latch, lock or pin did; release, for
        // the next holder. SeqCst, for the latch of a hot frame: readers' words are loaded after it (S6).
        self.state
            .fetch_update(Ordering::SeqCst, Ordering::Acquire, |word| {
                step(State(word)).map(|to| to.0)
            })
            .map(State)
            .map_err(State)
    }

    /// Tries a step once. Returns whether it was done: it may fail because another thread changed the word.
    #[inline]
    fn step_once(&self, step: impl Fn(State) -> Option<State>) -> bool {
        let from = self.state();
        // ORDERING: as in `update`.
        step(from).is_some_and(|to| {
            let done =
                self.state.compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::Relaxed);
            done.is_ok()
        })
    }

    /// Does a step that is always allowed.
    #[inline]
    fn step(&self, step: impl Fn(State) -> State) -> State {
        match self.update(|state| Some(step(state))) {
            Ok(before) | Err(before) => before,
        }
    }

    /// Clears the mark that the frame was used. Returns whether it was set.
    pub(crate) fn pass_over(&self) -> bool {
        self.update(State::pass_over).is_ok()
    }
}
