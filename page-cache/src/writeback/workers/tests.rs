use std::thread;

use super::*;
use crate::pages::flusher::jobs::Jobs;
use crate::{MemStore, Options, PageCache};

/// As many workers as are started at once, of which one is idle since `now`.
fn few(now: Instant) -> State {
    State {
        jobs: Jobs::default(),
        workers: FEW,
        idle: 1,
        started: FEW as u64,
        alone_since: now,
        at_once: MANY,
        stopped: false,
        reports: 0,
    }
}

/// The last idle worker starts another and goes to work.
fn start_another(state: &mut State, now: Instant) {
    assert_eq!(state.may_leave(now), Leave::AfterStartingAnother);
    state.leave(now);
    state.workers += 1;
    state.come_back(From::Start, now);
}

#[test]
fn when_no_worker_has_come_back_for_a_while_more_are_started_as_they_are_needed() {
    let start = Instant::now();
    let mut state = few(start);
    assert_eq!(state.may_leave(start), Leave::At(start + GRACE));
    let late = start + GRACE;
    while state.workers <= MANY {
        start_another(&mut state, late);
    }
    // Then one waits again, and twice as many are started if none has come back.
    for second in 1..5 {
        let before = late + (second - 1) * GRACE;
        assert_eq!(state.may_leave(before), Leave::At(before + GRACE));
        let most = 2 * state.workers;
        while state.workers <= most {
            start_another(&mut state, late + second * GRACE);
        }
    }
    // One that comes back ends that.
    let end = late + 5 * GRACE;
    start_another(&mut state, end);
    state.idle = 0;
    state.come_back(From::Task, end);
    assert_eq!(state.may_leave(end), Leave::At(end + GRACE));
}

#[test]
fn a_worker_that_comes_back_lets_the_next_be_waited_for() {
    let start = Instant::now();
    let mut state = few(start);
    let late = start + GRACE;
    start_another(&mut state, late);
    state.come_back(From::Task, late);
    assert_eq!(state.may_leave(late), Leave::Now);
    state.leave(late);
    assert_eq!(state.may_leave(late), Leave::At(late + GRACE));
    // Also if it was the only one.
    start_another(&mut state, late + GRACE);
    state.leave(late + GRACE);
    state.come_back(From::Task, late + 2 * GRACE);
    assert_eq!(state.may_leave(late + 2 * GRACE), Leave::At(late + 3 * GRACE));
}

#[test]
fn a_file_that_is_clean_has_no_job_and_one_that_becomes_dirty_again_has() {
    let options = Options::new(64).flush_interval(Duration::from_millis(1));
    let cache = PageCache::with_options(options);
    let file = cache.open(MemStore::new()).unwrap();
    let signal = &file.inode().cache.flusher.signal;
    for byte in 1..4 {
        file.write_all_at(&[byte], 0).unwrap();
        loop {
            let state = signal.state();
            if state.jobs.next_turn().is_none() && state.idle == state.workers {
                break;
            }
            drop(state);
            thread::yield_now();
        }
        assert_eq!(file.inode().own_dirty().pages, 0);
    }
}

#[test]
fn files_that_were_closed_leave_no_jobs_even_if_they_were_never_due() {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    for _ in 0..10 {
        let file = cache.open(MemStore::new()).unwrap();
        file.write_all_at(b"dirty", 0).unwrap();
        assert!(!cache.shared.pool.flusher.signal.state().jobs.is_empty());
    }
    // The last is closed by another thread, which the drop waits for.
    assert!(cache.shared.pool.flusher.signal.state().jobs.is_empty());
}
