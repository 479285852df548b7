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
    for step in 0..20_000 {
        let start = rng.u64(0..200);
        let wanted = span(start, start + rng.u64(1..30));
        match rng.u32(0..5) {
            0 | 1 => list.push((tree.insert(wanted), wanted)),
            2 if !list.is_empty() => {
                let (id, _) = list.swap_remove(rng.usize(..list.len()));
                tree.remove(id);
            }
            3 if !list.is_empty() => {
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
        if list.len() > 150 {
            for (id, _) in list.drain(..) {
                tree.remove(id);
            }
            assert!(tree.is_empty());
        }
    }
}

#[test]
fn ascending_starts_do_not_make_a_list_of_it() {
    let mut tree = IntervalTree::new();
    for start in 0..65_536 {
        tree.insert(span(start * 2, start * 2 + 1));
    }
    fn depth(tree: &IntervalTree, id: u32) -> usize {
        match tree.nodes.get(id as usize) {
            Some(node) => 1 + depth(tree, node.left).max(depth(tree, node.right)),
            None => 0,
        }
    }
    assert!(depth(&tree, tree.root) < 64);
    tree.validate();
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
