//! What scenarios need, and the old write protocol that several of them break.

use std::io;
use std::ops::Range;

use crate::address_space::Transfer;
use crate::order::trace::does;
use crate::pages::dirty_limit::By;
use crate::pages::frame::LockedPage;
use crate::{AddressSpace, File, MemStore, PAGE_SIZE, PageCache, Store};
use spanlock::Access;

pub(super) const PAGE: u64 = PAGE_SIZE as u64;

pub(super) type Inode = crate::files::inode::Inode;
pub(super) type Memory = AddressSpace;

/// The rules that corruptions are measured by.
pub(super) const NEVER_UNINITIALISED: &str =
    "invariant 1: an uptodate page holds no byte that was never written";
pub(super) const OLD_OR_NEW: &str =
    "invariant 3: a reader finds old bytes or new bytes, never zeroes that belong to neither";
pub(super) const WRITTEN_IS_THERE: &str =
    "invariant 4: bytes reported as written are in the cache or in the store";
pub(super) const TRIMMED: &str = "invariant 5: there are no blocks past the end";
pub(super) const PROGRESS: &str =
    "invariant 13: a write gives up for no other reason than an error";

/// A file of so many pages of the letter a, none of them cached.
pub(super) fn file(pages: usize) -> File {
    let store = MemStore::new();
    store.write_at(&vec![b'a'; pages * PAGE_SIZE], 0).expect("memory can be written");
    open(store)
}

/// A file over a store.
pub(super) fn open(store: impl Store + 'static) -> File {
    PageCache::new(16).open(store).expect("there is a thread for the flusher")
}

/// A file of so many pages that are all cached and dirty: the letter b, over a's in the store.
pub(super) fn dirty_file(pages: usize) -> File {
    let file = file(pages);
    file.write_all_at(&vec![b'b'; pages * PAGE_SIZE], 0).expect("memory can be written");
    file
}

/// Memory in which a page of the file is mapped, and not present; and its address.
pub(super) fn mapped(memory: &Memory, file: &File, page: u64) -> u64 {
    let range = page * PAGE..(page + 1) * PAGE;
    memory.map_file(file, range).expect("the file can be mapped").start
}

/// So many pages of the letter c in memory, all of them present; and their address.
pub(super) fn buffer(memory: &Memory, pages: usize) -> u64 {
    let start = memory.map_anonymous((pages * PAGE_SIZE) as u64).expect("there is memory").start;
    memory.store(start, &vec![b'c'; pages * PAGE_SIZE]).expect("it was mapped");
    start
}

/// Sends a page of memory away, as if it had not been used for long.
pub(super) fn evict(memory: &Memory, address: u64) {
    does("evicts the memory's page");
    memory.evict(address..address + PAGE).expect("it is a page's address");
}

/// The addresses of so many bytes.
pub(super) fn segment(address: u64, len: u64) -> Range<u64> {
    address..address + len
}

/// Writes a page as it was done until 2007: copies from the segments, one after the other, with
/// the page locked and faults on.
pub(super) fn write_page_with_faults_on(
    inode: &Inode,
    page: u64,
    memory: &Memory,
    segments: &[Range<u64>],
) -> io::Result<()> {
    let len: u64 = segments.iter().map(|segment| segment.end - segment.start).sum();
    let _io = inode.io_for_write(page * PAGE..page * PAGE + len);
    let mut free = Some(inode.cache.free_frame()?);
    let claim = inode.claim_page(Access::BufferedWrite, page);
    let locked = inode.find_or_make(page, &mut free).ok_or(io::ErrorKind::OutOfMemory)?;
    let prepared = inode.prepare(locked, 0..len as usize, &claim)?;
    let mut copied = Vec::new();
    for segment in segments {
        let mut part = vec![0; (segment.end - segment.start) as usize];
        does("copies from memory, faults enabled");
        memory.copy(segment.start, Transfer::Load(&mut part))?;
        copied.extend_from_slice(&part);
    }
    prepared.latch().bytes()[prepared.within()].copy_from_slice(&copied);
    inode.commit(prepared, copied.len(), 0);
    Ok(())
}

/// Writes as the cache does.
pub(super) fn write_right(file: &File, page: u64, memory: &Memory, segments: &[Range<u64>]) {
    let len: u64 = segments.iter().map(|segment| segment.end - segment.start).sum();
    let written = file.write_from(memory, segments, page * PAGE);
    assert_eq!(written.ok(), Some(len as usize), "the right write");
}

/// What the cache's own write does, for entries whose mistake it does not make.
pub(super) const RIGHT_WRITE: &[&str] = &[
    "Claim the IO lock over the range; hold nothing else.",
    "Fault the memory in, without a claim and without a page lock of the file.",
    "Claim the page shared, and lock it.",
    "Copy with faults disabled. Bytes that are not present are copied to a temporary page after \
     everything has been released, and from there once the page is locked and checked again.",
    "Commit only what was copied; unlock; release the claim.",
];

/// Marks a locked page dirty, which is not on its way to the store.
pub(super) fn dirty(inode: &Inode, page: &LockedPage<'_>) {
    if !page.state().is_dirty() {
        assert!(inode.admit_dirty(page.key().page, By::Write), "a scenario dirties few pages");
    }
    page.set_dirty();
}
