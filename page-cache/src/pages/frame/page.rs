//! What can be held of a frame: a free frame, a pin, the page lock.

use crate::sync::atomic::Ordering;

use super::wait::{Look, Waited};
use super::{Frame, FrameId, Frames, Key, POISON, ReadLatch, State, WaitLimit, WriteLatch};
use crate::order::{Held, Lock};

/// A frame that caches nothing, owned by the thread that took it from the free list.
pub(crate) struct FreeFrame<'a> {
    frames: &'a Frames,
    frame: &'a Frame,
    is_poisoned: bool,
}

impl<'a> FreeFrame<'a> {
    pub(super) fn new(frames: &'a Frames, frame: &'a Frame) -> FreeFrame<'a> {
        FreeFrame { frames, frame, is_poisoned: true }
    }

    /// The same frame, for a page that is filled or discarded before its lock is released: `assign` leaves the bytes
    /// as they are.
    pub(crate) fn unpoisoned(mut self) -> FreeFrame<'a> {
        self.is_poisoned = false;
        self
    }

    /// Assigns the frame to the page `key`: locked, and poisoned unless the frame is `unpoisoned`. No thread can find
    /// it before it is linked.
    pub(crate) fn assign(self, key: Key) -> LockedPage<'a> {
        let FreeFrame { frames, frame, is_poisoned } = self;
        std::mem::forget(self);
        frame.set_key(key);
        // ORDERING: release, for a thread that finds the frame by a stale number; nothing relies on it, since the latch
        // below publishes the same. No thread changes the word of a free frame (S4), so this overwrites no step.
        frame.state.store(State::NEW.0, Ordering::Release);
        let held = Held::tried(Lock::page(frame));
        let mut latch = frame.write_alone(frames);
        if is_poisoned {
            latch.bytes().fill(POISON);
        }
        drop(latch);
        LockedPage { frames, frame, pin: None, held }
    }
}

impl FreeFrame<'_> {
    /// Frees the frame, and returns its memory to the system.
    pub(crate) fn give_back(self) {
        self.frames.memory.give_back(self.frame.id() as usize);
    }
}

impl Drop for FreeFrame<'_> {
    fn drop(&mut self) {
        self.frames.put_free(self.frame.id());
    }
}

/// A page's lock was not free within the time to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitTimedOut;

/// A reference: the frame is not recycled while it lives. Its page may leave the index.
pub(crate) struct Pin<'a> {
    frames: &'a Frames,
    frame: &'a Frame,
}

impl<'a> Pin<'a> {
    /// Pins a frame that cannot become free meanwhile: the caller has it locked, has a guard of it, or
    /// found it in the index and holds the lock of its stripe.
    pub(crate) fn new(frames: &'a Frames, frame: &'a Frame) -> Pin<'a> {
        frame.step(State::pinned);
        Pin { frames, frame }
    }

    pub(crate) fn frame(&self) -> &'a Frame {
        self.frame
    }

    pub(crate) fn frames(&self) -> &'a Frames {
        self.frames
    }

    /// Locks the page, waiting as long as it takes. Its key may have changed meanwhile.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn lock(self) -> LockedPage<'a> {
        let held = Held::acquire(Lock::page(self.frame));
        self.frames.waits.until(self.frame, State::lock);
        held.taken();
        LockedPage { frames: self.frames, frame: self.frame, pin: Some(self), held }
    }

    /// Locks the page as `lock` does, but waits no longer than `wait_limit` allows.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn lock_within(self, wait_limit: WaitLimit) -> Result<LockedPage<'a>, WaitTimedOut> {
        let held = Held::acquire(Lock::page(self.frame));
        let look = |state: State| state.lock().into();
        if self.frames.waits.wait(self.frame, wait_limit, look) == Waited::TimedOut {
            return Err(WaitTimedOut);
        }
        held.taken();
        Ok(LockedPage { frames: self.frames, frame: self.frame, pin: Some(self), held })
    }

    /// Locks the page as `lock` does, unless a guard keeps it locked; then returns the pin.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn lock_unless_guarded(self) -> Result<LockedPage<'a>, Pin<'a>> {
        let held = Held::acquire(Lock::page(self.frame));
        let look = |state: State| match state.lock() {
            _ if state.is_guarded() => Look::Leave,
            step => step.into(),
        };
        if self.frames.waits.wait(self.frame, WaitLimit::Unlimited, look) == Waited::Left {
            return Err(self);
        }
        held.taken();
        Ok(LockedPage { frames: self.frames, frame: self.frame, pin: Some(self), held })
    }

    /// Clears the writeback mark and wakes the threads that wait for it.
    pub(crate) fn end_writeback(&self) {
        let before = self.frame.step(State::writeback_ended);
        self.frames.waits.wake(self.frame, before);
    }

    /// Marks a page whose write-through, which is the caller's, failed as not uptodate. It is clean, and
    /// it does not become dirty before the write-through ends.
    pub(crate) fn doubt(&self) {
        self.frame.step(State::doubted);
    }

    /// Latches the bytes of a page whose write-through is the caller's: a holder of its lock waits for that
    /// to end before changing them.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn latch(&self) -> WriteLatch<'a> {
        self.frame.write(self.frames)
    }

    /// Marks dirty again a page whose writeback, which is the caller's, failed.
    pub(crate) fn redirty(&self) {
        self.frame.step(State::dirtied);
    }
}

