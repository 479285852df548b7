//! Write ahead: a file's hook is called before bytes of the cache are sent to the store.
//!
//! 1. The caller has set the writeback marks of the pages, so their bytes and tags do not change;
//!    or it is about to write through, and holds at most the IO lock.
//! 2. Call the hook with the pages. It may take any time, like a request to the store.
//! 3. If the hook refuses, nothing is sent, and the pages become dirty again. This is not an error
//!    of the store, so it is not kept for other handles; but the file is left alone for a while, as
//!    after such an error.
//!
//! Held meanwhile: the claim on the pages, their marks, the IO lock if a writer writes pages back,
//! and in an invalidation a page lock; all of this file. The hook may use files without a hook.
//! Operations on these wait for what they hold themselves, for frame permits, and for their stores,
//! and never for a page, claim or mark of a file with a hook. So there is no cycle.

use std::io;
use std::ops::Range;

use crate::files::inode::Inode;
use crate::order::InHook;
use crate::order::nested::InsideHook;
use crate::page::{DirtyPage, Tags};
use crate::unwind;

impl Inode {
    /// Calls the file's hook, if it has one, for pages that are about to be sent.
    #[inline]
    pub(crate) fn before_sending(&self, pages: impl FnOnce() -> Vec<DirtyPage>) -> io::Result<()> {
        match &self.before_writeback {
            None => Ok(()),
            Some(hook) => {
                let pages = pages();
                if pages.is_empty() { Ok(()) } else { self.run_hook(|| hook.call(&pages)) }
            }
        }
    }

    /// Calls the file's hook, if it has one, for bytes that are written to the store past writeback.
    pub(crate) fn before_write_through(&self, bytes: Range<u64>, tag: u64) -> io::Result<()> {
        self.before_sending(|| {
            let within = |page: u64| {
                let whole = self.page_size.bytes_of(&(page..page + 1));
                bytes.start.max(whole.start)..bytes.end.min(whole.end)
            };
            let pages = self.page_size.touched(&bytes);
            pages.map(|page| DirtyPage::new(within(page), Tags::of(tag))).collect()
        })
    }

    /// Runs the file's hook. A panic of the hook counts as a refusal.
    #[cold]
    fn run_hook(&self, hook: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let _inside = InsideHook::of(self.cache.frames.cache());
        let _order = InHook::enter();
        unwind::catch_as_error("the hook before writeback", hook)
    }
}
