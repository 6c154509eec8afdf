//! The dependency graph over all sets of all databases (petgraph, private to this module).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::Direction as Way;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::Serialize;

use crate::cycle::shortest_cycles;
use crate::inferred::infer;
use crate::resolve::Resolver;
use crate::{Catalog, Finding, Kind, Migration, MigrationId, Place, SetName};

/// A migration's index in [`Catalog::migrations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MigrationIx(pub usize);

/// Why one migration waits for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum EdgeKind {
    /// It stands before it in the same set.
    Sequence,
    /// A header or a dependency file says so.
    Declared {
        /// Where.
        place: Place,
    },
    /// Its set comes after the other's: orders pending work only.
    After,
    /// A job of it calls what the other one makes; gives way to all the others.
    Inferred {
        /// Where the job is written.
        place: Place,
        /// What it calls.
        routine: String,
    },
}

/// One edge: `later` waits for `earlier`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge<'a> {
    /// What comes first.
    pub earlier: MigrationIx,
    /// What waits.
    pub later: MigrationIx,
    /// Why.
    pub kind: &'a EdgeKind,
}

/// The dependency graph of a catalog, free of cycles.
#[derive(Debug)]
pub struct Graph<'a> {
    catalog: &'a Catalog,
    graph: DiGraph<(), EdgeKind>,
    order: Vec<MigrationIx>,
    index: HashMap<&'a MigrationId, MigrationIx>,
    remarks: Vec<Finding>,
}

impl<'a> Graph<'a> {
    /// Builds the graph; every missing or ambiguous reference, duplicate and cycle becomes a finding, all in one go.
    ///
    /// # Errors
    /// All findings, at least one of them an error; the catalog's own errors among them.
    pub fn build(catalog: &'a Catalog) -> Result<Self, Vec<Finding>> {
        let mut findings: Vec<_> = catalog.findings.iter().filter(|finding| finding.is_error()).cloned().collect();
        duplicates(catalog, &mut findings);
        unknown_names(catalog, &mut findings);
        let mut edges = edges(catalog, &mut findings);
        let remarks = infer(catalog, &mut edges);
        let mut graph = DiGraph::with_capacity(catalog.migrations.len(), edges.len());
        for _ in &catalog.migrations {
            graph.add_node(());
        }
        graph.extend_with_edges(edges.into_iter().map(|((earlier, later), kind)| (node(earlier), node(later), kind)));
        let order = stable_order(catalog, &graph);
        if order.len() < catalog.migrations.len() {
            findings.extend(shortest_cycles(&graph).iter().map(|cycle| cycle_finding(catalog, &graph, cycle)));
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let index = order.iter().map(|ix| (&catalog.migrations[ix.0].id, *ix)).collect();
        Ok(Self { catalog, graph, order, index, remarks })
    }

    /// The catalog it was built from.
    #[must_use]
    pub fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// What was found while it was built and stops nothing, such as an inferred edge that gave way.
    #[must_use]
    pub fn remarks(&self) -> &[Finding] {
        &self.remarks
    }

    /// The migration at `ix`.
    #[must_use]
    pub fn migration(&self, ix: MigrationIx) -> &'a Migration {
        &self.catalog.migrations[ix.0]
    }

    /// All migrations, each behind everything it waits for; the same catalog always gives the same order.
    #[must_use]
    pub fn order(&self) -> &[MigrationIx] {
        &self.order
    }

    /// What `ix` waits for directly.
    pub fn earlier(&self, ix: MigrationIx) -> impl Iterator<Item = Edge<'_>> {
        self.edges(ix, Way::Incoming)
    }

    /// What waits for `ix` directly.
    pub fn later(&self, ix: MigrationIx) -> impl Iterator<Item = Edge<'_>> {
        self.edges(ix, Way::Outgoing)
    }

    /// The index of a migration by its id.
    #[must_use]
    pub fn find(&self, id: &MigrationId) -> Option<MigrationIx> {
        self.index.get(id).copied()
    }

    /// The one migration that `text` names: `set/version`, `service/version`, or a version that only one bears.
    ///
    /// # Errors
    /// A finding that suggests what may have been meant.
    pub fn named(&self, text: &str) -> Result<MigrationIx, Finding> {
        crate::select::named(self, &self.order.iter().copied().collect(), text, "migration")
    }

    fn edges(&self, ix: MigrationIx, way: Way) -> impl Iterator<Item = Edge<'_>> {
        let mut edges: Vec<_> = self
            .graph
            .edges_directed(node(ix), way)
            .map(|edge| Edge {
                earlier: migration(edge.source()),
                later: migration(edge.target()),
                kind: edge.weight(),
            })
            .collect();
        edges.sort_by_key(|edge| (edge.earlier, edge.later));
        edges.into_iter()
    }
}

