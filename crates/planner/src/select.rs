//! Which migrations a command is about, and what else they need.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::graph::EdgeKind;
use crate::resolve::closest;
use crate::{
    Finding, Graph, MigrationId, MigrationIx, Service, ServiceName, Set, SetName, Target, TargetName, Version,
};

/// What the user asked for; an empty list asks for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// Services by name or alias.
    pub services: Vec<String>,
    /// Targets by name.
    pub targets: Vec<String>,
    /// Sets by name.
    pub sets: Vec<String>,
    /// Up to and including this migration: an id or a version.
    pub to: Option<String>,
}

/// The migrations that a scope chooses, and those they need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    chosen: BTreeSet<MigrationIx>,
    pulled: BTreeMap<MigrationIx, MigrationIx>,
    /// The sets of all of these, and those the scope names although no file of theirs is left.
    sets: BTreeSet<SetName>,
    everything: bool,
}

impl Selection {
    /// Chooses what `scope` names and closes it under declared and sequence dependencies.
    ///
    /// # Errors
    /// One finding per name that is not there.
    pub fn of(graph: &Graph<'_>, scope: &Scope) -> Result<Self, Vec<Finding>> {
        let mut sets = chosen_sets(graph, scope)?;
        let mut chosen: BTreeSet<_> =
            graph.order().iter().copied().filter(|ix| sets.contains(graph.migration(*ix).set())).collect();
        if let Some(to) = &scope.to {
            let last = named(graph, &chosen, to, "selected migration").map_err(|finding| vec![finding])?;
            let mut upto = closure(graph, &BTreeSet::from([last]));
            upto.insert(last, last);
            chosen.retain(|ix| upto.contains_key(ix));
            sets.clear();
        }
        let mut pulled = closure(graph, &chosen);
        pulled.retain(|ix, _| !chosen.contains(ix));
        sets.extend(chosen.iter().chain(pulled.keys()).map(|ix| graph.migration(*ix).set().clone()));
        Ok(Self { chosen, pulled, sets, everything: *scope == Scope::default() })
    }

    /// Whether it was chosen or is needed.
    #[must_use]
    pub fn contains(&self, ix: MigrationIx) -> bool {
        self.chosen.contains(&ix) || self.pulled.contains_key(&ix)
    }

    /// Whether it was chosen itself.
    #[must_use]
    pub fn is_chosen(&self, ix: MigrationIx) -> bool {
        self.chosen.contains(&ix)
    }

    /// The chosen migration that needs `ix`, where `ix` was not chosen itself.
    #[must_use]
    pub fn pulled_in_by(&self, ix: MigrationIx) -> Option<MigrationIx> {
        self.pulled.get(&ix).copied()
    }

    /// The databases that the selection touches, and those in which something may have to be paused for it; only what is
    /// switched on.
    #[must_use]
    pub fn targets(&self, graph: &Graph<'_>) -> BTreeSet<TargetName> {
        let catalog = graph.catalog();
        let touched = self.sets(graph).into_iter().map(|set| &catalog.targets[&catalog.sets[set].target]);
        let watching = catalog.targets.values().filter(|target| target.watches());
        let named = self.named_by_jobs(graph).filter(|target| target.enabled);
        touched.filter(|target| target.enabled).chain(watching).chain(named).map(|target| target.name.clone()).collect()
    }

    /// The targets that declared jobs of the selection work in.
    fn named_by_jobs<'g>(&self, graph: &Graph<'g>) -> impl Iterator<Item = &'g Target> {
        let catalog = graph.catalog();
        let declared = catalog.migrations.iter().filter(|migration| self.sets.contains(migration.set()));
        let jobs = declared.filter_map(|migration| migration.up.jobs.as_ref()).flat_map(|jobs| &jobs.declared);
        let named = jobs.filter_map(|job| TargetName::new(job.database.as_deref()?).ok());
        named.filter_map(|name| catalog.targets.get(&name))
    }

    /// The declared sets that the selection touches.
    #[must_use]
    pub fn sets<'g>(&self, graph: &Graph<'g>) -> BTreeSet<&'g SetName> {
        graph.catalog().sets.keys().filter(|set| self.sets.contains(*set)).collect()
    }

    /// Whether what a ledger says of `set` matters here: a set that is no longer declared does when everything is selected.
    pub(crate) fn concerns(&self, set: &SetName) -> bool {
        self.everything || self.sets.contains(set)
    }
}

