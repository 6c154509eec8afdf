//! A file too large to be held: what it cannot be, since it is always one transaction.

use std::ops::Range;

use dunlin_planner::{Finding, Place, TargetKind};
use dunlin_sql as sql;

use crate::sql_file::SqlFile;

/// What keeps the file from being run as one transaction.
pub(crate) fn misfits(file: &SqlFile, scan: &sql::Scan, kind: TargetKind) -> Vec<Finding> {
    let headers = &scan.headers;
    let mut findings = Vec::new();
    let mut refuse = |what: &str, range: &Range<usize>| {
        let message = format!("a file as large as this runs as one transaction, and {what}");
        let finding = Finding::error("large-file", message).at(file.place(range));
        findings.push(finding.hint("move the statement to a file of its own"));
    };
    headers.no_transaction.iter().for_each(|asked| refuse("this directive says that it does not", &asked.range));
    headers.batch.iter().for_each(|asked| refuse("a backfill is many", &asked.range));
    headers.probes.iter().for_each(|probe| refuse("this probe is for a statement that runs alone", &probe.range));
    if kind == TargetKind::Clickhouse {
        let message = "a file as large as this runs as one transaction, which ClickHouse does not have";
        let finding = Finding::error("large-file", message).at(Place::file(&file.path));
        findings.push(finding.hint("split it into several"));
    }
    findings
}
