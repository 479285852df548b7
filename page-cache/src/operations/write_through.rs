//! The write-through write: the store has the bytes before the write returns.
//!
//! The caller has claimed the IO lock as for a buffered write, and holds it throughout: a direct
//! read of these bytes happens before or after the write. For each request, of many pages:
//!
//! 1. With only the IO lock held, call the file's hook: see `write_ahead`. Copy the bytes to memory
//!    that is always present, and get frames for the pages that are not cached. Wait for the first
//!    frame; take others only if they are available immediately, since a thread that has a frame
//!    must not wait for another.
//! 2. Claim the pages shared.
//!
//! For each page, in ascending order:
//!
//! 3. Find it locked, or create it. Wait for its earlier writeback, which must not reach the store
//!    after this request. If a part of it is dirty, fill it.
//! 4. A page that is not uptodate and that the write does not cover stays locked, so that it is not
//!    filled while the write is in flight. It is the last page of its request. If it is the first,
//!    it is sent alone, so that no page waits behind it while locked.
//! 5. If a mapping has dirtied it, write-protect it and save the bytes that the copy will
//!    overwrite. Copy into it under the latch; if the file ends before the copied bytes, zero the
//!    gap first. It is uptodate from here on. Set its writeback mark, and keep its dirty mark if it
//!    has one, so that no writeback of it is sent and nothing is stored to it until the request has
//!    completed. Unlock it and keep a reference.
//!
//! Then:
//!
//! 6. Send the request: the bytes of step 1, which do not change.
//! 7. Extend the size by what was written, before any of these pages can be taken for a new one.
//! 8. If the request failed, its pages contain bytes that the store does not have. A dirty page
//!    gets its saved bytes back, and is written back as a whole, without the failed bytes. Any
//!    other page is no longer uptodate.
//! 9. Clear the marks. The page that stayed locked leaves the cache, since only a part of it is
//!    known. If the request failed, the other pages leave the cache too, unmapped, unless they are
//!    dirty, and the store is truncated to the size.
//!
//! A store to a mapping is also written through, if no more pages may be dirty and to write back
//! pages of the file would not help. It does not claim the IO lock: its claim on the mapping lock
//! excludes size changes and direct reads.

use std::io;
use std::ops::Range;

use crate::error::Request;
use crate::files::durability::unstable::Part;
use crate::files::inode::{Inode, MappingClaim};
use crate::pages::frame::{FreeFrame, LockedPage, Pin, WriteLatch};
use crate::pages::frame_permits::FramePermit;
use crate::request_memory::Source;
use crate::stats::Event;
use crate::store::write_full;
use spanlock::Access;

/// The pages of one request. When this is dropped, the request has ended, also if its thread unwinds.
struct Sent<'a> {
    file: &'a Inode,
    claim: &'a MappingClaim<'a>,
    /// The pages that are in flight, unlocked.
    pages: Vec<SentPage<'a>>,
    /// The last page, if it must not be filled before the request has completed.
    kept: Option<LockedPage<'a>>,
    /// How many bytes of them are sent.
    len: usize,
    /// How many of these bytes were written before the request failed. `None` if it has succeeded.
    failed_after: Option<usize>,
    /// Where in the file all of the bytes end.
    end: u64,
}

/// A page in flight.
struct SentPage<'a> {
    pin: Pin<'a>,
    /// Where in the page the bytes went, and where in the request they are.
    within: Range<usize>,
    position: usize,
    /// The earlier bytes, if the page is dirty.
    before: Option<Vec<u8>>,
}

impl<'a> Sent<'a> {
    fn new(file: &'a Inode, claim: &'a MappingClaim<'a>, end: u64) -> Sent<'a> {
        let (pages, kept) = (Vec::new(), None);
        Sent { file, claim, pages, kept, len: 0, failed_after: Some(0), end }
    }
}

impl Drop for Sent<'_> {
    /// Steps 8 and 9.
    fn drop(&mut self) {
        let Sent { file, claim, len, failed_after, end, .. } = *self;
        if len == 0 {
            return;
        }
        file.modified.note_change();
        for page in &self.pages {
            match failed_after {
                None => file.count(Event::Writeback),
                Some(written) => file.take_back(page, written),
            }
            page.pin.end_writeback();
        }
        if let Some(page) = self.kept.take() {
            file.discard_page(page);
        }
        if failed_after.is_some() {
            file.doubt(self.pages.drain(..), claim);
            if end > file.size() {
                file.trim_store();
            }
        }
    }
}

