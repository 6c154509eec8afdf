//! Databases and ledgers as text, for comparing.

use std::process::Command;

use crate::server::Server;

/// Schema and rows of a database as `pg_dump` tells them, without what two equal databases differ in: Dunlin's ledger,
/// TimescaleDB's own tables, the order of rows, and pg_cron's counter.
///
/// # Panics
/// If `pg_dump` fails.
#[must_use]
pub fn dump(server: &Server, database: &str) -> String {
    let mut program = Command::new(server.bin("pg_dump"));
    program.args(["--no-owner", "--exclude-schema=dunlin", "--exclude-schema=_timescaledb*"]);
    program.args(["--exclude-table-data=cron.job_run_details", "--dbname", &server.url(database)]);
    let output = program.output().expect("pg_dump runs");
    assert!(output.status.success(), "pg_dump of `{database}`: {}", String::from_utf8_lossy(&output.stderr));
    normal(&String::from_utf8(output.stdout).expect("databases are in UTF-8"))
}

fn normal(dump: &str) -> String {
    let mut lines = Vec::new();
    let mut rows: Option<Vec<&str>> = None;
    for line in dump.lines() {
        match &mut rows {
            Some(sorted) if line == "\\." => {
                sorted.sort_unstable();
                lines.append(sorted);
                lines.push(line);
                rows = None;
            }
            Some(rows) => rows.push(line),
            None if is_noise(line) => {}
            None => {
                lines.push(line);
                rows = line.starts_with("COPY ").then(Vec::new);
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

/// What a ledger says, without what two equal runs differ in: when, by which run, and at which attempt.
#[must_use]
pub fn ledger(server: &Server, database: &str) -> String {
    server.sql(
        database,
        "SELECT project, id, kind, transactional, state, encode(checksum, 'hex'), step, pre IS NULL, finished IS NULL
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
