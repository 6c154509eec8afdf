//! What statements need of their server: features such as TimescaleDB's TSL module, and extensions that have to be there
//! when they run, whether they are there now or an earlier migration creates them.
//!
//! Only what is certain to fail is an error; what a condition in the script may guard is a warning.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::check::Observations;
use crate::databases::Databases;
use crate::{Capabilities, Claimed, Feature, Finding, Graph, Observed, Place, Promised, Step, StepIx, TargetName};

/// What the statements of a body need, bring and promise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// What they need, in order.
    pub all: Vec<Need>,
    /// The extensions that they create or bring up to date, or perhaps do.
    pub brings: BTreeSet<Feature>,
    /// What is to be so where they do nothing because something is there already.
    pub promises: Vec<Promised>,
    /// What they say of the database from then on, for `verify`.
    pub claims: Vec<Claimed>,
}

/// Something that a statement needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// What in the statement needs it: `add_retention_policy`.
    pub what: String,
    /// What it needs.
    pub feature: Feature,
    /// Where that has to be.
    pub have: Have,
    /// Whether the statement fails without it, whatever else is so.
    pub is_certain: bool,
    /// Where the statement says so.
    pub place: Place,
}

/// Where a feature has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Have {
    /// The server offers it.
    Offered,
    /// The server offers it, unless an update of the extension is on its way.
    Since,
    /// It is in the database.
    Installed,
}

impl Needs {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.brings.is_empty() && self.promises.is_empty() && self.claims.is_empty()
    }
}

/// What the steps need and do not get: for each step, the first place of each feature.
pub(crate) fn unmet(graph: &Graph<'_>, observed: &Observations, steps: &[Step]) -> Vec<Finding> {
    if steps.iter().all(|step| step.body.needs.is_empty()) {
        return Vec::new();
    }
    let databases = Databases::of(observed);
    let mut before: Vec<Brought<'_>> = Vec::with_capacity(steps.len());
    let mut findings = Vec::new();
    for step in steps {
        let mut brought = Brought::new();
        for wait in &step.waits {
            let StepIx(earlier) = wait.step;
            brought.extend(before[earlier].iter().copied());
        }
        let database = databases.first(&step.target);
        let facts = observed.get(&step.target).and_then(Observed::facts);
        brought.extend(step.body.needs.brings.iter().map(|feature| (database, feature)));
        if let Some(facts) = facts {
            let somewhere = |feature: &Feature| steps.iter().find(|other| brings(&databases, other, database, feature));
            let judge = Judge { graph, step, capabilities: &facts.capabilities };
            let has = |feature: &Feature| brought.contains(&(database, feature));
            findings.extend(judge.findings(has, somewhere));
        }
        before.push(brought);
    }
    findings
}

/// Extensions that are there once these steps are done, each with the name of its database.
type Brought<'s> = BTreeSet<(&'s TargetName, &'s Feature)>;

fn brings(databases: &Databases<'_>, step: &Step, database: &TargetName, feature: &Feature) -> bool {
    databases.first(&step.target) == database && step.body.needs.brings.contains(feature)
}

struct Judge<'j> {
    graph: &'j Graph<'j>,
    step: &'j Step,
    capabilities: &'j Capabilities,
}

impl Judge<'_> {
    fn findings<'s>(
        &self,
        has: impl Fn(&Feature) -> bool,
        somewhere: impl Fn(&Feature) -> Option<&'s Step>,
    ) -> Vec<Finding> {
        let mut first: BTreeMap<(&Feature, bool), &Need> = BTreeMap::new();
        for need in &self.step.body.needs.all {
            let met = match need.have {
                Have::Offered => self.offers(&need.feature),
                Have::Since => {
                    let extension = extension_of(&need.feature);
                    // One that is created gets the version that is offered already.
                    let is_there = self.capabilities.installed.contains(&extension);
                    self.offers(&need.feature) || (is_there && has(&extension))
                }
                Have::Installed => self.capabilities.installed.contains(&need.feature) || has(&need.feature),
            };
            // One that is certain says more than one that is not.
            let key = (&need.feature, matches!(need.have, Have::Installed));
            if !met && first.get(&key).is_none_or(|told| need.is_certain && !told.is_certain) {
                first.insert(key, need);
            }
        }
        let finding = |need: &&Need| match need.have {
            Have::Offered | Have::Since => self.not_offered(need),
            Have::Installed => self.not_there(need, somewhere(&need.feature)),
        };
        let mut unmet: Vec<_> = first.into_values().collect();
        unmet.sort_by_key(|need| (need.place.line, need.place.column));
        unmet.iter().map(finding).collect()
    }

    fn offers(&self, feature: &Feature) -> bool {
        self.capabilities.offers(feature) || self.capabilities.unknown.contains(feature)
    }

    fn weighed(&self, need: &Need, code: &'static str, message: String) -> Finding {
        let finding = if need.is_certain { Finding::error(code, message) } else { Finding::warning(code, message) };
        self.graph.catalog().policy.judge(finding.at(need.place.clone()).of(&self.step.id))
    }

    fn not_offered(&self, need: &Need) -> Finding {
        let (target, server) = (&self.step.target, &self.capabilities.server);
        let message = format!(
            "`{}` needs `{}`, which the server of `{target}` does not offer: it is {server}",
            need.what, need.feature
        );
        let set = &self.step.id.set;
        let hint = format!(
            "add `requires = [\"{}\"]` to set `{set}`, so that it is held back where the server lacks it; or use a server that has it",
            need.feature
        );
        self.weighed(need, "feature-needed", message).hint(hint)
    }

    fn not_there(&self, need: &Need, elsewhere: Option<&Step>) -> Finding {
        let (target, extension) = (&self.step.target, &need.feature);
        let needs =
            format!("`{}` needs extension `{extension}`, which is not in the database of `{target}`", need.what);
        match elsewhere {
            Some(other) => {
                let message = format!("{needs}; `{}` creates it, and nothing says that it comes first", other.id);
                let doubtful = Need { is_certain: false, ..need.clone() };
                self.weighed(&doubtful, "extension-needed", message)
                    .hint(format!("add `-- dunlin: depends {}`", other.id))
            }
            None => {
                let message = format!("{needs}, and no migration before it creates it");
                let hint = format!("create it in an earlier migration: CREATE EXTENSION IF NOT EXISTS {extension}");
                self.weighed(need, "extension-needed", message).hint(hint)
            }
        }
    }
}

/// The extension in `timescaledb-2.20`.
fn extension_of(feature: &Feature) -> Feature {
    Feature(feature.0.rsplit_once('-').map_or(feature.0.as_str(), |(name, _)| name).to_owned())
}
