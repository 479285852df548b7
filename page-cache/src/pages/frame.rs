//! Frames: the memory in which pages are cached. Only this module accesses it.
//!
//! The bytes of a frame are shared memory, accessed by operations that hold no common lock. So they have a latch in the
//! frame's word: many readers or one writer. It is held for one copy of at most a page, and longer only by a fill, whose page is not
//! uptodate and so has no readers, and by the guards of users. Copying under the latch makes a read of one page
//! atomic, allows `memcpy`, needs no retries, and costs a reader two atomic operations, which also serve as its reference.
//!
//! The alternative, relaxed word copies that a sequence count validates, was measured without contention beside a latch like
//! this one: it took 1.4 to 1.9 times as long to read a page, and 1.6 to 2.4 times to write one, with 1, 64 and 4096 pages
//! in turn (an x86 machine of 2 cores). The cost when readers and a writer meet was not measured. The benchmark `page_cache` has the
//! word copies beside `memcpy` and this cache.
//!
//! Frames are never freed while the cache lives, and their headers are atomics. A stale number from the index or from a page
//! table leads to some frame, which the latch, the page lock or a pin keeps unchanged while its key is compared.

mod bytes;
pub(crate) mod guard;
mod latch;
mod link;
mod page;
mod state;
mod wait;

use crate::sync::Backoff;
use crate::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::sync::blocking::Mutex;

use crate::order::leaf::{Leaf, lock_leaf};
use crate::order::{Held, InCache, Lock, OfPage};
pub(crate) use crate::page::Key;
use crate::page::PageSize;
use crate::pages::page_table::Entries;
use bytes::FrameMemory;
pub(crate) use latch::{ReadLatch, WriteLatch};
pub(crate) use page::{DetachedPin, FreeFrame, LockedPage, OutOfPatience, Pin, WriteHit};
pub(crate) use state::State;
pub(crate) use wait::Patience;
use wait::{Look, Waited, Waits};

/// What fills a frame's bytes until its page is filled.
pub(crate) const POISON: u8 = 0xDB;

/// A frame's number.
pub(crate) type FrameId = u32;

pub(crate) use link::AtomicLink;

/// One frame's header: a cache line. All zeroes are a frame that was never used.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Frame {
    state: AtomicU64,
    file: AtomicU64,
    page: AtomicU64,
    /// Where its bytes are. Set before the frame is first used, as is its number.
    bytes: AtomicPtr<u8>,
    id: AtomicU32,
    /// The next frame of the index's bucket.
    pub(crate) next: AtomicLink,
    /// The mappings that have the page. There is none once it is out of the index.
    pub(crate) entries: Entries,
}

const _: () = assert!(cfg!(spanlock_shuttle) || size_of::<Frame>() == 64);

#[cfg(not(spanlock_shuttle))]
// SAFETY: its fields are atomic numbers and an atomic pointer, of which zeroes are values.
unsafe impl bytes::Zeroed for Frame {}

#[cfg(not(spanlock_shuttle))]
type Headers = bytes::Items<Frame>;
#[cfg(spanlock_shuttle)]
type Headers = Box<[Frame]>;

#[cfg(not(spanlock_shuttle))]
fn headers(count: u32) -> Headers {
    bytes::Items::new(count as usize)
}

#[cfg(not(spanlock_shuttle))]
// SAFETY: it is an atomic number.
unsafe impl bytes::Zeroed for AtomicLink {}

/// So many links to no frame, which take no memory before they are used.
#[cfg(not(spanlock_shuttle))]
pub(crate) type Links = bytes::Items<AtomicLink>;
#[cfg(spanlock_shuttle)]
pub(crate) type Links = Box<[AtomicLink]>;

#[cfg(not(spanlock_shuttle))]
pub(crate) fn links(count: usize) -> Links {
    bytes::Items::new(count)
}

#[cfg(spanlock_shuttle)]
pub(crate) fn links(count: usize) -> Links {
    (0..count).map(|_| AtomicLink::default()).collect()
}

