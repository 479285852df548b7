//! What is known of the tags of one page.

use std::fmt;
use std::ops::Range;

use super::Consent;
use crate::oracle::knowledge::Reliability;

/// The least and the greatest tag of a page; zeroes if it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tagged {
    pub oldest: u64,
    pub newest: u64,
}

/// What the tags of a page may be when its file's dirty pages begin to be listed.
pub struct Glance {
    counted: Vec<u64>,
    possible: Vec<u64>,
    announced: u64,
}

/// The writes to a page whose tags it may have.
#[derive(Default)]
pub(super) struct Page {
    writes: Vec<Write>,
    /// Writes in progress that have no tag: a number and the bytes of each.
    untagged: Vec<(u64, Range<u64>)>,
    /// How many operations are in progress that may discard what is dirty.
    cleaners: usize,
    /// How many writebacks were announced.
    announced: u64,
    /// The tags that the last of them may have had.
    sent: Vec<u64>,
    /// Where the bytes end that are in flight to a store that may fail.
    in_flight: Option<u64>,
}

/// A write with a tag.
struct Write {
    tag: u64,
    bytes: Range<u64>,
    ended: bool,
    /// Whether no writeback, and nothing that discards dirty bytes, may have come after it dirtied the page; or, if it
    /// has not ended, may come before its end.
    counts: bool,
    /// The same before the writeback in flight was announced.
    counted: bool,
    /// Whether it had ended then.
    had_ended: bool,
}

impl Page {
    pub(super) fn begin_write(&mut self, tag: u64, bytes: Range<u64>) {
        let counts = self.cleaners == 0;
        let write = Write { tag, bytes, ended: false, counts, counted: false, had_ended: false };
        self.writes.push(write);
    }

    /// Ends a write, which has certainly written to the page or may have.
    pub(super) fn end_write(&mut self, tag: u64, is_certain: bool) {
        if let Some(write) = self.writes.iter_mut().find(|write| write.tag == tag) {
            write.ended = true;
            write.counts &= is_certain;
            write.counted &= is_certain;
        }
    }

    pub(super) fn begin_untagged(&mut self, number: u64, bytes: Range<u64>) {
        self.untagged.push((number, bytes));
    }

    pub(super) fn end_untagged(&mut self, number: u64) {
        self.untagged.retain(|(other, _)| *other != number);
    }

    pub(super) fn begin_clean(&mut self) {
        self.cleaners += 1;
        self.writes.iter_mut().for_each(Write::doubt);
    }

    pub(super) fn end_clean(&mut self) {
        self.cleaners -= 1;
    }

    /// Checks what a hook got of the page, which begins at `start`. If it may be wrong, returns what was expected.
    pub(super) fn announce(
        &mut self,
        start: u64,
        bytes: Range<u64>,
        found: Tagged,
        consent: Consent,
        store: Reliability,
    ) -> Result<(), String> {
        let through = self.may_write_through(&bytes, found);
        let back = match bytes.start == start {
            true => found.check(&self.counted(), |tag| self.has(tag)),
            false => Err("a writeback sends whole pages".to_owned()),
        };
        if through {
            let of_it = |write: &&mut Write| write.tag == found.newest;
            self.writes.iter_mut().filter(of_it).for_each(Write::doubt);
        }
        if back.is_err() || consent == Consent::Refused {
            return if through { Ok(()) } else { back };
        }
        self.announced += 1;
        self.sent = self.tags();
        for write in &mut self.writes {
            write.counted = std::mem::take(&mut write.counts);
            write.had_ended = write.ended;
        }
        match store {
            Reliability::Failing => {
                let end = if through { u64::MAX } else { bytes.end };
                self.in_flight = (!bytes.is_empty()).then_some(end);
            }
            Reliability::Sound if !through => self.clean(),
            Reliability::Sound => {}
        }
        Ok(())
    }

