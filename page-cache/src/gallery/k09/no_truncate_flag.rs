//! K9a: a flag keeps truncate away from a page that is unlocked for a while.

use std::io;

use crate::address_space::Transfer;
use crate::gallery::props::{Inode, Memory, PAGE, RIGHT_WRITE, file, mapped, segment, write_right};
use crate::gallery::stage::play;
use crate::gallery::{ALONE, Entry, Protocol};
use crate::order::trace::{Resource, Ticket};
use crate::pages::page_table::Rights;
use crate::{AddressSpace, File};
use spanlock::{Access, Mode, RangeLock};

pub(in crate::gallery) const ENTRY: Entry = Entry {
    id: "K9a",
    title: "a \"do not truncate\" flag on the page",
    seed: "001 patch 9, replies: a page flag against truncate",
    mistake: "the flag must also block faults, and the writer faults",
    broken: Protocol {
        steps: &[
            "Claim the IO lock, and the page in shared mode; lock the page.",
            "Copy with faults disabled. If the copy is short, set the page's flag and unlock it. \
             Truncates wait for the flag, and so do faults: they would expose a partial page.",
            "Fault the memory in.",
            "Lock the page, clear the flag, and copy again.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: ALONE, scenario: right },
};

fn broken() {
    from_itself(|file, memory, from| {
        let _ = write_flagged(file.inode(), &Flag::default(), memory, from);
    });
}

fn right() {
    from_itself(|file, memory, from| write_right(file, 0, memory, &[segment(from, PAGE)]));
}

fn from_itself(write: fn(&File, &Memory, u64)) {
    let file = file(1);
    let memory = AddressSpace::new();
    let from = mapped(&memory, &file, 0);
    play(|stage| stage.thread("writer", || write(&file, &memory, from)));
}

/// The flags of all pages.
#[derive(Default)]
struct Flag {
    flags: RangeLock,
}

impl Flag {
    fn wait(&self, page: u64) {
        let asked = Ticket::asks(Flag::of(page, Mode::Shared));
        drop(self.flags.lock_shared(page..page + 1));
        asked.gets();
    }

    fn of(page: u64, mode: Mode) -> Resource {
        Resource { lock: "flag", owner: 0, part: Some(("page", page..page + 1)), mode }
    }
}

fn write_flagged(inode: &Inode, flag: &Flag, memory: &Memory, from: u64) -> io::Result<()> {
    let _io = inode.io_for_write(0..PAGE);
    let mut free = Some(inode.cache.free_frame()?);
    let _claim = inode.claim_page(Access::BufferedWrite, 0);
    let page = inode.find_or_make(0, &mut free).ok_or(io::ErrorKind::OutOfMemory)?;
    let copied = memory.copy_nofault(from, Transfer::Load(page.latch().bytes()));
    if copied < PAGE as usize {
        let set = Ticket::asks(Flag::of(0, Mode::Exclusive));
        let _set = flag.flags.lock_exclusive(0..1);
        set.gets();
        drop(page);
        fault_in_unflagged(flag, memory, from)?;
        drop(set);
    }
    Ok(())
}

/// A fault as it would have to be then.
fn fault_in_unflagged(flag: &Flag, memory: &Memory, from: u64) -> io::Result<()> {
    flag.wait(0);
    memory.fault_in(segment(from, PAGE), Rights::Read).map(drop)
}
