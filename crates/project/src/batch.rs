//! A file that is a backfill: what its `batch` directive says, and whether the file fits it.

use std::time::Duration;

use dunlin_planner::{Batch, BatchPlace, Finding, Pace, Statement, StatementClass};
use dunlin_sql as sql;

use crate::body::qualified;
use crate::sql_file::SqlFile;

/// How the file is cut into ranges of keys, where it says so.
pub(crate) fn batch(
    file: &SqlFile,
    source: &sql::Source,
    statements: &[Statement],
    findings: &mut Vec<Finding>,
) -> Option<Batch> {
    let places = source.batch_places();
    let Some(header) = &source.headers().batch else {
        let stray = places.first().map(|place| {
            let message = "`:batch` stands for the range of a backfill, and the file does not say which";
            let hint = "add `-- dunlin: batch table=… key=… size=…`";
            Finding::error("batch-undeclared", message).at(file.place(&place.range)).hint(hint)
        });
        findings.extend(stray);
        return None;
    };
    findings.extend(misfits(file, source, statements, &header.range));
    let batch = &header.value;
    let usual = Pace::of(batch.size);
    let limit = |given: Option<sql::Limit>, usual: Option<Duration>| match given {
        None => usual,
        Some(sql::Limit::Off) => None,
        Some(sql::Limit::At(limit)) => Some(limit),
    };
    Some(Batch {
        table: qualified(&batch.table),
        key: batch.key.clone(),
        places: places.into_iter().map(|place| BatchPlace { range: place.range, alias: place.alias }).collect(),
        pace: Pace {
            size: batch.size,
            time: limit(batch.time, usual.time),
            lag: limit(batch.lag, usual.lag),
            age: limit(batch.age, usual.age),
        },
    })
}

/// What keeps the file from being run in batches.
fn misfits(
    file: &SqlFile,
    source: &sql::Source,
    statements: &[Statement],
    directive: &std::ops::Range<usize>,
) -> Vec<Finding> {
    let error = |message: &str, range: &std::ops::Range<usize>, hint: &str| {
        Finding::error("batch-invalid", message).at(file.place(range)).hint(hint)
    };
    let [only] = statements else {
        let message = format!("a backfill is one statement, and this file has {}", statements.len());
        let hint = "give each statement a file of its own";
        return vec![error(&message, statements.get(1).map_or(directive, |second| &second.range), hint)];
    };
    let mut findings = Vec::new();
    if only.class != StatementClass::Transactional || only.copy.is_some() {
        let message = "a batch and its cursor are one transaction, and this statement cannot be in one";
        findings.push(error(message, &only.range, "take the directive `batch` out"));
    }
    if let Some(modes) = &source.script().modes {
        let message = "each batch has a transaction of its own, so the file's BEGIN means nothing";
        findings.push(error(message, &modes.range, "take BEGIN and COMMIT out"));
    }
    if source.batch_places().is_empty() {
        let message = "the statement does not say where the range of a batch belongs";
        findings.push(error(message, &only.range, "write `WHERE :batch`, or `WHERE :batch(t)` for the columns of `t`"));
    }
    findings
}
