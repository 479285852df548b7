use super::cycles;

fn found(edges: &[&[usize]]) -> Vec<Vec<usize>> {
    let edges: Vec<Vec<usize>> = edges.iter().map(|edges| edges.to_vec()).collect();
    cycles(&edges).into_iter().collect()
}

#[test]
fn a_chain_a_tree_and_a_diamond_have_no_cycle() {
    assert!(found(&[&[1], &[2], &[]]).is_empty());
    assert!(found(&[&[1, 2], &[3], &[3], &[]]).is_empty());
    assert!(found(&[]).is_empty());
}

#[test]
fn a_cycle_begins_with_its_least_node_and_leaves_out_nodes_that_only_lead_to_it() {
    assert_eq!(found(&[&[3], &[2], &[3], &[1]]), [[1, 2, 3]]);
    assert_eq!(found(&[&[0]]), [[0]]);
}

#[test]
fn cycles_that_share_a_node_are_both_found() {
    assert_eq!(found(&[&[1, 2], &[0], &[0]]), [[0, 1], [0, 2]]);
}

#[test]
fn a_cycle_is_found_exactly_if_a_node_reaches_itself() {
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..2_000 {
        let nodes = rng.usize(1..9);
        let edges: Vec<Vec<usize>> = (0..nodes)
            .map(|_| (0..nodes).filter(|_| rng.u32(..nodes as u32 * 2) < 2).collect())
            .collect();
        let mut reaches = vec![vec![false; nodes]; nodes];
        edges.iter().enumerate().for_each(|(a, to)| to.iter().for_each(|&b| reaches[a][b] = true));
        for via in 0..nodes {
            for a in 0..nodes {
                for b in 0..nodes {
                    reaches[a][b] |= reaches[a][via] && reaches[via][b];
                }
            }
        }
        let found = cycles(&edges);
        assert_eq!(!found.is_empty(), (0..nodes).any(|node| reaches[node][node]), "{edges:?}");
        for cycle in found {
            let next = cycle.iter().cycle().skip(1);
            assert!(cycle.iter().zip(next).all(|(&a, b)| edges[a].contains(b)), "{cycle:?}");
        }
    }
}
