//! `jobs.toml`: the jobs of a set whose target is pg_cron's database, as one repeatable migration `SET/jobs`.
//!
//! Its checksum is that of what it declares, so that an edit of comments or of the order changes nothing. What runs follows from
//! the server's jobs and is the planner's to say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use dunlin_planner::{
    Body, Digest, Finding, Job, Jobs, Kind, Migration, MigrationId, Place, Reference, Schedule, StepSettings,
    TargetKind, Version,
};

use crate::config::check;
use crate::config::services::Declared;
use crate::config::view::View;
use crate::disk;
use crate::folder::Found;
use crate::keys::JOB;
use crate::source::{Content, Source};
use crate::tree::{Node, Span, Table, Value};
use crate::words::printable;

/// The name of the file.
pub(crate) const FILE: &str = "jobs.toml";

/// The migration that a set's file declares; none where there is nothing to make one of.
pub(crate) fn read(
    found: &Found,
    declared: &Declared,
    kind: TargetKind,
    findings: &mut Vec<Finding>,
) -> Option<Migration> {
    if kind != TargetKind::Cron {
        let message = format!(
            "`{}` declares jobs of pg_cron, and the target `{}` of set `{}` is of kind `{kind}`",
            printable(&found.shown),
            declared.target,
            declared.name
        );
        let hint = "move it to a set of the target of kind `cron`; or leave it out: exclude = [\"jobs.toml\"]";
        findings.push(Finding::error("jobs-unsupported", message).at(Place::file(&found.shown)).hint(hint));
        return None;
    }
    let id = MigrationId::new(declared.name.clone(), Version::new("jobs").expect("a word is a version"));
    let text = match disk::read_text(&found.canonical, &found.shown) {
        Ok(text) => text,
        Err(finding) => {
            findings.push(finding.of(&id));
            return None;
        }
    };
    let raw = Digest::of(text.as_bytes());
    let source = Arc::new(Source::new(&found.shown, text, Content::Open));
    let table = match Table::parse(&source) {
        Ok(table) => table,
        Err(errors) => {
            findings.extend(errors.into_iter().map(|error| error.of(&id)));
            return None;
        }
    };
    let mut file = File { findings: Vec::new(), user: declared.settings.role.clone() };
    let jobs = file.jobs(&table);
    let view = View::new(&table);
    let reference = |(text, span): (&str, &Span)| Reference { text: text.to_owned(), place: span.place() };
    let depends = view.texts("depends").into_iter().map(reference).collect();
    findings.extend(file.findings.into_iter().map(|finding| finding.of(&id)));
    let (up, down) = bodies(&source.path, raw, &declared.settings, jobs);
    let place = Place::file(&found.shown);
    Some(Migration {
        id,
        name: "scheduled jobs".to_owned(),
        kind: Kind::Repeatable,
        phase: None,
        place,
        up,
        down: Some(down),
        depends,
    })
}

/// What is declared, and the way back, on which each job goes.
fn bodies(path: &Arc<str>, raw: Digest, settings: &StepSettings, declared: Vec<Job>) -> (Body, Body) {
    // Jobs of others are a superuser's to make: whom they belong to is said by `user`, and by default by the set's role.
    let settings = StepSettings {
        role: None,
        search_path: Some("pg_catalog, pg_temp".to_owned()),
        isolation: None,
        ..settings.clone()
    };
    let body = |declared: Vec<Job>| {
        let digest = checksum(&declared);
        let jobs = Some(Jobs { declared, ..Jobs::default() });
        Body { digest, raw, tokens: digest, settings: settings.clone(), jobs, ..Body::empty(path) }
    };
    (body(declared), body(Vec::new()))
}

fn checksum(declared: &[Job]) -> Digest {
    let mut text = String::from("dunlin jobs 1\n");
    let by_name: BTreeMap<&str, &Job> = declared.iter().map(|job| (job.name.as_str(), job)).collect();
    for (name, job) in by_name {
        let database = job.database.as_deref().unwrap_or_default();
        let user = job.user.as_deref().unwrap_or_default();
        for part in [name, &job.schedule, &job.command, database, user, if job.active { "on" } else { "off" }] {
            writeln!(text, "{}:{part}", part.len()).expect("writing to a string does not fail");
        }
    }
    Digest::of(text.as_bytes())
}

struct File {
    findings: Vec<Finding>,
    /// Whom jobs belong to that do not say it.
    user: Option<String>,
}