fn chosen_sets(graph: &Graph<'_>, scope: &Scope) -> Result<BTreeSet<SetName>, Vec<Finding>> {
    let catalog = graph.catalog();
    let mut findings = Vec::new();
    let services: Vec<_> = scope
        .services
        .iter()
        .filter_map(|text| find_service(graph, text).map_err(|finding| findings.push(finding)).ok())
        .collect();
    for (what, names, known) in [
        ("target", &scope.targets, catalog.targets.keys().map(TargetName::as_str).collect::<Vec<_>>()),
        ("set", &scope.sets, catalog.sets.keys().map(SetName::as_str).collect()),
    ] {
        let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
        findings.extend(unknown.map(|name| unknown_name(what, name, &known)));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let wanted = |set: &&Set| {
        (services.is_empty() || services.contains(&&set.service))
            && (scope.targets.is_empty() || scope.targets.iter().any(|name| name == set.target.as_str()))
            && (scope.sets.is_empty() || scope.sets.iter().any(|name| name == set.name.as_str()))
    };
    Ok(catalog.sets.values().filter(wanted).map(|set| set.name.clone()).collect())
}

fn find_service<'g>(graph: &Graph<'g>, text: &str) -> Result<&'g ServiceName, Finding> {
    let services = &graph.catalog().services;
    let named = |service: &&Service| {
        service.name.as_str() == text || service.aliases.iter().any(|alias| alias.as_str() == text)
    };
    services.values().find(named).map(|service| &service.name).ok_or_else(|| {
        let known: Vec<_> =
            services.values().flat_map(|service| std::iter::once(&service.name).chain(&service.aliases)).collect();
        unknown_name("service", text, &known.iter().map(|name| name.as_str()).collect::<Vec<_>>())
    })
}

fn unknown_name(what: &str, name: &str, known: &[&str]) -> Finding {
    let hint = closest(name, known.iter().copied())
        .map_or_else(|| format!("this project has: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    Finding::error(format!("{what}-unknown"), format!("there is no {what} `{}`", name.escape_debug())).hint(hint)
}

/// The one migration among `among`, called `what` in messages, that `text` names by id or by version.
pub(crate) fn named(
    graph: &Graph<'_>,
    among: &BTreeSet<MigrationIx>,
    text: &str,
    what: &str,
) -> Result<MigrationIx, Finding> {
    let (owner, version) = text.rsplit_once('/').map_or((None, text), |(owner, version)| (Some(owner), version));
    let version = Version::new(version).map_err(|error| Finding::error("version-unknown", error.to_string()))?;
    let service = owner.and_then(|owner| find_service(graph, owner).ok());
    let found: Vec<_> = among
        .iter()
        .copied()
        .filter(|ix| graph.migration(*ix).id.version == version)
        .filter(|ix| {
            let set = graph.migration(*ix).set();
            owner.is_none_or(|owner| set.as_str() == owner || service == Some(&graph.catalog().sets[set].service))
        })
        .collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => {
            let ids: Vec<_> = among.iter().map(|ix| graph.migration(*ix).id.to_string()).collect();
            let is_elsewhere = text.parse().is_ok_and(|id| graph.find(&id).is_some());
            let hint = closest(text, ids.iter().map(String::as_str))
                .filter(|_| !is_elsewhere)
                .map_or_else(|| "`dunlin status` lists them".to_owned(), |id| format!("did you mean `{id}`?"));
            let message = format!("no {what} is called `{}`", text.escape_debug());
            Err(Finding::error("version-unknown", message).hint(hint))
        }
        several => {
            let ids: Vec<MigrationId> = several.iter().map(|ix| graph.migration(*ix).id.clone()).collect();
            let list: Vec<_> = ids.iter().map(|id| format!("`{id}`")).collect();
            let message =
                format!("`{}` is the version of several migrations: {}", text.escape_debug(), list.join(", "));
            Err(Finding::error("version-ambiguous", message).hint(format!("write the whole id, such as {}", list[0])))
        }
    }
}

/// Everything that `start` needs, each with the member of `start` that leads to it first in plan order.
fn closure(graph: &Graph<'_>, start: &BTreeSet<MigrationIx>) -> BTreeMap<MigrationIx, MigrationIx> {
    let mut found = BTreeMap::new();
    for first in graph.order().iter().filter(|ix| start.contains(ix)) {
        let mut stack = vec![*first];
        while let Some(ix) = stack.pop() {
            for edge in graph.earlier(ix).filter(|edge| *edge.kind != EdgeKind::After) {
                if !start.contains(&edge.earlier) && !found.contains_key(&edge.earlier) {
                    found.insert(edge.earlier, *first);
                    stack.push(edge.earlier);
                }
            }
        }
    }
    found
}