impl<'a> Pin<'a> {
    /// The reference without the borrow, for a list.
    pub(crate) fn detach(self) -> DetachedPin {
        let id = self.frame.id();
        std::mem::forget(self);
        DetachedPin { id }
    }
}

/// A reference in a list. It must be attached again before it is dropped, which frees the frame.
#[must_use = "a pin that is lost keeps its frame for ever"]
pub(crate) struct DetachedPin {
    id: FrameId,
}

impl Frames {
    /// The frame to which a detached reference refers. The frame must be one of these.
    #[inline]
    pub(crate) fn pinned(&self, pin: &DetachedPin) -> &Frame {
        &self.frames[pin.id as usize]
    }

    /// The reference as it was before it was detached. Its frame must be one of these.
    pub(crate) fn attach(&self, pin: DetachedPin) -> Pin<'_> {
        Pin { frames: self, frame: &self.frames[pin.id as usize] }
    }
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        let before = self.frame.step(State::unpinned);
        if before.is_freed_by_unpinning() {
            self.frames.put_free(self.frame.id());
        }
    }
}

/// A page that the holder has locked.
pub(crate) struct LockedPage<'a> {
    frames: &'a Frames,
    frame: &'a Frame,
    pin: Option<Pin<'a>>,
    held: Held,
}

