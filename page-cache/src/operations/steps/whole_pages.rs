//! Whole pages: files whose store receives only whole pages.
//!
//! The length of such a file is a multiple of the page size, and so are the ranges that the store is asked to change. A
//! request that would split a page is refused, under the claim that keeps the size.

use std::io;
use std::ops::Range;

use crate::error::MAX_LEN;
use crate::files::inode::Inode;
use crate::options::{Sends, WriteMode};

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

    /// As `check_whole`, for both ends of a range; bytes past the end of the file do not matter.
    pub(crate) fn check_whole_range(&self, bytes: Range<u64>) -> io::Result<()> {
        self.check_whole(bytes.start)?;
        if bytes.end == MAX_LEN { Ok(()) } else { self.check_whole(bytes.end) }
    }
}
