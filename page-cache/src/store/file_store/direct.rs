//! Direct IO: without the kernel's cache, in whole blocks, and never past the end of the file.
//!
//! A read of whole blocks into aligned memory, such as a page of the cache, goes directly there. Every other request
//! goes through an aligned buffer. The parts of blocks that it writes are merged into the blocks: read, modified,
//! written. But the block that contains the end of the file cannot be written as a whole without making the file longer
//! for a moment, and a crash in that moment would leave a length that the file never had. So the bytes of that block go
//! through a second descriptor without O_DIRECT. The kernel keeps the two coherent: before a direct read it writes back
//! what its cache has dirty there, and after a direct write it drops what it has cached there. Both belong to one
//! inode, and one sync makes them durable.
//!
//! A write that extends the file sends its last bytes first. So the length changes once, to its
//! final value, and the bytes before it are within the file by then.
//!
//! Several threads may write whole blocks at the same time. A merge, a write through the second
//! descriptor and a change of the length are exclusive: a merge would undo what another thread
//! writes meanwhile, and the kernel's cache, whose units may be many blocks, must not be filled
//! during a direct write.

use crate::sync::blocking::{PoisonError, RwLock, RwLockWriteGuard};
use std::fs::File;
use std::io;
use std::ops::Range;

use super::calls::{read_once, write_once};
use crate::store::full_requests::unless_interrupted;

/// The least alignment, of offsets, lengths and memory: every disk accepts it.
const LEAST_BLOCK: usize = 4096;

/// The largest alignment that is accepted.
const GREATEST_BLOCK: usize = 1 << 20;

/// How often a block is written of which the system has done a part. Its own blocks may be smaller.
const MOST_PARTS: u32 = 8;

/// A file's direct descriptor.
#[derive(Debug)]
pub(super) struct Direct {
    file: File,
    /// A power of two.
    block: usize,
    /// Held shared by a write of whole blocks, and exclusively by what must not run at the same time as such a write.
    alone: RwLock<()>,
}

impl Direct {
    pub(super) fn new(file: File) -> Direct {
        let block = alignment_of(&file).clamp(LEAST_BLOCK, GREATEST_BLOCK).next_power_of_two();
        Direct { file, block, alone: RwLock::new(()) }
    }

    #[cfg(test)]
    pub(super) fn into_file(self) -> File {
        self.file
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn block(&self) -> u64 {
        self.block as u64
    }

    /// Keeps all writes away.
    pub(super) fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.alone.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads whole blocks to aligned memory; otherwise the blocks around `bytes` into an aligned buffer, and copies
    /// out.
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let place = bytes.as_ptr().addr() as u64;
        if [offset, bytes.len() as u64, place].into_iter().all(|start| self.is_aligned(start)) {
            return self.read_blocks(bytes, offset);
        }
        let (start, within) = self.block_of(offset);
        let mut buffer = AlignedBuffer::covering(within + bytes.len(), self.block);
        let have = self.read_blocks(buffer.bytes_mut(), start)?;
        let found = have.saturating_sub(within).min(bytes.len());
        bytes[..found].copy_from_slice(&buffer.bytes()[within..within + found]);
        Ok(found)
    }

    /// Writes `bytes`, which end before the greatest offset; `cached` is the second descriptor.
    pub(super) fn write(&self, bytes: &[u8], offset: u64, cached: &File) -> io::Result<usize> {
        let end = offset + bytes.len() as u64;
        if self.is_aligned(offset) && self.is_aligned(end) {
            let _beside_others = self.alone.read().unwrap_or_else(PoisonError::into_inner);
            return self.write_whole(bytes, offset);
        }
        let _alone = self.alone();
        let before = cached.metadata()?.len();
        let len = before.max(end);
        for part in self.parts(offset..end).into_iter().rev() {
            let from = &bytes[(part.start - offset) as usize..(part.end - offset) as usize];
            let written = match self.block_of(part.start) {
                _ if self.is_aligned(part.start) && self.is_aligned(part.end) => {
                    write_fully(from, |done| {
                        self.write_whole(&from[done..], part.start + done as u64)
                    })
                }
                (start, _) if start + self.block() <= len => self.merge(from, part.start),
                _ => write_fully(from, |done| {
                    write_once(cached, &from[done..], part.start + done as u64)
                }),
            };
            if let Err(error) = written {
                // Of what it lets the file grow by, nothing is reported as written.
                if end > before {
                    cached.set_len(before)?;
                }
                return Err(error);
            }
        }
        Ok(bytes.len())
    }

