//! Circles in a graph.

use std::collections::BTreeSet;

/// Where a node stands in the search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Pending,
    /// On the path from the root that is being followed.
    Open,
    Done,
}

/// A circle for each edge by which a depth-first search comes back to its own path: at least one of every
/// knot of nodes that reach each other. `edges` lists, for each node, those it leads to.
///
/// A circle begins with its least node.
pub(super) fn circles(edges: &[Vec<usize>]) -> BTreeSet<Vec<usize>> {
    let mut visits = vec![Visit::Pending; edges.len()];
    let mut circles = BTreeSet::new();
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
                    let on_circle = path.iter().map(|&(node, _)| node).skip_while(|&n| n != next);
                    circles.insert(from_least(on_circle.collect()));
                }
                Some(_) => {}
            }
        }
    }
    circles
}

fn from_least(mut circle: Vec<usize>) -> Vec<usize> {
    let least = circle.iter().enumerate().min_by_key(|&(_, node)| node);
    let start = least.map_or(0, |(position, _)| position);
    circle.rotate_left(start);
    circle
}

#[cfg(test)]
mod tests;
