//! What the page cache is measured with: groups of cases that take turns, and the figures that it
//! has to reach, each a ratio of two cases of one group.

#![allow(dead_code, reason = "each program that includes these runs its own part of them")]

mod copies;
mod elsewhere;
mod memory;
mod subject;

use std::time::Duration;

use spanlock::Access;
use spanlock_page_cache::{File, MemStore, Options, PageCache};

use crate::harness::case::Case;
use subject::{PAGE, Page};

/// Cases that are compared in turns.
pub struct Group {
    pub name: &'static str,
    /// What one operation is.
    pub operation: &'static str,
    pub threads: usize,
    pub cases: fn() -> Vec<Case>,
    pub round: Duration,
}

/// The cases by the names by which figures refer to them.
mod name {
    pub const MEMCPY: &str = "memcpy";
    pub const RANGE: &str = "cache, range lock";
    pub const WHOLE: &str = "cache, one rwlock for the file";
    pub const UNLOCKED: &str = "cache, unlocked";
    pub const ONE_THREAD: &str = "cache, range lock, 1 thread";
    pub const TWO_THREADS: &str = "cache, range lock, 2 threads";
    pub const TWO_THREADS_WHOLE: &str = "cache, one rwlock for the file, 2 threads";
    pub const RANGE_ANOTHER: &str = "range lock, work on another file";
    pub const RANGE_SAME: &str = "range lock, work on this file";
    pub const WHOLE_ANOTHER: &str = "one rwlock, work on another file";
    pub const WHOLE_SAME: &str = "one rwlock, work on this file";
}

pub static READ: Group = Group {
    name: "page-cache-read",
    operation: "reading a cached page",
    threads: 1,
    cases: copies::reads,
    round: Duration::from_micros(150),
};

pub static OVERWRITE: Group = Group {
    name: "page-cache-overwrite",
    operation: "overwriting a cached page",
    threads: 1,
    cases: copies::overwrites,
    round: Duration::from_micros(150),
};

pub static OVERWRITE_DISJOINT: Group = Group {
    name: "page-cache-overwrite-disjoint",
    operation: "overwriting a cached page of the thread's own half",
    threads: 2,
    cases: copies::disjoint_overwrites,
    round: Duration::from_micros(600),
};

pub static BESIDE_PUNCHES: Group = Group {
    name: "page-cache-elsewhere-punch",
    operation: "a fault or a read in the last eighth, while another thread punches",
    threads: 2,
    cases: elsewhere::beside_punches,
    round: Duration::from_millis(4),
};

pub static BESIDE_DIRECT_WRITES: Group = Group {
    name: "page-cache-elsewhere-direct",
    operation: "a fault or a read in the last eighth, while another thread writes directly",
    threads: 2,
    cases: elsewhere::beside_direct_writes,
    round: Duration::from_millis(4),
};

pub static OVERWRITE_FROM_MEMORY: Group = Group {
    name: "page-cache-memory-overwrite",
    operation: "overwriting a cached page, from memory of one kind or another",
    threads: 1,
    cases: memory::overwrites,
    round: Duration::from_micros(150),
};

pub static APPEND_FROM_MEMORY: Group = Group {
    name: "page-cache-memory-append",
    operation: "writing a page behind the end, and a 64th of emptying the file",
    threads: 1,
    cases: memory::appends,
    round: Duration::from_micros(600),
};

pub static GROUPS: [&Group; 7] = [
    &READ,
    &OVERWRITE,
    &OVERWRITE_DISJOINT,
    &BESIDE_PUNCHES,
    &BESIDE_DIRECT_WRITES,
    &OVERWRITE_FROM_MEMORY,
    &APPEND_FROM_MEMORY,
];

/// A ratio of two cases of one group, and what it should be at most.
pub struct Figure {
    pub what: &'static str,
    pub group: &'static Group,
    pub this: &'static str,
    pub over: &'static str,
    pub must: f64,
    pub goal: f64,
}

/// All figures that are ratios of times. A bound on throughput is its inverse here: 10 % less is
/// 1.11 times the time, and 1.6 times as much is 0.625 of it.
pub static FIGURES: [Figure; 5] = [
    Figure {
        what: "4 KiB cached read, over copying 4 KiB",
        group: &READ,
        this: name::RANGE,
        over: name::MEMCPY,
        must: 2.0,
        goal: 1.4,
    },
    Figure {
        what: "4 KiB cached overwrite, over copying 4 KiB",
        group: &OVERWRITE,
        this: name::RANGE,
        over: name::MEMCPY,
        must: 2.5,
        goal: 1.6,
    },
    Figure {
        what: "two threads overwriting disjoint parts, over one thread, each operation",
        group: &OVERWRITE_DISJOINT,
        this: name::TWO_THREADS,
        over: name::ONE_THREAD,
        must: 0.625,
        goal: 0.526,
    },
    Figure {
        what: "fault and read elsewhere while one thread punches, over punching another file",
        group: &BESIDE_PUNCHES,
        this: name::RANGE_SAME,
        over: name::RANGE_ANOTHER,
        must: 1.11,
        goal: 1.05,
    },
    Figure {
        what: "fault and read elsewhere while one thread writes directly, over doing so to another \
               file",
        group: &BESIDE_DIRECT_WRITES,
        this: name::RANGE_SAME,
        over: name::RANGE_ANOTHER,
        must: 1.11,
        goal: 1.05,
    },
];

/// An operation on a cached page, and how many claims it takes.
pub struct ClaimsOfHits {
    pub what: &'static str,
    /// Of the mapping lock.
    pub mapping: u64,
    /// Of the IO lock.
    pub io: u64,
}

/// How many claims the given number of hits of each kind take.
pub fn claims_of_hits(hits: u64) -> [ClaimsOfHits; 3] {
    type Operation = fn(&File, &mut Page);
    let operations: [(&str, Operation); 3] = [
        ("cached reads", |file, page| file.read_exact_at(page, 0).expect("the page is there")),
        ("faults on cached pages", |file, page| {
            let mapping = file.map(0..PAGE).expect("the range is a page's");
            mapping.load(0, page).expect("the page is there");
        }),
        ("cached overwrites", |file, page| {
            file.write_all_at(page, 0).expect("memory does not fail");
        }),
    ];
    operations.map(|(what, operation)| {
        let cache = PageCache::with_options(Options::new(64));
        let file = cache.open(MemStore::new()).expect("the store opens");
        let mut page = [1; PAGE as usize];
        file.write_all_at(&page, 0).expect("memory does not fail");
        let before = cache.stats();
        (0..hits).for_each(|_| operation(&file, &mut page));
        let after = cache.stats();
        assert_eq!(after.hits - before.hits, hits, "each operation is a hit");
        let paths = [Access::BufferedRead, Access::Fault, Access::BufferedWrite];
        let claims = |path| after.claims(path).taken - before.claims(path).taken;
        let mapping = paths.into_iter().map(claims).sum();
        ClaimsOfHits { what, mapping, io: after.io_claims.taken - before.io_claims.taken }
    })
}
