//! Close: the last handle or mapping of a file goes.
//!
//! 1. Write back what is dirty. There is nobody to tell of an error: who wants to hear calls
//!    [`File::close`](crate::File::close) before.
//! 2. Cut off what a request that failed left in the store behind the end.
//! 3. Claim the whole file exclusively. Count what is lost: what is dirty still, and what is broken.
//! 4. Take every page out of the cache.
//! 5. Let no visitor in any more, and wait until the last has left: see `visit`.

use crate::files::inode::{Claim, Inode};
use crate::files::unstable::{Lost, Part};
use crate::stats::Event;
use spanlock::Access;

impl Inode {
    /// Ends the file's life in the cache: writes out what is dirty, and frees its frames.
    pub(crate) fn close(&self) {
        let _ = self.flush_all();
        let _ = self.trim_at_last();
        let claim = self.claim(Access::Invalidate, 0..u64::MAX);
        self.count_lost(&claim);
        self.discard(0..u64::MAX, &claim);
        drop(claim);
        self.cache.remove_owner(self.id);
    }

    fn count_lost(&self, _claim: &Claim<'_>) {
        let mut lost = Lost::default();
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
            self.cache.counters.count_many(Event::LostPage, lost.pages());
            self.cache.counters.count_many(Event::LostByte, lost.bytes());
        }
    }
}
