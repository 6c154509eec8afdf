//! One line per event: plain for logs, JSON for machines.

use std::time::Duration;

use dunlin_planner::{
    BackfillProgress, Event, EventKind, FailureClass, MigrationId, Notice, Plan, StepEnd, StepIx, TargetName,
};
use serde::Serialize;

use crate::clean::one_line;
use crate::pausing::resumed;
use crate::style::{BAD, BOLD, DIM, GOOD, NAME, PLAIN, WARN, count, paint};
use crate::when::{clock, rfc3339, span};

/// The event as one line without a line feed; none for what only the summary tells (steps that were never tried).
#[must_use]
pub fn event_line(event: &Event, plan: &Plan) -> Option<String> {
    let said = match &event.kind {
        EventKind::RunStarted { run, steps } => format!("run {run} starts: {}", count(*steps, "step")),
        EventKind::LedgerReady { target } => format!("{}its ledger is ready", database(plan, target)),
        EventKind::Paused { target, what } => format!("{}paused {}", database(plan, target), one_line(what)),
        EventKind::Awaited { target, what } => {
            format!("{}waiting for the end of {}", database(plan, target), one_line(&what.join(", ")))
        }
        EventKind::Resumed { resumption } => {
            format!("{}{}", database(plan, &resumption.target), resumed(resumption, plan))
        }
        EventKind::StepStarted { step, attempt: 1, .. } => of_step(plan, *step, "starts"),
        EventKind::StepStarted { step, attempt, .. } => of_step(plan, *step, &format!("starts, attempt {attempt}")),
        EventKind::StatementStarted { step, index, of } => {
            of_step(plan, *step, &format!("statement {} of {of}", index + 1))
        }
        EventKind::BatchDone { step, progress } => of_step(plan, *step, &batches(progress)),
        EventKind::BackfillRests { step, rest, why } => {
            of_step(plan, *step, &paint(WARN, format!("rests for {}: {}", span(*rest), one_line(why))))
        }
        EventKind::Noticed { step, notice } => of_step(plan, *step, &noticed(notice)),
        EventKind::FailedOver { target, from, to, again } => {
            let looked = match again {
                0 => String::new(),
                again => format!("; {} looked up again, as the last may be lost", count(*again, "step")),
            };
            let said = format!("another server took over (timeline {from}, now {to}){looked}");
            format!("{}{}", database(plan, target), paint(WARN, said))
        }
        EventKind::StepRetried { step, failure, rest } => {
            let why = one_line(&failure.message);
            of_step(plan, *step, &paint(WARN, format!("is tried again in {}: {why}", span(*rest))))
        }
        EventKind::StepEnded { step, end, took } => of_step(plan, *step, &ended(end, *took)?),
        EventKind::Stopping => {
            paint(WARN, "stopping: what runs gets two seconds, then it is cancelled; nothing new is started")
        }
        EventKind::RunEnded { took } => format!("the run is over after {}", span(*took)),
    };
    Some(format!("{} {said}", paint(DIM, clock(event.at))))
}

/// A database's name, padded to the longest one of the plan.
fn database(plan: &Plan, target: &TargetName) -> String {
    let longest = plan.targets.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
    let longest = longest.max(target.as_str().len());
    paint(NAME, format!("{target:longest$}  "))
}

fn of_step(plan: &Plan, ix: StepIx, said: &str) -> String {
    let step = plan.step(ix);
    format!("{}{} {said}", database(plan, &step.target), paint(BOLD, &step.id))
}

/// How far a backfill is: `12000 of about 200000 rows, 54000 rows/s, about 4 s left`.
#[must_use]
pub fn batches(progress: &BackfillProgress) -> String {
    let of = progress.total.map(|total| format!(" of about {}", total.max(progress.rows))).unwrap_or_default();
    let left = progress.left().map(|left| format!(", about {} left", span(left))).unwrap_or_default();
    format!("{}{of} rows, {:.0} rows/s{left}", progress.rows, progress.rate)
}

fn noticed(notice: &Notice) -> String {
    let style = if notice.severity == "WARNING" { WARN } else { PLAIN };
    paint(style, format!("{}: {}", one_line(&notice.severity), one_line(&notice.message)))
}

fn ended(end: &StepEnd, took: Duration) -> Option<String> {
    let (style, said) = match end {
        StepEnd::Done => (GOOD, format!("done in {}", span(took))),
        StepEnd::AlreadyDone => (GOOD, "was done by another run".to_owned()),
        StepEnd::Failed { failure } if failure.class == FailureClass::Interrupted => {
            (WARN, format!("interrupted after {}", span(took)))
        }
        StepEnd::Failed { failure } if failure.class == FailureClass::Unreplicated => {
            (WARN, format!("applied after {}, {}", span(took), one_line(&failure.message)))
        }
        StepEnd::Failed { failure } => (BAD, format!("failed after {}: {}", span(took), one_line(&failure.message))),
        StepEnd::Blocked { .. } | StepEnd::NotStarted => return None,
    };
    Some(paint(style, said))
}

/// The event as one line of JSON: its fields, `version`, the moment in RFC 3339, and what its step is.
#[must_use]
pub fn event_json(event: &Event, plan: &Plan) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        version: u32,
        at: String,
        #[serde(flatten)]
        of: Option<Of<'a>>,
        #[serde(flatten)]
        kind: &'a EventKind,
    }
    #[derive(Serialize)]
    struct Of<'a> {
        migration: &'a MigrationId,
        target: &'a TargetName,
    }
    let step = match &event.kind {
        EventKind::StepStarted { step, .. }
        | EventKind::StatementStarted { step, .. }
        | EventKind::BatchDone { step, .. }
        | EventKind::BackfillRests { step, .. }
        | EventKind::Noticed { step, .. }
        | EventKind::StepRetried { step, .. }
        | EventKind::StepEnded { step, .. } => Some(plan.step(*step)),
        EventKind::RunStarted { .. }
        | EventKind::LedgerReady { .. }
        | EventKind::Paused { .. }
        | EventKind::Awaited { .. }
        | EventKind::Resumed { .. }
        | EventKind::FailedOver { .. }
        | EventKind::Stopping
        | EventKind::RunEnded { .. } => None,
    };
    let of = step.map(|step| Of { migration: &step.id, target: &step.target });
    let line = Line { version: crate::json::VERSION, at: rfc3339(event.at), of, kind: &event.kind };
    serde_json::to_string(&line).expect("events hold nothing that JSON cannot")
}
