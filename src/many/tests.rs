use super::disjoint;
use crate::Mode::{self, Exclusive, Shared};
use crate::Span;
use crate::raw::Part;

/// One cell per unit: the obviously right answer.
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
