//! What of the declared jobs cannot be on this server, and what of the server's jobs is not as it was left.

use super::diff::reconciled;
use super::facts::{JobFacts, JobsVersion};
use super::job::{Job, JobChange, JobKey};
use super::schedule::Schedule;
use crate::check::{Observations, row_of};
use crate::inferred::makers;
use crate::{Catalog, Class, Finding, Graph, Observed, RowState, Selection, Severity, TargetFacts};

/// PostgreSQL's names, of which pg_cron made its jobs' until 1.5.
const NAME: usize = 63;

/// The real name of the database that a job works in, perhaps with a warning.
pub(super) fn database(
    catalog: &Catalog,
    observed: &Observations,
    here: &TargetFacts,
    job: &Job,
    sure: bool,
) -> Result<(String, Option<Finding>), Finding> {
    let jobs = here.jobs.as_deref().expect("whoever asks has them");
    let Some(wanted) = &job.database else { return Ok((jobs.database.clone(), None)) };
    let refused = |message: String| Finding::error("job-database", message).at(job.place.clone());
    let target = catalog.targets.values().find(|target| target.name.as_str() == wanted);
    if let Some(target) = target {
        if !target.enabled {
            let message = format!("job `{}` works in `{wanted}`, which is switched off in this environment", job.name);
            return Err(refused(message).hint("switch the target on, or its set's target off"));
        }
        let Some(facts) = observed.get(&target.name).and_then(Observed::facts) else {
            return Ok((wanted.clone(), None));
        };
        if facts.identity.system != here.identity.system && facts.identity.is_known() && here.identity.is_known() {
            let message =
                format!("job `{}` works in `{wanted}`, which is on another server than `{}`", job.name, here.target);
            return Err(refused(message).hint("jobs of pg_cron work in databases of their own server"));
        }
        return Ok((facts.database.clone(), None));
    }
    if jobs.databases.contains(wanted) {
        return Ok((wanted.clone(), None));
    }
    let message =
        format!("job `{}` works in `{wanted}`, which is neither a target nor a database of this server", job.name);
    let known = catalog.targets.keys().map(crate::TargetName::as_str).chain(jobs.databases.iter().map(String::as_str));
    let finding = refused(message);
    let finding = match crate::closest(wanted, known) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding,
    };
    if sure { Err(finding) } else { Ok((wanted.clone(), Some(lenient(finding)))) }
}

/// What runs before may make what is missing.
fn lenient(finding: Finding) -> Finding {
    Finding {
        message: format!("{}, unless a step before makes it", finding.message),
        severity: Severity::Warning,
        ..finding
    }
}

/// What of the changes this role or this version of pg_cron refuses.
pub(super) fn permitted(facts: &JobFacts, declared: &[Job], changes: &[JobChange], sure: bool) -> Vec<Finding> {
    let mut findings: Vec<_> = declared.iter().flat_map(|job| possible(facts, job, sure)).collect();
    let needed = |change: &JobChange| match change {
        JobChange::Create { .. } => Some("schedule_in_database"),
        JobChange::Alter { what, .. } if what.is_empty() => None,
        JobChange::Alter { .. } => Some("alter_job"),
        JobChange::Remove { .. } => Some("unschedule"),
    };
    let needed: std::collections::BTreeSet<_> = changes.iter().filter_map(needed).collect();
    findings.extend(needed.into_iter().filter(|name| facts.denied.iter().any(|denied| denied == name)).map(|name| {
        let message = format!("role `{}` may not execute `cron.{name}`", facts.user);
        let hint = format!("GRANT EXECUTE ON FUNCTION cron.{name} TO \"{}\"; as a superuser", facts.user);
        Finding::error("job-denied", message).class(Class::Failed).hint(hint)
    }));
    findings
}

fn possible(facts: &JobFacts, job: &Job, sure: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let version = facts.version;
    let mut refuse = |code: &'static str, message: String| {
        findings.push(Finding::error(code, message).at(job.place.clone()));
    };
    let needs = Schedule::parse(&job.schedule).ok().and_then(|schedule| schedule.needs());
    if let Some((since, what)) = needs.filter(|(since, _)| version < *since) {
        refuse(
            "job-schedule",
            format!("job `{}` has {what}, which pg_cron knows from {since} on, and the server has {version}", job.name),
        );
    }
    if version < JobsVersion::SECONDS && job.name.len() > NAME {
        refuse(
            "job-name",
            format!(
                "the name of job `{}` has {} bytes, and pg_cron {version} would cut it off after {NAME}",
                job.name,
                job.name.len()
            ),
        );
    }
    let Some(user) = job.user.as_ref().filter(|user| **user != facts.user) else { return findings };
    if !facts.superuser {
        refuse(
            "job-user",
            format!(
                "job `{}` runs as `{user}`, and only a superuser makes jobs of others: `{}` is none",
                job.name, facts.user
            ),
        );
    }
    if !facts.roles.contains(user) {
        let finding = Finding::error(
            "job-user",
            format!("job `{}` runs as `{user}`, which is no role of the server that may log in", job.name),
        );
        let finding = finding.at(job.place.clone());
        findings.push(if sure { finding } else { lenient(finding) });
    }
    findings
}

