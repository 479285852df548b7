//! Nothing is checked.

use super::{Frames, Lock};

pub(in crate::page_cache) struct Held;

impl Held {
    #[inline(always)]
    pub(in crate::page_cache) fn acquire(_: Lock) -> Held {
        Held
    }

    #[inline(always)]
    pub(in crate::page_cache) fn tried(_: Lock) -> Held {
        Held
    }

    #[inline(always)]
    pub(in crate::page_cache) fn taken(&self) {}

    #[inline(always)]
    pub(in crate::page_cache) fn release(&mut self) {}
}

#[inline(always)]
pub(in crate::page_cache) fn may_wait_for_clean(_: &Frames) {}

#[inline(always)]
pub(in crate::page_cache) fn may_fault() {}

const _: () = assert!(size_of::<Held>() == 0);
