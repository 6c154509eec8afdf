//! Prints what the planner says of a fixture, compactly.

use std::fmt::Write as _;

use dunlin_planner::{
    Action, Digest, DownRequest, DownScope, EdgeKind, Finding, Graph, Plan, Scope, Selection, Severity, Status, Step,
    UpRequest, plan_down, plan_up, status,
};

use super::Fixture;

/// What `command` says of the project in `fixture`.
///
/// Commands are `graph`, `up`, `down` and `status` with `--service`, `--target`, `--set`, `--to`, `--only`, `--version`,
/// `--run` and `--cascade`, as on the command line.
pub(crate) fn show(fixture: &str, command: &str) -> String {
    let fixture = Fixture::parse(fixture);
    let graph = match Graph::build(&fixture.catalog) {
        Ok(graph) => graph,
        Err(findings) => return listed(&findings),
    };
    let mut words = command.split_whitespace();
    let verb = words.next().expect("a command has a verb");
    let mut scope = Scope::default();
    let (mut only, mut cascade, mut down) = (false, false, DownScope::Last);
    while let Some(option) = words.next() {
        let mut value = || words.next().expect("this option has a value").to_owned();
        match option {
            "--service" => scope.services.push(value()),
            "--target" => scope.targets.push(value()),
            "--set" => scope.sets.push(value()),
            "--to" if verb == "down" => down = DownScope::To(value()),
            "--to" => scope.to = Some(value()),
            "--version" => down = DownScope::Version(value()),
            "--run" => down = DownScope::Run(value().parse().unwrap()),
            "--only" => only = true,
            "--cascade" => cascade = true,
            other => panic!("no option `{other}`"),
        }
    }
    let selection = match Selection::of(&graph, &scope) {
        Ok(selection) => selection,
        Err(findings) => return listed(&findings),
    };
    match verb {
        "graph" => edges(&graph),
        "up" => planned(&plan_up(&graph, &selection, &fixture.observed, UpRequest { only })),
        "down" => planned(&plan_down(&graph, &selection, &fixture.observed, &DownRequest { scope: down, cascade })),
        "status" => stands(&status(&graph, &selection, &fixture.observed)),
        other => panic!("no command `{other}`"),
    }
}

pub(crate) fn listed<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> String {
    let mut text = String::new();
    for finding in findings {
        let severity = match finding.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let place = finding.place.as_ref().map(|place| format!(" (line {})", place.line)).unwrap_or_default();
        let _ = writeln!(text, "{severity} {} {:?}: {}{place}", finding.code, finding.class, finding.message);
        for (what, place) in &finding.related {
            let _ = writeln!(text, "  {what} (line {})", place.line);
        }
        if let Some(hint) = &finding.hint {
            let _ = writeln!(text, "  hint: {hint}");
        }
    }
    text
}

fn edges(graph: &Graph<'_>) -> String {
    let mut text = String::new();
    for ix in graph.order() {
        let _ = write!(text, "{}", graph.migration(*ix).id);
        for edge in graph.earlier(*ix) {
            let _ = write!(text, " <{} {}", word(edge.kind), graph.migration(edge.earlier).id);
        }
        text.push('\n');
    }
    text
}

fn word(kind: &EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Sequence => "sequence",
        EdgeKind::Declared { .. } => "declared",
        EdgeKind::After => "after",
        EdgeKind::Inferred { .. } => "inferred",
    }
}

fn planned(plan: &Plan) -> String {
    let mut text = String::new();
    for left in &plan.left_paused {
        let _ = writeln!(text, "resume {} of {}, owed by {}", left.obligation.what, left.target, left.obligation.run);
    }
    for pause in &plan.pauses {
        let works_in: Vec<_> = pause.works_in.iter().map(ToString::to_string).collect();
        let _ =
            writeln!(text, "pause {} of {}, which works in {}", pause.pausable.what, pause.target, works_in.join(","));
    }
    for step in &plan.steps {
        let _ = writeln!(text, "{}", line(plan, step));
    }
    for held in &plan.held {
        let _ = writeln!(text, "held {}: {}", held.id, held.reason);
    }
    text + &listed(&plan.findings)
}

fn line(plan: &Plan, step: &Step) -> String {
    let mut text = match &step.action {
        Action::Apply { again: true, .. } => format!("again {} on {}", step.id, step.target),
        Action::Apply { .. } if step.resumes => format!("resume {} on {}", step.id, step.target),
        Action::Apply { .. } => format!("apply {} on {}", step.id, step.target),
        Action::Revert { .. } if step.resumes => format!("resume revert {} on {}", step.id, step.target),
        Action::Revert { .. } => format!("revert {} on {}", step.id, step.target),
    };
    for wait in &step.waits {
        let _ = write!(text, " <{} {}", word(&wait.why), plan.step(wait.step).id);
    }
    match &step.action {
        Action::Apply { after, .. } if !after.is_empty() => {
            let ids = after.iter().map(|needed| {
                let is_new = needed.checksum == Digest::of(format!("up {}", needed.id).as_bytes());
                let declared = if needed.declared { "*" } else { "" };
                format!("{}{declared}{}", needed.id, if is_new { "" } else { " as it was" })
            });
            let _ = write!(text, " checks {}", ids.collect::<Vec<_>>().join(","));
        }
        Action::Revert { dependents } if !dependents.is_empty() => {
            let ids: Vec<_> = dependents.iter().map(ToString::to_string).collect();
            let _ = write!(text, " checks {}", ids.join(","));
        }
        _ => {}
    }
    if let Some(by) = &step.pulled_in_by {
        let _ = write!(text, " pulled in by {by}");
    }
    text
}

fn stands(status: &Status) -> String {
    let mut text = String::new();
    for (target, paused) in status.targets.iter().flat_map(|target| target.paused.iter().map(move |one| (target, one)))
    {
        let how = if paused.held { "held" } else { "owed" };
        let _ = writeln!(text, "paused {} of {}, {how} by {}", paused.what, target.name, paused.run);
    }
    for migration in &status.migrations {
        let _ = write!(text, "{} {}", migration.id, migration.state.as_str());
        for id in &migration.waits_for {
            let _ = write!(text, " <{id}");
        }
        if let Some(reason) = &migration.reason {
            let _ = write!(text, ": {reason}");
        }
        text.push('\n');
    }
    text + &listed(&status.findings)
}
