//! The shortest cycle in a graph that has one, for a message that a person can follow.

use std::collections::VecDeque;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// One shortest cycle per strongly connected component, each as its nodes in the order of the edges.
///
/// Kosaraju's algorithm, since petgraph's Tarjan recurses and overflows the stack on long chains (petgraph #399).
pub(crate) fn shortest_cycles<N, E>(graph: &DiGraph<N, E>) -> Vec<Vec<NodeIndex>> {
    let mut component_of = vec![usize::MAX; graph.node_count()];
    let components = kosaraju_scc(graph);
    for (number, component) in components.iter().enumerate() {
        component.iter().for_each(|node| component_of[node.index()] = number);
    }
    let mut cycles: Vec<_> = components
        .iter()
        .filter_map(|component| {
            let inside = |node: NodeIndex| component_of[node.index()] == component_of[component[0].index()];
            component
                .iter()
                .filter_map(|start| shortest_from(graph, *start, &inside))
                .min_by_key(|cycle| (cycle.len(), cycle.clone()))
        })
        .collect();
    cycles.sort();
    cycles
}

/// The shortest way from `start` back to itself, by breadth-first search.
fn shortest_from<N, E>(
    graph: &DiGraph<N, E>,
    start: NodeIndex,
    inside: &dyn Fn(NodeIndex) -> bool,
) -> Option<Vec<NodeIndex>> {
    let mut came_from = vec![None; graph.node_count()];
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in graph.neighbors(node).filter(|next| inside(*next)) {
            if next == start {
                let mut cycle = vec![node];
                while let Some(before) = came_from[cycle[cycle.len() - 1].index()] {
                    cycle.push(before);
                }
                cycle.reverse();
                return Some(cycle);
            }
            if came_from[next.index()].is_none() {
                came_from[next.index()] = Some(node);
                queue.push_back(next);
            }
        }
    }
    None
}
