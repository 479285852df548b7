//! The write-through write: the store has the bytes before the write returns.
//!
//! The caller has claimed the IO lock as for a buffered write, and holds it all the while: a direct
//! read of these bytes comes before or after, never between. For each request, of many pages:
//!
//! 1. With no claim held, bring the bytes into memory that is always there, and get frames for the
//!    pages that are not cached. Wait for the first of them; take more only as long as they can be
//!    had at once: nobody waits for a frame who has one.
//! 2. Claim the pages shared.
//!
//! For each page, ascending:
//!
//! 3. Find it locked, or make it. Then wait for its earlier writeback: what a mapping dirtied before
//!    may be on its way, and is not to arrive after what is sent now.
//! 4. A page that is not uptodate, and of which the write leaves something out, stays locked: else it
//!    would be filled while the write is under way. It is the last of its request; as the first it
//!    goes alone, so that no page waits locked behind it.
//! 5. Copy into any other page, under the latch. It is uptodate from here on, if it was not before.
//!    Mark it as on its way, beside any dirty mark, so that no writeback of it is sent until the
//!    request has arrived; unlock it, keep a reference.
//!
//! Then:
//!
//! 6. Send the request: the bytes that were brought in, which nobody changes.
//! 7. Extend the size by what was written, before anybody can take a page of it for new.
//! 8. Clear the marks. The page that stayed locked leaves the cache: it knows a part of itself only.
//! 9. If the request failed, its other pages have bytes that the store has not, and are uptodate no
//!    more, whatever they were before: unmap them, and take them out. One that a mapping has dirtied
//!    stays, since a dirty mark is not to be lost, and is written back as a whole. Cut the store back
//!    to the size.

use std::io;
use std::ops::Range;

use super::error::Request;
use super::frame::{FreeFrame, LockedPage, Pin};
use super::inode::{Claim, Inode};
use super::memory::Source;
use super::stats::Event;
use super::store::write_full;
use super::{PAGE_SIZE, PathLock};
use crate::Access;

const PAGE: u64 = PAGE_SIZE as u64;

/// The most pages in one request.
const MOST_PAGES: u64 = 64;

/// The pages of one request.
#[derive(Default)]
struct Sent<'a> {
    /// Those that are on their way, unlocked.
    pages: Vec<Pin<'a>>,
    /// The last, if it must not be filled meanwhile.
    kept: Option<LockedPage<'a>>,
    /// How many bytes of them are sent.
    len: usize,
}

impl<L: PathLock> Inode<L> {
    /// Writes what was requested; short if an error cut it off after some bytes.
    pub(super) fn write_through(&self, from: impl Source, request: Request) -> io::Result<usize> {
        let len = request.len as usize;
        let mut temporary = Vec::new();
        let mut done = 0;
        while done < len {
            let at = request.offset + done as u64;
            let most = ((at / PAGE + MOST_PAGES) * PAGE - at) as usize;
            let sent = from
                .bring_in(done, most.min(len - done), &mut temporary)
                .map_err(|error| (0, error))
                .and_then(|bytes| self.send_through(bytes, at));
            match sent {
                Ok(written) => done += written,
                Err((0, error)) if done == 0 => return Err(error),
                Err((written, error)) => {
                    self.note_failure(request, error);
                    return Ok(done + written);
                }
            }
        }
        Ok(done)
    }

    /// Sends one request; how many bytes it wrote, not all if it is cut off or fails.
    fn send_through(&self, bytes: &[u8], at: u64) -> Result<usize, (usize, io::Error)> {
        let end = at + bytes.len() as u64;
        let pages = at / PAGE..end.div_ceil(PAGE);
        let frames = self.frames_for(pages).map_err(|error| (0, error))?;
        let claim = self.claim(Access::BufferedWrite, at..end);
        let sent = self.copy_in(bytes, at, frames, &claim);
        let outcome = write_full(&*self.store, &bytes[..sent.len], at);
        let written = match &outcome {
            Ok(()) => sent.len,
            Err((written, _)) => *written,
        };
        if written > 0 {
            self.extend_to(at + written as u64);
        }
        for page in &sent.pages {
            if outcome.is_ok() {
                self.cache.counters.count(Event::Writeback);
            }
            page.end_writeback();
        }
        if let Some(page) = sent.kept {
            self.discard_page(page);
        }
        if outcome.is_err() {
            self.doubt(sent.pages, &claim);
            if end > self.size() {
                self.trim_store();
            }
        }
        outcome.map(|()| written)
    }

    /// Free frames for pages that are not cached: one, and as many more as can be had at once.
    fn frames_for(&self, pages: Range<u64>) -> io::Result<Vec<FreeFrame<'_>>> {
        let mut frames = vec![self.cache.free_frame()?];
        for _ in pages.skip(1).filter(|&page| self.find(page).is_none()) {
            match self.cache.try_free_frame() {
                Some(frame) => frames.push(frame),
                None => break,
            }
        }
        Ok(frames)
    }

    /// Copies into pages and puts them on their way, until one has to be the last.
    fn copy_in<'a>(
        &'a self,
        bytes: &[u8],
        at: u64,
        mut frames: Vec<FreeFrame<'a>>,
        _claim: &Claim<'_, L>,
    ) -> Sent<'a> {
        let mut sent = Sent::default();
        while sent.len < bytes.len() {
            let number = (at + sent.len as u64) / PAGE;
            let start = ((at + sent.len as u64) % PAGE) as usize;
            let part = &bytes[sent.len..bytes.len().min(sent.len + PAGE_SIZE - start)];
            let mut frame = frames.pop();
            let found = self.find_or_make(number, &mut frame);
            frames.extend(frame);
            let Some(page) = found else { break };
            page.wait_for_writeback();
            let hit = page.state().is_uptodate();
            self.cache.counters.count(if hit { Event::Hit } else { Event::Miss });
            sent.len += part.len();
            if !hit && !self.completes(number, &(start..start + part.len())) {
                sent.kept = Some(page);
                break;
            }
            copy_into(&page, start, part);
            page.begin_write_through();
            sent.pages.push(page.pin());
        }
        sent
    }

    /// Takes pages out of the cache, unless they are dirty.
    fn doubt(&self, pages: Vec<Pin<'_>>, _claim: &Claim<'_, L>) {
        for pin in pages {
            let page = pin.lock();
            page.wait_for_writeback();
            if page.key().file == self.id && !page.state().is_dirty() {
                self.discard_page(page);
            }
        }
    }
}

/// Copies into a page that is uptodate, or of which everything else lies past the end.
fn copy_into(page: &LockedPage<'_>, start: usize, part: &[u8]) {
    let mut latch = page.latch();
    let bytes = latch.bytes();
    bytes[start..start + part.len()].copy_from_slice(part);
    if !page.state().is_uptodate() {
        bytes[..start].fill(0);
        bytes[start + part.len()..].fill(0);
        latch.commit();
    }
}
