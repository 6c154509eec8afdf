//! What a doctor found, database by database: what needs somebody first, and what is well in one line.

use anstyle::Style;
use dunlin_planner::{Check, Diagnosis, Level, Offers, Support, TargetDiagnosis};

use crate::clean::one_line;
use crate::diagnostic::findings;
use crate::grid::{Grid, cell, plain};
use crate::style::{BAD, BOLD, DIM, GOOD, NAME, WARN, count, listed, paint};

/// The whole diagnosis in lines of about `width`; `verbose` gives what is well a line each.
#[must_use]
pub fn diagnosis(diagnosis: &Diagnosis, verbose: bool, width: usize) -> String {
    let mut parts: Vec<_> =
        diagnosis.targets.iter().map(|target| head(target) + &checks(target, verbose, width)).collect();
    if !diagnosis.off.is_empty() {
        parts.push(format!(
            "{} {}\n",
            paint(DIM, "switched off in this environment:"),
            listed(&diagnosis.off, usize::MAX)
        ));
    }
    if !diagnosis.findings.is_empty() {
        parts.push(findings(&diagnosis.findings));
    }
    parts.push(totals(diagnosis));
    parts.join("\n")
}

fn head(target: &TargetDiagnosis) -> String {
    let server = match (&target.same_as, &target.server) {
        (Some(same), _) => format!("the same database as {same}"),
        (None, Some(server)) => one_line(server),
        (None, None) => String::new(),
    };
    let server = if server.is_empty() { server } else { format!("  {}", paint(DIM, server)) };
    format!("{}  {}{server}\n", paint(NAME.bold(), &target.name), paint(DIM, target.kind))
}

fn checks(target: &TargetDiagnosis, verbose: bool, width: usize) -> String {
    let (well, told): (Vec<_>, Vec<_>) = target.checks.iter().partition(|check| !verbose && check.level == Level::Ok);
    let mut grid = Grid::new(2);
    for check in told {
        let hint = check.hint.as_ref().map(|hint| format!("hint: {}", one_line(hint)));
        grid.row([
            cell(style(check.level), check.level.as_str()),
            plain(check.area.as_str()),
            plain(one_line(&check.message)),
        ]);
        if let Some(hint) = hint {
            grid.row([plain(""), plain(""), cell(DIM, hint)]);
        }
    }
    let mut areas: Vec<_> = well.iter().map(|check| check.area.as_str()).collect();
    areas.dedup();
    if !areas.is_empty() {
        grid.row([cell(GOOD, Level::Ok.as_str()), plain(""), plain(areas.join(", "))]);
    }
    if verbose {
        for (title, support) in target.offers.iter().flat_map(Offers::rows) {
            let (word, note) = match support {
                Support::Yes => continue,
                Support::Partly(note) => ("in part", note),
                Support::No(note) => ("no", note),
            };
            grid.row([cell(DIM, word), plain("offers"), cell(DIM, format!("{title}: {note}"))]);
        }
    }
    grid.render(width)
}

fn style(level: Level) -> Style {
    match level {
        Level::Ok => GOOD,
        Level::Info => DIM,
        Level::Warning => WARN,
        Level::Error => BAD,
    }
}

fn totals(diagnosis: &Diagnosis) -> String {
    if diagnosis.targets.is_empty() {
        return "No target is examined.\n".to_owned();
    }
    let all: Vec<&Check> = diagnosis.targets.iter().flat_map(|target| &target.checks).collect();
    let of = |level: Level| all.iter().filter(|check| check.level == level).count();
    let more = diagnosis.findings.iter();
    let errors = of(Level::Error) + more.clone().filter(|finding| finding.is_error()).count();
    let warnings =
        of(Level::Warning) + more.filter(|finding| finding.severity == dunlin_planner::Severity::Warning).count();
    let databases = paint(BOLD, count(diagnosis.targets.len(), "target"));
    let verdict = match (errors, warnings) {
        (0, 0) => paint(GOOD, "fit for a run"),
        (0, warnings) => paint(WARN, count(warnings, "warning")),
        (errors, 0) => paint(BAD, count(errors, "error")),
        (errors, warnings) => {
            format!("{}, {}", paint(BAD, count(errors, "error")), paint(WARN, count(warnings, "warning")))
        }
    };
    format!("{databases}: {verdict}\n")
}
