//! `[targets]`: the databases, and how they are reached.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dunlin_planner::{Finding, Pattern, StepSettings, Target, TargetKind, TargetName};

use super::reach::Reader;
use super::view::View;
use crate::connection::Connection;
use crate::tree::Span;

/// Looks a variable of the environment up.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// How long jobs that are under way are awaited.
const PAUSE_WAIT: Duration = Duration::from_mins(5);

/// Every target with its connection.
pub(crate) fn read(
    config: View<'_>,
    root: &Path,
    variables: Variables<'_>,
    findings: &mut Vec<Finding>,
) -> (BTreeMap<TargetName, Target>, BTreeMap<TargetName, Connection>) {
    let root: Arc<Path> = Arc::from(root);
    let sections = config.sections("targets");
    let takes_ambient =
        |view: &View<'_>| view.flag("enabled") != Some(false) && view.text("kind") != Some("clickhouse");
    let only = sections.iter().filter(|(.., view)| takes_ambient(view)).count() == 1;
    let (mut targets, mut connections) = (BTreeMap::new(), BTreeMap::new());
    for (name, key, view) in sections {
        let Ok(name) = TargetName::new(name) else { continue };
        let target = target(&name, key, view);
        findings.extend(pauses_elsewhere(&target, view));
        findings.extend(deadline_elsewhere(&target, view));
        findings.extend(means_nothing(&target, view));
        let mut reader = Reader { name: &name, view, variables, problems: Vec::new(), findings };
        let alone = only && takes_ambient(&view);
        let server = reader.server(&target.place, alone);
        let direct_url = reader.secret("direct_url");
        let connection = Connection {
            target: name.clone(),
            create: view.flag("create").unwrap_or(false),
            pause_deadline: view.duration("pause_deadline"),
            defaults: view.step_settings(&StepSettings::default()),
            place: target.place.clone(),
            alone,
            server,
            direct_url,
            problems: reader.problems,
            root: root.clone(),
        };
        targets.insert(name.clone(), target);
        connections.insert(name, connection);
    }
    (targets, connections)
}

fn target(name: &TargetName, key: &Span, view: View<'_>) -> Target {
    Target {
        name: name.clone(),
        kind: match view.text("kind") {
            Some("timescale") => TargetKind::Timescale,
            Some("cron") => TargetKind::Cron,
            Some("clickhouse") => TargetKind::Clickhouse,
            _ => TargetKind::Postgres,
        },
        enabled: view.flag("enabled").unwrap_or(true),
        disposable: view.flag("disposable").unwrap_or(false),
        pause: view.texts("pause").into_iter().map(|(name, _)| Pattern::new(name)).collect(),
        pause_wait: view.duration("pause_wait").unwrap_or(PAUSE_WAIT),
        place: key.place(),
    }
}

/// `pause` where there is nothing to pause.
fn pauses_elsewhere(target: &Target, view: View<'_>) -> Option<Finding> {
    let has_jobs = matches!(target.kind, TargetKind::Cron | TargetKind::Timescale);
    let at = view.key("pause").filter(|_| !has_jobs)?;
    let message =
        format!("`targets.{}.pause` names jobs of pg_cron, and the target is of kind `{}`", target.name, target.kind);
    let hint = "move it to the target of kind `cron`: the jobs live there, whatever database they work in";
    Some(Finding::error("pause-unsupported", message).at(at.place()).hint(hint))
}

/// A deadline that the database itself keeps, where it cannot.
fn deadline_elsewhere(target: &Target, view: View<'_>) -> Option<Finding> {
    let at = view.key("pause_deadline").filter(|_| target.kind == TargetKind::Timescale)?;
    let message =
        format!("`targets.{}.pause_deadline` needs pg_cron, and the target is of kind `timescale`", target.name);
    let hint = "leave it out: what a run that is gone has paused is resumed by the next one";
    Some(Finding::error("pause-unsupported", message).at(at.place()).hint(hint))
}

/// Keys of libpq, and of connections that a pooler shares, on a target that is reached by HTTP.
fn means_nothing(target: &Target, view: View<'_>) -> Vec<Finding> {
    let keys = ["direct_url", "service", "parameters"].into_iter().filter(|_| target.kind == TargetKind::Clickhouse);
    let found = keys.filter_map(|key| Some((key, view.key(key)?)));
    let finding = |(key, at): (&str, &Span)| {
        let message = format!("`targets.{}.{key}` means nothing to ClickHouse, which is reached by HTTP", target.name);
        let hint =
            "remove it; `url`, or host, port, database, user, password, sslmode and sslrootcert say how it is reached";
        Finding::error("key-unsupported", message).at(at.place()).hint(hint)
    };
    found.map(finding).collect()
}