impl File {
    fn jobs(&mut self, table: &Table) -> Vec<Job> {
        for (name, entry) in table.0.iter().filter(|(name, _)| !matches!(name.as_str(), "jobs" | "depends")) {
            let hint = match dunlin_planner::closest(name, ["jobs", "depends"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "jobs are written as [jobs.NAME], or as [[jobs]] with a name".to_owned(),
            };
            self.refuse(
                "config-key-unknown",
                format!("`{}` is not a key that Dunlin knows", printable(name)),
                &entry.key,
                Some(hint),
            );
        }
        let mut jobs: Vec<Job> = Vec::new();
        let declared: Vec<_> = match table.0.get("jobs").map(|entry| &entry.node) {
            None => Vec::new(),
            Some(Node { value: Value::List(list), .. }) => list.iter().map(|node| (None, node, &node.span)).collect(),
            Some(Node { value: Value::Table(named), .. }) => {
                named.0.iter().map(|(name, entry)| (Some(name.clone()), &entry.node, &entry.key)).collect()
            }
            Some(other) => {
                let message = format!("`jobs` must be tables, [jobs.NAME] or [[jobs]], not {}", other.value.what());
                self.refuse("config-value", message, &other.span, None);
                Vec::new()
            }
        };
        for (name, node, span) in declared {
            let Some(job) = self.job(name, node, span) else { continue };
            if let Some(first) = jobs.iter().find(|other| other.name == job.name) {
                let message = format!("job `{}` is declared twice", printable(&job.name));
                let finding = Finding::error("job-duplicate", message).at(job.place.clone());
                self.findings.push(finding.also("the first one", first.place.clone()).hint("remove one of them"));
                continue;
            }
            jobs.push(job);
        }
        jobs
    }

    fn job(&mut self, name: Option<String>, node: &Node, span: &Span) -> Option<Job> {
        let Value::Table(table) = &node.value else {
            self.refuse("config-value", format!("a job must be a table, not {}", node.value.what()), &node.span, None);
            return None;
        };
        let view = View::new(table);
        let shown = name.as_deref().or_else(|| view.text("name")).map(printable);
        let path = shown.as_ref().map_or_else(|| "jobs".to_owned(), |name| format!("jobs.{name}"));
        self.findings.extend(check::keys(table, JOB, &path));
        if let Some(key) = view.key("name").filter(|_| name.is_some()) {
            let hint = "its name is the table's: [jobs.NAME]".to_owned();
            self.refuse("config-value", format!("`{path}.name` says again what it is called"), key, Some(hint));
        }
        let name = name.or_else(|| view.text("name").map(str::to_owned));
        let place = view.key("name").unwrap_or(span).place();
        let name = self.name(name, span)?;
        let text = |key: &str| view.text(key).map(str::to_owned);
        let schedule = self.needed(view, "schedule", &name, span);
        let command = self.needed(view, "command", &name, span);
        if let (Some(text), Some(node)) = (&schedule, view.node("schedule")) {
            self.schedule(&name, text, node);
        }
        Some(Job {
            schedule: schedule?,
            command: command?,
            database: text("database"),
            user: text("user").or_else(|| self.user.clone()),
            active: view.flag("active").unwrap_or(true),
            name,
            place,
        })
    }

    fn name(&mut self, name: Option<String>, span: &Span) -> Option<String> {
        let Some(name) = name.filter(|name| !name.trim().is_empty()) else {
            let hint = "write it as [jobs.NAME], or add `name = \"…\"`".to_owned();
            self.refuse("job-name", "a job has no name".to_owned(), span, Some(hint));
            return None;
        };
        if name.starts_with("dunlin-") {
            let message = format!("job `{}`: names that begin with `dunlin-` are Dunlin's own", printable(&name));
            self.refuse("job-name", message, span, Some("give it another name".to_owned()));
        }
        if name.contains('\0') || name.chars().any(char::is_control) {
            let message = format!("job `{}`: a name has no control characters", printable(&name));
            self.refuse("job-name", message, span, None);
        }
        Some(name)
    }

    fn needed(&mut self, view: View<'_>, key: &str, name: &str, span: &Span) -> Option<String> {
        let found = view.text(key).map(str::to_owned);
        // What is there and no text is reported already.
        if found.is_none() && view.node(key).is_none() {
            let message = format!("job `{}` has no {key}", printable(name));
            self.refuse("config-missing-key", message, span, Some(format!("add `{key} = \"…\"`")));
        }
        found
    }

    fn schedule(&mut self, name: &str, text: &str, node: &Node) {
        if let Err(error) = Schedule::parse(text) {
            let message = format!("job `{}` has no valid schedule: {error}", printable(name));
            let hint = "minute hour day month weekday, as in `15 3 * * mon-fri`; `@daily`; or `30 seconds` from pg_cron 1.6 on";
            self.refuse("job-schedule", message, &node.span, Some(hint.to_owned()));
        }
    }

    fn refuse(&mut self, code: &'static str, message: String, span: &Span, hint: Option<String>) {
        self.findings.push(Finding { hint, ..Finding::error(code, message).at(span.place()) });
    }
}
