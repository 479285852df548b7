//! Guards: pages that a user of the cache locks, for any length of time.
//!
//! A shared guard is a reader that stays, which also pins the page. An exclusive guard has the page lock and
//! the latch, and marks the page as [guarded](State::is_guarded), so that threads that must not wait for a user
//! can tell. The lock order of the cache does not cover guards: see `order`.
//!
//! Each thread has a list of its guards. It checks the list before it waits, so that it does not wait for
//! itself.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::MutexGuard;

use super::wait::{Look, Waited};
use super::{Frame, Frames, Key, Pin, State, WaitLimit};
use crate::sync::atomic::Ordering;
use crate::sync::{Backoff, thread_local};

/// The number of guards that a thread can list without a heap allocation.
const FEW: usize = 16;

/// One of the thread's guards: its frame and its file, by their addresses; zeroes are none.
type Note = (usize, usize);

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static NOTES: [Cell<Note>; FEW] = const { [const { Cell::new((0, 0)) }; FEW] };
    static MORE: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
}

/// Atomic, because other threads may read the list entry of a guard, and the guard may be dropped on another thread.
type StaysOnItsThread = PhantomData<MutexGuard<'static, ()>>;

/// Notes that the thread has a guard of a frame, which is of the file at an address.
#[inline(always)]
fn note(frame: &Frame, file: usize) {
    let note = (std::ptr::from_ref(frame).addr(), file);
    let count = COUNT.with(|count| count.replace(count.get() + 1));
    if count < FEW {
        NOTES.with(|notes| notes[count].set(note));
    } else {
        note_more(note);
    }
}

/// Removes one entry of a guard of a frame from the list.
#[inline(always)]
fn strike_out(frame: &Frame) {
    let frame = std::ptr::from_ref(frame).addr();
    let last = COUNT.with(Cell::get) - 1;
    let is_last = last < FEW && NOTES.with(|notes| notes[last].get().0) == frame;
    if is_last {
        COUNT.with(|count| count.set(last));
    } else {
        forget(frame);
    }
}

#[cold]
fn note_more(note: Note) {
    let _ = MORE.try_with(|more| more.borrow_mut().push(note));
}

/// Removes an entry that is not the last, and moves the last one to its position.
#[cold]
fn forget(frame: usize) {
    let last = COUNT.with(|count| {
        count.set(count.get() - 1);
        count.get()
    });
    let last_note = match last.checked_sub(FEW) {
        None => NOTES.with(|notes| notes[last].get()),
        Some(_) => MORE.try_with(|more| more.borrow_mut().pop()).ok().flatten().unwrap_or((0, 0)),
    };
    if last_note.0 == frame {
        return;
    }
    let found = NOTES.with(|notes| {
        let place = notes[..last.min(FEW)].iter().find(|note| note.get().0 == frame);
        place.map(|note| note.set(last_note)).is_some()
    });
    if !found {
        let _ = MORE.try_with(|more| {
            let mut more = more.borrow_mut();
            if let Some(note) = more.iter_mut().find(|note| note.0 == frame) {
                *note = last_note;
            }
        });
    }
}

/// Whether this thread has a guard.
#[inline]
pub(crate) fn has_any() -> bool {
    COUNT.with(Cell::get) > 0
}

/// Whether this thread has a guard of a file, by its address.
#[inline]
pub(crate) fn has_of(file: usize) -> bool {
    has_any() && is_noted(|note| note.1 == file)
}

#[cold]
fn is_noted(is: impl Fn(Note) -> bool) -> bool {
    let count = COUNT.with(Cell::get).min(FEW);
    NOTES.with(|notes| notes[..count].iter().any(|note| is(note.get())))
        || MORE.try_with(|more| more.borrow().iter().any(|&note| is(note))).unwrap_or(false)
}

/// Whether this thread has a guard of a frame.
fn has(frame: &Frame) -> bool {
    has_any() && is_noted(|note| note.0 == std::ptr::from_ref(frame).addr())
}

/// Why there is no guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The page is not uptodate: it is being filled, it is known in part, or it has left.
    NotUptodate,
    /// The time to wait is over.
    TimedOut,
    /// The thread would wait for a guard of its own.
    Own,
}

/// A shared guard. It is two words, which a function returns in registers.
pub(crate) struct SharedGuard<'a> {
    frames: &'a Frames,
    frame: &'a Frame,
    stays: StaysOnItsThread,
}

impl<'a> SharedGuard<'a> {
    /// A guard of the page in a frame, of the file at an address, if that is possible without
    /// waiting.
    #[inline(always)]
    pub(crate) fn try_new(
        frames: &'a Frames,
        frame: &'a Frame,
        file: usize,
    ) -> Option<SharedGuard<'a>> {
        frame.update(State::guard).ok()?;
        Some(SharedGuard::noted(frames, frame, file))
    }

    /// The guard that a step on the frame's word made.
    #[inline(always)]
    fn noted(frames: &'a Frames, frame: &'a Frame, file: usize) -> SharedGuard<'a> {
        note(frame, file);
        SharedGuard { frames, frame, stays: PhantomData }
    }

    #[inline]
    pub(crate) fn key(&self) -> Key {
        self.frame.key()
    }

    /// A reference that outlives the guard.
    pub(crate) fn pin(&self) -> Pin<'a> {
        Pin::new(self.frames, self.frame)
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: as in `ReadLatch::bytes`: by S1 no thread writes while there is a guard.
        unsafe { &*self.frame.bytes(self.frames) }
    }
}

