//! The latch on a frame's bytes: how it is taken, what is waited for, and what its holder has.

use super::readers::{Place, Stay};
use super::wait::{Look, Waited};
use super::{Frame, Frames, Key, State, WaitLimit};
use crate::order::{Held, Lock};
use crate::sync::Backoff;

/// The bytes of a page, held still for a reader.
pub(crate) struct ReadLatch<'a> {
    pub(super) frames: &'a Frames,
    pub(super) frame: &'a Frame,
    pub(super) place: Place,
    pub(super) _held: Held,
}

impl ReadLatch<'_> {
    #[inline]
    pub(crate) fn key(&self) -> Key {
        self.frame.key()
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the pointer is to a page of live memory (`Frames` drops headers and memory together,
        // and `self` borrows them), and by S1 no thread writes while there is a reader.
        unsafe { &*self.frame.bytes(self.frames) }
    }
}

impl Drop for ReadLatch<'_> {
    #[inline]
    fn drop(&mut self) {
        self.frame.leave(self.frames, Stay::Copy, self.place);
    }
}

/// The bytes of a page, for one writer alone.
pub(crate) struct WriteLatch<'a> {
    pub(super) frames: &'a Frames,
    pub(super) frame: &'a Frame,
    pub(super) held: Held,
}

impl WriteLatch<'_> {
    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: as in `ReadLatch::bytes`, and by S1 this latch's holder alone touches them.
        unsafe { &mut *self.frame.bytes(self.frames) }
    }

    /// Unlatches a page whose every byte is valid now.
    pub(crate) fn commit(self) {
        self.end(State::filled);
    }

    /// Unlatches a page that must not be read any more. The latch waited for its readers.
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

impl Frame {
    /// Latches the bytes for reading, waiting for a writer's copy or an exclusive guard to end; `None` if the page is
    /// not uptodate. It counts as a use.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn read<'a>(&'a self, frames: &'a Frames) -> Option<ReadLatch<'a>> {
        let _held = Held::acquire(Lock::latch(self));
        let place = self.try_enter(frames).or_else(|| self.enter_contended(frames))?;
        Some(ReadLatch { frames, frame: self, place, _held })
    }

    /// Enters as a reader, if the page can be read now.
    #[inline]
    fn try_enter(&self, frames: &Frames) -> Option<Place> {
        match self.step_once(State::enter_and_use_unless_hot) {
            true => Some(Place::HEADER),
            false => self.enter_again(frames, Stay::Copy),
        }
    }

    /// Like `read`, by the thread that inserted or removes the page: this does not count as a use.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn read_unused<'a>(&'a self, frames: &'a Frames) -> Option<ReadLatch<'a>> {
        let _held = Held::acquire(Lock::latch(self));
        let gone = |state: State| !state.is_uptodate();
        let entered = self.step_unless(frames, State::enter, gone);
        entered.then(|| ReadLatch { frames, frame: self, place: Place::HEADER, _held })
    }

    /// Like `read`, without waiting: `None` also while a writer copies.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn try_read<'a>(&'a self, frames: &'a Frames) -> Option<ReadLatch<'a>> {
        let place = self.try_enter(frames)?;
        Some(ReadLatch { frames, frame: self, place, _held: Held::tried(Lock::latch(self)) })
    }

    #[cold]
    fn enter_contended(&self, frames: &Frames) -> Option<Place> {
        let gone = |state: State| !state.is_uptodate();
        self.step_unless(frames, State::enter_and_use, gone).then_some(Place::HEADER)
    }

    /// Waits until a step can be done on the word, or cannot be done any more. Returns whether it was done.
    /// A copy is short, so a thread parks only to wait for a guard.
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
        frames.waits.wait(self, WaitLimit::Unlimited, look) == Waited::Stepped
    }

    /// Latches the bytes for writing, waiting for other copies and for guards to end. For the holder of the page
    /// lock.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn write<'a>(&'a self, frames: &'a Frames) -> WriteLatch<'a> {
        let held = Held::acquire(Lock::latch(self));
        self.step_unless(frames, State::latch, |_| false);
        self.drain(frames);
        WriteLatch { frames, frame: self, held }
    }

    /// As `write`, but waits for no guard.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn write_unless_guarded<'a>(&'a self, frames: &'a Frames) -> Option<WriteLatch<'a>> {
        let backoff = Backoff::new();
        while let Err(state) = self.update(State::latch) {
            if state.is_guarded() {
                return None;
            }
            backoff.snooze();
        }
        let latch = WriteLatch { frames, frame: self, held: Held::tried(Lock::latch(self)) };
        self.cool_if_hot(frames);
        if self.state().is_shared() {
            return None;
        }
        self.drain(frames);
        Some(latch)
    }

    /// Latches the bytes for writing, if no thread copies and there is no guard.
    pub(super) fn try_write<'a>(&'a self, frames: &'a Frames) -> Option<WriteLatch<'a>> {
        self.update(State::latch_at_once).ok()?;
        Some(WriteLatch { frames, frame: self, held: Held::tried(Lock::latch(self)) })
    }

    /// Latches the bytes of a frame that no other thread can find.
    pub(super) fn write_alone<'a>(&'a self, frames: &'a Frames) -> WriteLatch<'a> {
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

    /// For the thread that has set the latch.
    #[inline]
    pub(super) fn cool_if_hot(&self, frames: &Frames) {
        if self.state().is_hot() {
            self.cool(frames);
        }
    }

    /// Waits for the readers and guards that were in before the latch was set.
    #[inline]
    fn drain(&self, frames: &Frames) {
        self.cool_if_hot(frames);
        if self.state().is_shared() {
            self.drain_guards(frames);
        }
        let backoff = Backoff::new();
        while !self.state().is_drained() {
            backoff.snooze();
        }
    }

    /// Guards may last long. A flag shows other threads that this one waits for a guard.
    #[cold]
    fn drain_guards(&self, frames: &Frames) {
        let before = self.step(State::waits_for_guards);
        frames.waits.wake(self, before);
        frames.waits.until(self, |state| (!state.is_shared()).then(|| state.waited_for_guards()));
    }

    /// Waits until a store through a page table that looked before this at what was allowed is over, or sees
    /// that this has changed. The caller holds the page lock.
    pub(super) fn pass_stores(&self, frames: &Frames) {
        // A step, although it changes nothing: a thread that latches later sees what was changed before.
        self.step_unless(frames, State::unless_latched, |_| false);
    }

    /// As `pass_stores`, but waits for no guard; whether it did.
    pub(super) fn pass_stores_unless_guarded(&self) -> bool {
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
