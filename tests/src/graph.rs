//! The dependency graph as `dunlin graph` tells it; the tests' own idea of what needs what.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::command::Dunlin;

/// Migrations and what each needs directly.
#[derive(Debug)]
pub struct Graph {
    /// All migrations, each behind what it needs.
    pub order: Vec<Node>,
    needs: BTreeMap<String, BTreeSet<String>>,
}

/// A migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its service.
    pub service: String,
    /// Its target.
    pub target: String,
}

impl Graph {
    /// The graph of a project.
    ///
    /// # Panics
    /// If `dunlin graph` fails.
    #[must_use]
    pub fn of(dunlin: &Dunlin) -> Self {
        let json = dunlin.run("graph --level migrations --format json").exits(0).json();
        let list = |key: &str| json[key].as_array().expect("a graph has it").clone();
        let text = |value: &Value, key: &str| value[key].as_str().expect("a graph has it").to_owned();
        let node =
            |node: &Value| Node { id: text(node, "id"), service: text(node, "service"), target: text(node, "target") };
        let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for edge in list("edges") {
            needs.entry(text(&edge, "to")).or_default().insert(text(&edge, "from"));
        }
        Self { order: list("nodes").iter().map(node).collect(), needs }
    }

    /// The migrations for which `wanted` holds, and all that they need.
    #[must_use]
    pub fn closure(&self, wanted: impl Fn(&Node) -> bool) -> BTreeSet<String> {
        let mut open: Vec<_> = self.order.iter().filter(|node| wanted(node)).map(|node| node.id.clone()).collect();
        let mut found = BTreeSet::new();
        while let Some(id) = open.pop() {
            open.extend(self.needs.get(&id).into_iter().flatten().cloned());
            found.insert(id);
        }
        found
    }

    /// What `id` needs, directly or not, and `id`.
    #[must_use]
    pub fn needs(&self, id: &str) -> BTreeSet<String> {
        self.closure(|node| node.id == id)
    }

    /// What needs `id`, directly or not, and `id`.
    #[must_use]
    pub fn dependents(&self, id: &str) -> BTreeSet<String> {
        self.order.iter().filter(|node| self.needs(&node.id).contains(id)).map(|node| node.id.clone()).collect()
    }
}
