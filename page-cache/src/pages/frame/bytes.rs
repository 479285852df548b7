//! The memory of all frames: one reservation for their bytes, and one for their headers. Both are zeroes, which the
//! system provides when they are first touched; so creating a large cache is fast, and its memory grows as it is
//! used.

use std::alloc::{self, Layout};
use std::ptr::NonNull;

#[cfg(not(spanlock_shuttle))]
use crate::PAGE_SIZE;
use crate::page::PageSize;

/// What the allocator aligns zeroes to without touching them.
const CHEAP_ALIGN: usize = 16;

/// The size of a huge page: a multiple of every page size of a cache.
#[cfg(target_os = "linux")]
const HUGE: usize = 2 << 20;

/// An allocation of zeroed bytes.
struct Zeroes {
    start: NonNull<u8>,
    len: usize,
    base: NonNull<u8>,
    layout: Layout,
}

impl Zeroes {
    /// # Panics
    ///
    /// Panics if the address space does not have room for `len` bytes.
    fn new(len: usize, align: usize) -> Zeroes {
        // Aligned by hand: an allocator that is asked for more than its own alignment writes the zeroes itself.
        let layout = len
            .checked_add(align)
            .and_then(|len| Layout::from_size_align(len, CHEAP_ALIGN).ok())
            .unwrap_or_else(|| panic!("a cache with {len} bytes exceeds the address space"));
        // SAFETY: the layout's size is not zero.
        let Some(base) = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }) else {
            alloc::handle_alloc_error(layout)
        };
        let skipped = base.as_ptr().align_offset(align);
        assert!(skipped < align);
        // SAFETY: by the assertion `len` bytes of the allocation follow the result.
        let start = unsafe { base.add(skipped) };
        let zeroes = Zeroes { start, len, base, layout };
        zeroes.ask_for_huge_pages();
        zeroes
    }

    /// Asks the system for huge pages, if there is room for one. Without them the processor walks the
    /// system's page tables for each cache line of a random read in a large cache, which took a quarter
    /// of the read's time in a virtual machine.
    fn ask_for_huge_pages(&self) {
        #[cfg(target_os = "linux")]
        {
            use rustix::mm::{Advice, madvise};
            let skipped = self.start.as_ptr().align_offset(HUGE);
            let len = self.len.saturating_sub(skipped) / HUGE * HUGE;
            if len == 0 {
                return;
            }
            // SAFETY: `len` is not zero, so `skipped` is within the allocation.
            let start = unsafe { self.start.add(skipped) };
            // SAFETY: the range is this allocation's own, and the advice does not change what it contains.
            let advised = unsafe { madvise(start.as_ptr().cast(), len, Advice::LinuxHugepage) };
            // A system without them refuses.
            let _ = advised;
        }
    }

    /// The address of item `index`, of items of this length.
    fn item(&self, index: usize, size: usize) -> NonNull<u8> {
        assert!(index < self.len / size);
        // SAFETY: the assertion keeps the pointer within the allocation.
        unsafe { self.start.add(index * size) }
    }
}

impl Drop for Zeroes {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and freed here only.
        unsafe { alloc::dealloc(self.base.as_ptr(), self.layout) }
    }
}

/// The bytes of all frames, each aligned to its size.
pub(super) struct FrameMemory {
    page_size: PageSize,
    zeroes: Zeroes,
}

// SAFETY: it owns plain bytes, and hands out pointers only.
unsafe impl Send for FrameMemory {}
// SAFETY: as above; the code that follows the pointers is responsible for that.
unsafe impl Sync for FrameMemory {}

impl FrameMemory {
    pub(super) fn new(frames: usize, page_size: PageSize) -> FrameMemory {
        let len = frames.checked_mul(page_size.len());
        let len =
            len.unwrap_or_else(|| panic!("a cache of {frames} frames exceeds the address space"));
        FrameMemory { page_size, zeroes: Zeroes::new(len, page_size.len()) }
    }

    /// The address of the bytes of frame `index`.
    fn page(&self, index: usize) -> NonNull<u8> {
        self.zeroes.item(index, self.page_size.len())
    }

    /// The address of the bytes of the first frame.
    #[inline(always)]
    pub(super) fn start(&self) -> *mut u8 {
        self.zeroes.start.as_ptr()
    }

    /// Returns the memory of a frame to the system, unless the system's pages are larger. It reads as zeroes from then
    /// on.
    pub(super) fn give_back(&self, index: usize) {
        let (page, len) = (self.page(index), self.page_size.len());
        #[cfg(target_os = "linux")]
        {
            use rustix::mm::{Advice, madvise};
            // The system rounds the length up to its own pages, and would clear the next frames too.
            if len < rustix::param::page_size() {
                return;
            }
            // SAFETY: the page is this allocation's own, and no thread reads or writes it: the caller has its frame,
            // which caches nothing. It is aligned to its length, and so consists of whole pages of the system. The
            // bytes become zeroes, which is as valid as any content.
            let given = unsafe { madvise(page.as_ptr().cast(), len, Advice::LinuxDontNeed) };
            // The memory of a huge page is returned once all of it has been, or when the system runs
            // short of memory.
            let _ = given;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (page, len);
    }
}

/// A type of which zeroes are a value.
///
/// # Safety
///
/// Zeroes must be a valid value of the type.
#[cfg(not(spanlock_shuttle))]
pub(crate) unsafe trait Zeroed {}

/// An array of one zeroed item for each frame.
#[cfg(not(spanlock_shuttle))]
pub(crate) struct Items<T> {
    start: NonNull<T>,
    len: usize,
    _zeroes: Zeroes,
}

#[cfg(not(spanlock_shuttle))]
// SAFETY: it owns items, and hands out shared references only.
unsafe impl<T: Send + Sync> Send for Items<T> {}
#[cfg(not(spanlock_shuttle))]
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Items<T> {}

#[cfg(not(spanlock_shuttle))]
impl<T: Zeroed> Items<T> {
    pub(super) fn new(len: usize) -> Items<T> {
        const { assert!(align_of::<T>() <= PAGE_SIZE && !std::mem::needs_drop::<T>()) };
        let bytes = len.checked_mul(size_of::<T>());
        let bytes =
            bytes.unwrap_or_else(|| panic!("a cache of {len} frames exceeds the address space"));
        let zeroes = Zeroes::new(bytes, PAGE_SIZE);
        Items { start: zeroes.start.cast(), len, _zeroes: zeroes }
    }
}

#[cfg(not(spanlock_shuttle))]
impl<T: Zeroed> std::ops::Deref for Items<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the memory has `len` aligned items of zeroes, which are values by `Zeroed`. It lives as long as
        // `self`, and is only borrowed as shared.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}