impl SentPage<'_> {
    /// Where in the request the bytes end.
    fn end(&self) -> usize {
        self.position + self.within.len()
    }

    fn number(&self) -> u64 {
        self.pin.frame().key().page
    }
}

impl Inode {
    /// Writes the request. Returns fewer bytes if an error ended it after some.
    pub(crate) fn write_through(
        &self,
        from: impl Source,
        request: Request,
        tag: u64,
    ) -> io::Result<usize> {
        let len = request.len as usize;
        let mut temporary = Vec::new();
        let mut done = 0;
        while done < len {
            let at = request.offset + done as u64;
            let pages = self.page_size.number(at) + self.page_size.most_at_once();
            let most = (self.page_size.start(pages) - at) as usize;
            let sent = from
                .bring_in(done, most.min(len - done), &mut temporary)
                .map_err(|error| (0, error))
                .and_then(|bytes| self.send_through(bytes, at, tag));
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
    pub(crate) fn send_through(
        &self,
        bytes: &[u8],
        at: u64,
        tag: u64,
    ) -> Result<usize, (usize, io::Error)> {
        let end = at + bytes.len() as u64;
        let pages = self.page_size.touched(&(at..end));
        self.before_write_through(at..end, tag).map_err(|refusal| (0, refusal))?;
        let (permit, frames) = self.frames_for(pages).map_err(|error| (0, error))?;
        let claim = self.claim_for_write(at..end);
        self.send_claimed(bytes, at, (&permit, frames), &claim)
    }

    /// Sends what is stored to a page through a mapping, up to the end of the file; bytes past it are discarded.
    /// The caller holds no more than an IO lock; the claim excludes size changes.
    pub(crate) fn store_through(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let page = self.page_size.number(at);
        self.before_write_through(at..at + bytes.len() as u64, 0)?;
        let (permit, frames) = self.frames_for(page..page + 1)?;
        let claim = self.claim_page(Access::Fault, page);
        self.check_inside(page)?;
        self.check_storable(page)?;
        let inside = self.size().saturating_sub(at).min(bytes.len() as u64) as usize;
        if inside > 0 {
            self.send_claimed(&bytes[..inside], at, (&permit, frames), &claim)
                .map_err(|(_, error)| error)?;
        }
        Ok(())
    }

    /// Like `send_through`; the caller has claimed the bytes shared.
    fn send_claimed<'a>(
        &'a self,
        bytes: &[u8],
        at: u64,
        (permit, frames): (&FramePermit<'_>, Vec<FreeFrame<'a>>),
        claim: &'a MappingClaim<'a>,
    ) -> Result<usize, (usize, io::Error)> {
        let mut sent = Sent::new(self, claim, at + bytes.len() as u64);
        self.copy_in(&mut sent, bytes, at, (permit, frames)).map_err(|error| (0, error))?;
        let write = || write_full(&*self.store, &bytes[..sent.len], at);
        let sent_end = at + sent.len as u64;
        let outcome =
            self.store.attempt(Some(at..sent_end), write, |unstable, outcome| match outcome {
                Ok(()) => {
                    self.extend_to(sent_end);
                    unstable.rewritten(at..sent_end);
                    for page in &sent.pages {
                        unstable.sent(page.number(), &Part::range(page.within.clone()));
                    }
                    let cached = sent.pages.last().map_or(0, SentPage::end);
                    unstable.sent_past(at + cached as u64..sent_end);
                }
                Err((0, _)) => unstable.uncertain(at..sent_end),
                Err((written, _)) => {
                    self.extend_to(at + *written as u64);
                    unstable.sent_past(at..at + *written as u64);
                    unstable.uncertain(at + *written as u64..sent_end);
                }
            });
        sent.failed_after = outcome.as_ref().err().map(|(written, _)| *written);
        let len = sent.len;
        drop(sent);
        outcome.map(|()| len)
    }

    /// A permit for one frame, and for as many more as are available immediately; and free frames for the
    /// pages that are not cached.
    fn frames_for(&self, pages: Range<u64>) -> io::Result<(FramePermit<'_>, Vec<FreeFrame<'_>>)> {
        let mut permit = self.acquire_permit()?;
        let permitted = permit.extend_to((pages.end - pages.start) as usize);
        let mut frames = vec![self.cache.free_frame()?];
        for _ in pages.take(permitted).skip(1).filter(|&page| self.find(page).is_none()) {
            match self.cache.try_free_frame() {
                Some(frame) => frames.push(frame),
                None => break,
            }
        }
        Ok((permit, frames))
    }

    /// Copies into pages and puts them in flight, until one has to be the last. Fails if the first cannot
    /// be copied into.
    fn copy_in<'a>(
        &'a self,
        sent: &mut Sent<'a>,
        bytes: &[u8],
        at: u64,
        (permit, mut frames): (&FramePermit<'_>, Vec<FreeFrame<'a>>),
    ) -> io::Result<()> {
        // A page that was cached needs a permit as well: in flight it can be neither evicted nor written back.
        while sent.len < bytes.len() && sent.pages.len() < permit.frames() {
            let (number, start) = self.page_size.place(at + sent.len as u64);
            let part = &bytes[sent.len..bytes.len().min(sent.len + self.page_size.len() - start)];
            let mut frame = frames.pop();
            // With pages in flight, guards are not waited for: the holder of one may wait for one of these pages.
            let found = match sent.pages.is_empty() {
                true => Ok(self.find_or_make(number, &mut frame)),
                false => self.find_or_make_unguarded(number, &mut frame),
            };
            frames.extend(frame);
            let Ok(Some(mut page)) = found else { break };
            page.wait_for_writeback();
            if !page.state().is_clean() {
                // A partly dirty page must stay in the cache, so all of it must be read.
                page = match self.fill(page, sent.claim) {
                    Ok(page) => page,
                    Err(error) if sent.len == 0 => return Err(error),
                    Err(_) => break,
                };
            }
            let latch = match sent.pages.is_empty() {
                true => Some(page.latch()),
                false => page.latch_unless_guarded(),
            };
            let Some(mut latch) = latch else { break };
            let hit = page.state().is_uptodate();
            self.count(if hit { Event::Hit } else { Event::Miss });
            let position = sent.len;
            sent.len += part.len();
            if !hit && !self.completes(number, &(start..start + part.len())) {
                drop(latch);
                sent.kept = Some(page);
                break;
            }
            let within = start..start + part.len();
            let before = page.state().is_dirty().then(|| {
                // A thread that read the entry before this reads it again once it has the latch.
                page.frame().entries.write_protect();
                latch.bytes()[within.clone()].to_vec()
            });
            latch.bytes()[self.gap_before(number, start)].fill(0);
            copy_into(&page, latch, start, part);
            page.begin_write_through();
            sent.pages.push(SentPage { pin: page.pin(), within, position, before });
        }
        Ok(())
    }

