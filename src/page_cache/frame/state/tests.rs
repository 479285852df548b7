use super::{READERS, State};

fn uptodate() -> State {
    State::NEW.filled().unlock()
}

#[test]
fn nobody_reads_a_page_that_is_not_uptodate_or_is_latched() {
    assert_eq!(State::FREE.enter(), None);
    assert_eq!(State::NEW.enter(), None);
    assert_eq!(uptodate().latch().and_then(State::enter), None);
    assert!(uptodate().enter().is_some());
}

#[test]
fn a_latch_keeps_new_readers_out_and_waits_for_the_old() {
    let state = uptodate().enter().and_then(State::latch).unwrap();
    assert!(!state.is_drained());
    assert_eq!((state.enter(), state.latch()), (None, None));
    assert!(State(state.0 - State::ONE_READER).is_drained());
}

#[test]
fn a_store_through_a_stale_entry_leaves_a_free_frame_alone() {
    assert_eq!(State::FREE.latch_mapped(), None);
    assert_eq!(State::NEW.latch_mapped(), None);
}

#[test]
fn a_write_hit_needs_an_uptodate_page_that_is_idle() {
    assert!(uptodate().lock_and_latch().is_some());
    assert_eq!(State::NEW.unlock().lock_and_latch(), None);
    let busy = [
        uptodate().lock().unwrap(),
        uptodate().latch().unwrap(),
        uptodate().enter().unwrap(),
        uptodate().dirtied().writeback_begun(),
    ];
    assert!(busy.into_iter().all(|state| state.lock_and_latch().is_none()));
}

#[test]
fn only_a_clean_idle_and_unpinned_page_is_evicted() {
    assert!(uptodate().lock_for_eviction().is_some());
    assert!(State::NEW.unlock().lock_for_eviction().is_some());
    let kept = [
        State::FREE,
        State::NEW,
        State::NEW.dirtied().unlock(),
        uptodate().dirtied(),
        uptodate().pinned(),
        uptodate().dirtied().writeback_begun(),
    ];
    assert!(kept.into_iter().all(|state| state.lock_for_eviction().is_none()));
}

#[test]
fn a_retired_frame_is_free_with_its_last_pin() {
    let locked = uptodate().lock().unwrap();
    assert_eq!(locked.retired(), State::FREE);
    let pinned = locked.pinned().pinned().retired();
    assert_ne!(pinned.unpinned(), State::FREE);
    assert_eq!(pinned.unpinned().unpinned(), State::FREE);
    assert!(!pinned.is_freed_by_unpinning() && pinned.unpinned().is_freed_by_unpinning());
    // A page that was never filled is as little uptodate, but is still in the index.
    assert!(!State::NEW.pinned().unlock().is_freed_by_unpinning());
}

#[test]
fn unlocking_and_the_end_of_writeback_let_the_waiters_go() {
    let state = uptodate().dirtied().writeback_begun().lock().unwrap().announce_waiter();
    assert!(state.has_waiters());
    assert!(!state.unlock().has_waiters() && !state.writeback_ended().has_waiters());
    assert!(!state.writeback_ended().is_dirty());
}

#[test]
fn a_word_full_of_readers_lets_no_more_in() {
    let full = State(uptodate().0 | READERS);
    assert_eq!((full.enter(), full.enter_and_use()), (None, None));
    assert_eq!(State(full.0 - State::ONE_READER).enter(), Some(full));
}

#[test]
fn a_store_that_must_not_wait_needs_an_uptodate_page_that_nobody_copies() {
    let latched = uptodate().latch_mapped();
    assert_eq!(uptodate().latch_mapped_at_once(), latched);
    assert!(latched.is_some_and(State::is_latched));
    let busy = [State::NEW, uptodate().enter().unwrap(), uptodate().latch().unwrap()];
    assert!(busy.into_iter().all(|state| state.latch_mapped_at_once().is_none()));
}

#[test]
fn a_page_is_mapped_between_its_mapping_and_its_unmapping() {
    let mapped = uptodate().mapped();
    assert_eq!((uptodate().is_mapped(), mapped.is_mapped()), (false, true));
    assert_eq!(mapped.unmapped(), uptodate());
}
