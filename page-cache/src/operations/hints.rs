//! Hints: pages are read before they are needed, or evicted before their frames are.
//!
//! *Will need.* A worker of the flusher reads the pages, so that the caller does not wait, and a
//! store that hangs occupies one worker for its file. For each run of pages that are not cached:
//! take free frames, and frames of pages that were read recently and not used since. Try to claim
//! the run, create its pages, and fill them with one read, as readahead does. If no frame, permit
//! or claim is available, the rest of the hint is dropped. The same happens if the file has been
//! closed by the time the claim is held.
//!
//! *Do not need.* Evict the pages that could be evicted: clean, not pinned, not guarded, not
//! locked. Nothing is waited for.
//!
//! *Drop.* Claim both locks exclusively, write dirty pages back, and remove the pages, as for a direct write.

use std::io;
use std::ops::Range;

use crate::error::Request;
use crate::files::inode::Inode;
use crate::stats::Event;
use crate::sync::atomic::Ordering;
use spanlock::Access;

impl Inode {
    /// Brings pages in that are not cached, as far as there are frames.
    pub(crate) fn bring_in_ahead(&self, pages: Range<u64>) {
        let mut others_give = self.cache.cold_frames_at_most() as usize;
        let mut from = pages.start;
        while from < pages.end.min(self.page_size.count(self.size())) {
            if self.find(from).is_some() {
                from += 1;
                continue;
            }
            match self.bring_in_run(
                from..pages.end.min(from + self.page_size.most_at_once()),
                &mut others_give,
            ) {
                Some(end) => from = end,
                None => return,
            }
        }
    }

    /// Reads the first pages of a run, and returns where they end; `None` if none could be read.
    fn bring_in_run(&self, run: Range<u64>, others_give: &mut usize) -> Option<u64> {
        let mut permit = self.try_acquire_permit()?;
        let permitted = permit.extend_to((run.end - run.start) as usize);
        let frames = self.cache.frames_for_hint(permitted, others_give);
        let run = run.start..run.start + frames.len() as u64;
        if run.is_empty() {
            return None;
        }
        let claim = self.try_claim(Access::Readahead, self.page_size.bytes_of(&run))?;
        if self.closing.load(Ordering::Relaxed) {
            return None;
        }
        let pages = self.make_run(run.clone(), frames);
        // Another thread may have read the first page.
        let end = pages.last().map_or(run.start + 1, |last| last.key().page + 1);
        let count = pages.len();
        if !pages.is_empty() && !self.fill_run(pages, &claim) {
            return None;
        }
        (0..count).for_each(|_| self.count(Event::ReadAhead));
        Some(end)
    }

    /// Evicts the pages that can be evicted without waiting, and returns their number.
    pub(crate) fn evict_unneeded(&self, pages: Range<u64>) -> u64 {
        let evict = |&page: &u64| self.cache.try_evict(self.key(page));
        self.resident_in(pages).iter().filter(|page| evict(page)).count() as u64
    }

    /// Removes a range of bytes from the cache. Dirty pages are written back first.
    pub(crate) fn drop_cached(&self, bytes: Range<u64>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let pages = self.page_size.touched(&bytes);
        let _io = self.io_exclusive(bytes.clone());
        let claim = self.claim(Access::Invalidate, bytes);
        self.flush_claimed(pages.clone(), &claim)?;
        self.invalidate(pages, &claim)
    }

    pub(crate) fn hint(&self, operation: &'static str, bytes: &Range<u64>) -> io::Result<Request> {
        let request = Request::of_range(operation, bytes.start, bytes.end);
        self.check_outside(request)?;
        match bytes.start > bytes.end {
            true => {
                let message = format!("the range {}..{} is inverted", bytes.start, bytes.end);
                Err(self.failed(request, io::Error::new(io::ErrorKind::InvalidInput, message)))
            }
            false => Ok(request),
        }
    }
}

#[cfg(test)]
mod tests;
