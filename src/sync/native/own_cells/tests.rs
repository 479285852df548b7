use std::thread;

use super::own_cell;

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
