//! The pages that a file has in the cache: how they are found, created, and counted as resident.

use std::convert::Infallible;
use std::ops::Range;

use super::Inode;
use crate::order::leaf::lock_leaf;
use crate::pages::frame::{FreeFrame, LockedPage, Pin, WaitLimit, WaitTimedOut};
use crate::pages::index::Found;
use crate::pages::pool::Guarded;

impl Inode {
    /// The page, pinned, if it is cached.
    pub(crate) fn find(&self, page: u64) -> Option<Pin<'_>> {
        self.cache.index.find(&self.cache.frames, self.key(page))
    }

    /// The page, locked, if it is cached.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn find_locked(&self, page: u64) -> Option<LockedPage<'_>> {
        self.cache.find_locked(self.key(page))
    }

    /// The page, locked: as it is cached, or as a fresh page in the free frame. `None` only if
    /// there is neither.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn find_or_make<'a>(
        &'a self,
        page: u64,
        free: &mut Option<FreeFrame<'a>>,
    ) -> Option<LockedPage<'a>> {
        match self.find_or_make_with(page, free, |pin| Ok::<_, Infallible>(pin.lock())) {
            Ok(page) => page,
        }
    }

    /// As `find_or_make`, but waits for the page's lock no longer than `wait_limit` allows.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn find_or_make_within<'a>(
        &'a self,
        page: u64,
        free: &mut Option<FreeFrame<'a>>,
        wait_limit: WaitLimit,
    ) -> Result<Option<LockedPage<'a>>, WaitTimedOut> {
        self.find_or_make_with(page, free, |pin| pin.lock_within(wait_limit))
    }

    /// As `find_or_make`, unless a guard keeps the page.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn find_or_make_unguarded<'a>(
        &'a self,
        page: u64,
        free: &mut Option<FreeFrame<'a>>,
    ) -> Result<Option<LockedPage<'a>>, Guarded> {
        self.find_or_make_with(page, free, |pin| pin.lock_unless_guarded().map_err(|_| Guarded))
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn find_or_make_with<'a, E>(
        &'a self,
        page: u64,
        free: &mut Option<FreeFrame<'a>>,
        lock: impl Fn(Pin<'a>) -> Result<LockedPage<'a>, E>,
    ) -> Result<Option<LockedPage<'a>>, E> {
        let key = self.key(page);
        loop {
            match self.cache.index.find_or_insert(&self.cache.frames, key, free) {
                Found::Made(locked) => return Ok(Some(self.made(locked))),
                Found::Cached(pin) => {
                    let locked = lock(pin)?;
                    if locked.key() == key {
                        return Ok(Some(locked));
                    }
                }
                Found::Absent => return Ok(None),
            }
        }
    }

    /// A fresh page in the free frame, locked; none if the page is cached.
    pub(crate) fn make<'a>(&'a self, page: u64, free: FreeFrame<'a>) -> Option<LockedPage<'a>> {
        let key = self.key(page);
        match self.cache.index.find_or_insert(&self.cache.frames, key, &mut Some(free)) {
            Found::Made(locked) => Some(self.made(locked)),
            Found::Cached(_) | Found::Absent => None,
        }
    }

    fn made<'a>(&self, page: LockedPage<'a>) -> LockedPage<'a> {
        lock_leaf(&self.resident).insert(page.key().page);
        lock_leaf(&self.cache.queues).admit(page.id(), page.key());
        page
    }

    /// The numbers of the cached pages in a range, ascending.
    pub(crate) fn resident_in(&self, pages: Range<u64>) -> Vec<u64> {
        lock_leaf(&self.resident).range(pages)
    }

    /// Notes that a page leaves the cache. The caller has it locked.
    pub(crate) fn forget_resident(&self, page: u64) {
        lock_leaf(&self.resident).remove(page);
        self.store.note(|unstable| unstable.page_left(page));
    }
}
