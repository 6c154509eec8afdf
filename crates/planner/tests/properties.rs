//! Properties that hold for every project.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_planner::{
    Catalog, DownRequest, DownScope, EdgeKind, Finding, Graph, Kind, MigrationIx, Observed, Plan, Scope, Selection,
    StepIx, TargetName, UpRequest, plan_down, plan_up,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::support::{Shape, apply, observe};

type Observations = BTreeMap<TargetName, Observed>;

fn shapes() -> impl Strategy<Value = Shape> {
    let kind = prop_oneof![3 => Just(Kind::Versioned), 1 => Just(Kind::Repeatable), 1 => Just(Kind::Seed)];
    let pairs = || (0..24usize, 0..24usize);
    let parts = (vec(0..3usize, 1..6), vec(pairs(), 0..3), vec((0..6usize, kind), 1..24), btree_set(pairs(), 0..30));
    parts.prop_map(|(sets, after, migrations, needs)| Shape { sets, after, migrations, needs }.acyclic())
}

/// Versioned migrations that need each other in any direction.
fn tangles() -> impl Strategy<Value = Shape> {
    let parts = (vec(0..3usize, 1..6), vec(0..6usize, 2..24), btree_set((0..24usize, 0..24usize), 0..12));
    parts.prop_map(|(sets, migrations, needs)| {
        let count = migrations.len();
        let migrations = migrations.into_iter().map(|set| (set % sets.len(), Kind::Versioned)).collect();
        let needs = needs.into_iter().map(|(left, right)| (left % count, right % count));
        let needs = needs.filter(|(left, right)| left != right).collect();
        Shape { sets, after: Vec::new(), migrations, needs }
    })
}

fn up(graph: &Graph<'_>, observed: &Observations) -> Plan {
    let everything = Selection::of(graph, &Scope::default()).unwrap();
    plan_up(graph, &everything, observed, UpRequest::default())
}

fn built(catalog: &Catalog) -> Graph<'_> {
    Graph::build(catalog).unwrap()
}

/// Ledgers in which `applied` says of each step of the first plan whether it is there, by its number.
fn partly(graph: &Graph<'_>, applied: impl Fn(StepIx) -> bool) -> Observations {
    let mut observed = observe(graph.catalog());
    let plan = up(graph, &observed);
    apply(&mut observed, &plan, plan.indexes().filter(|ix| applied(*ix)));
    observed
}

fn steps(graph: &Graph<'_>, plan: &Plan) -> Vec<MigrationIx> {
    plan.steps.iter().map(|step| graph.find(&step.id).unwrap()).collect()
}

/// Everything that `start` leads to by `next`, without `start` unless it leads back.
fn reach<T: Copy + Ord>(start: T, next: impl Fn(T) -> Vec<T>) -> BTreeSet<T> {
    let mut found = BTreeSet::new();
    let mut stack = vec![start];
    while let Some(node) = stack.pop() {
        stack.extend(next(node).into_iter().filter(|next| found.insert(*next)));
    }
    found
}

fn before(graph: &Graph<'_>, ix: MigrationIx) -> BTreeSet<MigrationIx> {
    reach(ix, |ix| graph.earlier(ix).map(|edge| edge.earlier).collect())
}

