//! `dunlin verify`: whether databases have what the applied migrations say, where a database can tell.

use dunlin_planner::{Class, Expected, Failure, Finding, ProbeFact, TargetName, Verification, expected};

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
    let (known, hidden) = expected(&graph, &selection, &observed);
    let mut verification = Verification { confirmed: Vec::new(), findings: troubles(&observed) };
    verification.findings.extend(hidden);
    for (target, expected) in &known {
        match ask(&workspace, target, expected).await {
            Ok(facts) => expected.iter().zip(&facts).for_each(|(one, fact)| verification.add(target, one, fact)),
            Err(failure) => verification.findings.push(
                Finding::error(
                    "verify-failed",
                    format!("target `{target}` could not be compared: {}", failure.message),
                )
                .class(Class::Failed)
                .hint(failure.hint.unwrap_or_else(|| "see what the server says, and try again".to_owned())),
            ),
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

async fn ask(workspace: &Workspace, target: &TargetName, expected: &[Expected]) -> Result<Vec<ProbeFact>, Failure> {
    workspace.connectors().driver(target).await?.verify(expected).await
}
