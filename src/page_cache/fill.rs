//! Fill: a page's bytes come from the store.

use std::io;

use super::frame::LockedPage;
use super::inode::{Claim, Inode};
use super::stats::Event;
use super::{PAGE_SIZE, PathLock, Store};

impl<L: PathLock> Inode<L> {
    /// Makes a locked page uptodate, if it is not. The caller's claim on it keeps the store still.
    ///
    /// What the store does not hold, and what lies past the end, is zeroes. A page that cannot be
    /// filled leaves the cache.
    pub(super) fn fill<'a>(
        &self,
        page: LockedPage<'a>,
        _claim: &Claim<'_, L>,
    ) -> io::Result<LockedPage<'a>> {
        if page.state().is_uptodate() {
            return Ok(page);
        }
        let offset = page.key().page * PAGE_SIZE as u64;
        let mut latch = page.latch();
        let valid = self.size().saturating_sub(offset).min(PAGE_SIZE as u64) as usize;
        let (inside, past) = latch.bytes().split_at_mut(valid);
        match read_full(&*self.store, inside, offset) {
            Ok(found) => inside[found..].fill(0),
            Err(error) => {
                drop(latch);
                self.discard_page(page);
                return Err(error);
            }
        }
        past.fill(0);
        latch.commit();
        if valid > 0 {
            self.cache.counters.count(Event::Fill);
        }
        Ok(page)
    }
}

/// Reads until `bytes` is full or the store has no more.
pub(super) fn read_full(store: &dyn Store, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match store.read_at(&mut bytes[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(part) if part > bytes.len() - done => return Err(overrun(part, bytes.len() - done)),
            Ok(part) => done += part,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of `bytes`, and says how far it came if it cannot.
pub(super) fn write_full(
    store: &dyn Store,
    bytes: &[u8],
    offset: u64,
) -> Result<(), (usize, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match store.write_at(&bytes[done..], offset + done as u64) {
            Ok(0) => return Err((done, io::ErrorKind::WriteZero.into())),
            Ok(part) if part > bytes.len() - done => {
                return Err((done, overrun(part, bytes.len() - done)));
            }
            Ok(part) => done += part,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((done, error)),
        }
    }
    Ok(())
}

fn overrun(part: usize, asked: usize) -> io::Error {
    let message = format!("the store says it moved {part} bytes where {asked} were asked for");
    io::Error::new(io::ErrorKind::InvalidData, message)
}
