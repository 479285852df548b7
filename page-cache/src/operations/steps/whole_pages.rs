//! Whole pages: files whose store receives only whole pages, and the transform of these pages.
//!
//! The length of such a file is a multiple of the page size, and so are the ranges that the store is asked to change. A
//! request that would split a page is refused, under the claim that keeps the size.
//!
//! A page is encoded in the copy that is sent, after it was marked as in flight. It is decoded in the memory into which it
//! is read, before other threads can see it. The page's claim is held in both cases, and no file of the cache may be used.

use std::io;
use std::ops::Range;

use crate::error::MAX_LEN;
use crate::files::inode::Inode;
use crate::files::store_access::nested::Inside;
use crate::options::{PageTransform, Sends, WriteMode};
use crate::unwind;

impl Inode {
    pub(crate) fn sends_whole_pages(&self) -> bool {
        self.sends == Sends::WholePages
    }

    /// Refuses options that contradict each other, and a store that ends within a page.
    pub(crate) fn check_options(&self) -> io::Result<()> {
        if !self.sends_whole_pages() {
            return Ok(());
        }
        if self.write_mode == WriteMode::Through {
            let message = "write_through cannot be combined with whole_pages or transform";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let size = self.size();
        match self.page_size.is_start(size) {
            true => Ok(()),
            false => {
                let message = format!(
                    "its {size} bytes are not a multiple of {} (whole_pages)",
                    self.page_size
                );
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            }
        }
    }

    /// Refuses an offset at which a request would split a page.
    #[inline]
    pub(crate) fn check_whole(&self, offset: u64) -> io::Result<()> {
        if !self.sends_whole_pages() || self.page_size.is_start(offset) {
            return Ok(());
        }
        let message =
            format!("{offset} is not a multiple of {}, as whole_pages requires", self.page_size);
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }

    /// As `check_whole`, for both ends of a range; what lies past the end of the file does not matter.
    pub(crate) fn check_whole_range(&self, bytes: Range<u64>) -> io::Result<()> {
        self.check_whole(bytes.start)?;
        if bytes.end == MAX_LEN { Ok(()) } else { self.check_whole(bytes.end) }
    }

    /// Refuses operations that would bypass a transform.
    pub(crate) fn check_plain(&self) -> io::Result<()> {
        if self.transform.is_none() {
            return Ok(());
        }
        let message = "it would bypass the transform of the file";
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }

    /// Transforms whole pages that are to be sent.
    pub(crate) fn encode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.transformed(page, bytes, |transform, page, bytes| transform.encode(page, bytes))
    }

    /// Transforms whole pages that were read.
    pub(crate) fn decode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.transformed(page, bytes, |transform, page, bytes| transform.decode(page, bytes))
    }

    fn transformed(
        &self,
        first: u64,
        bytes: &mut [u8],
        change: impl Fn(&dyn PageTransform, u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(transform) = &self.transform else { return Ok(()) };
        let _inside = Inside::of(self.cache.frames.cache());
        let mut change_all = || {
            let pages = (first..).zip(bytes.chunks_exact_mut(self.page_size.len()));
            pages.into_iter().try_for_each(|(page, bytes)| change(transform.get(), page, bytes))
        };
        if cfg!(spanlock_shuttle) {
            return change_all();
        }
        unwind::catch(change_all)
            .unwrap_or_else(|payload| Err(unwind::into_error("the transform of pages", payload)))
    }
}