fn node(ix: MigrationIx) -> NodeIndex {
    NodeIndex::new(ix.0)
}

fn migration(node: NodeIndex) -> MigrationIx {
    MigrationIx(node.index())
}

/// Edges by what comes first and what waits.
pub(crate) type Edges = BTreeMap<(MigrationIx, MigrationIx), EdgeKind>;

/// All edges; of several between the same two the strongest stays: declared, then sequence, then after.
fn edges(catalog: &Catalog, findings: &mut Vec<Finding>) -> Edges {
    let mut edges = Edges::new();
    for (dependent, needed, place) in Resolver::new(catalog).declared(findings) {
        if dependent == needed {
            let id = &catalog.migrations[dependent.0].id;
            findings.push(Finding::error("dependency-self", format!("`{id}` depends on itself")).at(place).of(id));
        } else {
            edges.entry((needed, dependent)).or_insert(EdgeKind::Declared { place });
        }
    }
    let sets = sequences(catalog);
    add_sequences(catalog, &sets, &mut edges);
    add_after(catalog, &sets, &mut edges);
    edges
}

/// Every set's migrations in the order of its sequence: versioned ones and seeds by version, then repeatables by name.
fn sequences(catalog: &Catalog) -> BTreeMap<&SetName, Vec<MigrationIx>> {
    let mut sets: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, migration) in catalog.migrations.iter().enumerate() {
        sets.entry(migration.set()).or_default().push(MigrationIx(number));
    }
    for members in sets.values_mut() {
        members.sort_by_key(|ix| {
            let migration = &catalog.migrations[ix.0];
            (migration.kind == Kind::Repeatable, &migration.id.version)
        });
    }
    sets
}

/// Versioned migrations form a chain; seeds and repeatables hang on it, and nothing of the sequence waits for them.
fn add_sequences(catalog: &Catalog, sets: &BTreeMap<&SetName, Vec<MigrationIx>>, edges: &mut Edges) {
    for members in sets.values() {
        let mut last = None;
        for ix in members {
            if let Some(before) = last {
                edges.entry((before, *ix)).or_insert(EdgeKind::Sequence);
            }
            if catalog.migrations[ix.0].kind == Kind::Versioned {
                last = Some(*ix);
            }
        }
    }
}

/// The first of a set waits for the last of the sets it comes after; the rest follows by sequence.
fn add_after(catalog: &Catalog, sets: &BTreeMap<&SetName, Vec<MigrationIx>>, edges: &mut Edges) {
    let is_versioned = |ix: &MigrationIx| catalog.migrations[ix.0].kind == Kind::Versioned;
    let members = |name: &SetName| sets.get(name).map_or(&[][..], Vec::as_slice);
    for set in catalog.sets.values() {
        let mine = members(&set.name);
        let heads = &mine[..mine.iter().position(is_versioned).map_or(mine.len(), |first| first + 1)];
        for (name, _) in &set.after {
            let theirs = members(name);
            let last = theirs.iter().rposition(is_versioned);
            let is_tail = |at: usize| Some(at) == last || !is_versioned(&theirs[at]);
            for earlier in (0..theirs.len()).filter(|at| is_tail(*at)).map(|at| theirs[at]) {
                for later in heads {
                    edges.entry((earlier, *later)).or_insert(EdgeKind::After);
                }
            }
        }
    }
}

