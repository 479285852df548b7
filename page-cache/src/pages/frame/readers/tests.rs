use std::cell::RefCell;

use super::*;
use crate::page::PageSize;
use crate::pages::frame::guard::SharedGuard;
use crate::pages::frame::{Key, LockedPage};
use crate::sync::thread;

const FILE: usize = 1;
const KEY: Key = Key { file: 1, page: 7 };

/// Frames, of which the first caches a page that is hot.
fn hot() -> Frames {
    let frames = Frames::new(3, PageSize::DEFAULT);
    let page = frames.take_free().unwrap().assign(KEY);
    let mut latch = page.latch();
    latch.bytes().fill(1);
    latch.commit();
    drop(page);
    frames.get(0).unwrap().heat();
    frames
}

fn guard(frames: &Frames) -> SharedGuard<'_> {
    guard_of(frames, 0)
}

fn guard_of(frames: &Frames, frame: u32) -> SharedGuard<'_> {
    SharedGuard::try_new(frames, frames.get(frame).unwrap(), FILE).unwrap()
}

/// How many readers' words are in use.
fn words(frames: &Frames) -> usize {
    frames.readers.words().filter(|word| word.load(Ordering::Relaxed) != Word::FREE).count()
}

#[test]
fn readers_of_a_hot_page_do_not_write_its_header() {
    let frames = hot();
    let frame = frames.get(0).unwrap();
    frame.step(State::used);
    let before = frame.state();
    let copy = frame.read(&frames).unwrap();
    let guard = guard(&frames);
    assert!(words(&frames) == 2 && frame.state() == before);
    assert!(frame.has_guard_in_word(&frames));
    drop((copy, guard));
    assert!(words(&frames) == 0 && frame.state() == before);
    assert!(!frame.has_guard_in_word(&frames));
}

#[test]
fn a_hot_page_whose_guard_is_in_a_word_counts_as_guarded() {
    let frames = hot();
    let _others = [8, 9].map(|page| {
        let locked = frames.take_free().unwrap().assign(Key { file: 1, page });
        locked.latch().commit();
        let frame = locked.frame().id();
        drop(locked);
        guard_of(&frames, frame)
    });
    assert_eq!(frames.all_guarded(), None);
    let guard = guard(&frames);
    assert!(words(&frames) == 1 && frames.all_guarded().is_some());
    drop(guard);
    assert_eq!(frames.all_guarded(), None);
}

#[test]
fn a_reader_in_a_word_counts_as_a_use() {
    let frames = hot();
    let frame = frames.get(0).unwrap();
    frame.pass_over();
    drop(frame.read(&frames).unwrap());
    assert!(frame.pass_over());
}

#[test]
fn readers_who_find_no_free_word_are_counted_in_the_header() {
    let frames = hot();
    let guards: Vec<_> = (0..40).map(|_| guard(&frames)).collect();
    assert_eq!(words(&frames), WORDS);
    assert!(frames.get(0).unwrap().state().is_shared());
    drop(guards);
    assert_eq!(words(&frames), 0);
    assert!(!frames.get(0).unwrap().state().is_shared());
}

#[test]
fn a_frame_that_is_cooled_counts_its_readers_in_its_header() {
    let frames = hot();
    let frame = frames.get(0).unwrap();
    let (copy, guard) = (frame.read(&frames).unwrap(), guard(&frames));
    assert!(!frame.state().is_shared());
    assert!(frame.try_cool(&frames));
    let state = frame.state();
    assert!(state.is_shared() && !state.is_drained() && !state.is_hot() && !state.is_latched());
    drop(copy);
    assert!(frame.state().is_shared());
    drop(guard);
    assert!(frame.state().is_drained() && words(&frames) == 0);
}

