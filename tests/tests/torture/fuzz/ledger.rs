//! Rows of a ledger that somebody has changed by hand.

use dunlin_tests::{Dunlin, Server, Workspace};

use super::changes::changed;
use crate::simulation::random::Random;
use crate::tally::{Tally, Verdict, share};

/// Columns that are read, with the kind of text in them.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("ledger", "deps", "jsonb"),
    ("ledger", "pre", "jsonb"),
    ("ledger", "id", "text"),
    ("ledger", "name", "text"),
    ("ledger", "project", "text"),
    ("ledger", "version", "text"),
    ("ledger", "checksum", "bytea"),
    ("ledger", "tokens", "bytea"),
    ("ledger", "stmt_sums[1]", "bytea"),
    ("ledger", "step", "integer"),
    ("ledger", "attempt", "integer"),
    ("ledger", "started", "timestamptz"),
    ("ledger", "finished", "timestamptz"),
    ("ledger", "by_user", "text"),
    ("event", "what", "text"),
    ("event", "who", "text"),
    ("event", "detail", "jsonb"),
    ("event", "prev", "bytea"),
    ("event", "hash", "bytea"),
    ("meta", "environment", "text"),
    ("obligation", "undo_sql", "text"),
];

const TEXTS: &[&str] = &[
    "[{\"id\": \"app/001\", \"ledger\": \"00000000-0000-0000-0000-000000000000\"}]",
    "{\"row\": {\"id\": \"app/001\", \"state\": \"applied\"}, \"cover\": {\"from\": 1, \"to\": 2}, \"cursor\": [1, \"a\"]}",
    "{\"a\": {\"a\": [null, -1, 1e308, true]}}",
    "\"text\"",
    "app/001",
    "0",
    "-1",
    "2147483647",
    "infinity",
    "-infinity",
    "2024-01-01",
    "290000-01-01",
    "\\x00",
    "",
];

const COMMANDS: &[&str] = &["status", "plan", "history", "validate", "status --output json"];

/// Commands read the rows and change nothing, whatever is in them: they may refuse, and never fall over.
#[test]
fn rows_that_were_changed_are_read_or_refused() {
    let server = Server::shared();
    let mut tally = Tally::new("readers of changed texts", "rows of a ledger");
    let texts: Vec<Vec<u8>> = TEXTS.iter().map(|text| text.as_bytes().to_vec()).collect();
    let database = server.scratch();
    let files = Workspace::small(&database.url());
    files.write("migrations/app/001_a.sql", "CREATE TABLE a (a int);\n");
    files.write("migrations/app/002_b.sql", "CREATE INDEX CONCURRENTLY i ON a (a);\n");
    let dunlin = Dunlin::at(files.dir());
    assert_eq!(dunlin.run("up --yes").code, Some(0));
    tally.each(1, (0..share(16, 2_000) as u64).collect(), |seed| {
        let mut random = Random(*seed);
        let (table, column, kind) = random.one_of(COLUMNS);
        let text = random.one_of(TEXTS).as_bytes();
        let text = if random.percent(50) { text.to_vec() } else { changed(&mut random, text, &texts) };
        let text = String::from_utf8_lossy(&text).replace('\0', "").replace('\'', "''");
        let change = format!("UPDATE dunlin.{table} SET {column} = '{text}'::{kind};");
        // What the server does not take for a value of the column is not there to be read.
        let kept = format!("CREATE TABLE kept AS TABLE dunlin.{table};");
        if server.psql(database.name(), &format!("BEGIN; {kept} {change} COMMIT;")).is_err() {
            return Verdict::Missed;
        }
        let command = random.one_of(COMMANDS);
        let outcome = dunlin.run(command);
        let back = format!("BEGIN; DELETE FROM dunlin.{table}; INSERT INTO dunlin.{table} OVERRIDING SYSTEM VALUE TABLE kept; DROP TABLE kept; COMMIT;");
        let _ = database.sql(&back);
        let fell = outcome.code.is_none_or(|code| code == 101) || outcome.stderr.contains("panicked");
        let told = || format!("seed {seed}: {change}\n`{command}` ended with {:?}\n{}", outcome.code, outcome.stderr);
        if fell { Verdict::Wrong(told()) } else { Verdict::Recovered }
    });
    tally.note(String::from("columns of all tables, read by every command that only reads"));
    tally.end();
}
