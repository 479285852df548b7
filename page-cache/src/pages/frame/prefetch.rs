//! Hints to the processor to fetch memory. They change nothing but the time.

/// A line of the processor's caches.
const LINE: usize = 64;

/// How many lines are fetched of bytes to read. After a few the processor notices by itself that
/// there are more to come.
const LINES: usize = 8;

/// Fetches the line at an address.
#[inline(always)]
pub(super) fn line(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every processor of this architecture has the instruction, which has no effect on memory, at any
        // address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Fetches the first of so many bytes at an address, if they are many.
#[inline(always)]
pub(super) fn bytes(start: *const u8, len: usize) {
    if len < LINES * LINE {
        return;
    }
    for number in 0..LINES {
        line(start.wrapping_add(number * LINE));
    }
}
