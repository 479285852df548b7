//! K8: a copy that failed is committed with length zero, and the page left as it is.

use std::io;
use std::sync::Arc;

use super::props::{Inode, Memory, NEVER_UNINITIALISED, PAGE, RIGHT_WRITE, buffer, open, segment};
use super::stage::{play, violation};
use super::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::address_space::Transfer;
use crate::order::trace::does;
use crate::pages::page_table::Rights;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::{AddressSpace, File, MemStore, Store};
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K8",
    title: "zero-length commit, page not uptodate",
    seed: "001 patch 9, replies: a prepare that allocated blocks",
    mistake: "a block is allocated and exposed before anything is written to it",
    broken: Protocol {
        steps: &[
            "Claim the IO lock, and the page in shared mode; lock the page.",
            "Prepare: the page lies in a hole, so allocate a block for it.",
            "Copy with faults disabled. Nothing is present: commit no bytes; unlock.",
            "Fault the memory in with no lock held, and start again.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: SURVIVE_TWO, scenario: right },
};

fn broken() {
    beside_reader(|file, disk, memory, from| {
        let _ = write_allocating(file.inode(), disk, memory, from);
    });
}

fn right() {
    beside_reader(|file, _, memory, from| {
        let _ = file.write_from(memory, &[segment(from, PAGE)], 0);
    });
}

fn beside_reader(write: fn(&File, &Disk, &Memory, u64)) {
    let disk = Arc::new(Disk::new());
    let file = open(Arc::clone(&disk));
    let memory = AddressSpace::new();
    let from = buffer(&memory, 1);
    memory.evict(segment(from, PAGE)).expect("it is a page");
    play(|stage| {
        stage.thread("writer", || write(&file, &disk, &memory, from));
        stage.thread("reader", || {
            let mut seen = [b'?'; PAGE as usize];
            file.read_exact_at(&mut seen, 0).expect("the store does not fail");
            match seen.iter().find(|byte| !b"\0c".contains(byte)) {
                None => does("sees nothing wrong"),
                Some(b'x') => violation(
                    "x's in a hole: they are of a file that was deleted",
                    NEVER_UNINITIALISED,
                ),
                Some(byte) => {
                    violation(format!("{byte:#04x}, which was never written"), NEVER_UNINITIALISED);
                }
            }
        });
    });
}

fn write_allocating(inode: &Inode, disk: &Disk, memory: &Memory, from: u64) -> io::Result<()> {
    let _io = inode.io_for_write(0..PAGE);
    loop {
        let mut free = Some(inode.cache.free_frame()?);
        let claim = inode.claim_page(Access::BufferedWrite, 0);
        let page = inode.find_or_make(0, &mut free).ok_or(io::ErrorKind::OutOfMemory)?;
        disk.allocate();
        does("allocates a block");
        let prepared = inode.prepare(page, 0..PAGE as usize, &claim)?;
        let copied = memory.copy_nofault(from, Transfer::Load(prepared.latch().bytes()));
        does(format!("commits {copied} bytes"));
        inode.commit(prepared, copied, 0);
        drop(claim);
        if copied > 0 {
            return Ok(());
        }
        memory.fault_in(segment(from, PAGE), Rights::Read)?;
    }
}

/// A hole of one page. The block that it will get contains another file's bytes.
struct Disk {
    blocks: MemStore,
    allocated: AtomicBool,
}

impl Disk {
    fn new() -> Disk {
        let blocks = MemStore::new();
        blocks.write_at(&[b'x'; PAGE as usize], 0).expect("memory can be written");
        Disk { blocks, allocated: AtomicBool::new(false) }
    }

    fn allocate(&self) {
        self.allocated.store(true, Ordering::Relaxed);
    }
}

impl Store for Disk {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let found = self.blocks.read_at(bytes, offset)?;
        if !self.allocated.load(Ordering::Relaxed) {
            bytes[..found].fill(0);
        }
        Ok(found)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.allocate();
        self.blocks.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.blocks.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.blocks.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.blocks.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
