//! Replacements without the feature: nothing is recorded.

use crate::{Mode, Span};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Held;

impl Held {
    #[inline(always)]
    pub(crate) fn by_this_thread(_: usize, _: impl IntoIterator<Item = (Span, Mode)>) -> Held {
        Held
    }

    #[inline(always)]
    pub(crate) fn by_no_known_thread() -> Held {
        Held
    }

    #[inline(always)]
    pub(crate) fn set_mode(self, _: Mode) {}

    #[inline(always)]
    pub(crate) fn shrink_to(self, _: Span) {}

    #[inline(always)]
    pub(crate) fn split_at(self, _: u64) -> Held {
        Held
    }

    #[inline(always)]
    pub(crate) fn end(self) {}
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting;

impl Waiting {
    #[inline(always)]
    pub(crate) fn patiently(_: usize, _: impl IntoIterator<Item = (Span, Mode)>) -> Waiting {
        Waiting
    }

    #[inline(always)]
    pub(crate) fn is_due(&mut self) {}

    #[inline(always)]
    pub(crate) fn passing_those_that_wait(_: usize, _: Span, _: Mode) -> Waiting {
        Waiting
    }

    #[inline(always)]
    pub(crate) fn unfollowed() -> Waiting {
        Waiting
    }

    #[inline(always)]
    pub(crate) fn end(self) {}
}

#[inline(always)]
pub(crate) fn forget_lock(_: usize) {}

const _: () = assert!(size_of::<Held>() == 0 && size_of::<Waiting>() == 0);
