//! A plan as a newcomer can read it: where it runs, every step with what it waits for, what stays behind, what is wrong.
//! Notes are left out: they are for `validate`, and would hide what matters now.
//!
//! Steps are numbered in the plan's order. A step that follows its predecessor of the same set says nothing of it; every
//! other wait is named by number, so that the dependency order over all databases can be followed from line to line.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_planner::{
    Action, Batch, Direction, EdgeKind, Finding, Held, HeldReason, Kind, Phase, Plan, PlannedTarget, Severity,
    StatementClass, Step, StepIx, TargetName,
};

use crate::clean::one_line;
use crate::diagnostic::findings;
use crate::grid::{Grid, cell, plain, shorten, wrapped};
use crate::jobs;
use crate::pausing;
use crate::style::{BAD, BOLD, DIM, NAME, PLAIN, WARN, bytes, count, listed, paint};

/// The most room that a description gets in a table.
pub(crate) const NAME_WIDTH: usize = 36;

/// The whole plan in lines of about `width`.
#[must_use]
pub fn plan(plan: &Plan, width: usize) -> String {
    if plan.errors().next().is_some() {
        return refusal(plan);
    }
    let mut parts = vec![header(plan, width)];
    parts.extend(pausing::planned(plan, width));
    if !plan.steps.is_empty() {
        parts.push(steps(plan, width));
    }
    parts.extend(jobs::planned(plan, width));
    parts.extend(held(&plan.held, width));
    if !plan.steps.is_empty() && plan.settled > 0 {
        parts.push(paint(DIM, settled(plan.settled)) + "\n");
    }
    if plan.findings.iter().any(is_urgent) {
        parts.push(urgent(plan));
    }
    parts.join("\n")
}

fn settled(number: usize) -> String {
    let are = if number == 1 { "is" } else { "are" };
    format!("{} {are} applied already.", count(number, "migration"))
}

fn header(plan: &Plan, width: usize) -> String {
    let of = of(plan);
    if !plan.has_work() {
        return paint(BOLD, format!("{of}: {}", nothing_to_do(plan))) + "\n";
    }
    if plan.steps.is_empty() {
        return paint(BOLD, format!("Plan for {of}: no step; what an earlier run left paused is resumed")) + "\n";
    }
    let used: BTreeSet<_> = plan.steps.iter().map(|step| &step.target).collect();
    let databases = plan.databases().len();
    let what = match plan.direction {
        Direction::Up => count(plan.steps.len(), "step"),
        Direction::Down => format!("takes back {}", count(plan.steps.len(), "migration")),
    };
    let longest = plan.steps.iter().map(|step| step.remaining).max().unwrap_or(0);
    let chain = if plan.steps.len() > 1 { format!("; the longest chain has {longest}") } else { String::new() };
    let headline = format!("Plan for {of}: {what} on {}{chain}", count(databases, "database"));
    let mut grid = Grid::new(2);
    for (name, target) in plan.targets.iter().filter(|(name, _)| used.contains(name)) {
        grid.row([cell(NAME, name), cell(DIM, target.kind), plain(target_line(plan, name, target))]);
    }
    format!("{}\n\n{}", paint(BOLD, headline), grid.render(width))
}

/// The project and its environment.
fn of(plan: &Plan) -> String {
    let environment = plan.environment.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{}{environment}", plan.project)
}

fn nothing_to_do(plan: &Plan) -> String {
    match (plan.direction, plan.settled, plan.held.len()) {
        (Direction::Down, ..) => "nothing to take back".to_owned(),
        (Direction::Up, 0, 0) => "nothing to do: no migration is selected".to_owned(),
        (Direction::Up, 0, held) => format!("nothing to do: {} held back", count(held, "migration")),
        (Direction::Up, settled, 0) => format!("nothing to do: {} applied", count(settled, "migration")),
        (Direction::Up, settled, held) => {
            format!("nothing to do: {} applied, {held} held back", count(settled, "migration"))
        }
    }
}

fn target_line(plan: &Plan, name: &TargetName, target: &PlannedTarget) -> String {
    let steps = plan.steps.iter().filter(|step| step.target == *name).count();
    if let Some(same) = target.same_as.as_ref().filter(|same| plan.steps.iter().any(|step| step.target == **same)) {
        return format!("the same database as {same}: {}", count(steps, "step"));
    }
    let also = target.same_as.as_ref().map(|same| format!("; the same database as {same}")).unwrap_or_default();
    let ledger = match target.ledger {
        None => "; its ledger will be created",
        Some(_) if target.upgrade => "; its ledger will be upgraded",
        Some(_) => "",
    };
    format!("{}: {}{ledger}{also}", one_line(&target.server), count(steps, "step"))
}

fn steps(plan: &Plan, width: usize) -> String {
    let mut grid = Grid::new(2);
    let digits = plan.steps.len().to_string().len();
    let mut previous: Option<&Step> = None;
    for ix in plan.indexes() {
        let step = plan.step(ix);
        let same = previous.is_some_and(|before| before.id.set == step.id.set && before.target == step.target);
        grid.row([
            cell(DIM, format!("{:>digits$}", ix.0 + 1)),
            cell(if same { DIM } else { NAME }, &step.target),
            cell(BOLD, &step.id),
            plain(shorten(&one_line(&step.name), NAME_WIDTH)),
            cell(DIM, notes(plan, ix).join("; ")),
        ]);
        previous = Some(step);
    }
    grid.render(width)
}