    /// Splits a range where it begins and ends within blocks.
    fn parts(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let first_whole = range.start.next_multiple_of(self.block()).min(range.end);
        let last_whole = (range.end - range.end % self.block()).max(first_whole);
        let parts = [range.start..first_whole, first_whole..last_whole, last_whole..range.end];
        parts.into_iter().filter(|part| !part.is_empty()).collect()
    }

    /// Merges bytes into the block that contains them, which is within the file.
    fn merge(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (start, within) = self.block_of(offset);
        let mut buffer = AlignedBuffer::covering(self.block, self.block);
        self.read_blocks(buffer.bytes_mut(), start)?;
        buffer.bytes_mut()[within..within + bytes.len()].copy_from_slice(bytes);
        write_fully(buffer.bytes(), |done| self.write_blocks(&buffer, done, start))
    }

    /// Writes whole blocks; how many bytes, all unless it fails after some.
    fn write_whole(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut buffer = AlignedBuffer::covering(bytes.len(), self.block);
        buffer.bytes_mut().copy_from_slice(bytes);
        let (mut done, mut interruptions) = (0, 0);
        while done < bytes.len() {
            match self.write_blocks(&buffer, done, offset) {
                Ok(0) => break,
                Ok(part) => done += part,
                Err(error) => match unless_interrupted(error, &mut interruptions) {
                    Ok(()) => {}
                    Err(_) if done > 0 => break,
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(done)
    }

    /// Writes from a position of a buffer on; how many bytes, in whole blocks: what is done of another
    /// is done again.
    fn write_blocks(&self, buffer: &AlignedBuffer, done: usize, start: u64) -> io::Result<usize> {
        let mut whole = 0;
        for _ in 0..MOST_PARTS {
            let written = write_once(&self.file, &buffer.bytes()[done..], start + done as u64)?;
            whole = written - written % self.block;
            if whole > 0 || written == 0 {
                break;
            }
        }
        Ok(whole)
    }

    /// Reads until `bytes` is full or the file ends.
    fn read_blocks(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let (mut done, mut stuck_at, mut interruptions) = (0, None, 0);
        while done < bytes.len() {
            let part = match read_once(&self.file, &mut bytes[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(part) => part,
                Err(error) => {
                    unless_interrupted(error, &mut interruptions)?;
                    continue;
                }
            };
            // To go on from within a block would not be aligned: it is the last, or read again.
            let ends_within_block = part % self.block != 0;
            if ends_within_block && offset + (done + part) as u64 >= self.file.metadata()?.len() {
                return Ok(done + part);
            }
            let whole = part - part % self.block;
            if whole == 0 && stuck_at.replace(done) == Some(done) {
                let message = format!(
                    "a direct read returned {part} bytes, although the file does not end there"
                );
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
            }
            done += whole;
        }
        Ok(done)
    }

    fn is_aligned(&self, offset: u64) -> bool {
        offset.is_multiple_of(self.block())
    }

    fn block_of(&self, offset: u64) -> (u64, usize) {
        let within = offset % self.block();
        (offset - within, within as usize)
    }
}

/// Writes until all is written.
fn write_fully(bytes: &[u8], mut write: impl FnMut(usize) -> io::Result<usize>) -> io::Result<()> {
    let (mut done, mut interruptions) = (0, 0);
    while done < bytes.len() {
        match write(done) {
            Ok(0) => {
                let message = format!("only {done} of {} bytes were written", bytes.len());
                return Err(io::Error::new(io::ErrorKind::WriteZero, message));
            }
            Ok(part) => done += part,
            Err(error) => unless_interrupted(error, &mut interruptions)?,
        }
    }
    Ok(())
}

/// What the file asks of direct requests, if it says so.
#[cfg(target_os = "linux")]
fn alignment_of(file: &File) -> usize {
    use rustix::fs::{AtFlags, StatxFlags, statx};
    let wanted = StatxFlags::DIOALIGN;
    match statx(file, c"", AtFlags::EMPTY_PATH, wanted) {
        Ok(stat) if stat.stx_mask & wanted.bits() != 0 => {
            stat.stx_dio_offset_align.max(stat.stx_dio_mem_align) as usize
        }
        _ => 0,
    }
}

#[cfg(not(target_os = "linux"))]
fn alignment_of(_: &File) -> usize {
    0
}

/// Whole blocks at an aligned address, cut out of a larger allocation.
struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuffer {
    fn covering(bytes: usize, block: usize) -> AlignedBuffer {
        let len = bytes.next_multiple_of(block);
        let memory = vec![0; len + block];
        let start = memory.as_ptr().align_offset(block);
        AlignedBuffer { memory, start, len }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}
