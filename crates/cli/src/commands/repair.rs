//! `dunlin repair`: what waits for a person, and what a person says of it.

use std::collections::BTreeMap;

use dunlin_planner::{
    Body, Failure, FailureClass, Finding, Graph, LaneKind, LogEntry, Migration, Observed, ProbeFact, Repair, RowState,
    Scope, Selection, Settlement, TargetName, free_to_go, repaired, repairs, settle,
};
use dunlin_render::Seen;

use crate::args::{Format, Global, RepairArgs, RepairCommand, SettleArgs, StatementArgs};
use crate::confirm::confirm;
use crate::exit::{Exit, Stop, exit_of};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, select, troubles};

/// Lists what can be repaired, or repairs one migration.
pub(crate) async fn run(global: &Global, args: &RepairArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    match &args.command {
        None => list(&workspace, args, terminal).await,
        Some(RepairCommand::Accept(args)) => one(&workspace, Repair::Accept, args, terminal).await,
        Some(RepairCommand::Done(StatementArgs { settle, statement })) => {
            one(&workspace, Repair::Done { statement: *statement }, settle, terminal).await
        }
        Some(RepairCommand::Undone(StatementArgs { settle, statement })) => {
            one(&workspace, Repair::Undone { statement: *statement }, settle, terminal).await
        }
        Some(RepairCommand::Forget(args)) => one(&workspace, Repair::Forget, args, terminal).await,
    }
}

async fn list(workspace: &Workspace, args: &RepairArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let graph = workspace.graph()?;
    let selection = select(&graph, &args.scope, None)?;
    let observed = workspace.observe(&graph, &selection).await?;
    let found = repairs(&graph, &selection, &observed);
    match args.format {
        Format::Text => terminal.data(&dunlin_render::repairs(&found, terminal.width)),
        Format::Json => terminal.data(&dunlin_render::repairs_json(&found)),
    }
    let troubles = troubles(&observed);
    terminal.findings(&troubles);
    Ok(exit_of(troubles.iter()).unwrap_or(Exit::Done))
}

async fn one(workspace: &Workspace, repair: Repair, args: &SettleArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let graph = workspace.graph()?;
    let (observed, target) = look(workspace, &graph, args).await?;
    let (target, row, migration) =
        repaired(&graph, &observed, &args.id, target.as_ref()).map_err(|finding| unread(&observed, finding))?;
    let settlement = settle(migration, row, repair, &args.reason).map_err(|finding| vec![finding])?;
    if settlement.takes_away() {
        // What applied migrations of a database that does not answer need, nobody knows.
        let troubles = troubles(&observed);
        if !troubles.is_empty() {
            return Err(Stop::Findings(troubles));
        }
        free_to_go(&observed, &settlement).map_err(|finding| vec![finding])?;
    }
    let catalog = catalog(workspace, target, migration, row).await;
    let seen = Seen { target, row, migration, catalog, log: log(workspace, target, &settlement).await };
    if args.format == Format::Text {
        terminal.say(&dunlin_render::repair(&seen, &settlement, terminal.width));
    }
    ask(args, &settlement, terminal)?;
    write(workspace, target, &settlement).await?;
    match args.format {
        Format::Text => terminal.data(&dunlin_render::repaired(target, &settlement)),
        Format::Json => terminal.data(&dunlin_render::repaired_json(target, &settlement)),
    }
    Ok(Exit::Done)
}

/// Every database is asked: a row can be where no file says, and be needed anywhere.
async fn look(
    workspace: &Workspace,
    graph: &Graph<'_>,
    args: &SettleArgs,
) -> Result<(BTreeMap<TargetName, Observed>, Option<TargetName>), Stop> {
    let target = match &args.target {
        None => None,
        Some(name) => Some(workspace.target(name)?),
    };
    let everything = Selection::of(graph, &Scope::default())?;
    Ok((workspace.observe(graph, &everything).await?, target))
}

/// A row that is not found may be in a database that did not answer.
fn unread(observed: &BTreeMap<TargetName, Observed>, finding: Finding) -> Stop {
    let troubles = troubles(observed);
    Stop::Findings(if troubles.is_empty() { vec![finding] } else { troubles })
}

/// What the catalog shows of the statement that was begun.
async fn catalog(
    workspace: &Workspace,
    target: &TargetName,
    migration: Option<&Migration>,
    row: &dunlin_planner::LedgerRow,
) -> Option<ProbeFact> {
    let body: Body = match row.state {
        RowState::Running if row.in_doubt() => migration?.up.clone(),
        RowState::Reverting if row.in_doubt() => migration?.way_back()?,
        _ => return None,
    };
    let index = row.step as usize;
    body.statements.get(index).filter(|_| body.batch.is_none())?;
    let driver = workspace.connectors().driver(target).await.ok()?;
    let mut session = driver.session(LaneKind::Long).await.ok()?;
    session.probe(&body, index).await.ok()
}

/// The last lines about the migration; a help and no more.
async fn log(workspace: &Workspace, target: &TargetName, settlement: &Settlement) -> Vec<LogEntry> {
    let Ok(driver) = workspace.connectors().driver(target).await else { return Vec::new() };
    let lines = driver.log(&workspace.catalog().project).await.unwrap_or_default();
    lines.into_iter().filter(|line| line.id.as_ref() == Some(&settlement.id)).collect()
}

fn ask(args: &SettleArgs, settlement: &Settlement, terminal: Terminal) -> Result<(), Stop> {
    if args.yes {
        return Ok(());
    }
    let question = format!("Write down that `{}` is {}?", settlement.id, settlement.after.state.as_str());
    confirm(&question, "add --yes to repair it without being asked", terminal)
}

/// The ledger is checked and brought up to date like before a run, so that another environment's is refused.
async fn write(workspace: &Workspace, target: &TargetName, settlement: &Settlement) -> Result<(), Stop> {
    let catalog = workspace.catalog();
    let written = async {
        let driver = workspace.connectors().driver(target).await?;
        driver.bootstrap(catalog.environment.as_ref()).await?;
        driver.settle(&catalog.project, settlement).await?;
        // What is not sealed now is sealed by the next run.
        driver.seal(&catalog.project, None).await.ok();
        Ok::<_, Failure>(())
    };
    written.await.map_err(|failure| {
        let what = match failure.class {
            FailureClass::Unknown => "nobody knows yet whether it was repaired",
            _ => "nothing was repaired",
        };
        let finding = Finding::error("repair-failed", format!("{what} in `{target}`: {}", failure.message));
        let finding = finding.class(failure.class.finding()).of(&settlement.id);
        Stop::Findings(vec![Finding { hint: failure.hint, ..finding }])
    })
}
