//! K9b: a copy is tried a few times, and then the write fails.

use std::io;

use crate::address_space::Transfer;
use crate::gallery::props::{
    Inode, Memory, PAGE, PROGRESS, RIGHT_WRITE, buffer, evict, file, segment,
};
use crate::gallery::stage::{play, violation};
use crate::gallery::{Entry, Plan, Protocol, SURVIVE_TWO, Strategy};
use crate::order::trace::does;
use crate::pages::page_table::Rights;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::yield_now;
use crate::{AddressSpace, File};
use spanlock::Access;

const TRIES: usize = 3;

pub(in crate::gallery) const ENTRY: Entry = Entry {
    id: "K9b",
    title: "retry a few times, then fail",
    seed: "001 patch 9, replies: a bound on retries",
    mistake: "memory that is evicted as often makes a valid write fail",
    broken: Protocol {
        steps: &[
            "Fault the memory in, with no lock held.",
            "Lock the page; copy with faults disabled.",
            "If nothing was present: unlock and retry; fail after three attempts.",
        ],
        plans: &[Plan { strategy: Strategy::Random { seed: 1 }, most: 2_000 }],
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: SURVIVE_TWO, scenario: right },
};

fn broken() {
    against_reclaim(|file, memory, from| write_bounded(file.inode(), memory, from));
}

fn right() {
    against_reclaim(|file, memory, from| file.write_from(memory, &[segment(from, PAGE)], 0));
}

fn against_reclaim(write: fn(&File, &Memory, u64) -> io::Result<usize>) {
    let file = file(1);
    let memory = AddressSpace::new();
    let from = buffer(&memory, 1);
    let done = AtomicBool::new(false);
    play(|stage| {
        stage.thread("writer", || match write(&file, &memory, from) {
            Ok(written) => {
                assert_eq!(written, PAGE as usize);
                done.store(true, Ordering::Relaxed);
            }
            Err(error) => {
                violation(format!("its write fail, of memory that it has: {error}"), PROGRESS)
            }
        });
        stage.thread("reclaim", || {
            let mut left = TRIES;
            while left > 0 && !done.load(Ordering::Relaxed) {
                if memory.copy_nofault(from, Transfer::Load(&mut [0])) > 0 {
                    evict(&memory, from);
                    left -= 1;
                }
                yield_now();
            }
        });
    });
}

fn write_bounded(inode: &Inode, memory: &Memory, from: u64) -> io::Result<usize> {
    let _io = inode.io_for_write(0..PAGE);
    for _ in 0..TRIES {
        memory.fault_in(segment(from, PAGE), Rights::Read)?;
        let mut free = Some(inode.cache.free_frame()?);
        let claim = inode.claim_page(Access::BufferedWrite, 0);
        let page = inode.find_or_make(0, &mut free).ok_or(io::ErrorKind::OutOfMemory)?;
        let prepared = inode.prepare(page, 0..PAGE as usize, &claim)?;
        let copied = memory.copy_nofault(from, Transfer::Load(prepared.latch().bytes()));
        does(format!("copies {copied} bytes"));
        inode.commit(prepared, copied, 0);
        if copied > 0 {
            return Ok(copied);
        }
    }
    Err(io::Error::new(io::ErrorKind::Deadlock, "a deadlock was avoided"))
}
