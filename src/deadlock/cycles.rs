//! Cycles in a graph.

use std::collections::BTreeSet;

/// The state of a node in the search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Pending,
    /// On the current path from the root.
    Open,
    Done,
}

/// A cycle for each back edge of a depth-first search: at least one of every strongly connected component that
/// has one. `edges` lists the successors of each node.
///
/// A cycle begins with its least node.
pub(super) fn cycles(edges: &[Vec<usize>]) -> BTreeSet<Vec<usize>> {
    let mut visits = vec![Visit::Pending; edges.len()];
    let mut cycles = BTreeSet::new();
    for root in 0..edges.len() {
        if visits[root] != Visit::Pending {
            continue;
        }
        // The path, each node with the edges that are still to be followed from it.
        visits[root] = Visit::Open;
        let mut path = vec![(root, edges[root].iter())];
        while let Some((node, rest)) = path.last_mut() {
            let node = *node;
            match rest.next() {
                None => {
                    visits[node] = Visit::Done;
                    path.pop();
                }
                Some(&next) if visits[next] == Visit::Pending => {
                    visits[next] = Visit::Open;
                    path.push((next, edges[next].iter()));
                }
                Some(&next) if visits[next] == Visit::Open => {
                    let on_cycle = path.iter().map(|&(node, _)| node).skip_while(|&n| n != next);
                    cycles.insert(from_least(on_cycle.collect()));
                }
                Some(_) => {}
            }
        }
    }
    cycles
}

fn from_least(mut cycle: Vec<usize>) -> Vec<usize> {
    let least = cycle.iter().enumerate().min_by_key(|&(_, node)| node);
    let start = least.map_or(0, |(position, _)| position);
    cycle.rotate_left(start);
    cycle
}

#[cfg(test)]
mod tests;
