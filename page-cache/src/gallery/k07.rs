//! K7 and K7b: what could not be copied is zeroed, and the copy tried again.

use std::io;

use super::props::{
    Inode, Memory, NEVER_UNINITIALISED, OLD_OR_NEW, PAGE, RIGHT_WRITE, buffer, dirty, file, segment,
};
use super::stage::{play, violation};
use super::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::address_space::Transfer;
use crate::order::trace::does;
use crate::pages::page_table::Rights;
use crate::{AddressSpace, File};
use spanlock::Access;

const HALF: u64 = PAGE / 2;

const BROKEN_STEPS: &[&str] = &[
    "Claim the IO lock, and the page in shared mode; lock the page.",
    "Copy with faults disabled. If the copy is short, zero the rest of the range.",
    "Commit all of it: the page is uptodate and dirty. Unlock.",
    "If the copy was short, fault the memory in with no lock held, and start again.",
];

pub(super) const ENTRY: Entry = Entry {
    id: "K7",
    title: "zero the uncopied tail and retry",
    seed: "001 patch 9, replies: zeroes for a moment",
    mistake: "a short copy commits zeroes until the retry",
    broken: Protocol { steps: BROKEN_STEPS, plans: HUNT, scenario: broken },
    right: Protocol { steps: RIGHT_WRITE, plans: SURVIVE_TWO, scenario: right },
};

pub(super) const BAILED_OUT: Entry = Entry {
    id: "K7b",
    title: "zero the tail, then give up",
    seed: "001 patch 9, replies: zeroes for good",
    mistake: "the zeroes of a short copy stay if there is no retry",
    broken: Protocol { steps: BROKEN_STEPS, plans: HUNT, scenario: bailed_out },
    right: Protocol { steps: RIGHT_WRITE, plans: SURVIVE_TWO, scenario: right_bailed_out },
};

fn broken() {
    beside_reader(|file, memory, from| {
        let _ = write_zeroing(file.inode(), memory, from);
    });
}

fn right() {
    beside_reader(|file, memory, from| {
        let _ = file.write_from(memory, &[segment(from, PAGE)], 0);
    });
}

fn bailed_out() {
    beside_munmap(|file, memory, from| write_zeroing(file.inode(), memory, from));
}

fn right_bailed_out() {
    beside_munmap(|file, memory, from| file.write_from(memory, &[segment(from, PAGE)], 0));
}

/// A page of a's in the store, c's to overwrite it with, and the second half of those not present.
fn setup() -> (File, Memory, u64) {
    let memory = AddressSpace::new();
    let from = buffer(&memory, 2);
    memory.evict(segment(from + PAGE, PAGE)).expect("it is a page");
    (file(1), memory, from + HALF)
}

fn beside_reader(write: fn(&File, &Memory, u64)) {
    let (file, memory, from) = setup();
    play(|stage| {
        stage.thread("writer", || write(&file, &memory, from));
        stage.thread("reader", || {
            look(&file, "bytes 2048..4096 as zeroes, which were a's and become c's")
        });
    });
}

fn beside_munmap(write: fn(&File, &Memory, u64) -> io::Result<usize>) {
    let (file, memory, from) = setup();
    play(|stage| {
        stage.thread("writer", || match write(&file, &memory, from) {
            Ok(written) => does(format!("reports {written} bytes as written")),
            Err(error) => does(format!("reports: {error}")),
        });
        stage.thread("munmap", || {
            does("unmaps the second half of what is written from");
            memory.unmap(segment(from + HALF, PAGE)).expect("it is a page");
        });
    });
    play(|stage| {
        stage.thread("reader", || {
            look(&file, "bytes 2048..4096 as zeroes, which were never written")
        });
    });
}

fn look(file: &File, complaint: &'static str) {
    let mut seen = [b'?'; PAGE as usize];
    file.read_exact_at(&mut seen, 0).expect("the store does not fail");
    match seen.iter().find(|byte| !b"ac".contains(byte)) {
        None => does("sees nothing wrong"),
        Some(0) => violation(complaint, OLD_OR_NEW),
        Some(byte) => {
            violation(format!("{byte:#04x}, which was never written"), NEVER_UNINITIALISED)
        }
    }
}

/// Writes the first page from memory; how many bytes.
fn write_zeroing(inode: &Inode, memory: &Memory, from: u64) -> io::Result<usize> {
    let _io = inode.io_for_write(0..PAGE);
    let mut copied = 0;
    loop {
        let mut free = Some(inode.cache.free_frame()?);
        let claim = inode.claim_page(Access::BufferedWrite, 0);
        let page = inode.find_or_make(0, &mut free).ok_or(io::ErrorKind::OutOfMemory)?;
        page.wait_for_writeback();
        let mut latch = page.latch();
        copied = copied.max(memory.copy_nofault(from, Transfer::Load(latch.bytes())));
        latch.bytes()[copied..].fill(0);
        latch.commit();
        dirty(inode, &page);
        does(match copied {
            4096 => "copies all".to_owned(),
            _ => format!("copies {copied} bytes, and zeroes the rest"),
        });
        drop((page, claim));
        if copied == PAGE as usize {
            return Ok(copied);
        }
        if memory
            .fault_in(segment(from + copied as u64, PAGE - copied as u64), Rights::Read)
            .is_err()
        {
            return Ok(copied);
        }
    }
}
