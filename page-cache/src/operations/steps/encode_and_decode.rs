//! Encoding pages on their way to the store, and decoding and checking them on their way in, with the file's
//! `PageTransform`.
//!
//! A page is encoded in the copy that is sent, after the page was marked as in flight. It is decoded in the memory into
//! which it is read, before other threads can see it. In both cases the page is claimed, so the transform must not use
//! files of the cache.

use std::io;

use crate::files::inode::Inode;
use crate::options::PageTransform;
use crate::order::nested::Inside;
use crate::unwind;

impl Inode {
    /// Refuses operations that would bypass a transform.
    pub(crate) fn check_plain(&self) -> io::Result<()> {
        if self.transform.is_none() {
            return Ok(());
        }
        let message = "it would bypass the transform of the file";
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }

    /// Encodes whole pages that are about to be sent.
    pub(crate) fn encode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.transformed(page, bytes, |transform, page, bytes| transform.encode(page, bytes))
    }

    /// Decodes whole pages that were read.
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
        unwind::catch_as_error("the transform of pages", || {
            let pages = (first..).zip(bytes.chunks_exact_mut(self.page_size.len()));
            pages.into_iter().try_for_each(|(page, bytes)| change(transform.get(), page, bytes))
        })
    }
}
