//! What most commands begin with: the project, its graph, what is selected, and what its databases say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dunlin_engine::{Connectors, Patience, observe};
use dunlin_planner::{Catalog, Finding, Graph, Ledger, Observed, Scope, Selection, TargetName};
use dunlin_project::Project;
use dunlin_render::Logs;

use crate::args::{Global, ScopeArgs};
use crate::drivers::Databases;
use crate::exit::Stop;
use crate::terminal::Terminal;

/// How long a command waits for a server that is out of reach: one that restarts is back by then.
const PATIENCE: Patience = Patience(Duration::from_secs(5));

/// After this long somebody who watches wants to know what is going on.
const SILENCE: Duration = Duration::from_secs(1);

/// The project as it was read, and the way to its databases.
pub(crate) struct Workspace {
    pub(crate) project: Project,
    pub(crate) databases: Arc<Databases>,
    terminal: Terminal,
}

impl Workspace {
    /// Reads the project.
    pub(crate) fn load(global: &Global, terminal: Terminal) -> Result<Self, Stop> {
        let project = read(global)?;
        let databases = Arc::new(Databases::new(&project, terminal));
        Ok(Self { project, databases, terminal })
    }

    /// What was read.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.project.catalog
    }

    /// The target of this name.
    pub(crate) fn target(&self, name: &str) -> Result<TargetName, Stop> {
        let known = self.catalog().targets.keys().find(|target| target.as_str() == name).cloned();
        known.ok_or_else(|| {
            let message = format!("there is no target `{}`", name.escape_debug());
            Stop::because("target-unknown", message, "targets are declared in dunlin.toml")
        })
    }

    /// The dependency graph; without one nothing else makes sense.
    pub(crate) fn graph(&self) -> Result<Graph<'_>, Stop> {
        Ok(Graph::build(self.catalog())?)
    }

    /// The databases as the engine reaches them.
    pub(crate) fn connectors(&self) -> Arc<dyn Connectors> {
        Arc::clone(&self.databases) as Arc<dyn Connectors>
    }

    /// Asks the databases that `selection` touches.
    pub(crate) async fn observe(
        &self,
        graph: &Graph<'_>,
        selection: &Selection,
    ) -> Result<BTreeMap<TargetName, Observed>, Stop> {
        self.ask(&selection.targets(graph)).await
    }

    /// Asks these databases.
    pub(crate) async fn ask(&self, targets: &BTreeSet<TargetName>) -> Result<BTreeMap<TargetName, Observed>, Stop> {
        let problems: Vec<_> =
            targets.iter().flat_map(|target| self.project.connections[target].problems()).cloned().collect();
        if !problems.is_empty() {
            return Err(Stop::Findings(problems));
        }
        let connectors = self.connectors();
        let mut observing = std::pin::pin!(observe(&connectors, self.catalog(), targets, PATIENCE));
        if let Ok(observed) = tokio::time::timeout(SILENCE, observing.as_mut()).await {
            return Ok(observed);
        }
        let names: Vec<_> = targets.iter().map(ToString::to_string).collect();
        self.terminal.say(&format!("waiting for an answer of {}", names.join(", ")));
        Ok(observing.await)
    }
}

impl Workspace {
    /// The last lines of the logs of the databases that answered and have a ledger, by the target that a migration belongs to;
    /// what cannot be read is left out.
    pub(crate) async fn logs(&self, observed: &BTreeMap<TargetName, Observed>) -> Logs {
        let has_log =
            |observed: &&Observed| observed.facts().is_some_and(|facts| matches!(facts.ledger, Ledger::Present { .. }));
        let mut logs = Logs::new();
        let databases = dunlin_planner::Databases::of(observed);
        let with_log = observed.iter().filter(|(target, observed)| has_log(observed) && databases.is_first(target));
        for target in with_log.map(|(target, _)| target) {
            let Ok(driver) = self.connectors().driver(target).await else { continue };
            let Ok(lines) = driver.log(&self.catalog().project).await else { continue };
            logs.entry(target.clone()).or_default();
            for line in lines {
                let set = line.id.as_ref().and_then(|id| self.catalog().sets.get(&id.set));
                let own = set.map(|set| &set.target).filter(|own| databases.are_one(own, target));
                logs.entry(own.unwrap_or(target).clone()).or_default().push(line);
            }
        }
        logs
    }
}

/// Reads the project with this process's environment.
pub(crate) fn read(global: &Global) -> Result<Project, Stop> {
    let start_dir = std::env::current_dir().map_err(|error| {
        Stop::because(
            "directory-gone",
            format!("the working directory cannot be read: {error}"),
            "change to the project's directory",
        )
    })?;
    let request = dunlin_project::Request {
        held: dunlin_project::MAX_HELD,
        config: global.config.clone(),
        start_dir,
        environment: global.env.clone(),
        variables: &|name| std::env::var(name).ok(),
    };
    dunlin_project::read(&request).map_err(|failure| Stop::Findings(failure.findings))
}

/// Why databases did not answer.
pub(crate) fn troubles(observed: &BTreeMap<TargetName, Observed>) -> Vec<Finding> {
    let failed = observed.values().filter_map(|observed| match observed {
        Observed::Failed(finding) => Some(finding.clone()),
        Observed::Facts(_) => None,
    });
    failed.collect()
}

/// The selection that the scope's words name.
pub(crate) fn select(graph: &Graph<'_>, scope: &ScopeArgs, to: Option<&str>) -> Result<Selection, Stop> {
    let scope = Scope {
        services: scope.service.clone(),
        targets: scope.target.clone(),
        sets: scope.set.clone(),
        to: to.map(str::to_owned),
    };
    Ok(Selection::of(graph, &scope)?)
}
