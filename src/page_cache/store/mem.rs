//! `MemStore`: a sparse store in memory.

use crate::sync::blocking::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::collections::BTreeMap;
use std::io;

use super::Store;

const BLOCK: usize = 4096;

/// A sparse store in memory: blocks that were never written take no room.
///
/// # Examples
///
/// ```
/// use spanlock::page_cache::{MemStore, Store};
///
/// let store = MemStore::new();
/// store.set_len(1 << 40)?;
/// store.write_at(b"x", 1 << 39)?;
/// assert_eq!(store.blocks(), 1);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug, Default)]
pub struct MemStore {
    contents: RwLock<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
    len: u64,
}

impl MemStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> MemStore {
        MemStore::default()
    }

    /// How many blocks of 4096 bytes are allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::page_cache::MemStore::new().blocks(), 0);
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
        let end = offset.checked_add(bytes.len() as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        let mut contents = self.exclusive();
        let mut done = 0;
        while done < bytes.len() {
            let (block, within) = split(offset + done as u64);
            let part = (BLOCK - within).min(bytes.len() - done);
            let to = contents.blocks.entry(block).or_insert_with(|| Box::new([0; BLOCK]));
            to[within..within + part].copy_from_slice(&bytes[done..done + part]);
            done += part;
        }
        if !bytes.is_empty() {
            contents.len = contents.len.max(end);
        }
        Ok(bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.shared().len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut contents = self.exclusive();
        if len < contents.len {
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

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn split(offset: u64) -> (u64, usize) {
    (offset / BLOCK as u64, (offset % BLOCK as u64) as usize)
}
