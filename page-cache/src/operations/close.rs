//! Close: the last handle or mapping of a file is dropped.
//!
//! A separate thread does this, and drops the store: see [`handle`](crate::files::handle). So the
//! thread that drops the handle can return when the store has not answered for some seconds. The
//! separate thread keeps the file and the cache until it is done.
//!
//! For a file that was discarded, steps 1 and 2 are left out, and nothing is counted as lost. Otherwise:
//!
//! 1. Write back dirty pages, unless only a sync may write them. Errors cannot be reported to any
//!    thread: callers that need them call [`File::close`](crate::File::close) first.
//! 2. Remove what a failed request left in the store past the end, and set its length if that is unknown. Hand the store the time of the last change.
//! 3. Claim the whole file exclusively. Count what is lost: pages that are still dirty, and broken ranges.
//! 4. Remove every page from the cache. No page is added after that: a worker of the flusher that
//!    reads pages for a hint checks, once it has its claim, whether the file is being closed. A
//!    page that was added later would stay in the cache, because it could not be evicted without
//!    its file.
//! 5. Refuse new visitors, and wait until the last one has left: see `visit`.
//!
//! If the pages are to stay in the cache, `keep_pages` has what replaces steps 4 and 5.

use crate::diagnostics;
use crate::files::durability::unstable::{Lost, Part};
use crate::files::inode::{Inode, MappingClaim};
use crate::options::Steal;
use crate::stats::Event;
use crate::sync::atomic::Ordering;
use crate::unwind;
use spanlock::Access;

impl Inode {
    /// Closes the file: writes back its dirty pages, and frees its frames. `is_awaited` returns whether the thread that
    /// dropped the last handle still waits for this.
    pub(crate) fn close(&self, is_awaited: impl Fn() -> bool) {
        // Set before the claim that removes the pages, and early: pages that hints bring in now
        // would only be removed again.
        self.closing.store(true, Ordering::Relaxed);
        let discarded = self.discarded.load(Ordering::Relaxed);
        if !discarded {
            self.write_before_closing();
        }
        let claim = self.claim(Access::Invalidate, 0..u64::MAX);
        if !discarded {
            self.count_lost(&claim);
        }
        if !discarded && self.may_keep_pages(&claim) {
            drop(claim);
            // The next file over the store may have the same number.
            self.cache.flusher.forget(self.id);
            return self.keep_pages(is_awaited);
        }
        self.discard(0..u64::MAX, &claim);
        drop(claim);
        self.cache.flusher.forget(self.id);
        self.cache.remove_owner(self.id);
    }

    /// Steps 1 and 2. The drop of an error is user code, and may panic.
    fn write_before_closing(&self) {
        if self.steal == Steal::Allowed {
            unwind::discard(unwind::catch(|| self.flush_all()));
        }
        unwind::discard(self.trim_at_last());
        unwind::discard(self.set_len_again());
        unwind::discard(self.hand_time_over());
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
