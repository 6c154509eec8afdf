//! What a plan does to jobs of pg_cron: each with what it becomes, from what, and where somebody's hand was in it.

use dunlin_planner::{Alteration, Body, Job, JobChange, JobKey, Jobs, Plan, Step};

use crate::clean::one_line;
use crate::grid::{Grid, cell, plain, shorten};
use crate::style::{BOLD, DIM, NAME, WARN, count, paint};

/// The most room that a command gets.
const COMMAND_WIDTH: usize = 60;

/// What a step does to jobs, in a few words.
pub(crate) fn note(step: &Step) -> String {
    let changes = step.body.jobs.as_ref().map_or(&[][..], |jobs| &jobs.changes);
    match changes.len() {
        0 => "jobs: none changes".to_owned(),
        number => count(number, "job"),
    }
}

/// The changes of every step that has some.
pub(crate) fn planned(plan: &Plan, width: usize) -> Option<String> {
    let changes = |step: &Step| step.body.jobs.as_ref().map(|jobs| jobs.changes.clone()).unwrap_or_default();
    let mut parts = Vec::new();
    for step in plan.steps.iter().filter(|step| !changes(step).is_empty()) {
        let mut grid = Grid::new(2);
        for change in changes(step) {
            let style = if change.is_by_hand() { WARN } else { NAME };
            grid.row([
                cell(style, word(&change)),
                cell(BOLD, one_line(change.name())),
                plain(first(&change).unwrap_or_default()),
            ]);
            for line in further(&change) {
                grid.row([plain(""), plain(""), cell(DIM, line)]);
            }
        }
        parts.push(format!("{}\n{}", paint(BOLD, format!("Jobs of {}:", step.id)), grid.render(width)));
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// What a file declares.
pub(crate) fn declared(title: &str, body: &Body, jobs: &Jobs, width: usize) -> String {
    let title = paint(BOLD, format!("{title} {}", one_line(&body.path)));
    if jobs.declared.is_empty() {
        return format!("{title}: every job goes that was made of it\n");
    }
    let mut grid = Grid::new(2);
    for job in &jobs.declared {
        grid.row([cell(NAME, one_line(&job.name)), plain(at(job))]);
    }
    format!("{title}: {}, in one transaction\n{}", count(jobs.declared.len(), "job"), grid.render(width))
}

fn word(change: &JobChange) -> &'static str {
    match change {
        JobChange::Create { by_hand: true, .. } => "create again",
        JobChange::Create { .. } => "create",
        JobChange::Alter { adopted: true, what, .. } if what.is_empty() => "adopt",
        JobChange::Alter { adopted: true, .. } => "adopt and change",
        JobChange::Alter { what, .. } => match what.as_slice() {
            [Alteration { key: JobKey::Active, to, .. }] if to == "true" => "resume",
            [Alteration { key: JobKey::Active, .. }] => "pause",
            _ => "change",
        },
        JobChange::Remove { .. } => "remove",
    }
}

fn lines(change: &JobChange) -> Vec<String> {
    match change {
        JobChange::Create { job, by_hand } => {
            let mut lines = vec![at(job)];
            if *by_hand {
                lines.push("it was removed by hand".to_owned());
            }
            lines
        }
        JobChange::Alter { what, .. } if what.is_empty() => vec!["it is as it is declared".to_owned()],
        JobChange::Alter { what, .. } => what.iter().map(alteration).collect(),
        JobChange::Remove { .. } => vec!["Dunlin made it, and nothing declares it from here on".to_owned()],
    }
}

fn first(change: &JobChange) -> Option<String> {
    lines(change).into_iter().next()
}

fn further(change: &JobChange) -> impl Iterator<Item = String> {
    lines(change).into_iter().skip(1)
}

/// `15 3 * * * in metrics: CALL …`
fn at(job: &Job) -> String {
    let database = job.database.as_ref().map(|name| format!(" in {}", one_line(name))).unwrap_or_default();
    let user = job.user.as_ref().map(|name| format!(" as {}", one_line(name))).unwrap_or_default();
    let paused = if job.active { "" } else { ", paused" };
    format!("{}{database}{user}{paused}: {}", one_line(&job.schedule), shorten(&one_line(&job.command), COMMAND_WIDTH))
}

fn alteration(one: &Alteration) -> String {
    let hand = if one.by_hand { ", changed by hand" } else { "" };
    match one.key {
        JobKey::Active if one.to == "true" => format!("goes on; it was paused{hand}"),
        JobKey::Active => format!("is paused; it went on{hand}"),
        key => {
            let shown = |text: &str| shorten(&one_line(text), COMMAND_WIDTH);
            format!("{key}: {} → {}{hand}", shown(&one.from), shown(&one.to))
        }
    }
}
