//! A file in memory in place of the cached one, for tests of the oracle. It is correct, and uses all the freedom
//! that the oracle allows; or it has one error, which the oracle must find.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::oracle::stamp::POISON;
use crate::page_size::page_size;
use crate::subject::{Mapped, Subject};

/// The error of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// A write that was reported as done is lost.
    LostWrite,
    /// A store through a mapping that was reported as done is lost.
    LostStore,
    /// The cached page is kept after a direct write.
    StaleAfterDirectWrite,
    /// The last sector of a hole keeps its bytes.
    StaleAfterPunch,
    /// A write ends within a sector.
    TornWrite,
    /// A write goes to the next page.
    MisplacedWrite,
    /// A read returns the bytes of a frame that was never filled.
    Uninitialised,
    /// A read reports more than it filled.
    UnfilledRead,
    /// A truncation leaves the bytes past the end, so that they are there after an extension.
    TruncationKeeps,
    /// An extension shows what a mapping wrote past the end.
    ExtensionKeeps,
    /// A read ends before the end of the file.
    ShortRead,
    /// A read goes past the end.
    LongRead,
    /// A mapping reaches past the end.
    MappedPastEnd,
    /// A write does not extend the file.
    NoExtension,
    /// An extension to less than the length truncates.
    ExtensionShrinks,
    /// A write through guards of several pages is lost.
    LostListWrite,
    /// `read_exact_direct_at` reports success although it filled only a part of its memory.
    InexactRead,
    /// `write_all_direct_at` writes only half of its bytes.
    HalfOfAWhole,
    /// An operation fails for no reason.
    Refusal,
    /// An operation panics.
    Panic,
}

impl Flaw {
    /// Those that one thread can detect.
    pub const SEEN: [Flaw; 19] = [
        Flaw::LostWrite,
        Flaw::LostStore,
        Flaw::StaleAfterDirectWrite,
        Flaw::StaleAfterPunch,
        Flaw::TornWrite,
        Flaw::MisplacedWrite,
        Flaw::Uninitialised,
        Flaw::UnfilledRead,
        Flaw::TruncationKeeps,
        Flaw::ExtensionKeeps,
        Flaw::ShortRead,
        Flaw::LongRead,
        Flaw::MappedPastEnd,
        Flaw::NoExtension,
        Flaw::ExtensionShrinks,
        Flaw::LostListWrite,
        Flaw::InexactRead,
        Flaw::HalfOfAWhole,
        Flaw::Refusal,
    ];
}

/// A file in memory. Each operation is atomic within a page, and no further.
#[derive(Clone)]
pub struct Plain {
    contents: Arc<Mutex<Contents>>,
    flaw: Flaw,
}

/// A mapping of it, from `start` on.
pub struct PlainMapping {
    file: Plain,
    start: u64,
}

struct Contents {
    /// The bytes, also those past the end.
    bytes: Vec<u8>,
    len: u64,
    /// Operations until the flaw shows.
    until_flaw: u32,
}

impl Plain {
    pub fn new(len: u64, flaw: Flaw) -> Plain {
        let bytes = vec![0; len.next_multiple_of(page_size()) as usize];
        let contents = Contents { bytes, len, until_flaw: 100 };
        Plain { contents: Arc::new(Mutex::new(contents)), flaw }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the file's flaw is `flaw`, and it is time to show it.
    fn shows(&self, flaw: Flaw) -> bool {
        if self.flaw != flaw {
            return false;
        }
        let mut contents = self.contents();
        contents.until_flaw = contents.until_flaw.saturating_sub(1);
        contents.until_flaw == 0
    }

    fn write(&self, bytes: &[u8], offset: u64) -> usize {
        for page in pages(offset..offset + bytes.len() as u64) {
            let mut contents = self.contents();
            if contents.len < page.end && self.flaw != Flaw::NoExtension {
                let len = contents.len;
                contents.extend(len, page.end, self.flaw);
            }
            let from = (page.start - offset) as usize;
            contents.at(&page).copy_from_slice(&bytes[from..][..(page.end - page.start) as usize]);
            drop(contents);
            std::thread::yield_now();
        }
        bytes.len()
    }

    fn read(&self, bytes: &mut [u8], offset: u64) -> usize {
        let mut done = 0;
        for page in pages(offset..offset + bytes.len() as u64) {
            let mut contents = self.contents();
            let page = page.start..page.end.min(contents.len).max(page.start);
            let part = (page.end - page.start) as usize;
            bytes[done..done + part].copy_from_slice(contents.at(&page));
            done += part;
            drop(contents);
            std::thread::yield_now();
            if (offset + done as u64).is_multiple_of(page_size()) && part > 0 {
                continue;
            }
            break;
        }
        done
    }
}

impl Contents {
    fn at(&mut self, bytes: &Range<u64>) -> &mut [u8] {
        &mut self.bytes[bytes.start as usize..bytes.end as usize]
    }