/// The primitives of shuttle are not made of zeroes.
#[cfg(spanlock_shuttle)]
fn headers(count: u32) -> Headers {
    (0..count).map(|_| Frame::default()).collect()
}

/// All frames of a cache.
pub(crate) struct Frames {
    page_size: PageSize,
    frames: Headers,
    free: Mutex<Free>,
    waits: Waits,
    memory: FrameMemory,
    /// How many may be used. The number may be out of date.
    capacity: AtomicU32,
}

/// The frames that no thread uses.
struct Free {
    /// Those that were used before.
    frames: Vec<FrameId>,
    /// The first of those that were never used.
    fresh: FrameId,
    used: u32,
    /// How many may be used.
    capacity: u32,
}

impl Frames {
    /// Frames, so many at most, all of which may be used.
    pub(crate) fn new(count: u32, page_size: PageSize) -> Frames {
        let free = Free { frames: Vec::new(), fresh: 0, used: 0, capacity: count };
        Frames {
            page_size,
            frames: headers(count),
            free: Mutex::new(free),
            waits: Waits::new(),
            memory: FrameMemory::new(count as usize, page_size),
            capacity: AtomicU32::new(count),
        }
    }

    #[inline]
    pub(crate) fn page_size(&self) -> PageSize {
        self.page_size
    }

    #[inline]
    pub(crate) fn get(&self, id: FrameId) -> Option<&Frame> {
        self.frames.get(id as usize)
    }

    /// Tells one cache from another, for as long as it lives; never zero.
    #[inline(always)]
    pub(crate) fn cache(&self) -> usize {
        self.frames.as_ptr().addr()
    }

    /// How many frames may be used.
    pub(crate) fn count(&self) -> u32 {
        // ORDERING: relaxed, as a number that orders nothing; the mutex has the one that decides.
        self.capacity.load(Ordering::Relaxed)
    }

    /// How many frames there are, used or not.
    pub(crate) fn most(&self) -> u32 {
        self.frames.len() as u32
    }

    /// Lets so many frames be used, if there are so many. Those that are in use above that stay in use.
    pub(crate) fn set_count(&self, count: u32) {
        assert!(count as usize <= self.frames.len());
        let mut free = self.free();
        free.capacity = count;
        self.capacity.store(count, Ordering::Relaxed);
    }

    /// How many frames are in use above those that may be.
    pub(crate) fn excess(&self) -> u32 {
        let free = self.free();
        free.used.saturating_sub(free.capacity)
    }

    /// A free frame, if there is one that may be used.
    pub(crate) fn take_free(&self) -> Option<FreeFrame<'_>> {
        let mut free = self.free();
        if free.used >= free.capacity {
            return None;
        }
        let id = free.frames.pop().unwrap_or_else(|| {
            let id = free.fresh;
            free.fresh += 1;
            self.prepare(id);
            id
        });
        free.used += 1;
        Some(FreeFrame::new(self, &self.frames[id as usize]))
    }

    /// Prepares a frame that is used for the first time.
    fn prepare(&self, id: FrameId) {
        let frame = &self.frames[id as usize];
        // ORDERING: relaxed: a thread that finds the frame has read the state or the link by which it was
        // published.
        frame.id.store(id, Ordering::Relaxed);
        frame.bytes.store(self.memory.page(id as usize).as_ptr(), Ordering::Relaxed);
    }

    /// Whether a user's guard is in the way of every one.
    pub(crate) fn are_all_guarded(&self) -> bool {
        let (fresh, used, capacity) = {
            let free = self.free();
            (free.fresh, free.used, free.capacity)
        };
        let guarded = |frame: &Frame| frame.state().is_shared() || frame.state().is_guarded();
        let count = self.frames[..fresh as usize].iter().filter(|frame| guarded(frame)).count();
        used >= capacity && count >= capacity as usize
    }

    fn put_free(&self, id: FrameId) {
        let mut free = self.free();
        free.frames.push(id);
        free.used -= 1;
    }

    fn free(&self) -> Leaf<'_, Free> {
        lock_leaf(&self.free)
    }
}

