//! `dunlin dev`: the servers behind `url = "embedded"`, for people.

use std::os::unix::process::CommandExt;
use std::process::Command;

use dunlin_devdb::{DevdbError, Flavour, Life};
use dunlin_planner::{Finding, TargetName};

use crate::args::{DevArgs, DevCommand, Global};
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Starts, stops and opens the project's embedded servers.
pub(crate) async fn run(global: &Global, args: &DevArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    match &args.command {
        DevCommand::Up => up(&workspace, terminal).await,
        DevCommand::Down { delete } => down(&workspace, *delete, terminal).await,
        DevCommand::Reset => down(&workspace, true, terminal).await,
        DevCommand::Url { target } => {
            terminal.data(&url(&workspace, target).await?);
            Ok(Exit::Done)
        }
        DevCommand::Psql { target, args } => {
            let url = url(&workspace, target).await?;
            let name = named(&workspace, target)?;
            let cluster =
                workspace.databases.embedded(name).start(Life::Session).await.map_err(|error| stop(&error))?;
            if cluster.flavour() == Flavour::ClickHouse {
                let hint = "send a statement: curl --data-binary 'SHOW TABLES' URL".to_owned();
                return Err(Stop::because("psql-failed", format!("`{target}` is a ClickHouse: {url}"), hint));
            }
            let error = Command::new(cluster.bin("psql")).arg(url).args(args).exec();
            Err(Stop::because("psql-failed", format!("psql cannot be started: {error}"), "run `dunlin dev up` first"))
        }
    }
}

async fn up(workspace: &Workspace, terminal: Terminal) -> Result<Exit, Stop> {
    let targets = workspace.databases.embedded_targets();
    if targets.is_empty() {
        return Err(none(workspace));
    }
    for target in targets {
        workspace.databases.embedded(target).start(Life::Kept).await.map_err(|error| stop(&error))?;
        terminal.data(&format!("{target:<12} {}", url(workspace, target.as_str()).await?));
    }
    terminal.say("the server goes on until `dunlin dev down`");
    Ok(Exit::Done)
}

async fn down(workspace: &Workspace, delete: bool, terminal: Terminal) -> Result<Exit, Stop> {
    let mut stopped = false;
    for server in workspace.databases.servers() {
        stopped |= server.stop(delete).await.map_err(|error| stop(&error))?;
    }
    terminal.say(match (stopped, delete) {
        (true, true) => "the server is stopped and its data are removed",
        (true, false) => "the server is stopped; its data stay for the next start",
        (false, _) => "there was no server to stop",
    });
    Ok(Exit::Done)
}

async fn url(workspace: &Workspace, target: &str) -> Result<String, Stop> {
    let name = named(workspace, target)?;
    workspace.databases.embedded_url(name).await.map_err(|failure| {
        let finding = Finding::error("embedded-failed", failure.message);
        Stop::Findings(vec![Finding { hint: failure.hint, ..finding }])
    })
}

fn named<'w>(workspace: &'w Workspace, target: &str) -> Result<&'w TargetName, Stop> {
    let known = workspace.databases.embedded_targets().into_iter().find(|name| name.as_str() == target);
    known.ok_or_else(|| not_embedded(workspace, target))
}

fn not_embedded(workspace: &Workspace, target: &str) -> Stop {
    let names: Vec<_> = workspace.databases.embedded_targets().into_iter().map(TargetName::as_str).collect();
    if names.is_empty() {
        return none(workspace);
    }
    let message = format!("`{}` is not an embedded target of this environment", target.escape_debug());
    Stop::because("target-not-embedded", message, format!("these are: {}", names.join(", ")))
}

fn none(workspace: &Workspace) -> Stop {
    let environment =
        workspace.catalog().environment.as_ref().map_or_else(String::new, |name| format!(" of environment `{name}`"));
    Stop::because(
        "no-embedded-target",
        format!("no target{environment} is embedded"),
        "set `url = \"embedded\"` for a target, or choose the environment that does with --env",
    )
}

fn stop(error: &DevdbError) -> Stop {
    let details = error.details().map(|details| format!("\n{details}")).unwrap_or_default();
    let finding = Finding::error("embedded-failed", format!("{error}{details}"));
    Stop::Findings(vec![Finding { hint: error.hint(), ..finding }])
}
