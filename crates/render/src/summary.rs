//! How a run ended, for a person at three in the morning: what is done, what failed and why, and the next safe action.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_planner::{
    Direction, Failure, FailureClass, Lost, Plan, RunReport, StepEnd, StepIx, StepReport, TargetName, Verdict,
};

use crate::clean::one_line;
use crate::diagnostic::failure;
use crate::grid::{Grid, cell, plain, shorten, wrapped};
use crate::pausing;
use crate::plan::{NAME_WIDTH, held};
use crate::style::{BAD, BOLD, DIM, GOOD, NAME, WARN, count, listed, paint};
use crate::when::span;

/// The whole report in lines of about `width`; its last line says what to do next.
#[must_use]
pub fn summary(plan: &Plan, report: &RunReport, width: usize) -> String {
    let mut parts = Vec::new();
    if !report.steps.is_empty() {
        parts.push(targets(plan, report, width));
    }
    parts.extend(failed(report).map(|(step, why)| failure(why, &failure_title(plan, step, why))));
    parts.extend(lost(plan, report, width));
    parts.extend(pausing::failed(report));
    parts.extend(left(plan, report, width));
    parts.extend(held(&plan.held, width));
    parts.push(verdict(plan, report, width));
    parts.join("\n")
}

fn failed(report: &RunReport) -> impl Iterator<Item = (StepIx, &Failure)> {
    report.steps.iter().filter_map(|step| match &step.end {
        StepEnd::Failed { failure } => Some((step.step, failure)),
        _ => None,
    })
}

/// What a failover lost, and what was done upon it meanwhile.
fn lost(plan: &Plan, report: &RunReport, width: usize) -> Option<String> {
    let ids = |wanted: Lost| {
        let lost = report.steps.iter().filter(|step| step.lost == Some(wanted));
        lost.map(|step| format!("`{}`", plan.step(step.step).id)).collect::<Vec<_>>()
    };
    let (redone, undercut) = (ids(Lost::Redone), ids(Lost::Undercut));
    if redone.is_empty() {
        return None;
    }
    let mut said = format!("Lost when another server took over, and done again: {}.", listed(&redone, 5));
    if !undercut.is_empty() {
        let undercut = listed(&undercut, 5);
        said += &format!(
            " Done before that, upon what was lost: {undercut}. See that what it took over from there is right."
        );
    }
    Some(wrapped(&said, width).iter().map(|line| paint(WARN, line) + "\n").collect())
}

fn failure_title(plan: &Plan, ix: StepIx, why: &Failure) -> String {
    let step = plan.step(ix);
    match plan.direction {
        _ if why.class == FailureClass::Interrupted => format!("`{}` was interrupted on {}", step.id, step.target),
        _ if why.class == FailureClass::Unreplicated => {
            let word = if plan.direction == Direction::Up { "applied" } else { "taken back" };
            format!("`{}` is {word} on {}", step.id, step.target)
        }
        Direction::Up => format!("`{}` failed on {}", step.id, step.target),
        Direction::Down => format!("taking `{}` back failed on {}", step.id, step.target),
    }
}

/// How a step's end is counted and coloured.
fn word(end: &StepEnd) -> &'static str {
    match end {
        StepEnd::Done => "done",
        StepEnd::AlreadyDone => "done by another run",
        StepEnd::Failed { failure } if failure.class == FailureClass::Interrupted => "interrupted",
        StepEnd::Failed { failure } if failure.class == FailureClass::Unreplicated => "not yet replicated",
        StepEnd::Failed { .. } => "failed",
        StepEnd::Blocked { .. } => "blocked",
        StepEnd::NotStarted => "not started",
    }
}

/// `3 done, 1 failed`, in the order of [`word`].
fn tally<'r>(steps: impl Iterator<Item = &'r StepReport> + Clone) -> String {
    let words =
        ["done", "done by another run", "failed", "interrupted", "not yet replicated", "blocked", "not started"];
    let number = |wanted: &str| steps.clone().filter(|step| word(&step.end) == wanted).count();
    let counted = words.iter().map(|word| (number(word), word)).filter(|(number, _)| *number > 0);
    counted.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}

fn targets(plan: &Plan, report: &RunReport, width: usize) -> String {
    let mut by_target: BTreeMap<&TargetName, Vec<&StepReport>> = BTreeMap::new();
    for step in &report.steps {
        by_target.entry(&plan.step(step.step).target).or_default().push(step);
    }
    let mut grid = Grid::new(2);
    for (target, steps) in by_target {
        let style = if steps.iter().all(|step| step.end.is_done()) { GOOD } else { BAD };
        let took: Duration = steps.iter().map(|step| step.took).sum();
        grid.row([
            cell(NAME, target),
            cell(style, tally(steps.iter().copied())),
            plain(format!("{} of work{}{}", span(took), backfilled(&steps), sealed(report, target))),
        ]);
    }
    let done = report.steps.iter().filter(|step| step.end.is_done()).count();
    let steps = count(report.steps.len(), "step");
    let headline = format!("Run {}: {done} of {steps} done in {}", report.run, span(report.took));
    format!("{}\n\n{}", paint(BOLD, headline), grid.render(width))
}

/// The beginning of the head of the log's chain, for keeping; the whole of it stands in the report as JSON.
fn sealed(report: &RunReport, target: &TargetName) -> String {
    let head = report.heads.iter().find(|head| head.target == *target);
    match head.map(|head| (&head.hash, &head.failure)) {
        Some((Some(hash), _)) => format!(", log {}", &hash.to_string()[..16]),
        Some((None, Some(why))) => format!(", log not sealed: {}", one_line(&why.message)),
        _ => String::new(),
    }
}

