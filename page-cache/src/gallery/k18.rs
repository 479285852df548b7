//! K18: an empty segment, and a copy with faults off.

use std::io;
use std::ops::Range;

use super::explore::{Fault, found};
use super::props::{Inode, Memory, PAGE, RIGHT_WRITE, buffer, file, segment, write_right};
use super::stage::play;
use super::{ALONE, Entry, Protocol};
use crate::address_space::Transfer;
use crate::order::trace::{self, does};
use crate::pages::page_table::Rights;
use crate::{AddressSpace, File};
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K18",
    title: "an empty segment and an atomic copy",
    seed: "001 patches 2 and 9: empty segments",
    mistake: "each round faults in the empty segment and copies nothing of the next",
    broken: Protocol {
        steps: &[
            "Fault in the current segment.",
            "Lock the page; copy with faults disabled from there on, across segments.",
            "Commit what was copied. If nothing was, start again.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: ALONE, scenario: right },
};

/// Two pages are involved, and one fault.
const MOST_ROUNDS: usize = 100;

fn broken() {
    with_an_empty_segment(|file, memory, segments| {
        let _ = write_segments(file.inode(), memory, segments);
    });
}

fn right() {
    with_an_empty_segment(|file, memory, segments| write_right(file, 0, memory, segments));
}

fn with_an_empty_segment(write: fn(&File, &Memory, &[Range<u64>])) {
    let file = file(1);
    let memory = AddressSpace::new();
    let from = buffer(&memory, 1);
    memory.evict(segment(from, PAGE)).expect("it is a page");
    let segments = [segment(from, 0), segment(from, PAGE)];
    play(|stage| stage.thread("writer", || write(&file, &memory, &segments)));
}

fn write_segments(inode: &Inode, memory: &Memory, segments: &[Range<u64>]) -> io::Result<()> {
    let _io = inode.io_for_write(0..PAGE);
    for round in 1..=MOST_ROUNDS {
        let reached = &segments[0];
        memory.fault_in(reached.clone(), Rights::Read)?;
        let mut free = Some(inode.cache.free_frame()?);
        let claim = inode.claim_page(Access::BufferedWrite, 0);
        let page = inode.find_or_make(0, &mut free).ok_or(io::ErrorKind::OutOfMemory)?;
        let prepared = inode.prepare(page, 0..PAGE as usize, &claim)?;
        let mut copied = 0;
        for segment in segments {
            let mut latch = prepared.latch();
            let to = &mut latch.bytes()[copied..];
            let len = (segment.end - segment.start) as usize;
            copied += memory.copy_nofault(segment.start, Transfer::Load(&mut to[..len]));
        }
        inode.commit(prepared, copied, 0);
        if copied > 0 {
            return Ok(());
        }
        does(format!("has faulted in {reached:?}, and copies 0 bytes"));
        if round == 2 {
            does("and so on");
            trace::pause();
        }
    }
    found(Fault::NoProgress(format!(
        "writer retries {MOST_ROUNDS} times without copying a byte, where one fault was needed"
    )))
}
