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

use super::readers::{Place, Stay};
use super::wait::{Look, Waited};
use super::{Frame, Frames, Key, Pin, State, WaitLimit};
use crate::sync::{Backoff, thread_local};

/// The number of guards that a thread can list without a heap allocation.
const FEW: usize = 16;

/// One of the thread's guards. Its fields are written and read one by one: a processor that reads at once what was
/// written in parts waits for the parts to reach its cache.
struct Note {
    /// By its address; zero in an entry that is not used.
    frame: Cell<usize>,
    /// By its address.
    file: Cell<usize>,
    place: Cell<Place>,
}

impl Note {
    const fn new(frame: usize, file: usize, place: Place) -> Note {
        Note { frame: Cell::new(frame), file: Cell::new(file), place: Cell::new(place) }
    }

    fn set(&self, to: &Note) {
        self.frame.set(to.frame.get());
        self.file.set(to.file.get());
        self.place.set(to.place.get());
    }
}

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static NOTES: [Note; FEW] = const { [const { Note::new(0, 0, Place::HEADER) }; FEW] };
    /// Further guards. They are counted in the header, since this list is gone when the thread ends.
    static MORE: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
}

/// Not `Send`, because a guard must be dropped on the thread whose list has it. `Sync`, because other threads may read
/// the bytes.
type StaysOnItsThread = PhantomData<MutexGuard<'static, ()>>;

/// Notes that the thread has a guard of a frame, which is of the file at an address.
#[inline(always)]
fn note(frame: &Frame, file: usize, place: Place) {
    let frame = std::ptr::from_ref(frame).addr();
    let count = COUNT.with(|count| count.replace(count.get() + 1));
    if count < FEW {
        NOTES.with(|notes| {
            notes[count].frame.set(frame);
            notes[count].file.set(file);
            notes[count].place.set(place);
        });
    } else {
        note_more(Note::new(frame, file, place));
    }
}

/// Whether the next guard of this thread may be counted in a reader's word.
fn may_be_in_word() -> bool {
    COUNT.with(Cell::get) < FEW
}

/// Removes one entry of a guard of a frame from the list, and returns where that guard is counted.
#[inline(always)]
fn strike_out(frame: &Frame) -> Place {
    let frame = std::ptr::from_ref(frame).addr();
    let last = COUNT.with(Cell::get) - 1;
    let place = NOTES.with(|notes| {
        let note = notes.get(last)?;
        (note.frame.get() == frame).then(|| note.place.get())
    });
    let Some(place) = place else { return forget(frame) };
    COUNT.with(|count| count.set(last));
    place
}

#[cold]
fn note_more(note: Note) {
    let _ = MORE.try_with(|more| more.borrow_mut().push(note));
}

/// As `strike_out`. Moves the last entry to the position of the removed one.
#[cold]
fn forget(frame: usize) -> Place {
    let last = COUNT.with(|count| {
        count.set(count.get() - 1);
        count.get()
    });
    let last_of_more = match last.checked_sub(FEW) {
        None => None,
        Some(_) => MORE.try_with(|more| more.borrow_mut().pop()).ok().flatten(),
    };
    NOTES.with(|notes| {
        let none = Note::new(0, 0, Place::HEADER);
        let last_note = match last_of_more {
            None => notes.get(last).unwrap_or(&none),
            Some(ref note) => note,
        };
        let replace = |note: &Note| {
            let place = note.place.get();
            note.set(last_note);
            place
        };
        let is_it = |note: &&Note| note.frame.get() == frame;
        if is_it(&last_note) {
            return last_note.place.get();
        }
        if let Some(note) = notes[..last.min(FEW)].iter().find(is_it) {
            return replace(note);
        }
        let among_more = MORE.try_with(|more| more.borrow().iter().find(is_it).map(replace));
        among_more.ok().flatten().unwrap_or_else(|| {
            // The entry was in a list that is gone, as the thread ends. The last entry moves to one that is not used.
            let unused = notes[..last.min(FEW)].iter().find(|note| note.frame.get() == 0);
            unused.inspect(|unused| unused.set(last_note));
            Place::HEADER
        })
    })
}

/// Whether this thread has a guard.
#[inline]
pub(crate) fn has_any() -> bool {
    COUNT.with(Cell::get) > 0
}

/// Whether this thread has a guard of a file, by its address.
#[inline]
pub(crate) fn has_of(file: usize) -> bool {
    has_any() && is_noted(|note| note.file.get() == file)
}

#[cold]
fn is_noted(is: impl Fn(&Note) -> bool) -> bool {
    let count = COUNT.with(Cell::get).min(FEW);
    NOTES.with(|notes| notes[..count].iter().any(&is))
        || MORE.try_with(|more| more.borrow().iter().any(&is)).unwrap_or(false)
}

/// Whether this thread has a guard of a frame.
fn has(frame: &Frame) -> bool {
    has_any() && is_noted(|note| note.frame.get() == std::ptr::from_ref(frame).addr())
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
    /// The page has as many shared guards as it can have.
    Full,
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
        let place = match frame.step_once(State::guard_unless_hot) {
            true => Place::HEADER,
            false if may_be_in_word() => frame.enter_again(frames, Stay::Guard)?,
            false => frame.update(State::guard).ok().map(|_| Place::HEADER)?,
        };
        Some(SharedGuard::noted(frames, frame, file, place))
    }

    /// The guard that is counted at a place.
    #[inline(always)]
    fn noted(frames: &'a Frames, frame: &'a Frame, file: usize, place: Place) -> SharedGuard<'a> {
        note(frame, file, place);
        SharedGuard { frames, frame, stays: PhantomData }
    }

    #[inline]
    pub(crate) fn key(&self) -> Key {
        self.frame.key()
    }

    /// Whether the page is in one of these frames.
    pub(crate) fn is_in(&self, frames: &Frames) -> bool {
        std::ptr::eq(self.frames, frames)
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
        let place = strike_out(self.frame);
        self.frame.leave(self.frames, Stay::Guard, place);
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

    /// The guard that a step on the frame's word made.
    #[inline(always)]
    fn noted(frames: &'a Frames, frame: &'a Frame, file: usize) -> ExclusiveGuard<'a> {
        note(frame, file, Place::HEADER);
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
        let (own, full) = (has(frame), Cell::new(false));
        let look = |state: State| match state.guard() {
            Some(to) => Look::Step(to),
            None if !state.is_uptodate() => Look::Leave,
            // Their holders may keep them for ever, and this thread may be one of them.
            None if state.is_full_of_guards() => {
                full.set(true);
                Look::Leave
            }
            // The guard is about to be counted in the header.
            None if own && state.is_hot() => Look::Wait,
            // The holder of the latch waits for this thread's guard.
            None if own && state.is_shared() => state.guard_once_more().into(),
            None if own => Look::Leave,
            None => Look::Wait,
        };
        match frames.waits.wait(frame, wait_limit, look) {
            Waited::Stepped => Ok(SharedGuard::noted(frames, frame, file, Place::HEADER)),
            Waited::TimedOut => Err(Refused::TimedOut),
            Waited::Left if full.get() => Err(Refused::Full),
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
        frame.cool_if_hot(frames);
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
