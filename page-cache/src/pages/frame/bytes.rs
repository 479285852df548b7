//! The bytes of all frames: one allocation, aligned to pages.

use std::alloc::{self, Layout};
use std::ptr::NonNull;

use crate::PAGE_SIZE;

/// One page's bytes.
pub(crate) type PageBytes = [u8; PAGE_SIZE];

/// The memory of `frames` pages, zeroed by the system as it is first touched.
pub(super) struct FrameMemory {
    base: NonNull<PageBytes>,
    layout: Layout,
}

// SAFETY: it owns plain bytes, and hands out pointers only.
unsafe impl Send for FrameMemory {}
// SAFETY: as above; who follows the pointers answers for it.
unsafe impl Sync for FrameMemory {}

impl FrameMemory {
    pub(super) fn new(frames: usize) -> FrameMemory {
        let layout = frames
            .checked_mul(PAGE_SIZE)
            .and_then(|bytes| Layout::from_size_align(bytes, PAGE_SIZE).ok())
            .filter(|layout| layout.size() > 0)
            .unwrap_or_else(|| panic!("a cache of {frames} frames exceeds the address space"));
        // SAFETY: the layout's size is not zero.
        let base = unsafe { alloc::alloc_zeroed(layout) };
        match NonNull::new(base.cast()) {
            Some(base) => FrameMemory { base, layout },
            None => alloc::handle_alloc_error(layout),
        }
    }

    /// Where the bytes of frame `index` are.
    pub(super) fn page(&self, index: usize) -> NonNull<PageBytes> {
        assert!(index < self.layout.size() / PAGE_SIZE);
        // SAFETY: the assertion keeps the pointer within the allocation.
        unsafe { self.base.add(index) }
    }
}

impl Drop for FrameMemory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and freed here only.
        unsafe { alloc::dealloc(self.base.as_ptr().cast(), self.layout) }
    }
}
