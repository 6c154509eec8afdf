//! `dunlin history --verify`: whether the logs are what was sealed, and the ledgers' rows what the logs say.

use std::collections::BTreeMap;

use dunlin_planner::{Audit, Class, Finding, Ledger, Observed, Scope, Selection, TargetName, audit};

use crate::args::{Format, HistoryArgs};
use crate::exit::{Exit, Stop, exit_of};
use crate::terminal::Terminal;
use crate::workspace::{Workspace, troubles};

/// How many digits of a head are enough to know it by; the summary of a run shows so many.
const DIGITS: usize = 16;

/// Reads the whole log of every database, or of those that are named, and checks it.
pub(crate) async fn verify(workspace: &Workspace, args: &HistoryArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let head = args.head.as_deref().map(well_formed).transpose()?;
    let graph = workspace.graph()?;
    let scope = Scope { targets: args.scope.target.clone(), ..Scope::default() };
    let selection = Selection::of(&graph, &scope)?;
    let observed = workspace.observe(&graph, &selection).await?;
    let (audits, mut findings) = read(workspace, &observed).await;
    findings.extend(troubles(&observed));
    findings.extend(audits.iter().flat_map(|audit| audit.findings.clone()));
    findings.extend(head.and_then(|head| missing(&head, &audits)));
    match args.format {
        Format::Text => {
            terminal.data(&dunlin_render::audits(&audits, terminal.width));
            terminal.findings(&findings);
        }
        Format::Json => terminal.data(&dunlin_render::audits_json(&audits, &findings)),
    }
    Ok(exit_of(findings.iter()).unwrap_or(Exit::Done))
}

/// A whole head, or as much of it as a summary shows.
fn well_formed(head: &str) -> Result<String, Stop> {
    let is_hex = head.chars().all(|digit| digit.is_ascii_hexdigit());
    if is_hex && (DIGITS..=64).contains(&head.len()) {
        return Ok(head.to_ascii_lowercase());
    }
    let message = format!("`{}` is no head of a log: that has {DIGITS} to 64 hexadecimal digits", head.escape_debug());
    Err(Stop::because("head-invalid", message, "the summary of a run shows one for each of its databases"))
}

async fn read(workspace: &Workspace, observed: &BTreeMap<TargetName, Observed>) -> (Vec<Audit>, Vec<Finding>) {
    let (mut audits, mut findings) = (Vec::new(), Vec::new());
    for (target, facts) in observed.iter().filter_map(|(target, observed)| Some((target, observed.facts()?))) {
        let log = match workspace.connectors().driver(target).await {
            Ok(driver) => driver.whole_log().await,
            Err(failure) => Err(failure),
        };
        match log {
            Ok(None) if facts.ledger != Ledger::Absent => {
                let message = format!("the log of `{target}` is kept, and not sealed: nothing there can be verified");
                findings.push(Finding::note("log-unsealed", message));
            }
            Ok(log) => audits.extend(log.map(|log| audit(target, &log))),
            Err(failure) => {
                let message = format!("the log of `{target}` cannot be read: {}", failure.message);
                let finding = Finding::error("log-unreadable", message).class(failure.class.finding());
                findings.push(Finding { hint: failure.hint, ..finding });
            }
        }
    }
    (audits, findings)
}

/// A head that was kept has to be in one of the chains still, whatever came after it.
fn missing(head: &str, audits: &[Audit]) -> Option<Finding> {
    let mut heads = audits.iter().flat_map(|audit| &audit.heads);
    if heads.any(|hash| hash.to_string().starts_with(head)) {
        return None;
    }
    let message = format!("no log has a seal `{head}`: the log that had it was cut off, restored, or written anew");
    let hint = "if it is of another database or environment, name that one with --target or --env";
    Some(Finding::error("head-missing", message).class(Class::Drift).hint(hint))
}
