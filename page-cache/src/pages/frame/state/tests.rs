use super::*;

fn uptodate() -> State {
    State::NEW.filled().unlock()
}

#[test]
fn a_page_that_is_not_uptodate_or_is_latched_cannot_be_read() {
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
    assert_eq!(locked.pinned().pinned().unpinned(), locked.pinned());
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
    let full = State(uptodate().0 | MANY_READERS);
    assert_eq!((full.enter(), full.enter_and_use()), (None, None));
    assert_eq!(State(full.0 - State::ONE_READER).enter(), Some(full));
}

#[test]
fn a_word_full_of_guards_lets_no_more_in_not_even_of_a_thread_that_has_one() {
    let full = State(uptodate().0 | MANY_GUARDS | REFERENCED);
    assert_eq!((full.guard(), full.guard_once_more()), (None, None));
    let one_less = State(full.0 - GUARD);
    assert_eq!((one_less.guard(), one_less.guard_once_more()), (Some(full), Some(full)));
}

#[test]
fn the_readers_that_cooling_adds_fit_into_a_full_word() {
    let full = State(uptodate().0 | MANY_READERS | MANY_GUARDS);
    let cooled = State(full.0 + MOST_IN_WORDS * (READER + GUARD));
    assert_eq!(cooled.0 & !(READERS | GUARDS), uptodate().0);
}

#[test]
fn a_hot_page_is_not_taken_in_a_step_that_needs_it_without_readers() {
    let hot = uptodate().heated().unwrap();
    assert!(!hot.is_drained() && hot.lets_readers_into_words());
    let at_once = [
        State::latch_at_once,
        State::latch_mapped_at_once,
        State::guard_exclusively_at_once,
        State::lock_and_latch,
        State::lock_for_eviction,
    ];
    assert!(at_once.iter().all(|step| step(uptodate()).is_some() && step(hot).is_none()));
    let latched = hot.latch().unwrap();
    assert!(!latched.lets_readers_into_words() && latched.heated().is_none());
    assert_eq!(latched.cooled(), uptodate().latch().unwrap());
    assert_eq!((uptodate().latch_hot(), hot.latch_hot()), (None, Some(latched)));
    assert!(!hot.doubted().lets_readers_into_words());
}

