//! A guard whose lifetime was extended, together with what it borrows.
//!
//! A guard borrows its file's `Inode`, and the frames of the cache, which the inode keeps. Both live on the heap, as
//! long as a [`Handle`] of the file exists.
//!
//! - O1. The handle is one of the file that the guard borrows. So what the guard borrows exists, and does not move,
//!   as long as the handle is not dropped.
//! - O2. The guard is dropped before the handle: the fields are in this order, and no code replaces the handle alone.
//! - O3. The guard, whose type says `'static`, does not leave this module. Its methods return bytes for no longer than
//!   the guard itself is borrowed.
//! - O4. While the handle is dropped, the references in the guard dangle. A compiler may assume that a reference that
//!   is passed to a function is valid until that returns. So the guard is in a `MaybeUninit`, of which a compiler
//!   assumes nothing, and is passed by value only where the handle is not dropped.

use std::mem::{MaybeUninit, transmute};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::files::handle::Handle;
use crate::guards::{PageMut, PageRef};

pub(super) struct Kept<G> {
    guard: Dangling<G>,
    handle: Arc<Handle>,
}

/// A guard, always initialised.
struct Dangling<G>(MaybeUninit<G>);

impl Kept<PageRef<'static>> {
    /// # Safety
    ///
    /// O1: the guard borrows the file of this handle.
    pub(super) unsafe fn shared(guard: PageRef<'_>, handle: Arc<Handle>) -> Self {
        // SAFETY: only the lifetime differs. What the guard borrows exists as long as `Kept` uses it (O1, O2).
        let guard: PageRef<'static> = unsafe { transmute(guard) };
        Kept { guard: Dangling(MaybeUninit::new(guard)), handle }
    }
}

impl Kept<PageMut<'static>> {
    /// # Safety
    ///
    /// O1: the guard borrows the file of this handle.
    pub(super) unsafe fn exclusive(guard: PageMut<'_>, handle: Arc<Handle>) -> Self {
        // SAFETY: as in `shared`.
        let guard: PageMut<'static> = unsafe { transmute(guard) };
        Kept { guard: Dangling(MaybeUninit::new(guard)), handle }
    }

    pub(super) fn downgrade(self) -> Kept<PageRef<'static>> {
        let Kept { guard, handle } = self;
        let guard = guard.into_inner().downgrade();
        Kept { guard: Dangling(MaybeUninit::new(guard)), handle }
    }
}

impl<G> Dangling<G> {
    fn into_inner(self) -> G {
        let guard = std::mem::ManuallyDrop::new(self);
        // SAFETY: it is initialised, and is not used again.
        unsafe { guard.0.assume_init_read() }
    }
}

impl<G> Drop for Dangling<G> {
    fn drop(&mut self) {
        // SAFETY: it is initialised, and is not used again. The handle still exists (O2).
        unsafe { self.0.assume_init_drop() }
    }
}

impl<G> Deref for Kept<G> {
    type Target = G;

    #[inline]
    fn deref(&self) -> &G {
        // SAFETY: it is initialised; O1.
        unsafe { self.guard.0.assume_init_ref() }
    }
}

impl<G> DerefMut for Kept<G> {
    #[inline]
    fn deref_mut(&mut self) -> &mut G {
        // SAFETY: as above. O3: the callers, in `owned`, replace no guard by another.
        unsafe { self.guard.0.assume_init_mut() }
    }
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
