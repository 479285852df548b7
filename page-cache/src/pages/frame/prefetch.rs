//! Hints to the processor to fetch memory. They change nothing but the time.

/// A line of the processor's caches.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// How many lines are fetched of bytes to read. After a few the processor notices by itself that
/// there are more to come.
#[cfg(target_arch = "x86_64")]
const LINES: usize = 8;

/// Fetches the line at an address, to change it. Without this a line that another thread has
/// changed is fetched twice: to be looked at, and to be changed.
#[inline(always)]
pub(super) fn to_write(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: the instruction has no effect on memory or flags, at any address; a processor that does not have it does
    // nothing.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags))
    };
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}

/// Fetches the first of so many bytes at an address, to read them, if they are many.
#[inline(always)]
pub(super) fn to_read(start: *const u8, len: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        if len < LINES * LINE {
            return;
        }
        for line in 0..LINES {
            let address = start.wrapping_add(line * LINE);
            // SAFETY: every processor of this architecture has the instruction, which has no effect
            // on memory, at any address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (start, len);
}
