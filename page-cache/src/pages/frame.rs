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
mod page;
mod state;
mod wait;

use crate::sync::Backoff;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::blocking::{Mutex, PoisonError};
use std::ptr::NonNull;

use crate::order::{Held, InCache, Lock, OfPage};
pub(crate) use crate::page::Key;
use crate::pages::page_table::Entries;
use bytes::{FrameMemory, PageBytes};
pub(crate) use page::{DetachedPin, FreeFrame, LockedPage, Pin, WriteHit};
pub(crate) use state::State;
pub(crate) use wait::Patience;
use wait::{Look, Waited, Waits};

/// What fills a frame's bytes until its page is filled.
pub(crate) const POISON: u8 = 0xDB;

/// A frame's number.
pub(crate) type FrameId = u32;

/// One frame's header: a cache line.
#[repr(align(64))]
pub(crate) struct Frame {
    state: AtomicU64,
    file: AtomicU64,
    page: AtomicU64,
    bytes: NonNull<PageBytes>,
    id: FrameId,
    /// The next frame of the index's bucket.
    pub(crate) next: AtomicU32,
    /// The mappings that have the page. There is none once it is out of the index.
    pub(crate) entries: Entries,
}

const _: () = assert!(cfg!(spanlock_shuttle) || size_of::<Frame>() == 64);

// SAFETY: the pointer is into the `FrameMemory` that `Frames` owns beside the header, and the bytes
// are reached through latches only, by S1 from one writer or many readers.
unsafe impl Send for Frame {}
// SAFETY: as above.
unsafe impl Sync for Frame {}

/// All frames of a cache.
pub(crate) struct Frames {
    frames: Box<[Frame]>,
    free: Mutex<Vec<FrameId>>,
    waits: Waits,
    _memory: FrameMemory,
}

impl Frames {
    pub(crate) fn new(count: u32) -> Frames {
        let memory = FrameMemory::new(count as usize);
        let frames = (0..count).map(|id| Frame::new(id, memory.page(id as usize))).collect();
        // The lowest number on top: a cache that is not full stays small.
        let free = Mutex::new((0..count).rev().collect());
        Frames { frames, free, waits: Waits::new(), _memory: memory }
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

    pub(crate) fn count(&self) -> u32 {
        self.frames.len() as u32
    }

    /// A free frame, if there is one.
    pub(crate) fn take_free(&self) -> Option<FreeFrame<'_>> {
        let _held = Held::acquire(Lock::leaf());
        let id = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(FreeFrame::new(self, &self.frames[id as usize]))
    }

    /// Whether a user's guard is in the way of every one.
    pub(crate) fn are_all_guarded(&self) -> bool {
        let guarded = |frame: &Frame| frame.state().is_shared() || frame.state().is_guarded();
        self.frames.iter().all(guarded)
    }

