//! Which tags the dirty pages of a file may have.
//!
//! A write with a tag dirties a page between its begin and its end. A hook before writeback is called while its pages
//! are in flight, and a page in flight is not written to. So of the writes to a page:
//!
//! 1. One that has ended before the hook was called is among those whose tags the hook must get, unless the page was
//!    written back between its begin and then.
//! 2. One that begins after the hook was called dirties the page after this writeback.
//! 3. One that was running when the hook was called is in this writeback or in the next.
//!
//! A writeback that failed leaves the tags. A store that fails tells this oracle which requests failed; otherwise
//! each writeback succeeds. Operations that discard dirty bytes are recorded too.
//!
//! A write-through calls the hook with its own tag and leaves those of the page. If a call may be either, what
//! follows from both is expected.

mod page;

use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use spanlock_page_cache::DirtyPage;

use crate::oracle::knowledge::Reliability;
use crate::page_size::page_size;
use crate::workload::op::{Op, Path};
use page::Page;
pub use page::{Glance, Tagged};

/// Odd, so that different numbers have different tags.
const SCRAMBLE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The tag of what `op` writes. No other operation has it, and later ones do not have greater tags.
pub fn tag_of(op: &Op) -> u64 {
    (u64::from(op.thread) << 48 | op.sequence).wrapping_mul(SCRAMBLE)
}

/// Whether the hook lets a request happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Given,
    Refused,
}

/// Which tags the pages of a file may have.
pub struct Tags {
    store: Reliability,
    pages: Box<[Mutex<Page>]>,
    wrong: Mutex<Option<String>>,
}

impl Tags {
    /// Of a file that never gets longer than `limit`. Pages past it have no tags.
    pub fn new(limit: u64, store: Reliability) -> Tags {
        let pages = (0..limit.div_ceil(page_size())).map(|_| Mutex::default());
        Tags { store, pages: pages.collect(), wrong: Mutex::default() }
    }

    /// Of a file that no write gives a tag.
    pub fn none() -> Tags {
        Tags::new(0, Reliability::Sound)
    }

    /// To be called before `op`.
    pub fn begin(&self, op: &Op) {
        if op.path.is_tagged() {
            self.each(&op.bytes, |page, _| page.begin_write(tag_of(op), op.bytes.clone()));
        } else if is_untagged(op.path) {
            self.each(&op.bytes, |page, _| page.begin_untagged(tag_of(op), op.bytes.clone()));
        }
        if let Some(bytes) = self.cleaned_by(op) {
            self.each(&bytes, |page, _| page.begin_clean());
        }
    }

    /// To be called when `op` has ended.
    pub fn end(&self, op: &Op, result: &io::Result<u64>) {
        if op.path.is_tagged() {
            let end = match (result, op.path) {
                (Ok(count), Path::TaggedWrite) => op.bytes.start + count,
                (Ok(_), _) => op.bytes.end,
                (Err(_), _) => op.bytes.start,
            };
            let certain = op.bytes.start..end;
            self.each(&op.bytes, |page, at| page.end_write(tag_of(op), overlap(&certain, at)));
        } else if is_untagged(op.path) {
            self.each(&op.bytes, |page, _| page.end_untagged(tag_of(op)));
        }
        if let Some(bytes) = self.cleaned_by(op) {
            self.each(&bytes, |page, _| page.end_clean());
        }
    }

    /// To be called by the hook before writeback, with its pages.
    pub fn announce(&self, pages: &[DirtyPage], consent: Consent) {
        for page in pages {
            let tagged = Tagged { oldest: page.oldest_tag, newest: page.newest_tag };
            self.announce_one(page.range.clone(), tagged, consent);
        }
    }

    fn announce_one(&self, bytes: Range<u64>, found: Tagged, consent: Consent) {
        let number = bytes.start / page_size();
        let start = number * page_size();
        let announced = match self.page(number) {
            Some(mut page) => page.announce(start, bytes.clone(), found, consent, self.store),
            None => found.check(&[], |_| false),
        };
        if let Err(expected) = announced {
            let text = format!("the hook was called with {found} of {bytes:?}; {expected}");
            self.wrong().get_or_insert(text);
        }
    }

    /// To be called when a request to write `bytes` to the store has ended, having written so many.
    pub fn answered(&self, bytes: Range<u64>, result: &io::Result<usize>) {
        let written = match result {
            // It is repeated.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Err(_) => return self.each(&bytes, |page, _| page.failed()),
            Ok(count) => bytes.start..bytes.start + *count as u64,
        };
        self.each(&written, |page, start| page.written(start, &written));
    }

    /// To be called before the dirty pages among `bytes` are listed.
    pub fn glance(&self, bytes: &Range<u64>) -> Vec<Glance> {
        let mut glances = Vec::new();
        self.each(bytes, |page, _| glances.push(page.glance()));
        glances
    }

    /// Compares the list with what it may contain.
    pub fn compare(&self, glances: &[Glance], bytes: &Range<u64>, listed: &[DirtyPage]) {
        let mut glances = glances.iter();
        self.each(bytes, |page, start| {
            let Some(glance) = glances.next() else { return };
            let found = listed.iter().find(|page| page.range.start == start);
            let found =
                found.map(|page| Tagged { oldest: page.oldest_tag, newest: page.newest_tag });
            if let Err(expected) = page.compare(glance, found) {
                let found = found.map_or("no entry".to_owned(), |found| found.to_string());
                let text = format!("the list of dirty pages has {found} of {start}; {expected}");
                self.wrong().get_or_insert(text);
            }
        });
    }

    /// What is wrong, once.
    pub fn take_wrong(&self) -> Option<String> {
        self.wrong().take()
    }

    /// The bytes whose dirty pages `op` may discard, or leave unwritten when the file is closed.
    fn cleaned_by(&self, op: &Op) -> Option<Range<u64>> {
        let limit = self.pages.len() as u64 * page_size();
        match op.path {
            Path::Punch | Path::ZeroRange | Path::Truncate => Some(op.bytes.clone()),
            Path::Collapse | Path::Insert => Some(op.bytes.start..limit),
            Path::Reopen | Path::Discard | Path::Abandon => Some(0..limit),
            _ => None,
        }
    }

    /// Calls `work` for each page of `bytes`, with where it starts.
    fn each(&self, bytes: &Range<u64>, mut work: impl FnMut(&mut Page, u64)) {
        if bytes.is_empty() {
            return;
        }
        for number in bytes.start / page_size()..bytes.end.div_ceil(page_size()) {
            let Some(mut page) = self.page(number) else { return };
            work(&mut page, number * page_size());
        }
    }

    fn page(&self, number: u64) -> Option<MutexGuard<'_, Page>> {
        let page = self.pages.get(number as usize)?;
        Some(page.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wrong(&self) -> MutexGuard<'_, Option<String>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it writes without a tag, and may write through the cache.
fn is_untagged(path: Path) -> bool {
    let writes = path.writes() || matches!(path, Path::SelfWrite | Path::Abandon);
    let is_direct = matches!(
        path,
        Path::DirectWrite | Path::VectoredDirectWrite | Path::WholeDirectWrite | Path::DirectAppend
    );
    writes && !is_direct && !path.is_tagged()
}

/// Whether some bytes are of the page that starts at `start`.
fn overlap(bytes: &Range<u64>, start: u64) -> bool {
    bytes.start.max(start) < bytes.end.min(start + page_size())
}

#[cfg(test)]
mod tests;
