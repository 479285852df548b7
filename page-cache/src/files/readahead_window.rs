//! The sequential readers of a file, and how far ahead of each to read.

use crate::sync::blocking::Mutex;
use std::ops::Range;

use crate::order::leaf::lock_leaf;

/// How many readers of one file are distinguished.
const STREAMS: usize = 4;

/// The first window.
const FIRST_WINDOW: u64 = 4;

/// The readers of a file, and the longest window.
pub(crate) struct ReadaheadWindows {
    longest: u64,
    /// The most pages in one request.
    limit: u64,
    streams: Mutex<Streams>,
}

#[derive(Default)]
struct Streams {
    streams: [Stream; STREAMS],
    misses: u64,
}

/// A reader that seems to read the file sequentially.
#[derive(Clone, Default)]
struct Stream {
    /// The pages of its last run.
    run: Range<u64>,
    /// How many of them were ahead of what was asked for.
    window: u64,
    last_miss: u64,
}

impl ReadaheadWindows {
    /// Reads at most `longest` pages ahead, and at most `limit` at once.
    pub(crate) fn new(longest: usize, limit: u64) -> ReadaheadWindows {
        ReadaheadWindows { longest: longest as u64, limit, streams: Mutex::default() }
    }

    /// The run of at most `most` pages that is read after a miss on the first of the pages `wanted`.
    pub(crate) fn run(&self, wanted: Range<u64>, most: u64) -> Range<u64> {
        let window = lock_leaf(&self.streams).next_window(wanted.clone(), self.longest);
        let pages = (wanted.end - wanted.start).saturating_add(window).min(most).min(self.limit);
        wanted.start..wanted.start.saturating_add(pages)
    }
}

impl Streams {
    fn next_window(&mut self, wanted: Range<u64>, longest: u64) -> u64 {
        self.misses += 1;
        let continues = |stream: &Stream| {
            // The reader may have passed over cached pages after the run, at most as many as were read ahead.
            let Stream { run, window, .. } = stream;
            run.start < wanted.start && wanted.start <= run.end.saturating_add(*window)
        };
        let (at, window) = match self.streams.iter().position(continues) {
            Some(at) => {
                (at, self.streams[at].window.saturating_mul(2).max(FIRST_WINDOW).min(longest))
            }
            None => {
                let idle = (0..STREAMS).min_by_key(|&at| self.streams[at].last_miss);
                (idle.unwrap_or(0), 0)
            }
        };
        let run = wanted.start..wanted.end.saturating_add(window);
        self.streams[at] = Stream { run, window, last_miss: self.misses };
        window
    }
}

#[cfg(test)]
mod tests;