/// How many rows backfills changed.
fn backfilled(steps: &[&StepReport]) -> String {
    let rows = steps.iter().filter_map(|step| step.rows).reduce(|sum, rows| sum + rows);
    rows.map(|rows| format!(", {rows} rows backfilled")).unwrap_or_default()
}

/// The steps that were not tried, and what stood before them.
fn left(plan: &Plan, report: &RunReport, width: usize) -> Option<String> {
    let mut grid = Grid::new(2);
    let mut any = false;
    for step in &report.steps {
        let why = match &step.end {
            StepEnd::Blocked { by } => format!("blocked: {} failed", plan.step(*by).id),
            StepEnd::NotStarted => "not started".to_owned(),
            StepEnd::Done | StepEnd::AlreadyDone | StepEnd::Failed { .. } => continue,
        };
        let planned = plan.step(step.step);
        let name = shorten(&one_line(&planned.name), NAME_WIDTH);
        grid.row([cell(NAME, &planned.target), cell(BOLD, &planned.id), plain(name), cell(DIM, why)]);
        any = true;
    }
    any.then(|| format!("{}\n{}", paint(WARN, "Not done:"), grid.render(width)))
}

/// What the end means, and the next safe action.
fn verdict(plan: &Plan, report: &RunReport, width: usize) -> String {
    let verdict = report.verdict();
    let all_done = report.steps.iter().all(|step| step.end.is_done());
    let (style, what) = match verdict {
        _ if verdict != Verdict::Done && all_done => (BAD, still_paused(plan, report)),
        Verdict::Done => (GOOD, done(plan, report)),
        Verdict::Blocked => (WARN, blocked(plan, report)),
        Verdict::Failed => (BAD, mend(plan, report)),
        Verdict::Drift => (BAD, estranged(plan, report)),
        Verdict::Dirty => (BAD, dirty(plan, report)),
    };
    wrapped(&what, width).iter().map(|line| paint(style, line) + "\n").collect()
}

/// What to run once more. What a `down` was about is not in its plan, so that one is not spelled out.
fn again(plan: &Plan) -> String {
    match (plan.direction, &plan.environment) {
        (Direction::Up, Some(environment)) => format!("`dunlin up --env {environment}` again"),
        (Direction::Up, None) => "`dunlin up` again".to_owned(),
        (Direction::Down, _) => "the same `dunlin down` again".to_owned(),
    }
}

fn done(plan: &Plan, report: &RunReport) -> String {
    let what = match plan.direction {
        _ if report.steps.is_empty() => return pausing::nothing_else(report),
        Direction::Up => "applied",
        Direction::Down => "taken back",
    };
    let held = match plan.held.len() {
        0 => String::new(),
        held => format!("; {} held back, as listed above", count(held, "migration")),
    };
    format!("Done: {} {what}{held}.", count(report.steps.len(), "migration"))
}

fn blocked(plan: &Plan, report: &RunReport) -> String {
    let why =
        if report.interrupted { "The run was stopped" } else { "Something stood in the way that may be gone soon" };
    format!("{why}. Next: run {}; what is done is not repeated.", again(plan))
}

/// Every step is done, and something that was paused is not resumed.
fn still_paused(plan: &Plan, report: &RunReport) -> String {
    let done = if report.steps.is_empty() { "Something" } else { "Every step is done, and something" };
    let next = format!("Next: mend the cause and run {}", again(plan));
    format!("{done} is still paused. {next}: it resumes that first.")
}

/// The ids of the steps that failed with `class`.
fn ids(plan: &Plan, report: &RunReport, class: FailureClass) -> Vec<String> {
    let of_class = failed(report).filter(|(_, why)| why.class == class);
    of_class.map(|(step, _)| format!("`{}`", plan.step(step).id)).collect()
}

fn mend(plan: &Plan, report: &RunReport) -> String {
    let rejected = || failed(report).filter(|(_, why)| why.class == FailureClass::Rejected);
    let bodies: Vec<_> = rejected().map(|(step, _)| &plan.step(step).body).collect();
    // A failure without a place is none of the file's.
    let blamed = rejected().filter(|(_, why)| why.place.is_some());
    let files: Vec<_> = blamed.map(|(step, _)| one_line(&plan.step(step).body.path)).collect();
    let kept = if bodies.iter().all(|body| body.is_transactional()) {
        "Nothing of what failed was kept"
    } else {
        "Statements that run alone and were finished before the failure are kept"
    };
    let place =
        if files.is_empty() { String::new() } else { format!(", in {} or in the database,", listed(&files, 3)) };
    let next = format!("Next: mend the cause{place} and run {}", again(plan));
    format!("{kept}. {next}; what is done is not repeated.")
}

fn estranged(plan: &Plan, report: &RunReport) -> String {
    let ids = listed(&ids(plan, report, FailureClass::Estranged), 3);
    let next = "Next: `dunlin status` shows how files and ledgers differ now; plan anew only when you know why.";
    format!("A database is not as {ids} was planned for, so nothing was changed there. {next}")
}

fn dirty(plan: &Plan, report: &RunReport) -> String {
    let dirty = ids(plan, report, FailureClass::Dirty);
    let first = dirty.first().map(|id| id.trim_matches('`')).unwrap_or_default();
    let next =
        format!("Next: compare the database with what `dunlin explain {first}` shows; `dunlin repair` settles it.");
    format!("{} stopped half way, and Dunlin leaves it alone until a person has decided. {next}", listed(&dirty, 3))
}