impl Drop for SharedGuard<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        strike_out(self.frame);
        // ORDERING: release: what was read through the guard was read before a writer, which acquires in `drain`,
        // starts.
        let before = self.frame.state.fetch_sub(State::ONE_GUARD, Ordering::Release);
        if State(before).frees_waiters_as_guard_leaves() {
            self.frames.waits.clear_and_wake(self.frame);
        }
    }
}

/// An exclusive guard.
pub(crate) struct ExclusiveGuard<'a> {
    frames: &'a Frames,
    frame: &'a Frame,
    stays: StaysOnItsThread,
}

impl<'a> ExclusiveGuard<'a> {
    /// As [`SharedGuard::try_new`].
    #[inline(always)]
    pub(crate) fn try_new(
        frames: &'a Frames,
        frame: &'a Frame,
        file: usize,
    ) -> Option<ExclusiveGuard<'a>> {
        frame.update(State::guard_exclusively_at_once).ok()?;
        Some(ExclusiveGuard::noted(frames, frame, file))
    }

    /// As [`SharedGuard::noted`].
    #[inline(always)]
    fn noted(frames: &'a Frames, frame: &'a Frame, file: usize) -> ExclusiveGuard<'a> {
        note(frame, file);
        ExclusiveGuard { frames, frame, stays: PhantomData }
    }

    #[inline]
    pub(crate) fn key(&self) -> Key {
        self.frame.key()
    }

    /// Whether the page is dirty. It is not written back meanwhile.
    #[inline]
    pub(crate) fn is_dirty(&self) -> bool {
        self.frame.state().is_dirty()
    }

    #[inline]
    pub(crate) fn set_dirty(&self) {
        self.frame.step(State::dirtied);
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: as in `WriteLatch::bytes`: by S5 this has the latch, and the thread that made it
        // waited for the readers.
        unsafe { &*self.frame.bytes(self.frames) }
    }

    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above.
        unsafe { &mut *self.frame.bytes(self.frames) }
    }

    /// A shared guard instead of this one. The entry in the thread's list stays.
    pub(crate) fn downgrade(self) -> SharedGuard<'a> {
        let (frames, frame, stays) = (self.frames, self.frame, self.stays);
        std::mem::forget(self);
        let before = frame.step(State::downgraded);
        frames.waits.wake(frame, before);
        SharedGuard { frames, frame, stays }
    }
}

impl Drop for ExclusiveGuard<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        strike_out(self.frame);
        let before = self.frame.step(State::unguarded);
        self.frames.waits.wake(self.frame, before);
    }
}

impl<'a> Pin<'a> {
    /// A shared guard of the page, which is of the file at an address.
    pub(crate) fn guard(
        &self,
        file: usize,
        wait_limit: WaitLimit,
    ) -> Result<SharedGuard<'a>, Refused> {
        let (frames, frame) = (self.frames(), self.frame());
        let own = has(frame);
        let look = |state: State| match state.guard() {
            Some(to) => Look::Step(to),
            None if !state.is_uptodate() => Look::Leave,
            // The holder of the latch waits for this thread's guard.
            None if own && state.is_shared() => state.guard_once_more().into(),
            None if own => Look::Leave,
            None => Look::Wait,
        };
        match frames.waits.wait(frame, wait_limit, look) {
            Waited::Stepped => Ok(SharedGuard::noted(frames, frame, file)),
            Waited::TimedOut => Err(Refused::TimedOut),
            Waited::Left if own => Err(Refused::Own),
            Waited::Left => Err(Refused::NotUptodate),
        }
    }

    /// An exclusive guard of the page, which is of the file at an address.
    pub(crate) fn guard_exclusively(
        &self,
        file: usize,
        wait_limit: WaitLimit,
    ) -> Result<ExclusiveGuard<'a>, Refused> {
        let (frames, frame) = (self.frames(), self.frame());
        if has(frame) {
            return Err(Refused::Own);
        }
        let look = |state: State| match state.guard_exclusively() {
            Some(to) => Look::Step(to),
            None if !state.is_uptodate() => Look::Leave,
            None => Look::Wait,
        };
        match frames.waits.wait(frame, wait_limit, look) {
            Waited::Stepped => {}
            Waited::TimedOut => return Err(Refused::TimedOut),
            Waited::Left => return Err(Refused::NotUptodate),
        }
        let guard = ExclusiveGuard::noted(frames, frame, file);
        let left = |state: State| if state.is_shared() { Look::Wait } else { Look::Step(state) };
        if frames.waits.wait(frame, wait_limit, left) == Waited::TimedOut {
            return Err(Refused::TimedOut);
        }
        let backoff = Backoff::new();
        while !frame.state().is_drained() {
            backoff.snooze();
        }
        Ok(guard)
    }
}
