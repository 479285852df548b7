//! Close: the last handle or mapping of a file is dropped.
//!
//! If there is something to write, a separate thread does this, so that the thread that drops the handle can return when the
//! store has not answered for some seconds. The separate thread keeps the file and the cache until it is done.
//!
//! A file that was discarded begins with step 3, and loses nothing that counts. Otherwise:
//!
//! 1. Write back dirty pages, unless only a sync may write them. Errors cannot be reported to any thread: callers that need
//!    them call [`File::close`](crate::File::close) first.
//! 2. Remove what a failed request left in the store past the end.
//! 3. Claim the whole file exclusively. Count what is lost: pages that are still dirty, and broken ranges.
//! 4. Let no page come in any more, and remove every page from the cache. A worker of the flusher that visits the file for a
//!    hint looks, with its claim, whether pages may still come in: a page that came in after this would have no owner that
//!    removes it, and no thread could evict it.
//! 5. Refuse new visitors, and wait until the last one has left: see `visit`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnostics;
use crate::files::durability::unstable::{Lost, Part};
use crate::files::inode::{Inode, MappingClaim};
use crate::options::Steal;
use crate::stats::Event;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::blocking::{Condvar, Mutex, PoisonError};
use crate::sync::thread;
use spanlock::Access;

/// The longest that the drop of the last handle waits for an answer of the store.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a closing has ended.
#[derive(Default)]
struct End {
    ended: Mutex<bool>,
    told: Condvar,
}

/// Signals the end when it is dropped, also by a panic.
struct Teller(Arc<End>);

impl Drop for Teller {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.told.notify_all();
    }
}

impl Inode {
    /// Closes the file, and waits for that as long as the store answers. The caller holds nothing.
    pub(crate) fn close_while_it_answers(self: &Arc<Self>) {
        // Under shuttle no store hangs, and one thread more would only be one more to schedule.
        if cfg!(spanlock_shuttle) || self.asks_nothing_to_close() {
            return self.close();
        }
        let end = Arc::new(End::default());
        let answers = Arc::clone(self.standing.answers());
        match self.close_elsewhere(Teller(Arc::clone(&end))) {
            Ok(()) => end.wait(&answers),
            Err(_) => self.close(),
        }
    }

    /// Has another thread close the file.
    pub(crate) fn close_elsewhere(self: &Arc<Self>, told: impl Send + 'static) -> io::Result<()> {
        let inode = Arc::clone(self);
        let close = move || {
            let _told = told;
            // Dropped before it is told.
            let inode = inode;
            inode.close();
        };
        thread::Builder::new().name("page-closer".into()).spawn(close).map(drop)
    }

    /// Whether there is nothing to write or to remove, nothing in flight, and no visitor, who may be asking the store.
    fn asks_nothing_to_close(&self) -> bool {
        // ORDERING: relaxed: no other thread has the file.
        let writes = self.steal == Steal::Allowed && self.own_dirty().pages > 0;
        !writes && !self.untrimmed.load(Ordering::Relaxed) && !self.visitors.are_there()
    }

    /// Ends the file's life in the cache: writes out what is dirty, and frees its frames.
    pub(crate) fn close(&self) {
        let discarded = self.discarded.load(Ordering::Relaxed);
        if !discarded {
            if self.steal == Steal::Allowed {
                let _ = self.flush_all();
            }
            let _ = self.trim_at_last();
        }
        let claim = self.claim(Access::Invalidate, 0..u64::MAX);
        if !discarded {
            self.count_lost(&claim);
        }
        self.closing.store(true, Ordering::Relaxed);
        self.discard(0..u64::MAX, &claim);
        drop(claim);
        self.cache.remove_owner(self.id);
    }

    fn count_lost(&self, _claim: &MappingClaim<'_>) {
        let mut lost = Lost::new(self.page_size);
        for number in self.resident_in(0..u64::MAX) {
            let Some(page) = self.find_locked(number) else { continue };
            page.wait_for_writeback();
            if page.state().is_dirty() {
                let part = match page.state().is_uptodate() {
                    true => Part::range(0..self.bytes_inside(number)),
                    false => Part::Ranges(self.partial.get(number)),
                };
                lost.add_part(number, &part);
            }
        }
        self.store.unstable().broken(self.size()).into_iter().for_each(|range| lost.add(range));
        if lost.bytes() > 0 {
            diagnostics::lost(self.store.label_at_open(), lost.pages(), lost.bytes());
            self.cache.counters.count_many(Event::LostPage, lost.pages());
            self.cache.counters.count_many(Event::LostByte, lost.bytes());
        }
    }
}

impl End {
    /// Waits for the end, as long as the number of answers changes.
    fn wait(&self, answers: &AtomicU64) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // ORDERING: relaxed: it is a number that changes or not.
            let before = answers.load(Ordering::Relaxed);
            let waited = self.told.wait_timeout_while(ended, PATIENCE, |ended| !*ended);
            let (guard, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if !waited.timed_out() || answers.load(Ordering::Relaxed) == before {
                return;
            }
            ended = guard;
        }
    }
}
