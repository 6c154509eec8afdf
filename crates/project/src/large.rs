//! A file too large to be held: what it cannot be, since it is always one transaction.

use std::ops::Range;

use dunlin_planner::{Finding, Place};
use dunlin_sql as sql;

use crate::sql_file::SqlFile;

/// What keeps the file from being run as one transaction.
pub(crate) fn misfits(file: &SqlFile, scan: &sql::Scan) -> Vec<Finding> {
    let headers = &scan.headers;
    let mut findings = Vec::new();
    let mut refuse = |what: &str, range: &Range<usize>| {
        let message = format!("a file as large as this runs as one transaction, and {what}");
        let finding = Finding::error("large-file", message).at(file.place(range));
        findings.push(finding.hint("move the statement to a file of its own"));
    };
    headers.no_transaction.iter().for_each(|asked| refuse("this directive says that it does not", &asked.range));
    headers.batch.iter().for_each(|asked| refuse("a backfill is many", &asked.range));
    headers.refresh.iter().for_each(|asked| refuse("a refresh cannot be in one", &asked.range));
    headers.probes.iter().for_each(|probe| refuse("this probe is for a statement that runs alone", &probe.range));
    findings
}

/// Why the file at this path cannot be run where there are no transactions.
pub(crate) fn without_transaction(path: &str) -> Finding {
    let message = "a file as large as this runs as one transaction, which ClickHouse does not have";
    Finding::error("large-file", message).at(Place::file(path)).hint("split it into several")
}
