//! Every down of the example fleet takes back exactly what its up did.

#![expect(clippy::unwrap_used, reason = "a test that cannot read an answer has failed")]

use std::collections::{BTreeMap, BTreeSet};

use dunlin_tests::{Fleet, Graph, JOBS, Node, difference, dump};
use serde_json::Value;

/// Each migration is applied, taken back, and applied again on the way to the next one. After taking back, its database
/// has to be as it was before; the one before was applied twice by then, so applying anew is compared too.
#[test]
fn every_down_leaves_what_was_before() {
    let fleet = Fleet::with_seeds(false);
    let dunlin = fleet.dunlin();
    let graph = Graph::of(&dunlin);
    let reversible = reversible(&dunlin.run("status --format json").exits(0).json());
    let database = |node: &Node| if node.target == "jobs" { JOBS.to_owned() } else { node.target.clone() };
    let mut dumps: BTreeMap<String, String> = BTreeMap::new();
    let mut taken_back: Option<String> = None;
    let mut compared = 0;
    let mut differ = Vec::new();
    for node in walk(&graph, &reversible.keys().cloned().collect()) {
        let id = &node.id;
        if let Some(last) = taken_back.take().filter(|last| !graph.needs(id).contains(last)) {
            let _ = dunlin.run(&format!("up --to {last} --yes")).exits(0);
        }
        let name = database(node);
        let before = dumps.entry(name.clone()).or_insert_with(|| dump(fleet.server(), &name)).clone();
        let _ = dunlin.run(&format!("up --to {id} --yes")).exits(0);
        dumps.insert(name.clone(), dump(fleet.server(), &name));
        if reversible[id] {
            let _ = dunlin.run(&format!("down --version {id} --yes")).exits(0);
            let difference = difference(&before, &dump(fleet.server(), &name));
            if !difference.is_empty() {
                differ.push(format!("{id}\n{difference}"));
            }
            compared += 1;
            taken_back = Some(id.clone());
        }
    }
    assert!(differ.is_empty(), "what these leave behind is not what was before: {}", differ.join("\n"));
    assert_eq!(compared, reversible.values().filter(|has_down| **has_down).count());
    println!("{compared} of {} migrations taken back and compared", reversible.len());
}

/// Whether each pending migration has a down.
fn reversible(status: &Value) -> BTreeMap<String, bool> {
    let pending = status["migrations"].as_array().unwrap().iter().filter(|migration| migration["state"] != "held");
    pending
        .map(|migration| (migration["id"].as_str().unwrap().to_owned(), migration["has_down"].as_bool().unwrap()))
        .collect()
}

/// The migrations, each behind what it needs, and wherever that goes right behind one that it needs: then applying the
/// one brings back the other.
fn walk<'g>(graph: &'g Graph, wanted: &BTreeSet<String>) -> Vec<&'g Node> {
    let mut left: Vec<_> = graph.order.iter().filter(|node| wanted.contains(&node.id)).collect();
    let mut order: Vec<&Node> = Vec::new();
    while !left.is_empty() {
        let ready = |node: &&Node| {
            let needs = graph.needs(&node.id);
            left.iter().all(|other| other.id == node.id || !needs.contains(&other.id))
        };
        let follows = |node: &&Node| order.last().is_some_and(|last| graph.needs(&node.id).contains(&last.id));
        let ready: Vec<_> = left.iter().copied().filter(ready).collect();
        let next = ready.iter().copied().find(follows).or(ready.first().copied()).expect("there is no cycle");
        left.retain(|node| node.id != next.id);
        order.push(next);
    }
    order
}
