//! Databases and ledgers as text, for comparing.

use std::process::Command;

use regex::Regex;
use similar::TextDiff;

use crate::server::Server;

/// Schema and rows of a database as `pg_dump` tells them, without what two equal databases differ in: Dunlin's ledger,
/// TimescaleDB's own tables, the order of rows, pg_cron's counting, and what time it was.
///
/// # Panics
/// If `pg_dump` fails.
#[must_use]
pub fn dump(server: &Server, database: &str) -> String {
    let mut program = Command::new(server.bin("pg_dump"));
    program.args(["--exclude-schema=dunlin", "--exclude-schema=_timescaledb*"]);
    program.args(["--exclude-table-data=cron.job_run_details", "--dbname", &server.url(database)]);
    let output = program.output().expect("pg_dump runs");
    assert!(output.status.success(), "pg_dump of `{database}`: {}", String::from_utf8_lossy(&output.stderr));
    let clock = Regex::new(r"[0-9-]{10} [0-9:]{8}\.[0-9]{1,6}").expect("the pattern is fixed");
    normal(&clock.replace_all(&String::from_utf8(output.stdout).expect("databases are in UTF-8"), "NOW"))
}

fn normal(dump: &str) -> String {
    let mut lines = Vec::new();
    let mut rows: Option<Vec<&str>> = None;
    let mut is_numbered = false;
    for line in dump.lines() {
        match &mut rows {
            Some(sorted) if line == "\\." => {
                sorted.sort_unstable();
                lines.append(sorted);
                lines.push(line);
                rows = None;
            }
            Some(rows) if is_numbered => rows.push(line.split_once('\t').map_or(line, |(_number, rest)| rest)),
            Some(rows) => rows.push(line),
            None if is_noise(line) => {}
            None => {
                lines.push(line);
                rows = line.starts_with("COPY ").then(Vec::new);
                is_numbered = line.starts_with("COPY cron.job (jobid,");
            }
        }
    }
    lines.join("\n")
}

fn is_noise(line: &str) -> bool {
    line.is_empty()
        || line.starts_with("--")
        || ["\\restrict", "\\unrestrict", "SELECT pg_catalog.setval('cron."].iter().any(|start| line.starts_with(start))
}

/// What two dumps differ in, as a diff; empty if they are equal.
#[must_use]
pub fn difference(before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(6).to_string()
}

/// What a ledger says, without what two equal runs differ in: when, by which run, at which attempt, and in how many
/// batches, whose sizes follow the time they take.
#[must_use]
pub fn ledger(server: &Server, database: &str) -> String {
    server.sql(
        database,
        "SELECT project, id, kind, transactional, state, encode(checksum, 'hex'),
                CASE WHEN cursor IS NULL THEN step END, pre IS NULL, finished IS NULL
         FROM dunlin.ledger ORDER BY project, id",
    )
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn rows_are_sorted_and_noise_is_left_out() {
        let dump = "--\n\\restrict x\n\nCREATE TABLE t ();\nCOPY public.t (a) FROM stdin;\n2\n1\n\\.\n-- end\n";
        assert_eq!(normal(dump), "CREATE TABLE t ();\nCOPY public.t (a) FROM stdin;\n1\n2\n\\.");
    }
}