    /// To be called when the store has refused the bytes in flight.
    pub(super) fn failed(&mut self) {
        if self.in_flight.take().is_some() {
            for write in &mut self.writes {
                write.counts |= std::mem::take(&mut write.counted);
            }
        }
    }

    /// To be called when the store has written some bytes, of the page that begins at `start` among others. If the page
    /// has only some dirty ranges, the others may fail.
    pub(super) fn written(&mut self, start: u64, bytes: &Range<u64>) {
        if let Some(end) = self.in_flight.take()
            && bytes.start <= start
            && end <= bytes.end
        {
            self.clean();
        }
    }

    pub(super) fn glance(&self) -> Glance {
        let possible = self.tags().into_iter().chain(self.sent.iter().copied()).collect();
        Glance { counted: self.counted(), possible, announced: self.announced }
    }

    /// Checks what a list of dirty pages has of the page: its tags are those of a moment since the glance.
    pub(super) fn compare(&self, glance: &Glance, found: Option<Tagged>) -> Result<(), String> {
        let now = self.glance();
        let counted: Vec<_> =
            glance.counted.iter().copied().filter(|tag| now.counted.contains(tag)).collect();
        let Some(found) = found else {
            return match counted.is_empty() {
                true => Ok(()),
                false => Err(format!("expected one with {}", Names(&counted))),
            };
        };
        // What was written back meanwhile, and then forgotten, is not known.
        let is_known = now.announced - glance.announced < 2;
        let has = |tag: &u64| glance.possible.contains(tag) || now.possible.contains(tag);
        found.check(&counted, |tag| !is_known || has(&tag))
    }

    /// Whether it may be the call for a write in progress that is not kept in the cache.
    fn may_write_through(&self, bytes: &Range<u64>, found: Tagged) -> bool {
        let contains = |all: &Range<u64>| all.start <= bytes.start && bytes.end <= all.end;
        let is_of =
            |write: &Write| !write.ended && write.tag == found.newest && contains(&write.bytes);
        found.oldest == found.newest
            && match found.newest {
                0 => self.untagged.iter().any(|(_, bytes)| contains(bytes)),
                _ => self.writes.iter().any(is_of),
            }
    }

    /// The page is clean now, or has only what was written since the last writeback was announced.
    fn clean(&mut self) {
        self.writes.retain(|write| !write.had_ended);
    }

    /// The tags that the page has certainly.
    fn counted(&self) -> Vec<u64> {
        let counted = self.writes.iter().filter(|write| write.ended && write.counts);
        counted.map(|write| write.tag).collect()
    }

    fn tags(&self) -> Vec<u64> {
        self.writes.iter().map(|write| write.tag).collect()
    }

    fn has(&self, tag: u64) -> bool {
        self.writes.iter().any(|write| write.tag == tag)
    }
}

impl Write {
    /// It may have been written back, or discarded.
    fn doubt(&mut self) {
        self.counts = false;
        self.counted = false;
    }
}

impl Tagged {
    /// Checks the tags of a page that was certainly written with those that are `counted`, and perhaps with others that
    /// it `has`.
    pub(super) fn check(self, counted: &[u64], has: impl Fn(u64) -> bool) -> Result<(), String> {
        let Tagged { oldest, newest } = self;
        let is_one = |tag| tag == 0 && counted.is_empty() || has(tag);
        let encloses = counted.iter().all(|&tag| oldest <= tag && tag <= newest);
        let is_range = oldest <= newest && (oldest == 0) == (newest == 0);
        match is_range && encloses && is_one(oldest) && is_one(newest) {
            true => Ok(()),
            false => Err(format!("certainly written with {}", Names(counted))),
        }
    }
}

impl fmt::Display for Tagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tags {:x} to {:x}", self.oldest, self.newest)
    }
}

struct Names<'a>(&'a [u64]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no tag");
        }
        let names: Vec<_> = self.0.iter().map(|tag| format!("{tag:x}")).collect();
        write!(f, "the tags {}", names.join(", "))
    }
}
