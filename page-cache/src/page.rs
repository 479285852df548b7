//! What a page is, and which one.

mod set;
mod size;

use std::ops::Range;

pub(crate) use set::PageSet;
pub(crate) use size::PageSize;

/// The default size of a page in bytes. A cache may have larger ones: see
/// [`Options::page_size`](crate::Options::page_size).
///
/// A [`Store`](crate::Store) is asked to collapse and insert only ranges whose offset and length are multiples of it.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PAGE_SIZE, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// assert!(file.map(PAGE_SIZE as u64..u64::MAX).is_ok());
/// assert!(file.map(1..u64::MAX).is_err());
/// # std::io::Result::Ok(())
/// ```
pub const PAGE_SIZE: usize = 4096;

/// A dirty page of a file, as [`File::dirty_pages`](crate::File::dirty_pages) returns it and as a hook
/// ([`FileOptions::before_writeback`](crate::FileOptions::before_writeback)) receives it.
///
/// A tag is a number that was passed to [`File::write_at_tagged`](crate::File::write_at_tagged) or
/// [`PageMut::set_tag`](crate::PageMut::set_tag), such as that of a log record. Both tags are zero if no write to
/// the page had one.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.write_at_tagged(b"old", 0, 7)?;
/// file.write_at_tagged(b"new", 0, 9)?;
/// let pages = file.dirty_pages();
/// assert_eq!(pages[0].range, 0..3);
/// assert_eq!((pages[0].oldest_tag, pages[0].newest_tag), (7, 9));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirtyPage {
    /// The range of the file, in bytes, that the page contains. Not all of these bytes need to be dirty. Before a
    /// write-through, a hook receives only the range of the page that is written.
    pub range: Range<u64>,
    /// The smallest tag of what was written to the page since it was last clean.
    pub oldest_tag: u64,
    /// The largest tag of what was written to the page since it was last clean.
    pub newest_tag: u64,
}

impl DirtyPage {
    pub(crate) fn new(range: Range<u64>, tags: Tags) -> DirtyPage {
        DirtyPage { range, oldest_tag: tags.oldest, newest_tag: tags.newest }
    }
}

/// The least and the greatest tag of what was written to a page; zeroes if none had a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) oldest: u64,
    pub(crate) newest: u64,
}

impl Tags {
    pub(crate) fn of(tag: u64) -> Tags {
        Tags { oldest: tag, newest: tag }
    }

    pub(crate) fn add(&mut self, tag: u64) {
        if tag == 0 {
            return;
        }
        let oldest = if self.newest == 0 { tag } else { self.oldest.min(tag) };
        *self = Tags { oldest, newest: self.newest.max(tag) };
    }
}

/// Which page a frame caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The file's number in the cache; zero is no file.
    pub(crate) file: u64,
    /// The page's number in the file.
    pub(crate) page: u64,
}

impl Key {
    pub(crate) const NONE: Key = Key { file: 0, page: 0 };
}
