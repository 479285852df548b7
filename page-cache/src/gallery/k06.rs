//! K6: the source is pinned by walking its mm's page tables, and a kernel thread has no mm.

use std::io;

use super::props::{Memory, PAGE, file};
use super::stage::{play, violation};
use super::{ALONE, Entry, Protocol};
use crate::File;
use crate::order::trace::does;
use crate::pages::page_table::Rights;

pub(super) const ENTRY: Entry = Entry {
    id: "K6",
    title: "pin the source by walking page tables",
    seed: "001 patch 9, first version: a kernel thread has no mm",
    mistake: "a write looks up its memory in the writer's mm",
    broken: Protocol {
        steps: &[
            "Take the writer's mm lock shared; find and pin the pages of its buffer.",
            "Lock the page; copy from the pinned pages; unlock.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Ask the source to copy, with faults disabled and then enabled: memory in an mm copies through \
             its page tables, a plain buffer directly.",
            "A plain buffer is always present; no mm is looked up.",
        ],
        plans: ALONE,
        scenario: right,
    },
};

const RULE: &str = "A11: a writer without an mm takes no mm lock, and can write";

fn broken() {
    by_kernel_thread(|file, bytes| write_pinned(file, None, bytes));
}

fn right() {
    by_kernel_thread(|file, bytes| file.write_at(bytes, 0));
}

fn by_kernel_thread(write: fn(&File, &[u8]) -> io::Result<usize>) {
    let file = file(1);
    play(|stage| {
        stage.thread("kernel thread", || match write(&file, &[b'k'; PAGE as usize]) {
            Ok(_) => {}
            Err(error) => violation(format!("its write fail: {error}"), RULE),
        });
    });
}

fn write_pinned(file: &File, mm: Option<&Memory>, bytes: &[u8]) -> io::Result<usize> {
    does("looks for the buffer in its mm");
    let Some(mm) = mm else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "bad address: there is no mm"));
    };
    let address = bytes.as_ptr().addr() as u64;
    mm.fault_in(address..address + bytes.len() as u64, Rights::Read)?;
    file.write_at(bytes, 0)
}
