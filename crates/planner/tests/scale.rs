//! Large projects: no recursion, and no work that grows with the square of their size.
//!
//! There is no clock in here: on squares or recursion the test runner's own limit, or the stack, comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dunlin_planner::{
    Catalog, DependencyEntry, DependencyFile, DownRequest, DownScope, Graph, Kind, Limits, Next, Observed, Outcome,
    Place, Plan, Reference, Run, Scope, Selection, TargetName, UpRequest, plan_down, plan_up, status,
};

use crate::support::{Random, Shape, apply, observe};

fn chain(length: usize) -> Shape {
    let migrations = vec![(0, Kind::Versioned); length];
    Shape { sets: vec![0], after: Vec::new(), migrations, needs: BTreeSet::new() }
}

fn web() -> Shape {
    let mut random = Random(7);
    let sets = (0..40).map(|set| set % 8).collect();
    let migrations = (0..10_000).map(|_| (random.below(40), Kind::Versioned)).collect();
    let needs = (0..20_000).map(|_| (random.below(10_000), random.below(10_000))).collect();
    Shape { sets, after: Vec::new(), migrations, needs }.acyclic()
}

/// Everything that a command does with a project, one after another.
fn everything(catalog: &Catalog) {
    let graph = Graph::build(catalog).unwrap();
    let selection = Selection::of(&graph, &Scope::default()).unwrap();
    let mut observed = observe(catalog);
    let plan = plan_up(&graph, &selection, &observed, UpRequest::default());
    assert_eq!(plan.steps.len(), catalog.migrations.len());
    assert_eq!(status(&graph, &selection, &observed).migrations.len(), catalog.migrations.len());
    run(plan.clone());
    apply(&mut observed, &plan, plan.indexes());
    let nothing = plan_up(&graph, &selection, &observed, UpRequest::default());
    assert_eq!(nothing.steps.len(), 0);
    assert_eq!(status(&graph, &selection, &observed).migrations.len(), catalog.migrations.len());
    let first = plan.steps[0].id.to_string();
    let down = DownRequest { scope: DownScope::Version(first), cascade: true };
    let plan = plan_down(&graph, &selection, &observed, &down);
    assert!(plan.errors().next().is_none() && plan.steps.len() > 1);
}

fn run(plan: Plan) {
    let mut run = Run::new(plan.into(), "r1".parse().unwrap(), Limits::default());
    let mut started = Vec::new();
    loop {
        match run.next(Duration::ZERO) {
            Next::Start { step, .. } => started.push(step),
            Next::Wait { .. } => {
                run.on(started.pop().expect("something runs"), Outcome::Done, Duration::ZERO);
            }
            Next::Finished => return,
        }
    }
}

#[test]
fn a_chain_of_a_hundred_thousand() {
    everything(&chain(100_000).catalog());
}

#[test]
fn ten_thousand_with_thirty_thousand_edges() {
    everything(&web().catalog());
}

#[test]
fn a_hub_that_everything_needs_and_one_that_needs_everything() {
    let mut shape = chain(20_000);
    shape.sets = vec![0; 20_000];
    shape.migrations.iter_mut().enumerate().for_each(|(number, (set, _))| *set = number);
    shape.needs = (1..20_000).map(|later| (later, 0)).chain((1..19_999).map(|earlier| (19_999, earlier))).collect();
    everything(&shape.catalog());
}

#[test]
fn sets_after_each_other_with_all_but_the_last_applied() {
    let mut shape = chain(20_000);
    shape.sets = vec![0; 20];
    shape.after = (1..20).map(|set| (set, set - 1)).collect();
    shape.migrations.iter_mut().enumerate().for_each(|(number, (set, _))| *set = number / 1_000);
    let catalog = shape.catalog();
    let graph = Graph::build(&catalog).unwrap();
    let selection = Selection::of(&graph, &Scope::default()).unwrap();
    let mut observed = observe(&catalog);
    let plan = plan_up(&graph, &selection, &observed, UpRequest::default());
    apply(&mut observed, &plan, plan.indexes().filter(|ix| ix.0 % 1_000 != 500));
    let rest = plan_up(&graph, &selection, &observed, UpRequest::default());
    let waits: Vec<_> = rest.steps.iter().map(|step| step.waits.len()).collect();
    assert_eq!(waits, [vec![0], vec![1; 19]].concat());
}

#[test]
fn pending_versions_below_applied_ones() {
    let mut catalog = chain(20_000).catalog();
    catalog.sets.values_mut().for_each(|set| set.out_of_order = false);
    let graph = Graph::build(&catalog).unwrap();
    let selection = Selection::of(&graph, &Scope::default()).unwrap();
    let mut observed: BTreeMap<TargetName, Observed> = observe(&catalog);
    let plan = plan_up(&graph, &selection, &observed, UpRequest::default());
    apply(&mut observed, &plan, plan.indexes().filter(|ix| ix.0 % 2 == 1));
    let rest = plan_up(&graph, &selection, &observed, UpRequest::default());
    assert_eq!(rest.errors().count(), 10_000);
    assert_eq!(status(&graph, &selection, &observed).migrations.len(), catalog.migrations.len());
}

#[test]
fn one_dependency_file_with_bare_versions() {
    let mut catalog = chain(20_000).catalog();
    let place = || Place::file("deps.yml");
    let entry = |number: usize| DependencyEntry {
        version: number.to_string(),
        service: "s0".to_owned(),
        place: place(),
        dependencies: vec![Reference { text: (number - 1).to_string(), place: place() }],
    };
    catalog
        .dependencies
        .push(DependencyFile { path: "deps.yml".to_owned(), entries: (1..20_000).map(entry).collect() });
    Graph::build(&catalog).unwrap();
}

#[test]
fn long_cycles() {
    let mut ring = chain(100_000);
    ring.needs.insert((0, 99_999));
    let findings = Graph::build(&ring.catalog()).unwrap_err();
    assert_eq!(findings[0].message.matches("needs").count(), 100_000);

    let mut ladder = chain(40_000);
    ladder.sets = vec![0, 1];
    ladder.migrations.iter_mut().enumerate().for_each(|(number, (set, _))| *set = number % 2);
    ladder.needs = (0..20_000).map(|rung| (rung * 2 + 1, rung * 2)).chain([(0, 39_999)]).collect();
    let findings = Graph::build(&ladder.catalog()).unwrap_err();
    assert_eq!(findings[0].message.matches("needs").count(), 20_001);

    let mut tangle = web();
    tangle.needs = tangle
        .needs
        .into_iter()
        .map(|(later, earlier)| if earlier % 3 == 0 { (earlier, later) } else { (later, earlier) })
        .collect();
    let findings = Graph::build(&tangle.catalog()).unwrap_err();
    assert!(findings.iter().all(|finding| finding.code == "dependency-cycle"));
}
