//! An exclusively guarded page, and what happens to it when the guard ends.

use crate::files::inode::Inode;
use crate::pages::dirty_limit::By;
use crate::pages::frame::guard::{ExclusiveGuard, SharedGuard};

/// A page with an exclusive guard.
pub(crate) struct GuardedPage<'a> {
    inode: &'a Inode,
    /// `None` once the guard has been downgraded.
    guard: Option<ExclusiveGuard<'a>>,
    before: Before,
    after: After,
    /// The tag of what is written; zero is none.
    tag: u64,
}

/// Whether a page was dirty before it was guarded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Dirty,
    /// It was clean, and is counted as dirty.
    Admitted,
}

/// Whether a page's bytes may have been changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Unchanged,
    Changed,
}

impl Inode {
    /// Counts a guarded page as dirty, if the file may have one more dirty page; otherwise releases the guard.
    #[inline(always)]
    pub(super) fn admitted<'a>(
        &'a self,
        guard: ExclusiveGuard<'a>,
        by: By,
    ) -> Result<GuardedPage<'a>, ()> {
        let before = match guard.is_dirty() {
            true => Before::Dirty,
            false if self.admit_dirty(guard.key().page, by) => Before::Admitted,
            false => return Err(()),
        };
        Ok(GuardedPage { inode: self, guard: Some(guard), before, after: After::Unchanged, tag: 0 })
    }
}

impl<'a> GuardedPage<'a> {
    /// Whether it is a page of this file.
    pub(crate) fn is_of(&self, inode: &Inode) -> bool {
        std::ptr::eq(self.inode, inode)
    }

    pub(crate) fn number(&self) -> u64 {
        self.guard().key().page
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.guard().bytes()
    }

    /// The bytes, which count as changed from here on.
    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.after = After::Changed;
        self.guard.as_mut().expect(HELD).bytes_mut()
    }

    /// Copies bytes into the page. If a failed sync had lost some there, it has new ones: nothing
    /// but these bytes, and the page is not in flight before the guard ends, which leaves it dirty.
    #[track_caller]
    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at.saturating_add(bytes.len());
        if end > self.bytes().len() {
            self.does_not_fit(at, bytes.len());
        }
        if bytes.is_empty() {
            return;
        }
        self.bytes_mut()[at..end].copy_from_slice(bytes);
        // What is past the end of the file is discarded.
        let (start, inside) =
            (self.inode.page_size.start(self.number()), self.inode.bytes_inside(self.number()));
        let (at, end) = (at.min(inside) as u64, end.min(inside) as u64);
        self.inode.note_written(start + at..start + end);
    }

    #[cold]
    #[track_caller]
    fn does_not_fit(&self, at: usize, len: usize) -> ! {
        let (number, size) = (self.number(), self.bytes().len());
        let label = self.inode.store.label_at_open();
        panic!(
            "write of {len} bytes at {at} in page {number} of {label:?}: a page has {size} bytes"
        )
    }

    /// Sets the tag of what is written.
    pub(crate) fn set_tag(&mut self, tag: u64) {
        self.tag = tag;
    }

    /// A shared guard instead of this one. The page is not released in between.
    pub(crate) fn downgrade(mut self) -> SharedGuard<'a> {
        self.settle();
        self.guard.take().expect(HELD).downgrade()
    }

    #[inline]
    fn guard(&self) -> &ExclusiveGuard<'a> {
        self.guard.as_ref().expect(HELD)
    }

    /// Ends the guard, and marks the page dirty if it was changed.
    #[inline]
    fn settle(&mut self) {
        let number = self.guard().key().page;
        if self.after == After::Unchanged {
            if self.before == Before::Admitted {
                self.inode.note_clean(number);
            }
            return;
        }
        // Bytes that were written past the end are removed like those that a mapping stores there:
        // when the file grows, or the page is read.
        //
        // Of ranges that a failed sync has lost, only what `write` wrote counts as rewritten: it is
        // not known which other bytes were written, and the rest is what the store had after it had
        // lost them.
        if self.before == Before::Admitted {
            self.guard().set_dirty();
        }
        self.inode.note_tag(number, self.tag);
        self.inode.modified.note_change();
    }
}

const HELD: &str = "the guard is held until this is dropped or downgraded";

impl Drop for GuardedPage<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.guard.is_some() {
            self.settle();
        }
    }
}
