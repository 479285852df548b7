use super::{ENOUGH, MOST, Runs};
use crate::pages::frame::Key;

fn key(page: u64) -> Key {
    Key { file: 7, page }
}

#[test]
fn a_page_is_guessed_from_the_frames_of_its_neighbours() {
    let runs = Runs::new(1024);
    for page in 32..32 + u64::from(ENOUGH) {
        assert_eq!(runs.guess(key(47)), None);
        runs.note(key(page), page as u32 + 100);
    }
    let guesses: Vec<_> = (32..48).map(|page| runs.guess(key(page))).collect();
    assert_eq!(guesses, (132..148).map(Some).collect::<Vec<_>>());
    assert_eq!(runs.guess(key(48)), None);
}

#[test]
fn nothing_is_guessed_of_pages_that_came_in_any_order() {
    let runs = Runs::new(1024);
    for page in 0..16 {
        runs.note(key(page), page as u32 * 37 % 1000);
        assert_eq!(runs.guess(key(page)), None);
    }
}

#[test]
fn a_run_is_forgotten_when_as_many_pages_deny_it() {
    let runs = Runs::new(1024);
    (0..100).for_each(|page| runs.note(key(page % 16), (page % 16) as u32 + 100));
    for page in 0..MOST - ENOUGH + 1 {
        assert_eq!(runs.guess(key(3)), Some(103));
        runs.note(key(3), 500 + page);
    }
    assert_eq!(runs.guess(key(3)), None);
}

#[test]
fn a_run_may_begin_before_the_first_frame() {
    let runs = Runs::new(1024);
    (5..10).for_each(|page| runs.note(key(page), page as u32 - 5));
    assert_eq!(runs.guess(key(9)), Some(4));
    assert!(runs.guess(key(0)).unwrap() > 1024);
}