impl<'a> LockedPage<'a> {
    /// Locks a page that can be evicted without waiting.
    pub(crate) fn try_for_eviction(frames: &'a Frames, frame: &'a Frame) -> Option<LockedPage<'a>> {
        let lock = || frame.update(State::lock_for_eviction);
        if lock().is_err() && !(frame.try_cool(frames) && lock().is_ok()) {
            return None;
        }
        let held = Held::tried(Lock::page(frame));
        Some(LockedPage { frames, frame, pin: None, held })
    }

    pub(crate) fn key(&self) -> Key {
        self.frame.key()
    }

    pub(crate) fn id(&self) -> FrameId {
        self.frame.id()
    }

    pub(crate) fn state(&self) -> State {
        self.frame.state()
    }

    pub(crate) fn frame(&self) -> &'a Frame {
        self.frame
    }

    /// Latches the bytes for writing.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn latch(&self) -> WriteLatch<'a> {
        self.frame.write(self.frames)
    }

    /// Latches the bytes for writing, unless that means to wait for a guard.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn latch_unless_guarded(&self) -> Option<WriteLatch<'a>> {
        self.frame.write_unless_guarded(self.frames)
    }

    /// Latches the bytes for writing, if no thread copies and there is no guard.
    pub(crate) fn try_latch(&self) -> Option<WriteLatch<'a>> {
        self.frame.try_write(self.frames)
    }

    /// Latches the bytes for reading; `None` if the page is not uptodate. It counts as no use.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn read(&self) -> Option<ReadLatch<'a>> {
        self.frame.read_unused(self.frames)
    }

    /// Marks a clean page as not uptodate: no reader enters from now on.
    pub(crate) fn doubt(&self) {
        self.frame.step(State::doubted);
    }

    /// Waits for the stores through page tables that may have looked at the entries before they were changed.
    pub(crate) fn pass_stores(&self) {
        self.frame.pass_stores(self.frames);
    }

    /// As `pass_stores`, unless that means to wait for a guard; whether it did.
    pub(crate) fn pass_stores_unless_guarded(&self) -> bool {
        self.frame.pass_stores_unless_guarded()
    }

    /// A reference that outlives the lock.
    pub(crate) fn pin(&self) -> Pin<'a> {
        Pin::new(self.frames, self.frame)
    }

    /// Waits until the page is no longer in flight.
    pub(crate) fn wait_for_writeback(&self) {
        if self.state().in_writeback() {
            let idle = |state: State| (!state.in_writeback()).then_some(state);
            self.frames.waits.until(self.frame, idle);
        }
    }

    /// Marks the page dirty. One that was clean has been admitted: see `admit_dirty`.
    pub(crate) fn set_dirty(&self) {
        self.frame.step(State::dirtied);
    }

    /// Marks clean a page of which nothing is newer than the store any more, unwritten.
    pub(crate) fn clear_dirty(&self) {
        self.frame.step(State::cleaned);
    }

    pub(crate) fn set_mapped(&self) {
        self.frame.step(State::mapped);
    }

    pub(crate) fn clear_mapped(&self) {
        self.frame.step(State::unmapped);
    }

    /// Replaces the dirty mark by the writeback mark.
    pub(crate) fn begin_writeback(&self) {
        self.frame.step(State::writeback_begun);
    }

    /// Sets the writeback mark, and leaves the dirty mark as it is.
    pub(crate) fn begin_write_through(&self) {
        self.frame.step(State::write_through_begun);
    }

    /// Clears the key and the state of a page that is not in the index any more. Returns the frame itself if
    /// it is not pinned; otherwise the last pin frees it.
    pub(crate) fn retire(mut self) -> Option<FreeFrame<'a>> {
        drop(self.pin.take());
        let (frames, frame) = (self.frames, self.frame);
        let mut latch = frame.write(frames);
        frame.set_key(Key::NONE);
        latch.held.release();
        std::mem::forget(latch);
        self.held.release();
        std::mem::forget(self);
        let before = frame.step(State::retired);
        frames.waits.wake(frame, before);
        (before.retired() == State::FREE).then(|| FreeFrame::new(frames, frame))
    }
}

impl Drop for LockedPage<'_> {
    fn drop(&mut self) {
        self.held.release();
        let before = self.frame.step(State::unlock);
        self.frames.waits.wake(self.frame, before);
    }
}

/// A page that was found uptodate and idle, locked and latched for a write in one step.
pub(crate) struct WriteHit<'a> {
    frames: &'a Frames,
    frame: &'a Frame,
    before: State,
    _held: Held,
}

impl<'a> WriteHit<'a> {
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn try_new(frames: &'a Frames, frame: &'a Frame) -> Option<WriteHit<'a>> {
        let before = frame.update(State::lock_and_latch).ok()?;
        let _held = Held::tried(Lock::latch(frame));
        Some(WriteHit { frames, frame, before, _held })
    }

    #[inline]
    pub(crate) fn key(&self) -> Key {
        self.frame.key()
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: as in `WriteLatch::bytes`; the step that made this set the latch and found no
        // reader.
        unsafe { &mut *self.frame.bytes(self.frames) }
    }

    /// Whether the page was dirty when it was locked. It is until this marks it so: other threads
    /// change the mark of a page that is locked or in flight, and this one was neither.
    #[inline]
    pub(crate) fn was_dirty(&self) -> bool {
        self.before.is_dirty()
    }

    #[inline]
    pub(crate) fn set_dirty(&self) {
        self.frame.step(State::dirtied);
    }
}

impl Drop for WriteHit<'_> {
    #[inline]
    fn drop(&mut self) {
        let before = self.frame.step(State::unlock_and_unlatch);
        self.frames.waits.wake(self.frame, before);
    }
}