/// Kahn's algorithm with the smallest (set, place in the sequence) first, so that equal catalogs give equal plans.
/// What is on a cycle, or behind one, is left out.
fn stable_order(catalog: &Catalog, graph: &DiGraph<(), EdgeKind>) -> Vec<MigrationIx> {
    let mut by_name: Vec<_> = (0..catalog.migrations.len()).collect();
    by_name
        .sort_by_key(|number| (catalog.migrations[*number].kind == Kind::Repeatable, &catalog.migrations[*number].id));
    let mut rank = vec![0; by_name.len()];
    by_name.iter().enumerate().for_each(|(place, number)| rank[*number] = place);
    let mut open: Vec<_> = graph.node_indices().map(|node| graph.edges_directed(node, Way::Incoming).count()).collect();
    let mut ready: BTreeSet<_> =
        graph.node_indices().filter(|node| open[node.index()] == 0).map(|node| (rank[node.index()], node)).collect();
    let mut order = Vec::with_capacity(open.len());
    while let Some((_, node)) = ready.pop_first() {
        order.push(migration(node));
        for next in graph.neighbors(node) {
            open[next.index()] -= 1;
            if open[next.index()] == 0 {
                ready.insert((rank[next.index()], next));
            }
        }
    }
    order
}

fn duplicates(catalog: &Catalog, findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<&MigrationId, &Migration> = BTreeMap::new();
    for migration in &catalog.migrations {
        if let Some(first) = seen.insert(&migration.id, migration) {
            let message = format!("`{}` is there twice", migration.id);
            findings.push(
                Finding::error("version-duplicate", message)
                    .at(migration.place.clone())
                    .also("the same version", first.place.clone())
                    .hint("give one of the files a new version")
                    .of(&migration.id),
            );
        }
    }
}

fn unknown_names(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for set in catalog.sets.values() {
        if !catalog.targets.contains_key(&set.target) {
            let message = format!("set `{}` names the target `{}`, which is not declared", set.name, set.target);
            let known = catalog.targets.keys().map(crate::TargetName::as_str);
            let hint = crate::resolve::closest(set.target.as_str(), known)
                .map_or_else(|| format!("add [targets.{}]", set.target), |name| format!("did you mean `{name}`?"));
            findings.push(Finding::error("target-unknown", message).at(set.place.clone()).hint(hint));
        }
        for (after, place) in set.after.iter().filter(|(after, _)| !catalog.sets.contains_key(after)) {
            let message = format!("set `{}` comes after `{after}`, which is not declared", set.name);
            let hint = crate::resolve::closest(after.as_str(), catalog.sets.keys().map(SetName::as_str)).map_or_else(
                || "sets are declared under [services]".to_owned(),
                |name| format!("did you mean `{name}`?"),
            );
            findings.push(Finding::error("set-unknown", message).at(place.clone()).hint(hint));
        }
    }
}

fn cycle_finding(catalog: &Catalog, graph: &DiGraph<(), EdgeKind>, cycle: &[NodeIndex]) -> Finding {
    let id = |node: NodeIndex| &catalog.migrations[node.index()].id;
    let mut path: Vec<_> = cycle.iter().rev().map(|node| format!("`{}`", id(*node))).collect();
    path.push(path[0].clone());
    let mut finding =
        Finding::error("dependency-cycle", format!("the dependencies form a cycle: {}", path.join(" needs ")));
    for (at, earlier) in cycle.iter().enumerate() {
        let later = cycle[(at + 1) % cycle.len()];
        let edge = graph.find_edge(*earlier, later).expect("consecutive nodes of a cycle are connected");
        let what = format!("`{}` needs `{}`", id(later), id(*earlier));
        finding = match &graph[edge] {
            EdgeKind::Declared { place } if finding.place.is_none() => finding.at(place.clone()),
            EdgeKind::Declared { place } | EdgeKind::Inferred { place, .. } => finding.also(what, place.clone()),
            EdgeKind::Sequence => finding
                .also(format!("{what} by the order of their set"), catalog.migrations[later.index()].place.clone()),
            EdgeKind::After => finding.also(format!("{what} by `after`"), catalog.sets[&id(later).set].place.clone()),
        };
    }
    finding.hint("remove one of these dependencies")
}