#[test]
fn a_store_that_must_not_wait_needs_an_uptodate_page_without_readers() {
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

/// Words with every set of flags, and with none, some, and the most readers, guards and pins.
fn words() -> impl Iterator<Item = State> {
    let some = (2 * READER) | (2 * GUARD) | (2 * PIN);
    let counts = [0, READER, READERS, GUARD, GUARDS, PIN, PINS, some];
    (0..1 << 11).flat_map(move |flags| counts.map(|counts| State(flags | counts)))
}

#[test]
fn each_question_is_about_its_own_flags_or_count() {
    type Question = (fn(State) -> bool, u64);
    let questions: [Question; 10] = [
        (State::is_locked, LOCKED),
        (State::has_waiters, WAITERS),
        (State::is_latched, LATCHED),
        (State::is_uptodate, UPTODATE),
        (State::is_dirty, DIRTY),
        (State::in_writeback, WRITEBACK),
        (State::is_mapped, MAPPED),
        (State::is_pinned, PINS | GUARDS),
        (State::is_shared, GUARDS),
        (State::is_guarded, GUARDED),
    ];
    for state in words() {
        for (at, (is, bits)) in questions.into_iter().enumerate() {
            assert_eq!(is(state), state.0 & bits != 0, "question {at} of {state:?}");
        }
        assert_eq!(state.is_clean(), state.0 & (DIRTY | WRITEBACK) == 0, "{state:?}");
        assert_eq!(state.is_drained(), state.0 & (READERS | GUARDS) == 0, "{state:?}");
        let frees = state.0 & WAITERS != 0 && state.0 & GUARDS == GUARD;
        assert_eq!(state.frees_waiters_as_guard_leaves(), frees, "{state:?}");
    }
}

#[test]
fn a_step_that_is_always_allowed_sets_and_clears_what_it_names_and_nothing_else() {
    /// A step, what it sets, and what it clears.
    type Step = (fn(State) -> State, u64, u64);
    let steps: [Step; 17] = [
        (State::unlatched, 0, LATCHED | WAITERS),
        (State::filled, UPTODATE, LATCHED | WAITERS),
        (State::voided, 0, LATCHED | UPTODATE | WAITERS),
        (State::unguarded, 0, LOCKED | LATCHED | GUARDED | WAITERS),
        (State::waits_for_guards, GUARDED, WAITERS),
        (State::waited_for_guards, 0, GUARDED),
        (State::doubted, 0, UPTODATE),
        (State::unlock, 0, LOCKED | WAITERS),
        (State::unlock_and_unlatch, 0, LOCKED | LATCHED | WAITERS),
        (State::announce_waiter, WAITERS, 0),
        (State::dirtied, DIRTY, 0),
        (State::cleaned, 0, DIRTY),
        (State::mapped, MAPPED, 0),
        (State::unmapped, 0, MAPPED),
        (State::writeback_begun, WRITEBACK, DIRTY),
        (State::write_through_begun, WRITEBACK, 0),
        (State::writeback_ended, 0, WRITEBACK | WAITERS),
    ];
    for state in words() {
        for (at, (step, set, cleared)) in steps.into_iter().enumerate() {
            assert_eq!(step(state).0, state.0 & !cleared | set, "step {at} of {state:?}");
        }
    }
}

#[test]
fn a_step_is_refused_unless_all_that_it_needs_is_set_and_all_that_it_minds_is_clear() {
    /// A step, what it needs, what it minds, and what it sets.
    type Step = (fn(State) -> Option<State>, u64, u64, u64);
    let steps: [Step; 10] = [
        (State::latch, 0, LATCHED, LATCHED),
        (State::latch_at_once, 0, LATCHED | READERS | GUARDS, LATCHED),
        (State::unless_latched, 0, LATCHED, 0),
        (State::latch_mapped, UPTODATE, LATCHED, LATCHED | REFERENCED),
        (State::latch_mapped_at_once, UPTODATE, LATCHED | READERS | GUARDS, LATCHED | REFERENCED),
        (State::lock, 0, LOCKED, LOCKED),
        (
            State::lock_and_latch,
            UPTODATE,
            LOCKED | LATCHED | WRITEBACK | READERS | GUARDS,
            LOCKED | LATCHED | REFERENCED,
        ),
        (
            State::guard_exclusively,
            UPTODATE,
            LOCKED | LATCHED | WRITEBACK,
            LOCKED | LATCHED | GUARDED | REFERENCED,
        ),
        (
            State::guard_exclusively_at_once,
            UPTODATE,
            LOCKED | LATCHED | WRITEBACK | READERS | GUARDS,
            LOCKED | LATCHED | GUARDED | REFERENCED,
        ),
        (
            State::lock_for_eviction,
            LINKED,
            LOCKED | LATCHED | DIRTY | WRITEBACK | READERS | GUARDS | PINS,
            LOCKED,
        ),
    ];
    for state in words() {
        for (at, (step, needs, minds, sets)) in steps.into_iter().enumerate() {
            let allowed = state.0 & needs == needs && state.0 & minds == 0;
            let expected = allowed.then_some(State(state.0 | sets));
            assert_eq!(step(state), expected, "step {at} of {state:?}");
        }
        let entered = (state.0 & (UPTODATE | LATCHED) == UPTODATE && state.0 & READERS != READERS)
            .then(|| State(state.0 + READER));
        assert_eq!(state.enter(), entered, "{state:?}");
        let used = entered.map(|state| State(state.0 | REFERENCED));
        assert_eq!(state.enter_and_use(), used, "{state:?}");
        let guarded = (state.0 & (UPTODATE | LATCHED) == UPTODATE && state.0 & GUARDS != GUARDS)
            .then(|| State((state.0 + GUARD) | REFERENCED));
        assert_eq!(state.guard(), guarded, "{state:?}");
        let passed = (state.0 & REFERENCED != 0).then_some(State(state.0 & !REFERENCED));
        assert_eq!(state.pass_over(), passed, "{state:?}");
        let busy = WRITEBACK | GUARDED | GUARDS | PINS;
        let waits = state.0 & (LINKED | DIRTY) == LINKED | DIRTY && state.0 & busy == 0;
        assert_eq!(state.waits_for_pageout(), waits, "{state:?}");
    }
}
