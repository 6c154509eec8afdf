//! What an author writes above a statement that runs alone, and statements that have nowhere to go.

use dunlin_tests::{Dunlin, Outcome, Scratch, Server, Workspace};

const FILE: &str = "migrations/app/001_probe.sql";

/// Queries that are no answer, the exit code of a run, and what it says.
const SLOPPY: &[(&str, i32, &str)] = &[
    ("SELECT true WHERE false", 1, "gave no row"),
    ("VALUES (true), (true)", 1, "gave more than one row"),
    ("SELECT NULL::boolean", 1, "gave NULL"),
    ("SELECT 1", 1, "gave a value of type integer"),
    ("SELECT 't'::text", 1, "gave a value of type text"),
    ("SELECT 1 FROM marks", 1, "gave no row"),
    ("SELECT 1 / 0 = 1", 1, "failed: division by zero"),
    ("SELECT true FROM nowhere", 1, "failed: relation \"nowhere\" does not exist"),
    ("SELECT nextval('numbers') > 0", 1, "failed: cannot execute nextval() in a read-only transaction"),
    ("SELECT mark()", 1, "failed: cannot execute INSERT in a read-only transaction"),
    ("WITH w AS (INSERT INTO marks VALUES (1) RETURNING true) SELECT * FROM w", 1, "failed: "),
    ("SELECT pg_sleep(60) IS NOT NULL", 1, "failed: canceling statement due to statement timeout"),
    ("SELECT (true", 1, "failed: syntax error"),
    ("SELECT true; SELECT false", 2, "`probe` needs a query"),
    ("SELECT true) AS x; COMMIT; DROP TABLE marks; SELECT * FROM (SELECT true", 2, "`probe` needs a query"),
    ("DELETE FROM marks", 2, "`probe` needs a query"),
    ("", 2, "`probe` needs a query"),
];

/// Queries that answer.
const SOUND: &[&str] = &[
    "SELECT EXISTS (SELECT FROM marks)",
    "SELECT count(*) > 0 FROM marks -- any",
    "WITH one AS (SELECT true AS there) SELECT there, 1 AS there FROM one;",
    "VALUES (true)",
    "TABLE flags",
];

const NOWHERE: &[&str] = &[
    "COPY marks TO STDOUT;",
    "COPY (SELECT 1) TO STDOUT WITH (FORMAT csv);",
    "copy marks (n) to /* here */\n stdout;",
    "-- dunlin: transaction none\nCOPY marks TO STDOUT;",
    "-- dunlin: batch table=marks key=n\nCOPY marks TO STDOUT;",
];

fn said(outcome: &Outcome) -> String {
    format!("{}{}", outcome.stderr, outcome.stdout)
}

fn project<'s>(server: &'s Server) -> (Scratch<'s>, Workspace, Dunlin) {
    let database = server.scratch();
    let _ = database.sql(
        "CREATE TABLE marks (n int); CREATE SEQUENCE numbers; CREATE TABLE flags (there boolean); INSERT INTO flags VALUES (true);
         CREATE FUNCTION mark() RETURNS boolean LANGUAGE sql AS 'INSERT INTO marks VALUES (1) RETURNING true';",
    );
    let files = Workspace::small(&database.url());
    let dunlin = Dunlin::at(files.dir());
    (database, files, dunlin)
}

#[test]
fn a_probe_that_is_no_answer_is_a_failure_at_its_statement() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    for (query, code, words) in SLOPPY {
        files.write(FILE, &format!("-- dunlin: timeout 1s\n-- dunlin: probe {query}\nVACUUM marks;\n"));
        let refused = said(&dunlin.run("up --yes").exits(*code));
        let line = if *code == 1 { 3 } else { 2 };
        let told = [words, &*format!("001_probe.sql:{line}")];
        assert!(told.iter().all(|words| refused.contains(words)), "{query}: {refused}");
        assert_eq!(database.sql("SELECT count(*) FROM marks"), "0", "{query}: it wrote");
    }
    assert_eq!(
        database.sql("SELECT state || step FROM dunlin.ledger WHERE pre IS NULL"),
        "running0",
        "nothing was begun"
    );
    files.write(FILE, "-- dunlin: probe SELECT false\nVACUUM marks;\n");
    let refused = said(&dunlin.run("up --yes").exits(1));
    assert!(refused.contains("statement 1 ran and its effect is not there"), "{refused}");
    assert!(refused.contains("see why the query of `-- dunlin: probe …` says so"), "{refused}");
    let _ = database.sql("DELETE FROM dunlin.ledger; INSERT INTO marks VALUES (1)");
    for query in SOUND {
        files.write(FILE, &format!("-- dunlin: probe {query}\nVACUUM marks;\n"));
        let _ = dunlin.run("up --yes").exits(0);
        let _ = database.sql("DELETE FROM dunlin.ledger");
    }
}

#[test]
fn copying_to_the_client_is_refused_before_anything_runs() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    for text in NOWHERE {
        files.write(FILE, &format!("{text}\n"));
        let refused = said(&dunlin.run("up --yes").exits(2));
        assert!(refused.contains("COPY … TO STDOUT has nowhere to go"), "{text}: {refused}");
        assert!(refused.contains("001_probe.sql:"), "{text}: {refused}");
    }
    assert_eq!(database.sql("SELECT to_regnamespace('dunlin') IS NULL"), "t");
    // What hides it from the reader is refused by the server.
    files.write(FILE, "DO $$ BEGIN EXECUTE 'COPY marks TO STDOUT'; END $$;\n");
    let refused = said(&dunlin.run("up --yes").exits(1));
    assert!(refused.contains("COPY"), "{refused}");
}
