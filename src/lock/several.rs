//! Claims on several ranges of one lock.

use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::after;
use crate::many::claims_on_many;
use crate::raw::Part;
use crate::{GuardSet, LockManyFuture, Mode, RangeLock, Span};

claims_on_many! {
    impl RangeLock, for (R, Mode), where R: RangeBounds<u64>;
    /// All ranges have the same type. To mix types (`0..4` and `9..`), convert each to a [`Span`].
    panics: "Panics if a range starts after its end or includes unit `u64::MAX`.";
    example: "{Mode, RangeLock}", "[(0..1, Mode::Exclusive), (5..9, Mode::Shared)]",
        beside "lock.lock_exclusive(5..6)";
}

impl RangeLock {
    #[expect(clippy::unused_self, reason = "other locks need theirs to translate ranges")]
    #[track_caller]
    fn parts<R: RangeBounds<u64>>(&self, claims: impl IntoIterator<Item = (R, Mode)>) -> Vec<Part> {
        let mut parts = Vec::new();
        for (range, mode) in claims {
            parts.push(Part { span: Span::from_range(range), mode });
        }
        parts
    }
}
