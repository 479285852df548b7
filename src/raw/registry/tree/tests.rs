use std::ops::ControlFlow;

use super::IntervalTree;
use crate::Span;

fn span(start: u64, end: u64) -> Span {
    Span::from_range(start..end)
}

fn overlapping(tree: &IntervalTree, wanted: Span) -> Vec<u32> {
    let mut found = Vec::new();
    let _ = tree.visit_overlapping(wanted, |id| {
        found.push(id);
        ControlFlow::<()>::Continue(())
    });
    found.sort_unstable();
    found
}

#[test]
fn agrees_with_a_list_over_random_insertions_replacements_and_removals() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut tree = IntervalTree::new();
    let mut list: Vec<(u32, Span)> = Vec::new();
    for step in 0..40_000 {
        let start = rng.u64(0..200);
        let wanted = span(start, start + rng.u64(1..30));
        match rng.u32(0..6) {
            0..=2 => list.push((tree.insert(wanted), wanted)),
            3 if !list.is_empty() => {
                let (id, _) = list.swap_remove(rng.usize(..list.len()));
                tree.remove(id);
            }
            4 if !list.is_empty() => {
                let at = rng.usize(..list.len());
                list[at].1 = wanted;
                tree.replace(list[at].0, wanted);
            }
            _ => {
                let mut expected: Vec<u32> =
                    list.iter().filter(|e| e.1.overlaps(wanted)).map(|e| e.0).collect();
                expected.sort_unstable();
                assert_eq!(overlapping(&tree, wanted), expected, "at step {step}");
            }
        }
        if step % 100 == 0 {
            tree.validate();
        }
        if list.len() > 700 {
            for (id, _) in list.drain(..) {
                tree.remove(id);
            }
            tree.validate();
            assert!(tree.is_empty());
        }
    }
}

#[test]
fn memory_follows_the_spans_down_again_and_levels_stay_few() {
    let mut tree = IntervalTree::new();
    let ids: Vec<u32> = (0..65_536).map(|i| tree.insert(span(i * 2, i * 2 + 1))).collect();
    tree.validate();
    assert!(tree.height <= 5, "{} levels", tree.height);
    // Spans in ascending order fill their nodes, but for one place: 4,370 leaves.
    assert!(tree.nodes.len() < 5_000, "{} nodes", tree.nodes.len());
    for &id in ids.iter().filter(|&id| id % 100 != 0) {
        tree.remove(id);
    }
    tree.validate();
    let used = tree.nodes.len() - tree.vacant_nodes.len();
    assert!(used <= 656, "656 spans are left in {used} nodes");
}

#[test]
fn equal_spans_are_told_apart_by_number() {
    let mut tree = IntervalTree::new();
    let ids: Vec<u32> = (0..100).map(|_| tree.insert(span(5, 6))).collect();
    for &id in &ids[..50] {
        tree.remove(id);
    }
    assert_eq!(overlapping(&tree, span(0, 10)), ids[50..]);
    tree.validate();
}

#[test]
fn spans_that_only_touch_do_not_overlap() {
    let mut tree = IntervalTree::new();
    tree.insert(span(0, 5));
    tree.insert(span(10, u64::MAX));
    assert!(overlapping(&tree, span(5, 10)).is_empty());
    assert_eq!(overlapping(&tree, span(u64::MAX - 1, u64::MAX)), [1]);
}