/// What somebody did to jobs that Dunlin left behind otherwise.
pub(crate) fn drifts(graph: &Graph<'_>, observed: &Observations, selection: &Selection) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ix in graph.order().iter().copied().filter(|ix| selection.is_chosen(*ix)) {
        let is_applied = row_of(graph, observed, ix).is_some_and(|row| row.state == RowState::Applied);
        let Some((jobs, _)) = is_applied.then(|| reconciled(graph, observed, ix, false)).flatten() else { continue };
        let migration = graph.migration(ix);
        let target = &graph.catalog().sets[migration.set()].target;
        for change in jobs.changes.iter().filter(|change| change.is_by_hand()) {
            let (message, place) = match change {
                JobChange::Create { job, .. } => {
                    (format!("job `{}` of `{target}` is not there any more", job.name), &job.place)
                }
                JobChange::Alter { job, what, .. } => {
                    let what: Vec<_> = what.iter().filter(|one| one.by_hand).map(said).collect();
                    (format!("job `{}` of `{target}` was changed by hand: {}", job.name, what.join(", ")), &job.place)
                }
                JobChange::Remove { .. } => continue,
            };
            let hint = "`dunlin up` puts it right; or declare it as it is";
            findings.push(
                Finding::error("job-drift", message).class(Class::Drift).at(place.clone()).hint(hint).of(&migration.id),
            );
        }
    }
    findings
}

fn said(one: &super::job::Alteration) -> String {
    match (one.key, one.from.as_str()) {
        (JobKey::Active, "true") => "it goes on".to_owned(),
        (JobKey::Active, _) => "it is paused".to_owned(),
        (JobKey::Command, _) => "its command".to_owned(),
        (key, from) => format!("{key} is `{from}` and was `{}`", one.to),
    }
}

/// Jobs that go on in databases that are not there any more, or call what is made by a migration that is taken back.
pub(crate) fn orphans(graph: &Graph<'_>, observed: &Observations, selection: &Selection) -> Vec<Finding> {
    let mut findings = Vec::new();
    let concerned = selection.targets(graph);
    let databases = crate::Databases::of(observed);
    for facts in observed.values().filter_map(Observed::facts).filter(|facts| concerned.contains(&facts.target)) {
        let Some(jobs) = facts.jobs.as_deref().filter(|_| databases.is_first(&facts.target)) else { continue };
        for live in jobs.live.iter().filter(|live| live.active && !jobs.databases.contains(&live.database)) {
            let what = if live.name.is_empty() { live.id.to_string() } else { format!("`{}`", live.name) };
            let message = format!(
                "job {what} of `{}` works in database `{}`, which is not there any more",
                facts.target, live.database
            );
            let hint = format!("each of its runs fails: SELECT cron.unschedule({});", live.id);
            let severity = if jobs.knows(&live.name) { Severity::Error } else { Severity::Warning };
            let finding = Finding { severity, ..Finding::error("job-orphan", message) };
            findings.push(finding.class(Class::Drift).hint(hint));
        }
    }
    findings.extend(calls_of_nothing(graph, observed, selection));
    findings
}

fn calls_of_nothing(graph: &Graph<'_>, observed: &Observations, selection: &Selection) -> Vec<Finding> {
    let catalog = graph.catalog();
    let is_applied = |id| {
        let row = graph.find(id).and_then(|ix| row_of(graph, observed, ix));
        row.is_some_and(|row| row.state == RowState::Applied)
    };
    let answered = |id: &crate::MigrationId| {
        let target = catalog.sets.get(&id.set).map(|set| &set.target);
        target.and_then(|target| observed.get(target)).and_then(Observed::facts).is_some()
    };
    let mut findings = Vec::new();
    let called = catalog.called.iter().filter(|call| selection.concerns(&call.by.set));
    for call in called.filter(|call| is_applied(&call.by)) {
        for made in makers(catalog, call).into_iter().filter(|made| answered(made) && !is_applied(made)) {
            let message = format!(
                "job `{}` of `{}` calls `{}`, which `{made}` makes, and that is not applied",
                call.job, call.by, call.name
            );
            let hint = "each of its runs fails: `dunlin up` applies it, or take the job back";
            let finding = Finding::error("job-orphan", message).class(Class::Drift).at(call.place.clone());
            findings.push(finding.hint(hint).of(&call.by));
        }
    }
    findings
}
