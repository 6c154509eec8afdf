//! The part of the dependency graph that is drawn, as one value that text, DOT, Mermaid, SVG and JSON all show.
//!
//! What follows from other edges is left out: between sets every edge that a longer path implies, between migrations the
//! `after` edges of all but a set's last ones. The order stays the same, and the picture stays readable.

use std::collections::{BTreeMap, HashMap};

use dunlin_planner::{
    Edge, EdgeKind, Graph, MigrationIx, Place, Selection, ServiceName, SetName, TargetKind, TargetName,
};
use serde::Serialize;

use crate::clean::one_line;

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// One node per migration set; an edge counts the dependencies between two.
    Sets,
    /// One node per migration.
    Migrations,
}

/// Why there is an edge, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line {
    Sequence,
    After,
    Inferred,
    Declared,
}

impl Line {
    fn of(kind: &EdgeKind) -> Self {
        match kind {
            EdgeKind::Sequence => Self::Sequence,
            EdgeKind::After => Self::After,
            EdgeKind::Declared { .. } => Self::Declared,
            EdgeKind::Inferred { .. } => Self::Inferred,
        }
    }
}

/// A migration or a set.
#[derive(Debug)]
pub(crate) struct Node<'g> {
    pub(crate) id: String,
    pub(crate) about: String,
    pub(crate) target: &'g TargetName,
    pub(crate) service: &'g ServiceName,
    pub(crate) migrations: usize,
    pub(crate) pulled_in: bool,
}

/// `to` waits for `from`, both indexes of [`Picture::nodes`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link<'g> {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) line: Line,
    /// How many dependencies of its kind it stands for.
    pub(crate) count: usize,
    pub(crate) place: Option<&'g Place>,
}

/// What is drawn.
#[derive(Debug)]
pub(crate) struct Picture<'g> {
    pub(crate) level: Level,
    pub(crate) nodes: Vec<Node<'g>>,
    pub(crate) links: Vec<Link<'g>>,
    kinds: BTreeMap<&'g TargetName, TargetKind>,
}

impl<'g> Picture<'g> {
    /// The selected part of `graph`.
    pub(crate) fn of(graph: &'g Graph<'_>, selection: &Selection, level: Level) -> Self {
        let kinds = graph.catalog().targets.values().map(|target| (&target.name, target.kind)).collect();
        let mut picture = Self { level, nodes: Vec::new(), links: Vec::new(), kinds };
        let mut node_of: HashMap<MigrationIx, usize> = HashMap::new();
        let mut set_node: HashMap<&SetName, usize> = HashMap::new();
        for ix in graph.order().iter().copied().filter(|ix| selection.contains(*ix)) {
            let chosen = selection.is_chosen(ix);
            let node = match level {
                Level::Migrations => picture.add(graph, ix, graph.migration(ix).id.to_string()),
                Level::Sets => *set_node
                    .entry(graph.migration(ix).set())
                    .or_insert_with(|| picture.add(graph, ix, graph.migration(ix).set().to_string())),
            };
            picture.nodes[node].migrations += 1;
            picture.nodes[node].pulled_in &= !chosen;
            node_of.insert(ix, node);
        }
        picture.link(graph, &node_of);
        picture
    }

    fn add(&mut self, graph: &'g Graph<'_>, ix: MigrationIx, id: String) -> usize {
        let migration = graph.migration(ix);
        let set = &graph.catalog().sets[migration.set()];
        let about = match self.level {
            Level::Migrations => one_line(&migration.name),
            Level::Sets => String::new(),
        };
        let (target, service) = (&set.target, &set.service);
        self.nodes.push(Node { id, about, target, service, migrations: 0, pulled_in: true });
        self.nodes.len() - 1
    }

    fn link(&mut self, graph: &'g Graph<'_>, node_of: &HashMap<MigrationIx, usize>) {
        let mut links: BTreeMap<(usize, usize), Link<'g>> = BTreeMap::new();
        let follows = |edge: Edge<'_>| *edge.kind == EdgeKind::Sequence && node_of.contains_key(&edge.later);
        let ends_its_set = |ix| !graph.later(ix).any(follows);
        for (later, to) in node_of.iter().map(|(ix, node)| (*ix, *node)) {
            for edge in graph.earlier(later) {
                let Some(from) = node_of.get(&edge.earlier).copied().filter(|from| *from != to) else { continue };
                if *edge.kind == EdgeKind::After && !ends_its_set(edge.earlier) {
                    continue;
                }
                let line = Line::of(edge.kind);
                let link = links.entry((from, to)).or_insert(Link { from, to, line, count: 0, place: None });
                if line > link.line {
                    (link.line, link.count) = (line, 0);
                }
                link.count += usize::from(line == link.line);
                if let (Level::Migrations, EdgeKind::Declared { place }) = (self.level, edge.kind) {
                    link.place = Some(place);
                }
            }
        }
        self.links = links.into_values().collect();
        if self.level == Level::Sets {
            self.links = reduced(self.nodes.len(), std::mem::take(&mut self.links));
        }
    }

    /// The nodes of every database, with what the database is.
    pub(crate) fn clusters(&self) -> Vec<(String, Vec<usize>)> {
        let mut clusters: BTreeMap<&TargetName, Vec<usize>> = BTreeMap::new();
        for (number, node) in self.nodes.iter().enumerate() {
            clusters.entry(node.target).or_default().push(number);
        }
        let named = |target: &TargetName| format!("{target} ({})", self.kinds[target]);
        clusters.into_iter().map(|(target, nodes)| (named(target), nodes)).collect()
    }

    /// What stands on a link between two sets: how many dependencies it stands for.
    pub(crate) fn label(&self, link: &Link<'_>) -> Option<String> {
        match (self.level, link.line) {
            (Level::Sets, Line::Declared) if link.count > 1 => Some(format!("{}×", link.count)),
            (Level::Sets, Line::After) => Some("after".to_owned()),
            (_, Line::Inferred) => Some("inferred".to_owned()),
            (Level::Sets | Level::Migrations, _) => None,
        }
    }

    /// The second line of a node.
    pub(crate) fn caption(&self, node: &Node<'_>) -> String {
        match self.level {
            Level::Migrations => node.about.clone(),
            Level::Sets => crate::style::count(node.migrations, "migration"),
        }
    }
}

/// `links` without those that a longer path implies. Sets may need each other mutually; then every node still reaches what
/// it reached before.
fn reduced<'g>(nodes: usize, links: Vec<Link<'g>>) -> Vec<Link<'g>> {
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    links.iter().for_each(|link| next[link.from].push(link.to));
    let mut kept = Vec::with_capacity(links.len());
    for link in links {
        next[link.from].retain(|to| *to != link.to);
        if !reaches(&next, link.from, link.to) {
            next[link.from].push(link.to);
            kept.push(link);
        }
    }
    kept
}

fn reaches(next: &[Vec<usize>], from: usize, to: usize) -> bool {
    let mut seen = vec![false; next.len()];
    let mut stack = vec![from];
    while let Some(node) = stack.pop() {
        if node == to {
            return true;
        }
        if !std::mem::replace(&mut seen[node], true) {
            stack.extend(&next[node]);
        }
    }
    false
}