    fn put_free(&self, id: FrameId) {
        let _held = Held::acquire(Lock::leaf());
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(id);
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
    fn new(id: FrameId, bytes: NonNull<PageBytes>) -> Frame {
        Frame {
            state: AtomicU64::new(State::FREE.0),
            file: AtomicU64::new(Key::NONE.file),
            page: AtomicU64::new(Key::NONE.page),
            bytes,
            id,
            next: AtomicU32::new(u32::MAX),
            entries: Entries::default(),
        }
    }

    /// As [`Frames::cache`]: the headers of a cache are one slice.
    #[inline(always)]
    pub(crate) fn cache(&self) -> usize {
        std::ptr::from_ref(self).wrapping_sub(self.id as usize).addr()
    }

    pub(crate) fn id(&self) -> FrameId {
        self.id
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        // ORDERING: pairs with the release half of every step: what was done to the frame before
        // a flag was set is seen by who sees the flag.
        State(self.state.load(Ordering::Acquire))
    }

    /// The page that the frame caches. It may change at any time unless the caller holds the
    /// frame still, by a latch, the page lock or a pin (S3).
    #[inline]
    pub(crate) fn key(&self) -> Key {
        // ORDERING: relaxed, since who relies on the answer took the latch or the lock before, and
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
        // those who come next.
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

    /// As `read`, for who brought the page in, or takes it out: that is no use of it.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn read_unused<'a>(&'a self, frames: &'a Frames) -> Option<ReadLatch<'a>> {
        self.enter(frames, State::enter)
    }

    /// As `read`, for who must not wait; `None` also while a writer copies.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn try_read(&self) -> Option<ReadLatch<'_>> {
        self.update(State::enter_and_use).ok()?;
        Some(ReadLatch { frame: self, _held: Held::tried(Lock::latch(self)) })
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
            Ok(_) => Some(ReadLatch { frame: self, _held }),
            Err(_) if self.enter_contended(frames, step) => Some(ReadLatch { frame: self, _held }),
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

    /// Latches the bytes for writing, if nobody copies and there is no guard.
    fn try_write<'a>(&'a self, frames: &'a Frames) -> Option<WriteLatch<'a>> {
        self.update(State::latch_at_once).ok()?;
        Some(WriteLatch { frames, frame: self, held: Held::tried(Lock::latch(self)) })
    }

    /// Latches the bytes of a frame that nobody else can find.
    fn write_alone<'a>(&'a self, frames: &'a Frames) -> WriteLatch<'a> {
        let before = self.step(|state| state.latch().unwrap_or(state));
        debug_assert!(!before.is_latched() && before.is_drained(), "{before:?}");
        WriteLatch { frames, frame: self, held: Held::tried(Lock::latch(self)) }
    }

    /// Latches the bytes for writing through a page table's entry, which is to be checked again;
    /// `None` if the page is not uptodate, and so not mapped.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn write_mapped<'a>(&'a self, frames: &'a Frames) -> Option<WriteLatch<'a>> {
        let held = Held::acquire(Lock::latch(self));
        let gone = |state: State| !state.is_uptodate();
        if !self.step_unless(frames, State::latch_mapped, gone) {
            return None;
        }
        self.drain(frames);
        Some(WriteLatch { frames, frame: self, held })
    }

    /// As `write_mapped`, for who must not wait; `None` also while anybody copies.
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
        // A step, though it changes nothing: who latches after it sees what was changed before.
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

/// The bytes of a page, held still for a reader.
pub(crate) struct ReadLatch<'a> {
    frame: &'a Frame,
    _held: Held,
}

impl ReadLatch<'_> {
    #[inline]
    pub(crate) fn key(&self) -> Key {
        self.frame.key()
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &PageBytes {
        // SAFETY: the pointer is into live memory (`Frames` drops headers and memory together,
        // and `self` borrows a header), aligned, and by S1 nobody writes while this reader is in.
        unsafe { self.frame.bytes.as_ref() }
    }
}

impl Drop for ReadLatch<'_> {
    #[inline]
    fn drop(&mut self) {
        // ORDERING: release: the copy is done before a writer, which acquires in `drain`, starts.
        self.frame.state.fetch_sub(State::ONE_READER, Ordering::Release);
    }
}

/// The bytes of a page, for one writer alone.
pub(crate) struct WriteLatch<'a> {
    frames: &'a Frames,
    frame: &'a Frame,
    held: Held,
}

impl WriteLatch<'_> {
    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut PageBytes {
        // SAFETY: as in `ReadLatch::bytes`, and by S1 this latch's holder alone touches them.
        unsafe { &mut *self.frame.bytes.as_ptr() }
    }

    /// Unlatches a page whose every byte is valid now.
    pub(crate) fn commit(self) {
        self.end(State::filled);
    }

    /// Unlatches a page that nobody is to read any more. The latch waited for who was reading it.
    pub(crate) fn void(self) {
        self.end(State::voided);
    }

    fn end(mut self, step: fn(State) -> State) {
        let before = self.frame.step(step);
        self.frames.waits.wake(self.frame, before);
        self.held.release();
        std::mem::forget(self);
    }
}

impl Drop for WriteLatch<'_> {
    #[inline]
    fn drop(&mut self) {
        let before = self.frame.step(State::unlatched);
        self.frames.waits.wake(self.frame, before);
    }
}
