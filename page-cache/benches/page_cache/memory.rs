//! Writes from memory that is a slice, or an address space's: of cached pages, and of new ones.

use std::cell::RefCell;
use std::ops::Range;
use std::slice::from_ref;
use std::time::Instant;

use spanlock_page_cache::{AddressSpace, File, MemStore};

use super::subject::{PAGE, Page, cached};
use crate::harness::case::Case;

const PAGES: u64 = 64;

/// A file, and a page of memory to write from.
struct Subject {
    file: File,
    memory: AddressSpace,
    source: Range<u64>,
    slice: Box<Page>,
}

/// Where the bytes lie.
fn anonymous(memory: &AddressSpace) -> Range<u64> {
    memory.map_anonymous(PAGE).expect("there are addresses left")
}

fn mapped(memory: &AddressSpace) -> Range<u64> {
    let file: File = cached(16, MemStore::new());
    file.set_len(PAGE).expect("memory does not fail");
    memory.map_file(&file, 0..PAGE).expect("there are addresses left")
}

fn case(
    name: &'static str,
    source: fn(&AddressSpace) -> Range<u64>,
    operation: fn(&Subject, u64),
) -> Case {
    Case::named(name, move || {
        let memory = AddressSpace::new();
        let source = source(&memory);
        memory.store(source.start, &[2; PAGE as usize]).expect("it is mapped");
        let file: File = cached(16 * PAGES as usize, MemStore::new());
        file.write_all_at(&[1; (PAGES * PAGE) as usize], 0).expect("memory does not fail");
        let slice = Box::new([2; PAGE as usize]);
        let subject = RefCell::new(Subject { file, memory, source, slice });
        move |operations| {
            let subject = &*subject.borrow_mut();
            let start = Instant::now();
            (0..operations).for_each(|turn| operation(subject, turn % PAGES * PAGE));
            start.elapsed()
        }
    })
}

fn from_slice(subject: &Subject, offset: u64) {
    subject.file.write_at(&subject.slice[..], offset).expect("memory does not fail");
}

fn from_memory(subject: &Subject, offset: u64) {
    let Subject { file, memory, source, .. } = subject;
    file.write_from(memory, from_ref(source), offset).expect("it is mapped");
}

fn from_evicted(subject: &Subject, offset: u64) {
    subject.memory.evict(subject.source.clone()).expect("it starts at a page");
    from_memory(subject, offset);
}

pub fn overwrites() -> Vec<Case> {
    vec![
        case("a slice", anonymous, from_slice),
        case("anonymous memory", anonymous, from_memory),
        case("a mapping of another file", mapped, from_memory),
        case("anonymous memory, evicted before", anonymous, from_evicted),
    ]
}

/// A file that is emptied once it is full.
pub fn appends() -> Vec<Case> {
    fn emptied(subject: &Subject, offset: u64) {
        if offset == 0 {
            subject.file.set_len(0).expect("memory does not fail");
        }
    }
    vec![
        case("a slice", anonymous, |subject, offset| {
            emptied(subject, offset);
            from_slice(subject, offset);
        }),
        case("anonymous memory", anonymous, |subject, offset| {
            emptied(subject, offset);
            from_memory(subject, offset);
        }),
    ]
}
