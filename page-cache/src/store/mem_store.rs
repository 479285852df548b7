//! `MemStore`: a sparse store in memory.

use crate::sync::blocking::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::ops::Range;

use super::Store;
use super::full_requests::too_large;
use super::shift::Shift;
use crate::error::MAX_LEN;

const BLOCK: usize = 4096;

type Block = Box<[u8; BLOCK]>;

/// A sparse store in memory. Blocks that were neither written nor allocated use no memory.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, Store};
///
/// let store = MemStore::new();
/// store.set_len(1 << 40)?;
/// store.write_at(b"x", 1 << 39)?;
/// assert_eq!(store.blocks(), 1);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct MemStore {
    contents: RwLock<Contents>,
    most_blocks: usize,
}

#[derive(Debug, Default)]
struct Contents {
    blocks: BTreeMap<u64, Block>,
    len: u64,
}

impl MemStore {
    /// Creates an empty store.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, Store};
    ///
    /// assert!(MemStore::new().is_empty()?);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn new() -> MemStore {
        MemStore::with_most_blocks(usize::MAX)
    }

    /// Creates an empty store that can have at most `blocks` blocks of 4096 bytes. Operations that need
    /// more fail with `StorageFull`; a write is short if some of its bytes fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{MemStore, Store};
    ///
    /// let store = MemStore::with_most_blocks(1);
    /// assert_eq!(store.write_at(&[1; 5000], 0)?, 4096);
    /// assert_eq!(store.write_at(&[1; 904], 4096).unwrap_err().kind(), ErrorKind::StorageFull);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn with_most_blocks(blocks: usize) -> MemStore {
        MemStore { contents: RwLock::default(), most_blocks: blocks }
    }

    /// Returns the number of allocated blocks, of 4096 bytes each.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock_page_cache::MemStore::new().blocks(), 0);
    /// ```
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.shared().blocks.len()
    }

    fn shared(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn exclusive(&self) -> RwLockWriteGuard<'_, Contents> {
        self.contents.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemStore {
    fn default() -> MemStore {
        MemStore::new()
    }
}

impl Contents {
    /// The block; a new one of zeroes if there is none and there are fewer than `most`.
    fn block_or_make(&mut self, block: u64, most: usize) -> Option<&mut Block> {
        let room = self.blocks.len() < most;
        match self.blocks.entry(block) {
            Entry::Occupied(there) => Some(there.into_mut()),
            Entry::Vacant(vacant) if room => Some(vacant.insert(Box::new([0; BLOCK]))),
            Entry::Vacant(_) => None,
        }
    }

    /// Allocates blocks for a range, all or none, and extends the store to the end of the range.
    fn allocate(&mut self, offset: u64, len: u64, most: usize) -> io::Result<()> {
        self.reserve(offset, len, most)?;
        self.len = self.len.max(if len == 0 { 0 } else { offset + len });
        Ok(())
    }

    /// Gives a range blocks, all or none.
    fn reserve(&mut self, offset: u64, len: u64, most: usize) -> io::Result<()> {
        let end = offset.checked_add(len).filter(|&end| end <= MAX_LEN);
        let end = end.ok_or_else(|| too_large(MAX_LEN))?;
        if len == 0 {
            return Ok(());
        }
        let (first, behind) = (split(offset).0, split(end - 1).0 + 1);
        let missing = (behind - first) as usize - self.blocks.range(first..behind).count();
        if missing > most - self.blocks.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // Reserving all of the memory first tells whether there is enough.
        let room = Vec::<[u8; BLOCK]>::new().try_reserve_exact(missing);
        room.map_err(|_| io::ErrorKind::OutOfMemory)?;
        for block in first..behind {
            self.blocks.entry(block).or_insert_with(|| Box::new([0; BLOCK]));
        }
        Ok(())
    }

    /// Renumbers the blocks from `first` on.
    fn renumber(&mut self, first: u64, to: impl Fn(u64) -> u64) {
        let moved = self.blocks.split_off(&first);
        self.blocks.extend(moved.into_iter().map(|(block, bytes)| (to(block), bytes)));
    }
}

impl Store for MemStore {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let contents = self.shared();
        let left = usize::try_from(contents.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let bytes_len = bytes.len().min(left);
        let mut done = 0;
        while done < bytes_len {
            let (block, within) = split(offset + done as u64);
            let part = (BLOCK - within).min(bytes_len - done);
            let to = &mut bytes[done..done + part];
            match contents.blocks.get(&block) {
                Some(from) => to.copy_from_slice(&from[within..within + part]),
                None => to.fill(0),
            }
            done += part;
        }
        Ok(bytes_len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        offset.checked_add(bytes.len() as u64).ok_or_else(|| too_large(u64::MAX))?;
        let mut contents = self.exclusive();
        let mut done = 0;
        while done < bytes.len() {
            let (block, within) = split(offset + done as u64);
            let part = (BLOCK - within).min(bytes.len() - done);
            match contents.block_or_make(block, self.most_blocks) {
                Some(to) => to[within..within + part].copy_from_slice(&bytes[done..done + part]),
                None if done == 0 => return Err(io::ErrorKind::StorageFull.into()),
                None => break,
            }
            done += part;
        }
        if done > 0 {
            contents.len = contents.len.max(offset + done as u64);
        }
        Ok(done)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.shared().len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut contents = self.exclusive();
        if len <= contents.len {
            let (block, within) = split(len);
            let kept = if within == 0 { block } else { block + 1 };
            drop(contents.blocks.split_off(&kept));
            if within > 0
                && let Some(last) = contents.blocks.get_mut(&block)
            {
                last[within..].fill(0);
            }
        }
        contents.len = len;
        Ok(())
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let mut contents = self.exclusive();
        let end = offset.saturating_add(len).min(contents.len);
        if offset >= end {
            return Ok(());
        }
        let ((first, _), (last, _)) = (split(offset), split(end - 1));
        let touched: Vec<u64> =
            contents.blocks.range(first..=last).map(|(&block, _)| block).collect();
        for block in touched {
            let start = block * BLOCK as u64;
            let from = offset.saturating_sub(start) as usize;
            let to = (end - start).min(BLOCK as u64) as usize;
            if from == 0 && (to == BLOCK || end == contents.len) {
                contents.blocks.remove(&block);
            } else if let Some(bytes) = contents.blocks.get_mut(&block) {
                bytes[from..to].fill(0);
            }
        }
        Ok(())
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.exclusive().allocate(offset, len, self.most_blocks)
    }

    fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        self.exclusive().reserve(offset, len, self.most_blocks)
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let mut contents = self.exclusive();
        contents.allocate(offset, len, self.most_blocks)?;
        let mut at = offset;
        while at < offset + len {
            let (block, within) = split(at);
            let part = ((BLOCK - within) as u64).min(offset + len - at);
            if let Some(bytes) = contents.blocks.get_mut(&block) {
                bytes[within..within + part as usize].fill(0);
            }
            at += part;
        }
        Ok(())
    }

    fn allocated_size(&self) -> io::Result<Option<u64>> {
        Ok(Some(self.blocks() as u64 * BLOCK as u64))
    }

    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        let contents = self.shared();
        let end = range.end.min(contents.len);
        let mut holes = Vec::new();
        let mut from = range.start;
        let touched = split(range.start).0..end.div_ceil(BLOCK as u64).max(split(range.start).0);
        for &block in contents.blocks.range(touched).map(|(block, _)| block) {
            let start = block * BLOCK as u64;
            if from < start {
                holes.push(from..start);
            }
            from = start + BLOCK as u64;
        }
        if from < end {
            holes.push(from..end);
        }
        Ok(Some(holes))
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let mut contents = self.exclusive();
        let shorter = Shift::Collapse.check(offset, len, contents.len, MAX_LEN)?;
        let (first, out) = (split(offset).0, split(len).0);
        let mut behind = contents.blocks.split_off(&first);
        contents.blocks.append(&mut behind.split_off(&(first + out)));
        contents.renumber(first, |block| block - out);
        contents.len = shorter;
        Ok(())
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let mut contents = self.exclusive();
        let longer = Shift::Insert.check(offset, len, contents.len, MAX_LEN)?;
        let (first, new) = (split(offset).0, split(len).0);
        contents.renumber(first, |block| block + new);
        contents.len = longer;
        Ok(())
    }

    /// Returns `memory`.
    fn label(&self) -> String {
        "memory".into()
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn split(offset: u64) -> (u64, usize) {
    (offset / BLOCK as u64, (offset % BLOCK as u64) as usize)
}
