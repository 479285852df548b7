use super::{disjoint, without};
use crate::Mode::{self, Exclusive, Shared};
use crate::Span;
use crate::raw::Part;

/// One cell per unit: the obviously correct result.
fn cells(parts: &[Part]) -> Vec<Option<Mode>> {
    let mut cells = vec![None; 40];
    for part in parts {
        for unit in part.span.range() {
            let cell = &mut cells[unit as usize];
            *cell = (*cell).max(Some(part.mode));
        }
    }
    cells
}

#[test]
fn overlapping_parts_become_disjoint_ones_and_exclusive_wins() {
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..10_000 {
        let parts: Vec<Part> = (0..rng.usize(..7))
            .map(|_| {
                let start = rng.u64(..30);
                let span = Span::from_range(start..start + rng.u64(..10));
                Part { span, mode: if rng.bool() { Shared } else { Exclusive } }
            })
            .collect();
        let disjoint = disjoint(parts.clone());
        assert_eq!(cells(&disjoint), cells(&parts), "{parts:?}");
        assert!(disjoint.is_sorted_by(|a, b| a.span.end() <= b.span.start()), "{disjoint:?}");
        assert!(disjoint.iter().all(|part| !part.span.is_empty()));
    }
}

/// Spans of one unit each, at every `step`th from `first` on.
fn comb(first: u64, step: u64, teeth: u64) -> Vec<Span> {
    (0..teeth).map(|n| first + n * step).map(|at| Span::from_range(at..at + 1)).collect()
}

#[test]
fn each_exclusive_span_is_visited_once_however_many_shared_ones_there_are() {
    for (spans, holes) in [
        (comb(0, 2, 1_000), comb(1, 2, 1_000)),
        (comb(0, 2, 1_000), comb(0, 2, 1_000)),
        (comb(0, 2, 1_000), vec![Span::from_range(0..2_000)]),
        (vec![Span::from_range(0..2_000)], comb(0, 2, 1_000)),
    ] {
        let mut looks = 0;
        let holes_in_all = holes.len();
        let left = without(spans.clone(), holes.iter().copied().inspect(|_| looks += 1));
        assert!(looks <= holes_in_all, "{looks} looks at {holes_in_all} spans");
        assert!(left.iter().all(|span| !holes.iter().any(|hole| hole.overlaps(*span))));
        let units = |spans: &[Span]| spans.iter().map(|span| span.len()).sum::<u64>();
        let covered = |span: &&Span| holes.iter().any(|hole| hole.overlaps(**span));
        if spans.len() > 1 {
            let spared = spans.iter().filter(|span| !covered(span)).count() as u64;
            assert_eq!(units(&left), spared);
        } else {
            assert_eq!(units(&left), 2_000 - holes_in_all as u64);
        }
    }
}
