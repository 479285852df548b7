use std::ops::ControlFlow;

use super::{IntervalTree, Sought, Traits};
use crate::{Mode, Span};

fn span(start: u64, end: u64) -> Span {
    Span::from_range(start..end)
}

const PLAIN: Traits = Traits { mode: Mode::Shared, is_waiting: false };

fn overlapping(tree: &IntervalTree, wanted: Span) -> Vec<u32> {
    sought(tree, Sought::All, wanted)
}

fn sought(tree: &IntervalTree, sought: Sought, wanted: Span) -> Vec<u32> {
    let mut found = Vec::new();
    let _ = tree.visit_overlapping(sought, wanted, |id| {
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
    let mut list: Vec<(u32, Span, Traits)> = Vec::new();
    for step in 0..40_000 {
        let start = rng.u64(0..200);
        let wanted = span(start, start + rng.u64(1..30));
        let mode = if rng.u32(..4) == 0 { Mode::Exclusive } else { Mode::Shared };
        let traits = Traits { mode, is_waiting: rng.u32(..4) == 0 };
        match rng.u32(0..7) {
            0..=2 => list.push((tree.insert(wanted, traits), wanted, traits)),
            3 if !list.is_empty() => {
                let (id, ..) = list.swap_remove(rng.usize(..list.len()));
                tree.remove(id);
            }
            4 if !list.is_empty() => {
                let at = rng.usize(..list.len());
                let (id, _, traits) = list.swap_remove(at);
                tree.remove(id);
                list.push((tree.insert(wanted, traits), wanted, traits));
            }
            5 if !list.is_empty() => {
                let at = rng.usize(..list.len());
                list[at].2 = traits;
                tree.set_traits(list[at].0, traits);
            }
            _ => {
                let expect = |which: Sought, is_such: fn(&Traits) -> bool| {
                    let such = list.iter().filter(|e| e.1.overlaps(wanted) && is_such(&e.2));
                    let mut expected: Vec<u32> = such.map(|e| e.0).collect();
                    expected.sort_unstable();
                    assert_eq!(sought(&tree, which, wanted), expected, "{which:?} at step {step}");
                };
                expect(Sought::All, |_| true);
                expect(Sought::Exclusive, |traits| traits.mode == Mode::Exclusive);
                expect(Sought::Waiting, |traits| traits.is_waiting);
            }
        }
        if step % 100 == 0 {
            tree.validate();
        }
        if list.len() > 700 {
            for (id, ..) in list.drain(..) {
                tree.remove(id);
            }
            tree.validate();
            assert!(tree.is_empty());
        }
    }
}

#[test]
fn memory_is_used_again_after_removals_and_the_tree_stays_shallow() {
    let mut tree = IntervalTree::new();
    let ids: Vec<u32> = (0..65_536).map(|i| tree.insert(span(i * 2, i * 2 + 1), PLAIN)).collect();
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
fn equal_spans_are_distinguished_by_number() {
    let mut tree = IntervalTree::new();
    let ids: Vec<u32> = (0..100).map(|_| tree.insert(span(5, 6), PLAIN)).collect();
    for &id in &ids[..50] {
        tree.remove(id);
    }
    assert_eq!(overlapping(&tree, span(0, 10)), ids[50..]);
    tree.validate();
}

#[test]
fn spans_that_only_touch_do_not_overlap() {
    let mut tree = IntervalTree::new();
    tree.insert(span(0, 5), PLAIN);
    tree.insert(span(10, u64::MAX), PLAIN);
    assert!(overlapping(&tree, span(5, 10)).is_empty());
    assert_eq!(overlapping(&tree, span(u64::MAX - 1, u64::MAX)), [1]);
}
