//! K9d: the rest of the page is read in the error path, which unlocks it in between.

use std::io;

use crate::address_space::Transfer;
use crate::gallery::props::{
    Inode, Memory, PAGE, RIGHT_WRITE, WRITTEN_IS_THERE, buffer, dirty, file, segment,
};
use crate::gallery::stage::{play, violation};
use crate::gallery::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::order::trace::does;
use crate::pages::page_table::Rights;
use crate::{AddressSpace, File};
use spanlock::Access;

pub(in crate::gallery) const ENTRY: Entry = Entry {
    id: "K9d",
    title: "read the page in the error path",
    seed: "001 patch 9, replies: reading the page for a copy that fell short",
    mistake: "the page leaves the cache while the write has it unlocked",
    broken: Protocol {
        steps: &[
            "Lock the page; copy with faults disabled.",
            "If the copy is short, read the page, which unlocks it; fault the memory in; \
             lock the page again.",
            "Copy, commit, and unlock.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: SURVIVE_TWO, scenario: right },
};

fn broken() {
    against_invalidate(|file, memory, from| write_reading(file.inode(), memory, from));
}

fn right() {
    against_invalidate(|file, memory, from| {
        file.write_from(memory, &[segment(from, PAGE)], 0).map(drop)
    });
}

fn against_invalidate(write: fn(&File, &Memory, u64) -> io::Result<()>) {
    let file = file(1);
    let memory = AddressSpace::new();
    let from = buffer(&memory, 1);
    memory.evict(segment(from, PAGE)).expect("it is a page");
    play(|stage| {
        stage.thread("writer", || {
            write(&file, &memory, from).expect("it can be written");
            does("reports 4096 bytes as written");
        });
        stage.thread("invalidate", || {
            let claim = file.inode().claim(Access::Invalidate, 0..PAGE);
            let emptied = file.inode().invalidate(0..1, &claim);
            emptied.expect("the store does not fail");
        });
    });
    play(|stage| {
        stage.thread("reader", || {
            let mut seen = [b'?'; PAGE as usize];
            file.read_exact_at(&mut seen, 0).expect("the store does not fail");
            if seen != [b'c'; PAGE as usize] {
                violation("a's, where c's were reported as written", WRITTEN_IS_THERE);
            }
        });
    });
}

fn write_reading(inode: &Inode, memory: &Memory, from: u64) -> io::Result<()> {
    let _io = inode.io_for_write(0..PAGE);
    let mut free = Some(inode.cache.free_frame()?);
    let page = inode.find_or_make(0, &mut free).ok_or(io::ErrorKind::OutOfMemory)?;
    let mut bytes = [0; PAGE as usize];
    if memory.copy_nofault(from, Transfer::Load(&mut bytes)) == bytes.len() {
        page.latch().bytes().copy_from_slice(&bytes);
        dirty(inode, &page);
        return Ok(());
    }
    let pin = page.pin();
    does("reads the page, which unlocks it");
    drop(page);
    inode.read_buffered(&mut [0][..], 0)?;
    memory.fault_in(segment(from, PAGE), Rights::Read)?;
    memory.copy(from, Transfer::Load(&mut bytes))?;
    let page = pin.lock();
    let mut latch = page.latch();
    latch.bytes().copy_from_slice(&bytes);
    latch.commit();
    does("copies to the page that it has locked again");
    if page.key() == inode.key(0) {
        dirty(inode, &page);
    }
    Ok(())
}