#[test]
fn a_page_with_a_guard_in_a_word_is_not_evicted_and_not_latched_at_once() {
    let frames = hot();
    let frame = frames.get(0).unwrap();
    let guard = guard(&frames);
    assert!(frame.try_write(&frames).is_none());
    assert!(LockedPage::try_for_eviction(&frames, frame).is_none());
    drop(guard);
    assert!(LockedPage::try_for_eviction(&frames, frame).is_some());
}

#[test]
fn a_hot_page_that_nobody_reads_is_evicted() {
    let frames = hot();
    let page = LockedPage::try_for_eviction(&frames, frames.get(0).unwrap()).unwrap();
    assert!(page.try_latch().is_some());
}

#[test]
fn a_free_frame_is_not_cooled() {
    let frames = hot();
    let frame = frames.get(1).unwrap();
    assert!(!frame.try_cool(&frames));
    assert_eq!(frame.state(), State::FREE);
}

#[test]
fn a_latch_that_does_not_wait_for_guards_finds_one_in_a_word() {
    let frames = hot();
    let frame = frames.get(0).unwrap();
    let guard = guard(&frames);
    assert!(frame.write_unless_guarded(&frames).is_none());
    drop(guard);
    assert!(frame.write_unless_guarded(&frames).is_some());
}

#[test]
fn a_latch_waits_for_a_reader_in_a_word() {
    let frames = hot();
    let frame = frames.get(0).unwrap();
    let copy = frame.read(&frames).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| frame.write(&frames).bytes().fill(2));
        while !frame.state().is_latched() || frame.state().is_hot() {
            thread::yield_now();
        }
        assert!(!writer.is_finished() && copy.bytes().iter().all(|&byte| byte == 1));
        drop(copy);
        writer.join().unwrap();
    });
    assert!(frame.read(&frames).unwrap().bytes().iter().all(|&byte| byte == 2));
}

/// Many threads read while one writes: each read sees one write whole.
#[test]
fn reads_of_a_hot_page_are_whole_beside_writes() {
    const WRITES: u8 = 200;
    let frames = hot();
    let frame = frames.get(0).unwrap();
    let read = || loop {
        frame.heat();
        let guard = SharedGuard::try_new(&frames, frame, FILE);
        let Some(first) = guard.map(|guard| {
            assert!(guard.bytes().iter().all(|byte| *byte == guard.bytes()[0]));
            guard.bytes()[0]
        }) else {
            continue;
        };
        if first == WRITES {
            return;
        }
        if let Some(copy) = frame.read(&frames) {
            assert!(copy.bytes().iter().all(|byte| *byte == copy.bytes()[0]));
        }
    };
    thread::scope(|scope| {
        (0..3).for_each(|_| drop(scope.spawn(read)));
        for round in 1..=WRITES {
            frame.write(&frames).bytes().fill(round);
        }
    });
    assert!(words(&frames) == 0 && frame.state().0 & !State::heated(State::FREE).unwrap().0 != 0);
}

/// A thread that has more guards than its list has entries keeps them in a variable of the thread, which is dropped
/// after the rest of the list.
#[test]
fn guards_that_are_dropped_as_their_thread_ends_leave_no_reader() {
    std::thread_local! {
        static KEPT: RefCell<Vec<SharedGuard<'static>>> = const { RefCell::new(Vec::new()) };
    }
    let frames: &Frames = Box::leak(Box::new(hot()));
    for page in [8, 9] {
        let page = frames.take_free().unwrap().assign(Key { file: 1, page });
        page.latch().commit();
    }
    thread::spawn(|| {
        KEPT.with_borrow_mut(|kept| {
            kept.extend((0..8).map(|_| guard_of(frames, 1)));
            kept.extend((0..8).map(|_| guard(frames)));
            assert_ne!(words(frames), 0);
            kept.insert(0, guard_of(frames, 2));
            kept.swap(0, 9);
            kept.swap(1, 9);
        });
    })
    .join()
    .unwrap();
    assert_eq!(words(frames), 0);
    assert!((0..3).all(|frame| !frames.get(frame).unwrap().state().is_shared()));
}
