//! All frames of a cache: their headers, their memory, and those that are free.

use std::ops::Range;

use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::blocking::Mutex;

#[cfg(not(spanlock_shuttle))]
use super::bytes;
use super::bytes::FrameMemory;
use super::prefetch;
use super::readers::Readers;
use super::wait::Waits;
use super::{Frame, FrameId, FreeFrame};
use crate::order::InCache;
use crate::order::leaf::{Leaf, lock_leaf};
use crate::page::PageSize;

#[cfg(not(spanlock_shuttle))]
// SAFETY: its fields are atomic numbers, of which zero is one.
unsafe impl bytes::Zeroed for Frame {}

#[cfg(not(spanlock_shuttle))]
type Headers = bytes::Items<Frame>;
#[cfg(spanlock_shuttle)]
type Headers = Box<[Frame]>;

#[cfg(not(spanlock_shuttle))]
fn headers(count: u32) -> Headers {
    bytes::Items::new(count as usize)
}

/// The primitives of shuttle are not made of zeroes.
#[cfg(spanlock_shuttle)]
fn headers(count: u32) -> Headers {
    (0..count).map(|_| Frame::default()).collect()
}

/// All frames of a cache.
pub(crate) struct Frames {
    pub(super) page_size: PageSize,
    pub(super) frames: Headers,
    free: Mutex<Free>,
    pub(super) waits: Waits,
    pub(super) readers: Readers,
    pub(super) memory: FrameMemory,
    /// How many may be used. The number may be out of date.
    capacity: AtomicU32,
}

/// The frames that no thread uses.
struct Free {
    /// Frames that were used before.
    frames: Vec<FrameId>,
    /// The first frame that was never used.
    fresh: FrameId,
    used: u32,
    /// How many may be used.
    capacity: u32,
}

impl Frames {
    /// `count` frames, all of which may be used.
    pub(crate) fn new(count: u32, page_size: PageSize) -> Frames {
        let free = Free { frames: Vec::new(), fresh: 0, used: 0, capacity: count };
        Frames {
            page_size,
            frames: headers(count),
            free: Mutex::new(free),
            waits: Waits::new(),
            readers: Readers::new(),
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

    /// Identifies the cache among those that exist; never zero.
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

    /// Allows the use of `count` frames. If more are in use, they stay in use.
    pub(crate) fn set_count(&self, count: u32) {
        assert!(count as usize <= self.frames.len());
        let mut free = self.free();
        free.capacity = count;
        self.capacity.store(count, Ordering::Relaxed);
    }

    /// How many more frames are in use than allowed.
    pub(crate) fn excess(&self) -> u32 {
        let free = self.free();
        free.used.saturating_sub(free.capacity)
    }

    /// A free frame, if there is one that may be used.
    pub(crate) fn take_free(&self) -> Option<FreeFrame<'_>> {
        self.take(|free| free.used < free.capacity)
    }

    /// A free frame, if there is one, even if more are then in use than allowed.
    pub(crate) fn take_beyond_capacity(&self) -> Option<FreeFrame<'_>> {
        let most = self.most();
        self.take(|free| !free.frames.is_empty() || free.fresh < most)
    }

    fn take(&self, is_allowed: impl FnOnce(&Free) -> bool) -> Option<FreeFrame<'_>> {
        let mut free = self.free();
        if !is_allowed(&free) {
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
    }

    /// How many frames may be used, if each has a user's guard.
    pub(crate) fn all_guarded(&self) -> Option<u32> {
        let (used, capacity) = {
            let free = self.free();
            (free.used, free.capacity)
        };
        (used >= capacity && self.guarded() >= capacity).then_some(capacity)
    }

    /// How many frames have a user's guard. This looks at all frames.
    pub(crate) fn guarded(&self) -> u32 {
        let fresh = self.free().fresh;
        let guarded = |frame: &Frame| {
            let state = frame.state();
            state.is_shared()
                || state.is_guarded()
                || state.is_hot() && frame.has_guard_in_word(self)
        };
        self.frames[..fresh as usize].iter().filter(|frame| guarded(frame)).count() as u32
    }

    /// Prefetches the header of a frame.
    #[inline(always)]
    pub(crate) fn prefetch_header(&self, id: FrameId) {
        prefetch::line(self.frames.as_ptr().wrapping_add(id as usize).cast());
    }

    /// Prefetches the first of some bytes of a frame, if they are many. The frame may cache any page.
    #[inline(always)]
    pub(crate) fn prefetch_bytes(&self, id: FrameId, bytes: Range<usize>) {
        let at = (id as usize).wrapping_mul(self.page_size.len()).wrapping_add(bytes.start);
        prefetch::bytes(self.memory.start().wrapping_add(at), bytes.len());
    }

    pub(super) fn put_free(&self, id: FrameId) {
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