    /// Undoes what a failed request changed in a page, while the page is still in flight: no other thread
    /// changes it before that ends.
    fn take_back(&self, page: &SentPage<'_>, written: usize) {
        let SentPage { pin, within, position, before } = page;
        match before {
            Some(before) => {
                let kept = written.saturating_sub(*position).min(before.len());
                pin.latch().bytes()[within.start + kept..within.end]
                    .copy_from_slice(&before[kept..]);
            }
            None => {
                pin.doubt();
                self.store.note(|unstable| unstable.page_left(page.number()));
            }
        }
    }

    /// Removes pages from the cache, unless they are dirty.
    fn doubt<'a>(&self, pages: impl Iterator<Item = SentPage<'a>>, _claim: &MappingClaim<'_>) {
        for sent in pages {
            let page = sent.pin.lock();
            page.wait_for_writeback();
            if page.key().file == self.id && !page.state().is_dirty() {
                self.discard_page(page);
            }
        }
    }
}

/// Copies into a page that is uptodate, or of which everything else lies past the end.
fn copy_into(page: &LockedPage<'_>, mut latch: WriteLatch<'_>, start: usize, part: &[u8]) {
    let bytes = latch.bytes();
    bytes[start..start + part.len()].copy_from_slice(part);
    if !page.state().is_uptodate() {
        bytes[..start].fill(0);
        bytes[start + part.len()..].fill(0);
        latch.commit();
    }
}

#[cfg(test)]
mod tests;
