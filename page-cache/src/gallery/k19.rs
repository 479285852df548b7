//! K19: two direct writes to parts of one block that was never written.

use std::sync::Arc;

use super::props::{PAGE, WRITTEN_IS_THERE, open};
use super::stage::{play, violation};
use super::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::order::trace::does;
use crate::{File, MemStore, Store};

pub(super) const ENTRY: Entry = Entry {
    id: "K19",
    title: "two unaligned direct writes to one block",
    seed: "002: concurrent direct IO is serialised elsewhere",
    mistake: "each writer zeroes the rest of the block, which has the other's bytes",
    broken: Protocol {
        steps: &[
            "Claim the IO lock shared, since direct writes to other bytes may run in parallel.",
            "If the block was never written, write all of it, with zeroes around the new bytes.",
            "Otherwise write the new bytes.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Claim the IO lock exclusively, rounded to whole blocks.",
            "Claim the mapping lock exclusively; flush and remove the pages.",
            "Write the new bytes.",
        ],
        plans: SURVIVE_TWO,
        scenario: right,
    },
};

const PART: usize = 512;

fn broken() {
    side_by_side(|file, store, offset, bytes| {
        let len = bytes.len() as u64;
        let _io = file.inode().io_shared(offset..offset + len);
        if store.blocks() == 0 {
            let mut block = [0; PAGE as usize];
            block[offset as usize..][..bytes.len()].copy_from_slice(bytes);
            does("finds the block unwritten, and zeroes the rest of it");
            store.write_at(&block, 0).expect("memory can be written");
        } else {
            store.write_at(bytes, offset).expect("memory can be written");
        }
        does(format!("reports bytes {offset}..{} as written", offset + len));
    });
}

fn right() {
    side_by_side(|file, _, offset, bytes| {
        assert_eq!(file.write_direct_at(bytes, offset).ok(), Some(bytes.len()));
    });
}

fn side_by_side(write: fn(&File, &MemStore, u64, &[u8])) {
    let store = Arc::new(MemStore::new());
    store.set_len(PAGE).expect("memory can grow");
    let file = open(Arc::clone(&store));
    play(|stage| {
        stage.thread("writer 1", || write(&file, &store, 0, &[b'c'; PART]));
        stage.thread("writer 2", || write(&file, &store, PART as u64, &[b'd'; PART]));
    });
    play(|stage| {
        stage.thread("reader", || {
            let mut seen = [b'?'; 2 * PART];
            file.read_exact_at(&mut seen, 0).expect("the store does not fail");
            if seen.contains(&0) {
                let from = if seen[0] == 0 { 0 } else { PART };
                violation(
                    format!(
                        "bytes {from}..{} as zeroes, which were reported as written",
                        from + PART
                    ),
                    WRITTEN_IS_THERE,
                );
            }
        });
    });
}
