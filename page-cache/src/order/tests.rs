use std::panic::{self, AssertUnwindSafe, Location};
use std::thread;

use super::{Held, Lock, Rank, may_fault, may_wait_for_clean};
use crate::page::PageSize;
use crate::pages::frame::{Frames, Key};

/// One lock of each kind, of one cache.
struct Locks {
    frames: Frames,
}

impl Locks {
    fn new() -> Locks {
        Locks { frames: Frames::new(1, PageSize::DEFAULT) }
    }

    fn io(&self, file: u64) -> Lock {
        Lock::io(&self.frames, file, &(0..4096))
    }

    fn mapping(&self, file: u64) -> Lock {
        Lock::mapping(&self.frames, file, 0..1)
    }

    fn page(&self, file: u64, page: u64) -> Lock {
        Lock::of_page(Rank::Page, self.frames.cache(), Key { file, page })
    }

    fn latch(&self, page: u64) -> Lock {
        Lock::of_page(Rank::Latch, self.frames.cache(), Key { file: 1, page })
    }

    /// One of each rank, in the order in which they may be taken.
    fn in_order(&self) -> [Lock; 8] {
        let (io, mm, mapping) = (self.io(1), Lock::mm(1), self.mapping(1));
        let (walk, latch) = (Lock::walk(), self.latch(0));
        [io, mm, mapping, self.page(1, 0), walk, latch, Lock::stripe(), Lock::leaf()]
    }
}

/// What the panic says, if there is one.
fn said(act: impl FnOnce()) -> Option<String> {
    let payload = panic::catch_unwind(AssertUnwindSafe(act)).err()?;
    Some(*payload.downcast::<String>().expect("the message has places in it"))
}

/// Takes a lock, and tells on which line.
fn hold(lock: Lock) -> (u32, Held) {
    (line!(), Held::acquire(lock))
}

/// Holds one lock and does what is forbidden then. Both lines are to be named.
#[track_caller]
fn assert_forbidden(held: Lock, act: impl FnOnce()) {
    let (line, _held) = hold(held);
    let said = said(act).expect("this is forbidden");
    assert!(said.starts_with("lock order violated: "), "{said}");
    assert!(said.contains(&format!("acquired at {}:{line}:", file!())), "{said}");
    let asked = format!("{}:{}:", file!(), Location::caller().line());
    assert!(said.contains(&asked), "{asked} is not in: {said}");
}

/// Invariant 12.
#[test]
fn locks_taken_in_order_are_all_granted() {
    let locks = Locks::new();
    let held: Vec<Held> = locks.in_order().into_iter().map(Held::acquire).collect();
    assert_eq!(held.len(), 8);
}

/// Invariant 12.
#[test]
fn a_lock_that_comes_before_one_that_is_held_panics_and_names_both_places() {
    let locks = Locks::new();
    for (rank, held) in locks.in_order().into_iter().enumerate() {
        for earlier in locks.in_order().into_iter().take(rank) {
            assert_forbidden(held.clone(), || drop(Held::acquire(earlier)));
        }
    }
}

/// Invariant 12. Page locks and the IO locks of two files apart, no two locks of one rank are held at the same time.
#[test]
fn a_second_lock_of_the_same_rank_panics() {
    let locks = Locks::new();
    for held in locks.in_order() {
        assert_forbidden(held.clone(), || drop(Held::acquire(held)));
    }
    assert_forbidden(Lock::mm(1), || drop(Held::acquire(Lock::mm(2))));
    assert_forbidden(locks.mapping(1), || drop(Held::acquire(locks.mapping(2))));
}

/// A copy between two files takes both IO locks in the order in which the files were opened.
#[test]
fn the_io_locks_of_two_files_are_taken_in_the_order_of_the_files() {
    let locks = Locks::new();
    assert_forbidden(locks.io(2), || drop(Held::acquire(locks.io(1))));
    let _first = Held::acquire(locks.io(1));
    drop(Held::acquire(locks.io(2)));
}

/// D2.
#[test]
fn page_locks_are_taken_upwards_within_one_file_only() {
    let locks = Locks::new();
    let _first = Held::acquire(locks.page(1, 3));
    drop(Held::acquire(locks.page(1, 4)));
    assert!(said(|| drop(Held::acquire(locks.page(1, 2)))).is_some());
    assert!(said(|| drop(Held::acquire(locks.page(2, 4)))).is_some());
}

/// Invariant 12, A12.
#[test]
fn memory_that_can_fault_is_not_touched_under_an_mm_a_claim_a_page_lock_or_a_latch() {
    let locks = Locks::new();
    may_fault();
    let _io = Held::acquire(locks.io(1));
    may_fault();
    for held in locks.in_order().into_iter().skip(1) {
        assert_forbidden(held, || may_fault());
    }
}

/// Invariant 12.
#[test]
fn no_thread_waits_for_clean_pages_with_a_claim_or_a_page_held() {
    let locks = Locks::new();
    let _io = Held::acquire(locks.io(1));
    let _mm = Held::acquire(Lock::mm(1));
    may_wait_for_clean(&locks.frames);
    for held in locks.in_order().into_iter().skip(2) {
        assert_forbidden(held, || may_wait_for_clean(&locks.frames));
    }
}

#[test]
fn user_memory_may_be_a_mapping_of_another_file() {
    let locks = Locks::new();
    let _io = Held::acquire(locks.io(1));
    let _mm = Held::acquire(Lock::mm(1));
    let _mapping = Held::acquire(locks.mapping(2));
    let _page = Held::acquire(locks.page(2, 0));
}

#[test]
fn what_is_tried_may_be_had_in_any_order_and_counts_afterwards() {
    let locks = Locks::new();
    let _page = Held::acquire(locks.page(1, 5));
    let _tried = Held::tried(locks.page(1, 9));
    assert!(said(|| drop(Held::acquire(locks.page(1, 7)))).is_some());
    drop(Held::tried(locks.mapping(1)));
}

#[test]
fn a_lock_released_by_another_thread_is_no_longer_held() {
    let locks = Locks::new();
    let page = Held::acquire(locks.page(1, 0));
    thread::scope(|scope| scope.spawn(move || drop(page)).join().unwrap());
    drop(Held::acquire(locks.mapping(1)));
}

#[test]
fn what_another_thread_holds_is_its_own_affair() {
    let locks = Locks::new();
    let _page = Held::acquire(locks.page(1, 0));
    thread::scope(|scope| {
        scope.spawn(|| drop(Held::acquire(locks.io(1)))).join().unwrap();
    });
}

#[test]
fn a_cache_whose_store_is_a_file_of_another_has_an_order_of_its_own() {
    let (upper, lower) = (Locks::new(), Locks::new());
    let _latch = Held::acquire(upper.latch(0));
    let _below: Vec<Held> = [lower.io(1), lower.mapping(1), lower.page(1, 0), lower.latch(0)]
        .into_iter()
        .map(Held::acquire)
        .collect();
    assert!(said(|| drop(Held::acquire(Lock::mm(1)))).is_some());
}

#[test]
fn a_path_of_one_cache_may_wait_for_clean_pages_of_the_cache_below_it() {
    let (upper, lower) = (Locks::new(), Locks::new());
    let _mapping = Held::acquire(upper.mapping(1));
    let _page = Held::acquire(upper.page(1, 0));
    may_wait_for_clean(&lower.frames);
    assert!(said(|| may_wait_for_clean(&upper.frames)).is_some());
}
