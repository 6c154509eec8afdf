//! The front door: from a directory to a catalog, with everything found on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use dunlin_planner::{
    Catalog, DependencyFile, Finding, Migration, Place, ProjectName, Set, SetName, Target, TargetKind, TargetName,
};
use dunlin_sql as sql;

use crate::bodies::HeldBodies;
use crate::calls;
use crate::config::policy::{Lint, PolicyGates};
use crate::config::services::{Declared, Services};
use crate::config::view::View;
use crate::config::{check, files, policy, services, targets};
use crate::connection::Connection;
use crate::dependencies;
use crate::disk;
use crate::headers::Owners;
use crate::set::{self, Files, Reader, Taken};
use crate::timescale;
use crate::tree::Span;
use crate::words::printable;

/// What to read.
pub struct Request<'a> {
    /// The configuration file, where it is named; found upwards from `start_dir` otherwise.
    pub config: Option<PathBuf>,
    /// Where the search begins, and what `config` is relative to.
    pub start_dir: PathBuf,
    /// The environment whose file is laid over the configuration.
    pub environment: Option<String>,
    /// Looks a variable of the environment up. This crate does not read it itself.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
    /// Files larger than this many bytes are not held in memory: [`MAX_HELD`](crate::MAX_HELD).
    pub held: u64,
}

/// A project as its files say it is.
#[derive(Debug)]
pub struct Project {
    /// The directory that all paths count from; canonical.
    pub root: PathBuf,
    /// The configuration file.
    pub config_path: PathBuf,
    /// What the files say, with everything that was found while reading.
    pub catalog: Catalog,
    /// The folders of each set, as the configuration names them.
    pub folders: BTreeMap<SetName, Vec<String>>,
    /// How each target is reached.
    pub connections: BTreeMap<TargetName, Connection>,
    /// The text of every body in the catalog.
    pub bodies: Arc<HeldBodies>,
    /// What must have happened before anything is applied, and what is allowed.
    pub policy_gates: PolicyGates,
}

/// There is nothing to make a catalog of: no configuration, or one that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the project's configuration cannot be read")]
pub struct ReadFailure {
    /// Why.
    pub findings: Vec<Finding>,
}

/// Reads a project. What is wrong with it is among the catalog's findings, all at once.
///
/// # Errors
/// [`ReadFailure`] when there is no configuration to begin with.
pub fn read(request: &Request<'_>) -> Result<Project, ReadFailure> {
    let files = files::read(request).map_err(|findings| ReadFailure { findings })?;
    let mut findings = check::check(&files.table);
    let config = View::new(&files.table);
    let config_file = disk::relative(&files.root, &files.config);
    let name = project_name(config, &config_file, &mut findings);
    let (targets, connections) = targets::read(config, &files.root, request.variables, &mut findings);
    let (policy, policy_gates, lint) = policy::read(config, &mut findings);
    let defaults = |name: &TargetName| connections.get(name).map(|it| it.defaults.clone()).unwrap_or_default();
    let Services { services, sets: declared } = services::read(config, &defaults, &mut findings);

    let reader = Reader {
        root: &files.root,
        held: request.held,
        owners: Owners::new(&services),
        taken: Taken::new(),
        passed_over: Vec::new(),
        excluded: BTreeSet::new(),
        jobs: Vec::new(),
        findings,
    };
    let Sets { sets, mut migrations, jobs, mut findings } = read_sets(reader, &declared, &targets);
    timescale::refresh_all(&mut migrations, &sets, &targets, &mut findings);
    findings.extend(lint_all(&migrations, &sets, lint));
    let dependencies = dependency_files(config, &files.root, &mut findings);

    let target = |set: &SetName| targets.get(&sets.get(set)?.target);
    let is_cron = |set: &SetName| target(set).is_some_and(|target| target.kind == TargetKind::Cron);
    let mut bodies = HeldBodies::default();
    for files in &migrations {
        hold(&mut bodies, files);
    }
    let made = migrations.iter().flat_map(calls::made).collect();
    let scheduled = migrations.iter().filter(|files| is_cron(files.migration.set())).flat_map(calls::called);
    let called = scheduled.chain(jobs.iter().flat_map(calls::declared)).collect();
    let catalog = Catalog {
        made,
        called,
        project: name,
        environment: files.environment,
        targets,
        services,
        sets,
        migrations: migrations.into_iter().map(|files| files.migration).chain(jobs).collect(),
        dependencies,
        policy,
        findings,
    };
    let bodies = Arc::new(bodies);
    let folders = |set: &Declared| set.paths.iter().map(|(path, _)| path.clone()).collect();
    let folders = declared.iter().map(|set| (set.name.clone(), folders(set))).collect();
    Ok(Project { root: files.root, config_path: files.config, catalog, folders, connections, bodies, policy_gates })
}

