//! The latch on a frame's bytes, as it is held.

use super::{Frame, Frames, Key, State};
use crate::order::Held;
use crate::sync::atomic::Ordering;

/// The bytes of a page, held still for a reader.
pub(crate) struct ReadLatch<'a> {
    pub(super) frames: &'a Frames,
    pub(super) frame: &'a Frame,
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
        // ORDERING: release: the copy is done before a writer, which acquires in `drain`, starts.
        self.frame.state.fetch_sub(State::ONE_READER, Ordering::Release);
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
