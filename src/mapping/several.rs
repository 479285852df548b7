//! Claims on several ranges of one mapping.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Access, MappingLock};
use crate::lock::after;
use crate::many::claims_on_many;
use crate::raw::Part;
use crate::{GuardSet, LockManyFuture};

claims_on_many! {
    impl MappingLock, for (Access, Range<u64>);
    /// Ranges count bytes and are rounded out to pages.
    panics: "Panics if a range starts after its end.";
    example: "{Access, MappingLock}",
        "[(Access::BufferedRead, 0..4096), (Access::PunchHole, 8192..65536)]",
        beside "lock.lock_page(Access::Fault, 2)";
}

impl MappingLock {
    #[track_caller]
    fn parts(&self, claims: impl IntoIterator<Item = (Access, Range<u64>)>) -> Vec<Part> {
        let mut parts = Vec::new();
        for (access, bytes) in claims {
            parts.push(Part { span: self.pages_of(bytes), mode: access.mode() });
        }
        parts
    }
}