impl InCache for Frames {
    #[inline(always)]
    fn cache(&self) -> usize {
        Frames::cache(self)
    }
}

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

    /// The bytes of a frame that is or was used, and is of these.
    #[inline]
    fn bytes(&self, frames: &Frames) -> *mut [u8] {
        let start = self.bytes.load(Ordering::Relaxed);
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
        self.file.store(key.file, Ordering::Relaxed);
        self.page.store(key.page, Ordering::Relaxed);
    }

    /// Does a step, and returns the word from before it; or the word that allowed none.
    #[inline]
    fn update(&self, step: impl Fn(State) -> Option<State>) -> Result<State, State> {
        // ORDERING: acquire, for what earlier holders of the latch, lock or pin did; release, for
        // the next holder.
        self.state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                step(State(word)).map(|to| to.0)
            })
            .map(State)
            .map_err(State)
    }

    /// Does a step that is always allowed.
    #[inline]
    fn step(&self, step: impl Fn(State) -> State) -> State {
        match self.update(|state| Some(step(state))) {
            Ok(before) | Err(before) => before,
        }
    }

    /// The hand of reclaim passes: whether the frame was used since it last did.
    pub(crate) fn pass_over(&self) -> bool {
        self.update(State::pass_over).is_ok()
    }

    /// Latches the bytes for reading, waiting for a writer's copy or an exclusive guard to end; `None` if the page is
    /// not uptodate. It counts as a use.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn read<'a>(&'a self, frames: &'a Frames) -> Option<ReadLatch<'a>> {
        self.enter(frames, State::enter_and_use)
    }

    /// Like `read`, by the thread that inserted or removes the page: this does not count as a use.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn read_unused<'a>(&'a self, frames: &'a Frames) -> Option<ReadLatch<'a>> {
        self.enter(frames, State::enter)
    }

    /// Like `read`, without waiting: `None` also while a writer copies.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn try_read<'a>(&'a self, frames: &'a Frames) -> Option<ReadLatch<'a>> {
        self.update(State::enter_and_use).ok()?;
        Some(ReadLatch { frames, frame: self, _held: Held::tried(Lock::latch(self)) })
    }

    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn enter<'a>(
        &'a self,
        frames: &'a Frames,
        step: impl Fn(State) -> Option<State>,
    ) -> Option<ReadLatch<'a>> {
        let _held = Held::acquire(Lock::latch(self));
        match self.update(&step) {
            Ok(_) => Some(ReadLatch { frames, frame: self, _held }),
            Err(_) if self.enter_contended(frames, step) => {
                Some(ReadLatch { frames, frame: self, _held })
            }
            Err(_) => None,
        }
    }

    #[cold]
    fn enter_contended(&self, frames: &Frames, step: impl Fn(State) -> Option<State>) -> bool {
        let gone = |state: State| !state.is_uptodate();
        self.step_unless(frames, step, gone)
    }

    /// Waits until a step can be done on the word, or until there is no hope of it any more; whether it was done.
    /// A copy is short: only a guard is worth parking for.
    fn step_unless(
        &self,
        frames: &Frames,
        step: impl Fn(State) -> Option<State>,
        gone: impl Fn(State) -> bool,
    ) -> bool {
        let backoff = Backoff::new();
        loop {
            match self.update(&step) {
                Ok(_) => return true,
                Err(state) if gone(state) => return false,
                Err(state) if state.is_guarded() => break,
                Err(_) => backoff.snooze(),
            }
        }
        let look = |state: State| match step(state) {
            Some(to) => Look::Step(to),
            None if gone(state) => Look::Leave,
            None => Look::Wait,
        };
        frames.waits.wait(self, Patience::Endless, look) == Waited::Stepped
    }

    /// Latches the bytes for writing, waiting for other copies and for guards to end. For the holder of the page
    /// lock.
    #[cfg_attr(debug_assertions, track_caller)]
    fn write<'a>(&'a self, frames: &'a Frames) -> WriteLatch<'a> {
        let held = Held::acquire(Lock::latch(self));
        self.step_unless(frames, State::latch, |_| false);
        self.drain(frames);
        WriteLatch { frames, frame: self, held }
    }

    /// As `write`, but waits for no guard.
    #[cfg_attr(debug_assertions, track_caller)]
    fn write_unless_guarded<'a>(&'a self, frames: &'a Frames) -> Option<WriteLatch<'a>> {
        let backoff = Backoff::new();
        while let Err(state) = self.update(State::latch) {
            if state.is_guarded() {
                return None;
            }
            backoff.snooze();
        }
        let latch = WriteLatch { frames, frame: self, held: Held::tried(Lock::latch(self)) };
        if self.state().is_shared() {
            return None;
        }
        self.drain(frames);
        Some(latch)
    }

    /// Latches the bytes for writing, if no thread copies and there is no guard.
    fn try_write<'a>(&'a self, frames: &'a Frames) -> Option<WriteLatch<'a>> {
        self.update(State::latch_at_once).ok()?;
        Some(WriteLatch { frames, frame: self, held: Held::tried(Lock::latch(self)) })
    }

    /// Latches the bytes of a frame that no other thread can find.
    fn write_alone<'a>(&'a self, frames: &'a Frames) -> WriteLatch<'a> {
        let before = self.step(|state| state.latch().unwrap_or(state));
        debug_assert!(!before.is_latched() && before.is_drained(), "{before:?}");
        WriteLatch { frames, frame: self, held: Held::tried(Lock::latch(self)) }
    }

    /// Latches the bytes for writing through a page table's entry, which is to be checked again; `None` if the page is
    /// not uptodate, and so not mapped, or if the entry is gone by then. This is checked before waiting for a guard: a
    /// thread that has removed the entry and then passed the latch relies on no later use of the entry.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn write_mapped<'a>(
        &'a self,
        frames: &'a Frames,
        is_allowed: impl Fn() -> bool,
    ) -> Option<WriteLatch<'a>> {
        let held = Held::acquire(Lock::latch(self));
        let gone = |state: State| !state.is_uptodate();
        if !self.step_unless(frames, State::latch_mapped, gone) {
            return None;
        }
        let latch = WriteLatch { frames, frame: self, held };
        if !is_allowed() {
            return None;
        }
        self.drain(frames);
        Some(latch)
    }

    /// Like `write_mapped`, without waiting: `None` also while another thread copies.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn try_write_mapped<'a>(&'a self, frames: &'a Frames) -> Option<WriteLatch<'a>> {
        self.update(State::latch_mapped_at_once).ok()?;
        Some(WriteLatch { frames, frame: self, held: Held::tried(Lock::latch(self)) })
    }

    /// Waits for the readers and guards that were in before the latch was set.
    #[inline]
    fn drain(&self, frames: &Frames) {
        if self.state().is_shared() {
            self.drain_guards(frames);
        }
        let backoff = Backoff::new();
        while !self.state().is_drained() {
            backoff.snooze();
        }
    }

    /// Guards may stay for long. Others see that this waits for them, and what they hold meanwhile is their affair.
    #[cold]
    fn drain_guards(&self, frames: &Frames) {
        let before = self.step(State::waits_for_guards);
        frames.waits.wake(self, before);
        frames.waits.until(self, |state| (!state.is_shared()).then(|| state.waited_for_guards()));
    }

    /// Waits until a store through a page table that looked before this at what was allowed is over, or sees
    /// that this has changed. The caller holds the page lock.
    fn pass_stores(&self, frames: &Frames) {
        // A step, although it changes nothing: a thread that latches later sees what was changed before.
        self.step_unless(frames, State::unless_latched, |_| false);
    }

    /// As `pass_stores`, but waits for no guard; whether it did.
    fn pass_stores_unless_guarded(&self) -> bool {
        let backoff = Backoff::new();
        while let Err(state) = self.update(State::unless_latched) {
            if state.is_guarded() {
                return false;
            }
            backoff.snooze();
        }
        true
    }
}