    fn extend(&mut self, from: u64, to: u64, flaw: Flaw) {
        if flaw != Flaw::ExtensionKeeps && flaw != Flaw::TruncationKeeps {
            let end = from.next_multiple_of(page_size()).max(from);
            self.at(&(from..end)).fill(0);
        }
        self.len = to;
    }
}

impl Subject for Plain {
    type Mapping = PlainMapping;

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        assert!(!self.shows(Flaw::Panic), "this file panics");
        if self.shows(Flaw::Refusal) {
            return Err(io::Error::other("no reason"));
        }
        let found = self.read(bytes, offset);
        if found > 600 && self.shows(Flaw::Uninitialised) {
            bytes[100..600].fill(POISON);
        }
        if found > 0 && self.shows(Flaw::ShortRead) {
            return Ok(found - 1);
        }
        if found < bytes.len() && self.shows(Flaw::LongRead) {
            return Ok(found + 1);
        }
        if found > 100 && self.shows(Flaw::UnfilledRead) {
            bytes[found - 50..].fill(crate::oracle::stamp::UNFILLED);
        }
        Ok(found)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if self.shows(Flaw::LostWrite) {
            return Ok(bytes.len());
        }
        if bytes.len() > 1000 && self.shows(Flaw::TornWrite) {
            self.write(&bytes[..777], offset);
            return Ok(bytes.len());
        }
        let end = offset + bytes.len() as u64 + page_size();
        if end < self.len() && self.shows(Flaw::MisplacedWrite) {
            return Ok(self.write(bytes, offset + page_size()));
        }
        Ok(self.write(bytes, offset))
    }

    fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(self.read(bytes, offset))
    }

    fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if self.shows(Flaw::StaleAfterDirectWrite) {
            return Ok(bytes.len());
        }
        Ok(self.write(bytes, offset))
    }

    fn map(&self, range: Range<u64>) -> io::Result<PlainMapping> {
        Ok(PlainMapping { file: self.clone(), start: range.start })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut contents = self.contents();
        let old = contents.len;
        if len < old && self.flaw != Flaw::TruncationKeeps {
            let end = old.next_multiple_of(page_size());
            contents.at(&(len..end)).fill(0);
            contents.len = len;
        } else {
            contents.extend(old, len, self.flaw);
        }
        Ok(())
    }

    fn len(&self) -> u64 {
        self.contents().len
    }

    fn extend_to(&self, len: u64) -> io::Result<()> {
        if self.flaw == Flaw::ExtensionShrinks {
            return self.set_len(len);
        }
        let mut contents = self.contents();
        let old = contents.len;
        if old < len {
            contents.extend(old, len, self.flaw);
        }
        Ok(())
    }

    fn write_by_list(&self, bytes: &[u8], offset: u64, _: u64) -> io::Result<()> {
        if self.shows(Flaw::LostListWrite) {
            return Ok(());
        }
        let mut contents = self.contents();
        let range = offset..offset + bytes.len() as u64;
        if range.end > contents.len.next_multiple_of(page_size()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        contents.at(&range).copy_from_slice(bytes);
        Ok(())
    }

    fn read_exact_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let is_there = self.read(bytes, offset) == bytes.len();
        match is_there || self.flaw == Flaw::InexactRead {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn write_all_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let kept = if self.shows(Flaw::HalfOfAWhole) { bytes.len() / 2 } else { bytes.len() };
        self.write(&bytes[..kept], offset);
        Ok(())
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let left = if self.shows(Flaw::StaleAfterPunch) { 512.min(len) } else { 0 };
        for page in pages(offset..offset + len - left) {
            let mut contents = self.contents();
            let end = page.end.min(contents.len).max(page.start);
            contents.at(&(page.start..end)).fill(0);
        }
        Ok(())
    }

    fn writeback(&self, _: Range<u64>) -> io::Result<()> {
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Mapped for PlainMapping {
    fn load(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        let offset = self.start + offset;
        for page in pages(offset..offset + bytes.len() as u64) {
            let mut contents = self.file.contents();
            if page.start >= contents.len.next_multiple_of(page_size())
                && self.file.flaw != Flaw::MappedPastEnd
            {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let part = (page.end - page.start) as usize;
            bytes[done..done + part].copy_from_slice(contents.at(&page));
            done += part;
        }
        Ok(())
    }

    fn store(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.file.shows(Flaw::LostStore) {
            return Ok(());
        }
        let mut done = 0;
        let offset = self.start + offset;
        for page in pages(offset..offset + bytes.len() as u64) {
            let mut contents = self.file.contents();
            if page.start >= contents.len.next_multiple_of(page_size()) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let part = (page.end - page.start) as usize;
            contents.at(&page).copy_from_slice(&bytes[done..done + part]);
            done += part;
        }
        Ok(())
    }
}

/// `bytes`, split at the starts of pages.
fn pages(bytes: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let Range { start, end } = bytes;
    let first = start - start % page_size();
    (first..end)
        .step_by(page_size() as usize)
        .map(move |page| start.max(page)..end.min(page + page_size()))
        .filter(|page| page.start < page.end)
}
