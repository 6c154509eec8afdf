//! Runs a plan in front of somebody: asks, executes, shows the lanes, sums up.

use std::sync::Arc;

use dunlin_engine::{Execution, execute};
use dunlin_planner::{Direction, Limits, Plan, RunReport};

use crate::args::{Format, RunArgs};
use crate::confirm::confirm;
use crate::exit::{Stop, exit_of};
use crate::interrupt;
use crate::live::Live;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Shows `plan` and, where it may and should, runs it. None when there was nothing to run.
pub(crate) async fn run(
    workspace: &Workspace,
    plan: Plan,
    how: &RunArgs,
    format: Format,
    terminal: Terminal,
) -> Result<Option<(Arc<Plan>, RunReport)>, Stop> {
    show(&plan, format, how.dry_run, terminal);
    if let Some(exit) = exit_of(plan.findings.iter()) {
        return Err(Stop::Said(exit));
    }
    if !plan.has_work() || how.dry_run {
        return Ok(None);
    }
    permit(workspace)?;
    ask(&plan, how, terminal)?;
    let plan = Arc::new(plan);
    let report = perform(workspace, &plan, how, terminal).await;
    match format {
        Format::Text => terminal.data(&dunlin_render::summary(&plan, &report, terminal.width)),
        Format::Json => terminal.data(&dunlin_render::report_json(&plan, &report)),
    }
    Ok(Some((plan, report)))
}

/// A plan that will run is progress and goes to stderr; one that is asked for is data.
fn show(plan: &Plan, format: Format, is_data: bool, terminal: Terminal) {
    let runs = !is_data && plan.has_work() && plan.errors().next().is_none();
    match format {
        Format::Json if runs => {}
        Format::Json => terminal.data(&dunlin_render::plan_json(plan)),
        Format::Text if runs => terminal.say(&(dunlin_render::plan(plan, terminal.width) + "\n")),
        Format::Text => terminal.data(&dunlin_render::plan(plan, terminal.width)),
    }
}

/// Refuses what this environment's policy asks for and nobody can give yet.
fn permit(workspace: &Workspace) -> Result<(), Stop> {
    let gates = &workspace.project.policy_gates;
    let asked = [("approval", gates.approval.is_some()), ("backup", gates.backup.is_some())];
    let required: Vec<_> = asked.into_iter().filter_map(|(name, asked)| asked.then_some(name)).collect();
    if required.is_empty() {
        return Ok(());
    }
    Err(Stop::because(
        "policy-unsupported",
        format!("this environment requires {}, which this version of Dunlin cannot check yet", required.join(" and ")),
        "plan and validate work; to apply, use an environment whose policy does not ask for it",
    ))
}

fn ask(plan: &Plan, how: &RunArgs, terminal: Terminal) -> Result<(), Stop> {
    if how.yes {
        return Ok(());
    }
    let verb = match plan.direction {
        Direction::Up => "Apply",
        Direction::Down => "Take back",
    };
    let question = match plan.steps.len() {
        0 => format!("Resume {}?", count(plan.left_paused.len(), "paused job")),
        steps => format!("{verb} {} in {}?", count(steps, "migration"), count(plan.databases().len(), "database")),
    };
    confirm(&question, "add --yes to run it without being asked", terminal)
}

/// `1 migration`, `2 migrations`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

async fn perform(workspace: &Workspace, plan: &Arc<Plan>, how: &RunArgs, terminal: Terminal) -> RunReport {
    let live = Live::new(Arc::clone(plan), terminal);
    let limits = Limits {
        busy: how.lock_wait,
        fail_fast: how.fail_fast,
        seed: u64::from(std::process::id()),
        ..Limits::default()
    };
    let execution = Execution {
        connectors: workspace.connectors(),
        bodies: Arc::clone(&workspace.project.bodies) as Arc<dyn dunlin_planner::Bodies>,
        limits,
        stop: interrupt::run_begins(),
        events: live.sink(),
    };
    let report = execute(Arc::clone(plan), execution).await;
    live.finish();
    report
}
