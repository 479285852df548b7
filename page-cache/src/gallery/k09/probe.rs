//! K9e: the memory is probed under the page lock, and then copied with faults on.

use std::io;

use crate::address_space::Transfer;
use crate::gallery::props::{
    Inode, Memory, PAGE, RIGHT_WRITE, buffer, evict, file, mapped, segment, write_right,
};
use crate::gallery::stage::play;
use crate::gallery::{Entry, HUNT, Protocol, SURVIVE_MORE};
use crate::order::trace::does;
use crate::pages::page_table::Rights;
use crate::{AddressSpace, File};
use spanlock::Access;

pub(in crate::gallery) const ENTRY: Entry = Entry {
    id: "K9e",
    title: "probe the memory under the page lock",
    seed: "001 patch 9, replies: probing the source",
    mistake: "memory that was present when it was probed faults nevertheless",
    broken: Protocol {
        steps: &[
            "Fault the memory in, with no lock held.",
            "Lock the page; read a byte of the memory with faults disabled. If it is not present: \
             unlock and start again.",
            "Copy. If the memory is the page itself, it cannot be unmapped now, so the copy will not fault.",
            "Commit and unlock.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: SURVIVE_MORE, scenario: right },
};

fn broken() {
    against_mlock(|file, memory, from| {
        let _ = write_probing(file.inode(), memory, from);
    });
}

fn right() {
    against_mlock(|file, memory, from| write_right(file, 0, memory, &[segment(from, PAGE)]));
}

/// Reclaim takes the memory away, and another brings the page in with the mm lock held exclusively.
fn against_mlock(write: fn(&File, &Memory, u64)) {
    let file = file(1);
    let memory = AddressSpace::new();
    let (from, page) = (buffer(&memory, 1), mapped(&memory, &file, 0));
    play(|stage| {
        stage.thread("writer", || write(&file, &memory, from));
        stage.thread("reclaim", || evict(&memory, from));
        stage.thread("mlock", || {
            let _ = memory.populate(segment(page, PAGE));
        });
    });
}

fn write_probing(inode: &Inode, memory: &Memory, from: u64) -> io::Result<()> {
    let _io = inode.io_for_write(0..PAGE);
    loop {
        memory.fault_in(segment(from, PAGE), Rights::Read)?;
        let mut free = Some(inode.cache.free_frame()?);
        let claim = inode.claim_page(Access::BufferedWrite, 0);
        let page = inode.find_or_make(0, &mut free).ok_or(io::ErrorKind::OutOfMemory)?;
        if memory.copy_nofault(from, Transfer::Load(&mut [0])) == 0 {
            continue;
        }
        does("finds its memory present, and copies, faults enabled");
        let prepared = inode.prepare(page, 0..PAGE as usize, &claim)?;
        let mut bytes = [0; PAGE as usize];
        memory.copy(from, Transfer::Load(&mut bytes))?;
        prepared.latch().bytes().copy_from_slice(&bytes);
        inode.commit(prepared, bytes.len(), 0);
        return Ok(());
    }
}
