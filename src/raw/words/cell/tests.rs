use std::sync::Barrier;
use std::thread;

use super::*;

#[test]
fn a_cell_whose_count_of_moves_is_full_keeps_its_claim() {
    let cells = Cells::new();
    let common = BOARD_CELLS as u32 - 1;
    cells.line(common).own.store((MOST_MOVES - 1) * MOVE, Ordering::Relaxed);
    let first = cells.try_take(common).expect("it is free");
    cells.settle(first);
    let seized = cells.seize(common).expect("its claim can be moved");
    cells.hand_on(seized);
    let last = cells.try_take(common).expect("it was handed on");
    assert_ne!(last, first);
    assert!(cells.has(last) && !cells.has(first) && !cells.keep(first));
    cells.settle(last);
    assert!(cells.seize(common).is_none(), "the next claim could not be told from the first");
    assert!(cells.keep(last));
}

#[test]
fn a_claim_that_is_being_released_is_not_moved() {
    let cells = Cells::new();
    let taken = cells.try_take(BOARD_CELLS as u32 - 1).expect("it is free");
    assert!(cells.seize(taken.cell()).is_none(), "it may have to leave");
    cells.settle(taken);
    assert!(cells.keep(taken) && cells.is_settled(taken.cell()));
    assert!(cells.seize(taken.cell()).is_none());
    cells.free(taken);
    assert_eq!(cells.try_take(taken.cell()), Some(taken));
}

/// So that a claim that reads the spans of others does not delay what these claims write next.
#[test]
fn the_state_and_the_span_of_a_cell_are_in_different_cache_lines() {
    let cells = Cells::new();
    let line = |word: &AtomicU64| std::ptr::from_ref(word).addr() / 64;
    for cell in 0..BOARD_CELLS as u32 {
        let (state, shown) = (cells.line(cell), cells.shown(cell));
        assert_eq!(line(&shown.start), line(&shown.end));
        assert_ne!(line(&state.own), line(&shown.start), "cell {cell}");
    }
}

#[test]
fn a_cell_shows_a_span_that_shares_a_bound_with_the_span_before() {
    let cells = Cells::new();
    for (start, end) in [(0, 9), (0, 9), (0, 5), (3, 5), (3, u64::MAX), (0, 9)] {
        cells.show(0, Span::from_range(start..end));
        assert_eq!(cells.span(0), Span::from_range(start..end));
    }
}

#[test]
fn a_thread_takes_its_home_without_looking_for_a_free_cell() {
    // Threads at the same time, so many that some have no cell of their own.
    let threads = BOARD_CELLS;
    let all_have_homes = Barrier::new(threads);
    let take = || {
        let home = sync::home_cell();
        all_have_homes.wait();
        let taken = Cells::new().take(|| unreachable!("its home is free"));
        assert_eq!(taken.map(TakenCell::cell), Some(home));
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(take))));
}
