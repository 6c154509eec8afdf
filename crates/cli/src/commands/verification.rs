//! `dunlin verify`: whether databases have what the applied migrations say, where a database can tell, and what else they have.

use dunlin_engine::verify;
use dunlin_planner::{Class, Failure, Finding, TargetName, Verification, expected};

use crate::args::{Format, Global, VerifyArgs};
use crate::exit::{Exit, Stop, exit_of};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, select, troubles};

/// Compares; what is otherwise is drift, and shows in the exit code.
pub(crate) async fn run(global: &Global, args: &VerifyArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let workspace = Workspace::load(global, terminal)?;
    let graph = workspace.graph()?;
    let selection = select(&graph, &args.scope, None)?;
    let observed = workspace.observe(&graph, &selection).await?;
    let (declared, hidden) = expected(&graph, &selection, &observed);
    let mut verification = Verification { confirmed: Vec::new(), findings: troubles(&observed) };
    verification.findings.extend(hidden);
    for (target, found) in verify(&workspace.connectors(), &declared).await {
        match found {
            Ok(found) => verification.compare(&target, &declared[&target], &found),
            Err(failure) => verification.findings.push(not_compared(&target, failure)),
        }
    }
    match args.format {
        Format::Json => terminal.data(&dunlin_render::verification_json(&verification)),
        Format::Text => {
            terminal.findings(&verification.findings);
            terminal.data(&dunlin_render::verification(&verification, terminal.width));
        }
    }
    Ok(exit_of(verification.findings.iter()).unwrap_or(Exit::Done))
}

fn not_compared(target: &TargetName, failure: Failure) -> Finding {
    let message = format!("target `{target}` could not be compared: {}", failure.message);
    let hint = failure.hint.unwrap_or_else(|| "see what the server says, and try again".to_owned());
    Finding::error("verify-failed", message).class(Class::Failed).hint(hint)
}
