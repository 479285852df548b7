use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;

use super::{BOARD_CELLS, home_cell, own_cell};

#[test]
fn a_thread_that_ends_gives_its_cell_back() {
    let owners =
        (0..200).filter(|_| thread::spawn(|| own_cell().is_some()).join().unwrap()).count();
    // None, if the threads of other tests have them all.
    assert!(owners == 0 || owners > 4, "{owners} of 200 threads, one after the other, had a cell");
}

#[test]
fn a_thread_keeps_its_cell() {
    thread::spawn(|| assert_eq!(own_cell(), own_cell())).join().unwrap();
}

/// The homes of as many threads as half the cells, which run at the same time.
fn homes() -> HashSet<u32> {
    let threads = BOARD_CELLS / 2;
    let all_run = Barrier::new(threads);
    let home = || {
        let home = home_cell();
        assert!((home as usize) < BOARD_CELLS && own_cell().is_none_or(|own| own == home));
        all_run.wait();
        home
    };
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(home)).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn threads_that_run_at_once_have_different_homes() {
    // Several attempts, since threads of other tests may choose homes in between.
    assert!((0..100).any(|_| homes().len() == BOARD_CELLS / 2));
}