/// Everything about a step that is not self-evident.
fn notes(plan: &Plan, ix: StepIx) -> Vec<String> {
    let step = plan.step(ix);
    let mut notes = Vec::new();
    match step.kind {
        Kind::Versioned => {}
        Kind::Repeatable if step.body.jobs.is_some() => notes.push(jobs::note(step)),
        Kind::Repeatable if runs_again(step) => notes.push("repeatable, its text changed".to_owned()),
        Kind::Repeatable | Kind::Seed => notes.push(step.kind.as_str().to_owned()),
    }
    notes.extend(step.phase.map(|phase| format!("{} phase", phase_word(phase))));
    let alone: Vec<_> = alone(step).collect();
    if !alone.is_empty() {
        notes.push(format!("alone: {}", listed(&alone, 2)));
    }
    notes.extend(step.body.batch.as_ref().map(|batch| backfill(batch, step.estimate)));
    notes.extend(step.body.streamed.map(|streamed| format!("{}, streamed", bytes(streamed.bytes))));
    if step.resumes {
        notes.push("resumes an interrupted attempt".to_owned());
    }
    notes.extend(step.pulled_in_by.as_ref().map(|by| match plan.direction {
        Direction::Up => format!("pulled in by {by}"),
        Direction::Down => format!("goes along, for {by}"),
    }));
    let waits = waits(plan, ix);
    if !waits.is_empty() {
        notes.push(format!("waits for {}", listed(&waits, 6)));
    }
    notes
}

/// About how many rows and batches a backfill is.
fn backfill(batch: &Batch, estimate: Option<u64>) -> String {
    let size = batch.pace.size;
    match estimate {
        Some(rows) => format!("backfill of about {rows} rows, in {} batches at first", rows.div_ceil(size).max(1)),
        None => format!("backfill in batches of {size} rows at first"),
    }
}

fn runs_again(step: &Step) -> bool {
    matches!(step.action, Action::Apply { again: true, .. })
}

/// What its statements are that run outside a transaction, each once.
fn alone(step: &Step) -> impl Iterator<Item = String> {
    let what = |class: &StatementClass| match class {
        StatementClass::Transactional => None,
        StatementClass::Alone { what, .. } => Some(one_line(what)),
    };
    step.body.statements.iter().filter_map(move |statement| what(&statement.class)).collect::<BTreeSet<_>>().into_iter()
}

/// The numbers of the steps it waits for, without the one of its own set that stands directly before it.
fn waits(plan: &Plan, ix: StepIx) -> Vec<usize> {
    let evident = |step: StepIx, why: &EdgeKind| {
        *why == EdgeKind::Sequence && step.0 + 1 == ix.0 && plan.direction == Direction::Up
    };
    let waits = plan.step(ix).waits.iter().filter(|wait| !evident(wait.step, &wait.why));
    waits.map(|wait| wait.step.0 + 1).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The phase as it is written in a header.
pub(crate) fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "expand",
        Phase::Data => "data",
        Phase::Contract => "contract",
    }
}

/// What is held back, by reason, with what needs it behind it.
pub(crate) fn held(held: &[Held], width: usize) -> Option<String> {
    if held.is_empty() {
        return None;
    }
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut behind: Vec<String> = Vec::new();
    for one in held {
        match &one.reason {
            HeldReason::Needs(_) => behind.push(one.id.to_string()),
            HeldReason::TargetOff => reasons.entry(off(&one.target)).or_default().push(one.id.to_string()),
            HeldReason::Missing(feature) => {
                let reason = format!("the server of {} does not offer `{}`", one.target, one_line(feature));
                reasons.entry(reason).or_default().push(one.id.to_string());
            }
            reason @ HeldReason::SeedsOff => reasons.entry(reason.to_string()).or_default().push(one.id.to_string()),
        }
    }
    let mut text = paint(WARN, format!("Held back: {}", count(held.len(), "migration"))) + "\n";
    let behind = (!behind.is_empty()).then(|| ("they need one of these".to_owned(), behind));
    for (reason, ids) in reasons.into_iter().chain(behind) {
        let line = format!("{} because {reason}: {}", ids.len(), listed(&ids, 4));
        text.extend(wrapped(&line, width.saturating_sub(2)).iter().enumerate().map(|(number, part)| {
            let indent = if number == 0 { "  " } else { "    " };
            format!("{indent}{}\n", paint(PLAIN, part))
        }));
    }
    Some(text)
}

fn off(target: &TargetName) -> String {
    format!("{target} is switched off in this environment")
}

fn is_urgent(finding: &Finding) -> bool {
    finding.severity > Severity::Note
}

fn urgent(plan: &Plan) -> String {
    findings(&plan.findings.iter().filter(|finding| is_urgent(finding)).cloned().collect::<Vec<_>>())
}

/// A plan with errors: its steps will not run like this, so that only what is wrong is shown.
fn refusal(plan: &Plan) -> String {
    let errors = count(plan.errors().count(), "error");
    let what = format!("Nothing runs in {}: {errors} must be mended first.", of(plan));
    format!("{}\n{}\n", urgent(plan), paint(BAD, what))
}