/// Steps wait for earlier ones, and so for exactly those that the graph puts before them.
fn assert_waits(graph: &Graph<'_>, plan: &Plan) {
    let nodes = steps(graph, plan);
    let mut behind: Vec<BTreeSet<MigrationIx>> = Vec::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let mut all = BTreeSet::new();
        for wait in &step.waits {
            assert!(wait.step.0 < at, "{} waits for a later step", step.id);
            all.insert(nodes[wait.step.0]);
            all.extend(&behind[wait.step.0]);
        }
        let expected: BTreeSet<_> = before(graph, nodes[at]).into_iter().filter(|ix| nodes.contains(ix)).collect();
        assert_eq!(all, expected, "{}", step.id);
        behind.push(all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_extends_every_edge(shape in shapes()) {
        let catalog = shape.catalog();
        let graph = built(&catalog);
        let place: BTreeMap<_, _> = graph.order().iter().enumerate().map(|(place, ix)| (*ix, place)).collect();
        prop_assert_eq!(place.len(), shape.migrations.len());
        for (later, earlier) in &shape.needs {
            prop_assert!(place[&MigrationIx(*earlier)] < place[&MigrationIx(*later)]);
        }
        for later in 0..shape.migrations.len() {
            for earlier in 0..shape.migrations.len() {
                let ((later_set, later_kind), (set, kind)) = (shape.migrations[later], shape.migrations[earlier]);
                let in_sequence = set == later_set
                    && kind == Kind::Versioned
                    && ((later_kind == Kind::Repeatable) || earlier < later)
                    && earlier != later;
                if in_sequence || shape.after.contains(&(later_set, set)) {
                    prop_assert!(place[&MigrationIx(earlier)] < place[&MigrationIx(later)], "{earlier} < {later}");
                }
            }
        }
    }

    #[test]
    fn a_selection_holds_exactly_what_it_needs(shape in shapes(), chosen in 0..6usize) {
        let catalog = shape.catalog();
        let graph = built(&catalog);
        let service = format!("s{}", chosen % shape.sets.len());
        let selection = Selection::of(&graph, &Scope { services: vec![service.clone()], ..Scope::default() }).unwrap();
        let needed = |ix| {
            let edges = graph.earlier(ix).filter(|edge| *edge.kind != EdgeKind::After);
            edges.map(|edge| edge.earlier).collect::<Vec<_>>()
        };
        let mut expected = BTreeSet::new();
        for ix in graph.order().iter().copied().filter(|ix| graph.migration(*ix).set().as_str() == service) {
            prop_assert!(selection.is_chosen(ix));
            expected.insert(ix);
            expected.extend(reach(ix, needed));
        }
        for ix in graph.order().iter().copied() {
            prop_assert_eq!(selection.contains(ix), expected.contains(&ix));
            if let Some(by) = selection.pulled_in_by(ix) {
                prop_assert!(selection.is_chosen(by) && reach(by, needed).contains(&ix));
            }
        }
    }

    #[test]
    fn planning_twice_gives_the_same(shape in shapes(), applied in any::<u32>()) {
        let plan = || {
            let catalog = shape.catalog();
            let graph = built(&catalog);
            serde_json::to_string(&up(&graph, &partly(&graph, |ix| applied >> ix.0 & 1 == 1))).unwrap()
        };
        prop_assert_eq!(plan(), plan());
    }

    #[test]
    fn the_order_of_the_files_is_of_no_account(shape in shapes()) {
        let sorted = shape.catalog();
        let mut turned = sorted.clone();
        turned.migrations.reverse();
        let ids = |catalog: &Catalog| {
            let graph = built(catalog);
            up(&graph, &observe(catalog)).steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>()
        };
        prop_assert_eq!(ids(&sorted), ids(&turned));
    }

    #[test]
    fn after_everything_is_applied_nothing_is_left(shape in shapes()) {
        let catalog = shape.catalog();
        let graph = built(&catalog);
        let plan = up(&graph, &partly(&graph, |_| true));
        prop_assert_eq!((plan.steps.len(), plan.held.len(), plan.findings.len()), (0, 0, 0));
        prop_assert_eq!(plan.settled, shape.migrations.len());
    }

    #[test]
    fn after_a_part_is_applied_the_rest_is_left(shape in shapes(), wanted in any::<u32>()) {
        let catalog = shape.catalog();
        let graph = built(&catalog);
        let first = steps(&graph, &up(&graph, &observe(&catalog)));
        let mut part = BTreeSet::new();
        for ix in first.iter().enumerate().filter(|(at, _)| wanted >> at & 1 == 1).map(|(_, ix)| *ix) {
            part.insert(ix);
            part.extend(before(&graph, ix));
        }
        let observed = partly(&graph, |step| part.contains(&first[step.0]));
        let plan = up(&graph, &observed);
        prop_assert_eq!(&plan.findings, &Vec::<Finding>::new());
        let rest: Vec<_> = first.into_iter().filter(|ix| !part.contains(ix)).collect();
        prop_assert_eq!(steps(&graph, &plan), rest);
        assert_waits(&graph, &plan);
    }

    #[test]
    fn waits_follow_the_graph_whatever_is_applied(shape in shapes(), applied in any::<u32>()) {
        let catalog = shape.catalog();
        let graph = built(&catalog);
        let plan = up(&graph, &partly(&graph, |ix| applied >> ix.0 & 1 == 1));
        assert_waits(&graph, &plan);
    }

    #[test]
    fn the_longest_path_counts_the_steps_behind(shape in shapes()) {
        let catalog = shape.catalog();
        let graph = built(&catalog);
        let plan = up(&graph, &observe(&catalog));
        for ix in plan.indexes() {
            let behind = plan.steps.iter().filter(|step| step.waits.iter().any(|wait| wait.step == ix));
            let longest = behind.map(|step| step.remaining).max().unwrap_or(0);
            prop_assert_eq!(plan.step(ix).remaining, longest + 1);
        }
    }

    #[test]
    fn a_cascade_takes_exactly_the_dependents(shape in shapes(), applied in any::<u32>(), which in 0..24usize) {
        let catalog = shape.catalog();
        let graph = built(&catalog);
        let first = steps(&graph, &up(&graph, &observe(&catalog)));
        let applied_at = |at: usize| applied >> at & 1 == 1;
        let members: BTreeSet<_> = (0..first.len()).filter(|at| applied_at(*at)).map(|at| first[at]).collect();
        let Some(start) = members.iter().nth(which % first.len()) else { return Ok(()) };
        let everything = Selection::of(&graph, &Scope::default()).unwrap();
        let id = graph.migration(*start).id.to_string();
        let request = DownRequest { scope: DownScope::Version(id), cascade: true };
        let observed = partly(&graph, |step| applied_at(step.0));
        let plan = plan_down(&graph, &everything, &observed, &request);

        let binds = |later: MigrationIx, kind: &EdgeKind| match kind {
            EdgeKind::Declared { .. } | EdgeKind::Inferred { .. } => true,
            EdgeKind::Sequence => graph.migration(later).kind != Kind::Repeatable,
            EdgeKind::After => false,
        };
        let dependents = |ix| {
            let edges = graph.later(ix).filter(|edge| binds(edge.later, edge.kind));
            edges.map(|edge| edge.later).collect::<Vec<_>>()
        };
        let mut expected: BTreeSet<_> = reach(*start, dependents).intersection(&members).copied().collect();
        expected.insert(*start);
        let refused: BTreeSet<_> = plan.findings.iter().filter_map(|finding| graph.find(finding.migration.as_ref()?)).collect();
        let without_down: BTreeSet<_> =
            expected.iter().copied().filter(|ix| graph.migration(*ix).kind == Kind::Repeatable).collect();
        prop_assert_eq!(&refused, &without_down);
        let taken = steps(&graph, &plan);
        prop_assert_eq!(taken.iter().copied().collect::<BTreeSet<_>>(), &expected - &refused);
        let place: BTreeMap<_, _> = taken.iter().enumerate().map(|(at, ix)| (*ix, at)).collect();
        for (at, ix) in taken.iter().enumerate() {
            for later in reach(*ix, dependents).iter().filter_map(|later| place.get(later)) {
                prop_assert!(*later < at, "dependents go first");
            }
            prop_assert!(plan.steps[at].waits.iter().all(|wait| wait.step.0 < at));
        }
    }

    #[test]
    fn every_cycle_reported_is_real_and_a_shortest_one(shape in tangles()) {
        let edges = sequences(&shape).chain(shape.needs.iter().copied()).collect::<BTreeSet<_>>();
        let needs = |from: usize| edges.iter().filter(|(later, _)| *later == from).map(|(_, needed)| *needed).collect::<Vec<_>>();
        let knots: BTreeSet<Vec<usize>> = (0..shape.migrations.len())
            .map(|start| reach(start, needs).into_iter().filter(|other| reach(*other, needs).contains(&start)).collect())
            .filter(|knot: &Vec<_>| !knot.is_empty())
            .collect();
        let catalog = shape.catalog();
        let findings = Graph::build(&catalog).err().unwrap_or_default();
        prop_assert_eq!(findings.len(), knots.len());
        for finding in findings {
            let ids: Vec<_> = finding.message.split('`').skip(1).step_by(2).collect();
            let numbers: Vec<usize> = ids.iter().map(|id| id.split_once('/').unwrap().1.parse().unwrap()).collect();
            prop_assert_eq!(numbers.first(), numbers.last());
            prop_assert!(numbers.windows(2).all(|pair| edges.contains(&(pair[0], pair[1]))), "{}", finding.message);
            let knot = knots.iter().find(|knot| knot.contains(&numbers[0])).unwrap();
            let shortest = knot.iter().filter_map(|start| girth(*start, &needs)).min().unwrap();
            prop_assert_eq!(numbers.len() - 1, shortest, "{}", finding.message);
        }
    }
}

/// The length of the shortest way from `start` back to it.
fn girth(start: usize, needs: &impl Fn(usize) -> Vec<usize>) -> Option<usize> {
    let mut ring: BTreeSet<_> = BTreeSet::from([start]);
    (1..=24).find(|_| {
        ring = ring.iter().flat_map(|node| needs(*node)).collect();
        ring.contains(&start)
    })
}

fn sequences(shape: &Shape) -> impl Iterator<Item = (usize, usize)> + '_ {
    let before =
        |later: usize| (0..later).rev().find(|earlier| shape.migrations[*earlier].0 == shape.migrations[later].0);
    (0..shape.migrations.len()).filter_map(move |later| Some((later, before(later)?)))
}
