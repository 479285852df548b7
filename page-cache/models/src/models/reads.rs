//! Reads without claims: the reader looks a frame up, latches it, and compares the key. Meanwhile the frame is reused.

use loom::thread;

use super::{Cache, explore, page};
use crate::page::Key;

/// A reader of a page sees its bytes or none, never those of another page or file.
#[test]
fn a_reader_sees_no_byte_of_the_page_for_which_its_frame_is_reused() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let reuses = {
            let cache = cache.clone();
            thread::spawn(move || cache.evict(page(1)) && cache.make(page(2), 2))
        };
        let first = cache.read(page(1));
        assert!([None, Some(1)].contains(&first));
        let second = cache.read(page(2));
        assert!([None, Some(2)].contains(&second));
        let reused = reuses.join().unwrap();
        assert_eq!(cache.read(page(2)), reused.then_some(2));
    });
}

/// A page may leave and come back in the same frame, whose word and key are then as before.
#[test]
fn a_reader_sees_the_new_bytes_of_a_page_that_left_and_came_back() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let returns = {
            let cache = cache.clone();
            thread::spawn(move || {
                cache.take_out(page(1));
                cache.make(page(1), 2)
            })
        };
        let (first, second) = (cache.read(page(1)), cache.read(page(1)));
        assert!(first.is_none_or(|bytes| [1, 2].contains(&bytes)));
        assert!(second.is_none_or(|bytes| bytes == 2 || first != Some(2)));
        assert!(returns.join().unwrap());
        assert_eq!(cache.read(page(1)), Some(2));
    });
}

/// A frame is used for the first time: the reader knows it from a link or from a guess only.
#[test]
fn a_reader_that_finds_a_new_frame_sees_what_was_filled_in() {
    explore(3, || {
        let cache = Cache::new(2);
        cache.make(Key { file: 1, page: 0 }, 1);
        let makes = {
            let cache = cache.clone();
            thread::spawn(move || cache.make(Key { file: 1, page: 1 }, 2))
        };
        let seen = cache.read(Key { file: 1, page: 1 });
        assert!([None, Some(2)].contains(&seen));
        makes.join().unwrap();
        assert_eq!(cache.read(Key { file: 1, page: 1 }), Some(2));
    });
}

/// Two pages have confirmed where the first one is. It leaves, and another thread brings it in elsewhere.
fn a_guess_of_a_page_that_moves(leave: fn(&Cache, Key)) {
    explore(3, move || {
        let cache = Cache::new(3);
        let [moves, stays] = [0, 1].map(|page| Key { file: 1, page });
        cache.make(moves, 1);
        cache.make(stays, 9);
        let leaves = {
            let cache = cache.clone();
            thread::spawn(move || leave(&cache, moves))
        };
        if cache.make(moves, 2) {
            let seen = cache.read(moves);
            assert!([None, Some(2)].contains(&seen), "{seen:?}");
        }
        leaves.join().unwrap();
    });
}

#[test]
fn a_guess_does_not_lead_to_the_frame_that_a_page_has_left() {
    a_guess_of_a_page_that_moves(Cache::take_out);
}

#[test]
fn a_guess_does_not_lead_to_the_frame_from_which_a_page_was_evicted() {
    a_guess_of_a_page_that_moves(|cache, key| {
        cache.evict(key);
    });
}
