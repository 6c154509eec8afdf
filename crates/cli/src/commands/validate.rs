//! `dunlin validate`: configuration, files and dependencies, without any database.

use dunlin_planner::{Catalog, Finding, Graph};

use crate::args::{Format, Global, ValidateArgs};
use crate::exit::{Exit, Stop, exit_of};
use crate::running::count;
use crate::terminal::Terminal;
use crate::workspace::read;

/// Checks everything that can be checked offline, and shows every problem at once.
pub(crate) fn run(global: &Global, args: &ValidateArgs, terminal: Terminal) -> Result<Exit, Stop> {
    let catalog = read(global)?.catalog;
    let warnings = catalog.findings.iter().filter(|finding| !finding.is_error()).cloned();
    let findings: Vec<Finding> = match Graph::build(&catalog) {
        Ok(graph) => warnings.chain(graph.remarks().iter().cloned()).collect(),
        Err(errors) => errors.into_iter().chain(warnings).collect(),
    };
    let findings: Vec<_> = findings.into_iter().map(|finding| catalog.policy.judge(finding)).collect();
    let exit = exit_of(findings.iter()).unwrap_or(Exit::Done);
    match args.format {
        Format::Json => terminal.data(&dunlin_render::findings_json(&findings)),
        Format::Text => {
            terminal.findings(&findings);
            terminal.data(&sentence(&catalog, &findings));
        }
    }
    Ok(exit)
}

fn sentence(catalog: &Catalog, findings: &[Finding]) -> String {
    let size = format!(
        "{} of {} in {}",
        count(catalog.migrations.len(), "migration"),
        count(catalog.services.len(), "service"),
        count(catalog.targets.len(), "target")
    );
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let others = findings.len() - errors;
    match (errors, others) {
        (0, 0) => format!("{size}: valid"),
        (0, others) => format!("{size}: valid, with {}", count(others, "remark")),
        (errors, _) => format!("{size}: {}", count(errors, "error")),
    }
}
