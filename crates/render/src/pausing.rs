//! What rests while a run works, what stays paused behind one, and what becomes of it.

use std::time::Duration;

use dunlin_planner::{LogEntry, Obligation, Plan, Resumption, ResumptionEnd, RunReport};

use crate::clean::one_line;
use crate::diagnostic::failure;
use crate::grid::{Grid, cell, plain};
use crate::style::{BAD, BOLD, DIM, NAME, WARN, listed, paint};
use crate::when::{moment, span};

/// What a plan resumes before its steps, and what it pauses for them.
pub(crate) fn planned(plan: &Plan, width: usize) -> Option<String> {
    let mut text = String::new();
    if !plan.left_paused.is_empty() {
        let mut grid = Grid::new(2);
        for left in &plan.left_paused {
            let one = &left.obligation;
            grid.row([cell(NAME, &left.target), plain(one_line(&one.what)), cell(DIM, by(one))]);
        }
        text.push_str(&format!(
            "{}\n{}",
            paint(WARN, "Resumed first, since the run that paused it is gone:"),
            grid.render(width)
        ));
    }
    if !plan.pauses.is_empty() {
        let mut grid = Grid::new(2);
        for pause in &plan.pauses {
            let works_in = format!("works in {}", listed(&pause.works_in, 3));
            grid.row([cell(NAME, &pause.target), plain(one_line(&pause.pausable.what)), cell(DIM, works_in)]);
        }
        text.push_str(&format!("{}\n{}", paint(BOLD, "Paused while it runs:"), grid.render(width)));
    }
    (!text.is_empty()).then_some(text)
}

fn by(obligation: &Obligation) -> String {
    let ago = match obligation.seconds {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => span(Duration::from_secs(seconds)),
    };
    format!("by run {}, {ago} ago", obligation.run)
}

/// What runs have paused in a database.
pub(crate) fn standing(paused: &[Obligation]) -> String {
    let line = |one: &Obligation| {
        let next = if one.held { "that run is at work, and resumes it" } else { "the next `dunlin up` resumes it" };
        let said = format!("paused: {}, {}; {next}", one_line(&one.what), by(one));
        format!("  {}\n", paint(WARN, said))
    };
    paused.iter().map(line).collect()
}

/// What became of something paused, as an event.
pub(crate) fn resumed(resumption: &Resumption, plan: &Plan) -> String {
    let what = one_line(&resumption.what);
    let is_left =
        |left: &dunlin_planner::LeftPaused| left.target == resumption.target && left.obligation.id == resumption.id;
    match &resumption.end {
        ResumptionEnd::Resumed if plan.left_paused.iter().any(is_left) => {
            format!("resumed {what}, which run {} had left paused", resumption.owner)
        }
        ResumptionEnd::Resumed => format!("resumed {what}"),
        ResumptionEnd::StillNeeded => format!("{what} stays paused: another run needs it so, and resumes it"),
        ResumptionEnd::Gone => paint(WARN, format!("{what} is not there any more, so nothing is resumed")),
        ResumptionEnd::Failed { failure } => {
            paint(BAD, format!("{what} could not be resumed: {}", one_line(&failure.message)))
        }
    }
}

/// What could not be resumed, in full.
pub(crate) fn failed(report: &RunReport) -> impl Iterator<Item = String> {
    report.resumptions.iter().filter_map(|one| match &one.end {
        ResumptionEnd::Failed { failure: why } => {
            Some(failure(why, &format!("{} is still paused on {}", one_line(&one.what), one.target)))
        }
        _ => None,
    })
}

/// What this report resumed, where that was all there was to do.
pub(crate) fn nothing_else(report: &RunReport) -> String {
    let became = |one: &Resumption| {
        let end = match one.end {
            ResumptionEnd::Resumed => "goes on again",
            ResumptionEnd::StillNeeded => "is kept paused by another run",
            ResumptionEnd::Gone => "is not there any more",
            ResumptionEnd::Failed { .. } => "is still paused",
        };
        format!("{} {end}", one_line(&one.what))
    };
    let became: Vec<_> = report.resumptions.iter().map(became).collect();
    if became.is_empty() {
        return "Done: there was nothing to do.".to_owned();
    }
    format!("Done: no migration was left to do; {}.", listed(&became, 3))
}

/// The lines of a log about pauses.
pub(crate) fn logged(log: &[LogEntry], width: usize) -> String {
    let told: Vec<_> = log.iter().filter(|entry| matches!(entry.what.as_str(), "paused" | "resumed")).collect();
    if told.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(4);
    for entry in told {
        let run = entry.run.as_ref().map(|run| format!("run {run}")).unwrap_or_default();
        grid.row([
            plain(moment(entry.at)),
            plain(one_line(&entry.what)),
            plain(entry.message.as_deref().map(one_line).unwrap_or_default()),
            cell(DIM, run),
        ]);
    }
    format!("  {}\n{}", paint(BOLD, "paused and resumed"), grid.render(width))
}
