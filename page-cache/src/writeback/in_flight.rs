//! One request of writeback: pages that are in flight, and the bytes that are sent of them. Steps 3 to 9 of `flush`.

use std::io;
use std::mem;
use std::ops::Range;

use crate::files::durability::unstable::Part;
use crate::files::inode::{Inode, MappingClaim};
use crate::pages::frame::{LockedPage, Pin};
use crate::pages::pool::{self, Guarded};
use crate::stats::Event;
use crate::store::write_full;
use crate::unwind;

/// How to treat a dirty page that has a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtGuard {
    /// If nothing is in flight, wait for its end.
    Wait,
    PassOver,
}

/// Pages in flight, and a copy of the bytes to send. If it is dropped, nothing was sent: the pages are dirty again, and
/// no longer in flight.
#[derive(Default)]
pub(crate) struct InFlight<'a> {
    pages: Vec<Pin<'a>>,
    /// Which part of each page is sent, and where in the bytes it ends.
    parts: Vec<(Part, usize)>,
    bytes: Vec<u8>,
    /// Where the bytes go, one stretch after the other.
    stretches: Vec<Range<u64>>,
    /// The error of the first page that could not be prepared.
    unready: Option<io::Error>,
}

/// Pages that were sent, or whose write failed, and whose writeback marks are still set. Their writeback ends when this
/// is dropped.
pub(crate) struct Landed<'a> {
    pages: Vec<Pin<'a>>,
    outcome: io::Result<()>,
}

impl Inode {
    /// Puts a page in flight, if it is dirty, and unlocks it.
    pub(crate) fn put_in_flight<'a>(
        &self,
        page: LockedPage<'a>,
        request: &mut InFlight<'a>,
        at_guard: AtGuard,
    ) -> Result<(), Guarded> {
        page.wait_for_writeback();
        if page.state().is_dirty() {
            match at_guard {
                AtGuard::Wait => pool::write_protect(&page),
                // A store may wait for a guard, with the latch.
                AtGuard::PassOver => pool::write_protect_unless_guarded(&page)?,
            }
            self.gather(&page, request);
        }
        Ok(())
    }

    /// Puts a locked, dirty page in flight. Its mappings are write-protected.
    pub(crate) fn gather<'a>(&self, page: &LockedPage<'a>, request: &mut InFlight<'a>) {
        if let Err(error) = self.fill_to_blocks(page) {
            request.unready.get_or_insert(error);
            return;
        }
        page.begin_writeback();
        request.pages.push(page.pin());
        let number = page.key().page;
        let (start, inside) = (self.page_size.start(number), self.bytes_inside(number));
        if let Some(latch) = page.read() {
            request.add(start, &latch.bytes()[..inside]);
            request.parts.push((Part::Whole, request.bytes.len()));
        } else {
            let mut latch = page.latch();
            let dirty = self.partial.get(number);
            for range in dirty.iter() {
                let end = range.end.min(inside).max(range.start);
                request.add(start + range.start as u64, &latch.bytes()[range.start..end]);
            }
            request.parts.push((Part::Ranges(dirty), request.bytes.len()));
        }
    }

    /// Sends a request, and records its result. The file may be closed as soon as the pages' writeback
    /// ends, and the claim has been dropped.
    pub(crate) fn transmit<'a>(
        &self,
        mut request: InFlight<'a>,
        _claim: &MappingClaim<'_>,
    ) -> Landed<'a> {
        let unready = request.unready.take().inspect(|error| self.write_errors.note(error));
        if let Err(refusal) = self.make_ready(&mut request) {
            unwind::discard(unready);
            self.write_retry.note(Some(&refusal));
            request.pages.iter().for_each(Pin::redirty);
            return request.landed(Err(refusal));
        }
        let send = || self.write_stretches(&request);
        let stretches = request.stretches.iter().cloned();
        let outcome = self.store.attempt(stretches, send, |unstable, outcome| {
            for (page, (part, end)) in request.pages.iter().zip(&request.parts) {
                if written(outcome) >= *end {
                    unstable.sent(page.frame().key().page, part);
                }
            }
        });
        if let Err((_, error)) = &outcome {
            self.write_errors.note(error);
        }
        if !request.pages.is_empty() {
            self.write_retry.note(outcome.as_ref().err().map(|(_, error)| error));
        }
        for (page, (_, end)) in request.pages.iter().zip(&request.parts) {
            let number = page.frame().key().page;
            match written(&outcome) >= *end {
                true => {
                    self.count(Event::Writeback);
                    self.partial.forget(number);
                    self.note_clean(number);
                }
                false => page.redirty(),
            }
        }
        let mut landed = request.landed(outcome.map_err(|(_, error)| error));
        match unready {
            Some(error) if landed.outcome.is_ok() => landed.outcome = Err(error),
            // A value that is being returned is not dropped if the drop of another one panics.
            unready => unwind::discard(unready),
        }
        landed
    }

    /// Calls the file's hook for the pages of a request, and transforms what is sent of them.
    fn make_ready(&self, request: &mut InFlight<'_>) -> io::Result<()> {
        let numbers = || request.pages.iter().map(|page| page.frame().key().page);
        self.before_sending(|| {
            numbers().map(|page| self.dirty_page(page, self.tags_of(page))).collect()
        })?;
        if self.transform.is_some() {
            // In a file of whole pages, each page is sent as a whole.
            for (page, bytes) in numbers().zip(request.bytes.chunks_exact_mut(self.page_size.len()))
            {
                self.encode(page, bytes)?;
            }
        }
        Ok(())
    }

    /// Writes one stretch after the other. Returns how many bytes were written, if not all.
    fn write_stretches(&self, request: &InFlight<'_>) -> Result<(), (usize, io::Error)> {
        let mut done = 0;
        for stretch in &request.stretches {
            let end = done + (stretch.end - stretch.start) as usize;
            write_full(&*self.store, &request.bytes[done..end], stretch.start)
                .map_err(|(part, error)| (done + part, error))?;
            done = end;
        }
        Ok(())
    }
}

/// How many bytes of a request were written at least.
fn written(outcome: &Result<(), (usize, io::Error)>) -> usize {
    match outcome {
        Ok(()) => usize::MAX,
        Err((written, _)) => *written,
    }
}

impl Landed<'_> {
    /// Ends the pages' writeback.
    pub(crate) fn end(mut self) -> io::Result<()> {
        mem::replace(&mut self.outcome, Ok(()))
    }
}

impl Drop for Landed<'_> {
    fn drop(&mut self) {
        self.pages.iter().for_each(Pin::end_writeback);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        for page in &self.pages {
            page.redirty();
            page.end_writeback();
        }
    }
}

impl<'a> InFlight<'a> {
    /// The pages, whose request has ended. Each of them was noted as clean, or is dirty again.
    fn landed(mut self, outcome: io::Result<()>) -> Landed<'a> {
        Landed { pages: mem::take(&mut self.pages), outcome }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Adds bytes for `offset`, which is after all that were added before.
    fn add(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        match self.stretches.last_mut().filter(|last| last.end == offset) {
            Some(last) => last.end = end,
            None => self.stretches.push(offset..end),
        }
    }
}