fn project_name(config: View<'_>, file: &str, findings: &mut Vec<Finding>) -> ProjectName {
    let section = config.section("project");
    let unnamed = || ProjectName::new("unnamed").expect("a word is a name");
    let Some(name) = section.text("name") else {
        let finding = Finding::error("config-missing-key", "the project has no name");
        let place = config.key("project").map_or_else(|| Place::file(file), Span::place);
        findings.push(finding.at(place).hint("add `name = \"…\"` under [project]; it is part of every ledger's key"));
        return unnamed();
    };
    ProjectName::new(name).unwrap_or_else(|error| {
        let place = section.node("name").map(|node| node.span.place());
        findings.push(Finding::error("config-name", error.to_string()).at(place));
        unnamed()
    })
}

struct Sets {
    sets: BTreeMap<SetName, Set>,
    migrations: Vec<Files>,
    jobs: Vec<Migration>,
    findings: Vec<Finding>,
}

fn read_sets(mut reader: Reader<'_>, declared: &[Declared], targets: &BTreeMap<TargetName, Target>) -> Sets {
    let mut sets: BTreeMap<SetName, Set> = BTreeMap::new();
    let mut migrations = Vec::new();
    for one in declared {
        if let Some(other) = sets.get(&one.name) {
            let message = format!("there are two sets `{}`", one.name);
            let finding = Finding::error("set-duplicate", message).at(one.place.clone());
            reader.findings.push(finding.also("the other one", other.place.clone()).hint("rename one of them"));
            continue;
        }
        let kind = targets.get(&one.target).map_or(TargetKind::Postgres, |target| target.kind);
        let (set, read) = reader.read(one, kind);
        migrations.extend(read);
        sets.insert(one.name.clone(), set);
    }
    for one in declared {
        let after = after(one, &sets, &reader.owners, &mut reader.findings);
        if let Some(set) = sets.get_mut(&one.name) {
            set.after = after;
        }
    }
    let Reader { taken, passed_over, excluded, jobs, mut findings, .. } = reader;
    let mut told = BTreeSet::new();
    for file in
        passed_over.iter().filter(|file| !taken.contains_key(&file.canonical) && !excluded.contains(&file.canonical))
    {
        if told.insert(&file.canonical) {
            let message = format!("no set takes `{}`", printable(&file.shown));
            let finding = Finding::warning("file-unclaimed", message).at(Place::file(&file.shown));
            findings.push(finding.hint("widen an `include`, or name it in `exclude`"));
        }
    }
    Sets { sets, migrations, jobs, findings }
}

/// The sets that `after` names: by their own names, or all of a service. The planner reports names that are neither.
fn after(
    declared: &Declared,
    sets: &BTreeMap<SetName, Set>,
    owners: &Owners<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<(SetName, Place)> {
    let mut after = Vec::new();
    for (text, place) in &declared.after {
        let name = match SetName::new(text) {
            Ok(name) => name,
            Err(error) => {
                findings.push(Finding::error("config-name", error.to_string()).at(place.clone()));
                continue;
            }
        };
        match owners.service(text).filter(|_| !sets.contains_key(&name)) {
            Some(service) => {
                let all = sets.values().filter(|set| set.service == *service && set.name != declared.name);
                after.extend(all.map(|set| (set.name.clone(), place.clone())));
            }
            None => after.push((name, place.clone())),
        }
    }
    after
}

fn lint_all(migrations: &[Files], sets: &BTreeMap<SetName, Set>, lint: Lint) -> Vec<Finding> {
    if lint == Lint::Off {
        return Vec::new();
    }
    let target = |files: &Files| sets.get(files.migration.set()).map(|set| &set.target);
    let mut known: BTreeMap<Option<&TargetName>, set::Timescale> = BTreeMap::new();
    for files in migrations {
        let hypertables = files.analysis().iter().flat_map(sql::Analysis::hypertables);
        known.entry(target(files)).or_default().hypertables.extend(hypertables);
    }
    let mut findings = Vec::new();
    for files in migrations {
        let known = known.entry(target(files)).or_default();
        findings.extend(set::lint(files, known));
        for analysis in files.analysis() {
            analysis.follow_compression(&mut known.compressed);
            known.filled.follow(analysis);
        }
    }
    findings
}

fn dependency_files(config: View<'_>, root: &std::path::Path, findings: &mut Vec<Finding>) -> Vec<DependencyFile> {
    let names = config.section("project").texts("dependencies");
    names.into_iter().filter_map(|(name, span)| dependencies::read(root, name, &span.place(), findings)).collect()
}

fn hold(bodies: &mut HeldBodies, files: &Files) {
    let up = (Some(&files.up), Some(&files.migration.up));
    let down = (files.down.as_ref(), files.migration.down.as_ref());
    for (file, body) in [up, down] {
        let (Some(file), Some(body)) = (file, body) else { continue };
        if let Some(source) = &file.source {
            bodies.hold(body.path.clone(), body.digest, source.executable());
        } else if let Some(large) = &file.large {
            bodies.stream(body.path.clone(), body.digest, large);
        }
    }
}
