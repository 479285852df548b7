//! Readahead: the pages that a sequential reader will need next are read together with the requested one.
//!
//! After a miss, with no claim and no page held:
//!
//! 1. Determine how many pages to read: those of the request and, for a sequential reader, a window after them, which
//!    doubles each time.
//! 2. Get a frame for the first page, and for the others as many as are free or can be taken from pages that were read
//!    recently and not used. No page of the main queue is evicted for them.
//! 3. Try to claim the run shared. If that would block, try half of it, and so on. So readahead
//!    never waits for an exclusive claim, and never delays one that waits.
//! 4. Limit the run to the size. Create its pages in ascending order, up to one that is cached. New pages are created
//!    locked, so nothing blocks.
//! 5. Fill them with one read of the store. Bytes that the store does not have, and bytes past the
//!    end, are zeroes. After an error all of these pages leave the cache.
//! 6. Mark them uptodate, unlock them, and release the claim. Keep a reference to the first.
//!
//! If this yields fewer than two pages, or fails, the miss is handled as for a single page, which
//! blocks where necessary and reports errors.

use std::ops::Range;

use crate::files::inode::{Inode, MappingClaim};
use crate::pages::frame::{FreeFrame, LockedPage, Pin, WaitLimit};
use crate::stats::Event;
use crate::store::read_full;
use crate::unwind;
use spanlock::Access;

impl Inode {
    /// Reads the first of the pages `wanted`, which is not cached, together with others. Returns it
    /// pinned, and where the pages end; it was uptodate when last seen.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn read_ahead(&self, wanted: Range<u64>) -> Option<(Pin<'_>, u64)> {
        self.read_ahead_within(wanted, WaitLimit::Unlimited)
    }

    /// As `read_ahead`, but waits for frames no longer than `wait_limit` allows.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn read_ahead_within(
        &self,
        wanted: Range<u64>,
        wait_limit: WaitLimit,
    ) -> Option<(Pin<'_>, u64)> {
        let inside = self.page_size.count(self.size());
        let run = self.readahead.run(wanted.clone(), self.cache.cold_frames_at_most());
        let run = run.start..run.end.min(inside);
        if run.end.saturating_sub(run.start) < 2 {
            return None;
        }
        let mut permit = self.acquire_permit_within(wait_limit).ok()?;
        let permitted = permit.extend_to((run.end - run.start) as usize);
        let mut frames = vec![self.cache.free_frame_within(wait_limit).ok()?];
        frames.extend(self.cache.cold_frames(permitted - 1));
        let run = run.start..run.start + frames.len() as u64;
        let (run, claim) = self.try_claim_part(run)?;
        let pages = self.make_run(run, frames);
        let (first, end) = (pages.first()?.pin(), pages.last()?.key().page + 1);
        let ahead = pages.iter().filter(|page| page.key().page >= wanted.end).count();
        self.fill_run(pages, &claim).then(|| {
            (0..ahead).for_each(|_| self.count(Event::ReadAhead));
            (first, end)
        })
    }

    /// Claims a run of two pages or more, or a beginning of it, without waiting.
    fn try_claim_part(&self, run: Range<u64>) -> Option<(Range<u64>, MappingClaim<'_>)> {
        let halves = std::iter::successors(Some(run.end - run.start), |pages| Some(pages / 2));
        halves.take_while(|&pages| pages >= 2).find_map(|pages| {
            let run = run.start..run.start + pages;
            let claim = self.try_claim(Access::Readahead, self.page_size.bytes_of(&run))?;
            Some((run, claim))
        })
    }

    /// Makes the pages of a run, up to one that is cached or past the end.
    pub(crate) fn make_run<'a>(
        &'a self,
        run: Range<u64>,
        frames: Vec<FreeFrame<'a>>,
    ) -> Vec<LockedPage<'a>> {
        let inside = self.page_size.count(self.size());
        let numbers = run.start..run.end.min(inside);
        // `fill_run` copies whole pages.
        let frames = frames.into_iter().map(FreeFrame::unpoisoned);
        numbers.zip(frames).map_while(|(page, free)| self.make(page, free)).collect()
    }

    /// Fills the pages of a run, which are all new. Returns whether that succeeded.
    pub(crate) fn fill_run(&self, pages: Vec<LockedPage<'_>>, _claim: &MappingClaim<'_>) -> bool {
        let Some(first) = pages.first().map(|page| page.key().page) else { return false };
        let (start, page_len) = (self.page_size.start(first), self.page_size.len());
        let mut bytes = vec![0; pages.len() * page_len];
        let inside = self.size().saturating_sub(start);
        let inside = bytes.len().min(usize::try_from(inside).unwrap_or(usize::MAX));
        let read = read_full(&*self.store, &mut bytes[..inside], start);
        let decoded = read.and_then(|found| {
            bytes[found..].fill(0);
            self.decode(first, &mut bytes[..found.next_multiple_of(page_len)])
        });
        if let Err(error) = decoded {
            pages.into_iter().for_each(|page| self.discard_page(page));
            // The read of the page itself reports it.
            unwind::discard(error);
            return false;
        }
        for (page, stored) in pages.iter().zip(bytes.chunks_exact(page_len)) {
            let mut latch = page.latch();
            latch.bytes().copy_from_slice(stored);
            latch.commit();
            self.count(Event::Fill);
        }
        true
    }
}
