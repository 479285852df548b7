//! What is reported to the program's log, with the feature `tracing`: failures that are returned to no caller, and what
//! takes long. Without the feature nothing of this is compiled.
//!
//! The subscriber is user code, and so is the description of an error. They may be called with pages locked or in
//! flight and with claims held. So a panic of theirs ends here, and they cannot use the cache, like a store.

use std::io;
use std::time::{Duration, Instant};

#[cfg(feature = "tracing")]
use crate::order::nested::Inside;
#[cfg(feature = "tracing")]
use crate::unwind;

/// From here on an answer of a store is slow, and a wait is long.
const LONG: Duration = Duration::from_secs(1);

/// What a thread may wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    IoLock,
    MappingLock,
    Frame,
    FramePermit,
}

impl Wait {
    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nothing is reported"))]
    fn name(self) -> &'static str {
        match self {
            Wait::IoLock => "the IO lock",
            Wait::MappingLock => "the mapping lock",
            Wait::Frame => "a free frame",
            Wait::FramePermit => "a frame within the limit on pages being read",
        }
    }
}

/// A wait that begins. It is reported when it is dropped, if it was long.
pub(crate) struct Waiting {
    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nothing is reported"))]
    wait: Wait,
    start: Instant,
    long: Duration,
}

impl Waiting {
    pub(crate) fn new(wait: Wait) -> Waiting {
        Waiting { wait, start: Instant::now(), long: LONG }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let took = self.start.elapsed();
        if took >= self.long {
            #[cfg(feature = "tracing")]
            report(|| tracing::warn!(wait = self.wait.name(), ?took, "a thread waited long"));
        }
    }
}

/// Reports an error of background writeback, which callers get later, if at all.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nothing is reported"))]
pub(crate) fn background_error(store: &str, error: &io::Error) {
    #[cfg(feature = "tracing")]
    report(|| tracing::error!(store, %error, "background writeback failed"));
}

/// Reports bytes that are lost with the last handle of a file.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nothing is reported"))]
pub(crate) fn lost(store: &str, pages: u64, bytes: u64) {
    #[cfg(feature = "tracing")]
    report(|| tracing::error!(store, pages, bytes, "a file was closed that could not be written"));
}

/// Reports a request to a store, if it took long.
#[inline]
pub(crate) fn answered(store: &str, request: &'static str, took: Duration) {
    if took >= LONG {
        slow(store, request, took);
    }
}

#[cold]
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nothing is reported"))]
fn slow(store: &str, request: &'static str, took: Duration) {
    #[cfg(feature = "tracing")]
    report(|| tracing::warn!(store, request, ?took, "a store was slow"));
}

/// Passes an event to the subscriber.
#[cfg(feature = "tracing")]
fn report(event: impl FnOnce()) {
    let _inside = Inside::of_any();
    if let Err(payload) = unwind::catch(event) {
        unwind::discard(payload);
    }
}

#[cfg(all(test, feature = "tracing"))]
mod tests;
