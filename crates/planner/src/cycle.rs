//! The shortest cycle in a graph that has one, for a message that a person can follow.
//!
//! Nothing here recurses, and a search never goes deeper than the shortest cycle found so far: a graph of many thousand
//! nodes with one long cycle costs a few walks through it.

use std::collections::VecDeque;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::DfsPostOrder;

/// One shortest cycle per strongly connected component, each as its nodes in the order of the edges, smallest first.
///
/// Kosaraju's algorithm, since petgraph's Tarjan recurses and overflows the stack on long chains (petgraph #399).
pub(crate) fn shortest_cycles<N, E>(graph: &DiGraph<N, E>) -> Vec<Vec<NodeIndex>> {
    let components = kosaraju_scc(graph);
    let mut component_of = vec![0; graph.node_count()];
    for (number, component) in components.iter().enumerate() {
        component.iter().for_each(|node| component_of[node.index()] = number);
    }
    let mut shortest: Vec<Option<Vec<NodeIndex>>> = vec![None; components.len()];
    let mut search = Search { component_of, came_from: vec![None; graph.node_count()] };
    for start in entries(graph, &search.component_of) {
        let best = &mut shortest[search.component_of[start.index()]];
        let below = best.as_ref().map_or(usize::MAX, Vec::len);
        if let Some(cycle) = search.from(graph, start, below) {
            *best = Some(cycle);
        }
    }
    let mut cycles: Vec<_> = shortest.into_iter().flatten().map(smallest_first).collect();
    cycles.sort();
    cycles
}

/// Nodes such that every cycle passes through one of them: where an edge leads back in a depth-first search.
fn entries<N, E>(graph: &DiGraph<N, E>, component_of: &[usize]) -> Vec<NodeIndex> {
    let mut place = vec![usize::MAX; graph.node_count()];
    let mut dfs = DfsPostOrder::empty(graph);
    let mut visited = 0;
    for root in graph.node_indices() {
        dfs.move_to(root);
        while let Some(node) = dfs.next(graph) {
            place[node.index()] = visited;
            visited += 1;
        }
    }
    let leads_back = |from: &NodeIndex, to: NodeIndex| {
        place[from.index()] <= place[to.index()] && component_of[from.index()] == component_of[to.index()]
    };
    let is_entry = |to: &NodeIndex| {
        graph.neighbors_directed(*to, petgraph::Direction::Incoming).any(|from| leads_back(&from, *to))
    };
    graph.node_indices().filter(is_entry).collect()
}

/// Breadth-first searches that stay within one component and share their memory.
struct Search {
    component_of: Vec<usize>,
    came_from: Vec<Option<NodeIndex>>,
}

impl Search {
    /// The shortest way from `start` back to itself, where it is shorter than `below`.
    fn from<N, E>(&mut self, graph: &DiGraph<N, E>, start: NodeIndex, below: usize) -> Option<Vec<NodeIndex>> {
        let mut queue = VecDeque::from([(start, 1)]);
        let mut touched = Vec::new();
        let mut found = None;
        'search: while let Some((node, length)) = queue.pop_front() {
            if length >= below {
                break;
            }
            for next in graph.neighbors(node) {
                if next == start {
                    found = Some(self.way_to(node));
                    break 'search;
                }
                let inside = self.component_of[next.index()] == self.component_of[start.index()];
                if inside && self.came_from[next.index()].is_none() {
                    self.came_from[next.index()] = Some(node);
                    touched.push(next);
                    queue.push_back((next, length + 1));
                }
            }
        }
        touched.iter().for_each(|node| self.came_from[node.index()] = None);
        found
    }

    fn way_to(&self, last: NodeIndex) -> Vec<NodeIndex> {
        let mut way: Vec<_> = std::iter::successors(Some(last), |node| self.came_from[node.index()]).collect();
        way.reverse();
        way
    }
}

fn smallest_first(mut cycle: Vec<NodeIndex>) -> Vec<NodeIndex> {
    let smallest = (0..cycle.len()).min_by_key(|at| cycle[*at]).unwrap_or(0);
    cycle.rotate_left(smallest);
    cycle
}
