//! Migrations that run statement by statement: mixed files, files mended after a failure, downs, orphans, and lanes.

#![expect(clippy::unwrap_used, reason = "only tests call this, and they tell what they covered")]

use std::collections::BTreeMap;

use dunlin_tests::{Dunlin, Outcome, Scratch, Server, Workspace, wait_until};
use serde_json::Value;

const WRECKS: &str = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";

fn project<'s>(server: &'s Server) -> (Scratch<'s>, Workspace, Dunlin) {
    let database = server.scratch();
    let files = Workspace::small(&database.url());
    let dunlin = Dunlin::at(files.dir());
    (database, files, dunlin)
}

fn said(outcome: &Outcome) -> String {
    format!("{}{}", outcome.stderr, outcome.stdout)
}

fn row(database: &Scratch<'_>, id: &str) -> String {
    database.sql(&format!("SELECT state || ' ' || step || ' ' || attempt FROM dunlin.ledger WHERE id = '{id}'"))
}

/// A file may mix everything: each statement that can be in a transaction is in one of its own, with its progress.
#[test]
fn a_mixed_file_runs_each_statement_as_it_can() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    let _ = database.sql("CREATE SCHEMA app");
    let mixed = "-- dunlin: search_path app, public
CREATE TABLE t (id int, name text);
COPY t (id, name) FROM stdin;
1\tone
2\ttwo; and \\\\ more
\\.
CREATE INDEX CONCURRENTLY t_id ON t (id);
SET work_mem = '1MB';
INSERT INTO t VALUES (3, current_setting('work_mem') || ' ' || current_schema);
ALTER TYPE mood ADD VALUE 'so so';
VACUUM (ANALYZE) t;
INSERT INTO t VALUES (4, 'so so'::mood::text);
";
    files.write("migrations/app/001_type.sql", "CREATE TYPE mood AS ENUM ('well');\n");
    files.write("migrations/app/002_mixed.sql", mixed);
    let _ = dunlin.run("up --yes").exits(0);
    let names = database.sql("SELECT string_agg(name, '|' ORDER BY id) FROM app.t");
    assert_eq!(names, "one|two; and \\ more|4MB app|so so", "a setting ends with its statement");
    assert_eq!(row(&database, "app/002"), "applied 8 1");
}

/// Whatever the server refuses inside a transaction runs outside of one, in a migration that says nothing about it.
#[test]
fn what_cannot_be_in_a_transaction_needs_no_word() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    let name = database.name();
    files.write(
        "migrations/app/001_base.sql",
        "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX t_a ON t (a); CREATE TYPE mood AS ENUM ('well');
         CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
         CREATE MATERIALIZED VIEW v AS SELECT id FROM t; CREATE UNIQUE INDEX v_id ON v (id); CREATE TABLE done (n int);
         CREATE PROCEDURE elsewhere() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';\n",
    );
    let statements = [
        "CREATE INDEX CONCURRENTLY t_b ON t (a, id);".to_owned(),
        "SET work_mem = '1MB'; CREATE UNIQUE INDEX CONCURRENTLY t_c ON t (id, a);".to_owned(),
        "REINDEX INDEX CONCURRENTLY t_a;".to_owned(),
        "REINDEX TABLE CONCURRENTLY t;".to_owned(),
        "REINDEX SCHEMA CONCURRENTLY public;".to_owned(),
        format!("REINDEX DATABASE {name};"),
        format!("REINDEX DATABASE CONCURRENTLY {name};"),
        "DROP INDEX CONCURRENTLY t_a;".to_owned(),
        "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;".to_owned(),
        "VACUUM t;".to_owned(),
        "VACUUM (FULL) t;".to_owned(),
        "CLUSTER;".to_owned(),
        "ANALYZE;".to_owned(),
        "ALTER SYSTEM RESET work_mem;".to_owned(),
        format!("CREATE DATABASE {name}_more;"),
        format!("ALTER DATABASE {name}_more SET TABLESPACE pg_default;"),
        format!("DROP DATABASE {name}_more;"),
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v;".to_owned(),
        "ALTER TYPE mood ADD VALUE 'so so';".to_owned(),
        "LOCK TABLE t;".to_owned(),
        "DO $$ BEGIN INSERT INTO done VALUES (1); COMMIT; INSERT INTO done VALUES (2); END $$;".to_owned(),
        "CREATE PROCEDURE here() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$; CALL here();".to_owned(),
        "-- dunlin: transaction none\nCALL elsewhere();".to_owned(),
    ];
    for (number, statement) in (2..).zip(&statements) {
        files.write(&format!("migrations/app/{number:03}_alone.sql"), &format!("{statement}\n"));
    }
    let outcome = dunlin.run("up --yes").exits(0);
    assert!(!said(&outcome).contains("25001"), "{}", said(&outcome));
    let applied = database.sql("SELECT count(*) FROM dunlin.ledger WHERE state = 'applied'");
    assert_eq!(applied, (statements.len() + 1).to_string());
    assert_eq!(database.sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'p'::regclass"), "0");
    assert_eq!(database.sql("SELECT to_regclass('t_a') IS NULL AND to_regclass('t_c') IS NOT NULL"), "t");

    let refused = [
        "DISCARD ALL;",
        "CREATE INDEX CONCURRENTLY ON t (id);",
        "DROP INDEX CONCURRENTLY t_b, t_c;",
        "BEGIN; CREATE INDEX CONCURRENTLY t_d ON t (id); COMMIT;",
        "PREPARE TRANSACTION 'x';",
    ];
    for statement in refused {
        files.write("migrations/app/900_refused.sql", &format!("{statement}\n"));
        let outcome = dunlin.run("up --yes").exits(2);
        assert!(!said(&outcome).contains("25001"), "{}", said(&outcome));
    }
    files.write("migrations/app/900_refused.sql", "CALL elsewhere();\n");
    let outcome = dunlin.run("up --yes").exits(1);
    assert!(said(&outcome).contains("let the file say `-- dunlin: transaction none`"), "{}", said(&outcome));
    println!("{} statements ran, {} were refused before anything ran", statements.len(), refused.len());
}

fn five(third: &str) -> String {
    format!(
        "INSERT INTO marks VALUES (1);
CREATE INDEX CONCURRENTLY marks_n ON marks (n);
{third}
VACUUM marks;
INSERT INTO marks VALUES (5);
"
    )
}

#[test]
fn a_file_that_failed_half_way_can_be_mended_behind_what_is_done() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    files.write("migrations/app/001_marks.sql", "CREATE TABLE marks (n int);\n");
    files.write("migrations/app/002_five.sql", &five("INSERT INTO marks VALUES (1/0);"));
    let _ = dunlin.run("up --yes").exits(1);
    assert_eq!(row(&database, "app/002"), "running 2 1");

    let edited = five("INSERT INTO marks VALUES (3);").replace("VALUES (1)", "VALUES (10)");
    files.write("migrations/app/002_five.sql", &edited);
    let refused = dunlin.run("up --yes").exits(4);
    assert!(said(&refused).contains("its statement 1 was edited since"), "{}", said(&refused));
    assert_eq!(row(&database, "app/002"), "running 2 1", "nothing ran");

    files.write("migrations/app/002_five.sql", &five("INSERT INTO marks VALUES (3); INSERT INTO marks VALUES (4);"));
    let _ = dunlin.run("up --yes").exits(0);
    assert_eq!(database.sql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM marks"), "1 3 4 5");
    assert_eq!(row(&database, "app/002"), "applied 6 2");

    files.write("migrations/app/002_five.sql", &five("INSERT INTO marks VALUES (3);"));
    let _ = dunlin.run("up --yes").exits(4);
}

/// What failed in its first statement has done nothing, and may even become a transaction.
#[test]
fn a_file_that_did_nothing_can_become_transactional() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    files.write("migrations/app/001_t.sql", "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1);\n");
    files.write("migrations/app/002_index.sql", "CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);\n");
    let _ = dunlin.run("up --yes").exits(1);
    assert_eq!((row(&database, "app/002").as_str(), database.sql(WRECKS).as_str()), ("running 0 1", "0"));
    files.write("migrations/app/002_index.sql", "CREATE INDEX t_id ON t (id);\n");
    let _ = dunlin.run("up --yes").exits(0);
    assert_eq!(
        database.sql("SELECT transactional || ' ' || state FROM dunlin.ledger WHERE id = 'app/002'"),
        "true applied"
    );
}

#[test]
fn a_cascade_that_fails_half_way_goes_on_when_run_again() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    files.write("migrations/app/001_t_UP.sql", "CREATE TABLE t (id int);\n");
    files.write("migrations/app/001_t_DOWN.sql", "DROP TABLE t;\n");
    files.write("migrations/app/002_index_UP.sql", "CREATE INDEX CONCURRENTLY t_id ON t (id);\n");
    let down = "INSERT INTO t VALUES (1);\nDROP INDEX CONCURRENTLY t_id;\nINSERT INTO t VALUES (1/0);\n";
    files.write("migrations/app/002_index_DOWN.sql", down);
    files.write("migrations/app/003_more_UP.sql", "CREATE TABLE more (id int);\n");
    files.write("migrations/app/003_more_DOWN.sql", "DROP TABLE more;\n");
    let _ = dunlin.run("up --yes").exits(0);
    let failed = dunlin.run("down --version app/001 --cascade --yes").exits(1);
    assert!(said(&failed).contains("22012") || said(&failed).contains("division"), "{}", said(&failed));
    let states = || database.sql("SELECT string_agg(state || ' ' || step, ', ' ORDER BY id) FROM dunlin.ledger");
    assert_eq!(states(), "applied 0, reverting 2, reverted 0");

    let refused = dunlin.run("up --yes").exits(3);
    assert!(said(&refused).contains("is being taken back from `main`"), "{}", said(&refused));
    assert!(said(&refused).contains("dunlin down --version app/002"), "{}", said(&refused));
    files.write("migrations/app/002_index_DOWN.sql", &down.replace("VALUES (1);", "VALUES (2);"));
    let _ = dunlin.run("down --version app/001 --cascade --yes").exits(4);
    files.write("migrations/app/002_index_DOWN.sql", &down.replace("1/0", "3"));
    let _ = dunlin.run("down --version app/001 --cascade --yes").exits(0);
    assert_eq!(states(), "reverted 0, reverted 3, reverted 0");
    assert_eq!(database.sql("SELECT to_regclass('t') IS NULL"), "t");
    let _ = dunlin.run("up --yes").exits(0);
}

/// The client is gone, its backend works on: whoever comes next waits, says for whom, and adopts what it built.
#[test]
fn a_build_that_outlives_its_run_is_waited_for_and_adopted() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    files.write("migrations/app/001_t.sql", "CREATE TABLE t (id int);\n");
    let _ = dunlin.run("up --yes").exits(0);
    files.write("migrations/app/002_index.sql", "CREATE INDEX CONCURRENTLY t_id ON t (id);\n");
    let mut old = database.session();
    old.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;");
    let builders = || {
        let name = database.name();
        let mine = "query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active'";
        database.sql(&format!(
            "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE {mine} AND datname = '{name}'"
        ))
    };
    let first = dunlin.start("up --yes");
    wait_until("the index is being built", || {
        let waits = "phase = 'waiting for old snapshots' AND datname = current_database()";
        database.sql(&format!("SELECT count(*) FROM pg_stat_progress_create_index WHERE {waits}")) == "1"
    });
    first.kill();
    let orphan = builders();
    let mut second = dunlin.start("up --yes --format json");
    let waits = |event: &Value| event["event"] == "step-retried";
    let mut said = String::new();
    for _ in 0..3 {
        let event = std::iter::from_fn(|| second.next_event()).find(waits).expect("it waits");
        said = event["failure"]["message"].as_str().unwrap().to_owned();
        assert!(said.starts_with(&format!("`app/002` is held by process {orphan} (dunlin) for ")), "{said}");
        assert_eq!(builders(), orphan, "no second build");
    }
    drop(old);
    assert_eq!(second.finish().exits(0).done(), ["app/002"]);
    assert_eq!((row(&database, "app/002").as_str(), database.sql(WRECKS).as_str()), ("applied 1 2", "0"));
    println!("said {said}");
}

const SLOW: &str =
    "CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN $1; END';
CREATE TABLE t (id int); CREATE TABLE u (id int); CREATE TABLE w (id int);
INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (1), (2);
";

/// Two branches build on one table, one on another, one is long and transactional; runs that have nothing to do wait beside.
#[test]
fn builds_on_one_table_take_turns_and_others_go_side_by_side() {
    let server = Server::shared();
    let database = server.scratch();
    let services = ["base", "a", "b", "c", "d"].map(|service| (service, "main"));
    let files = Workspace::project(&[("main", &database.url())], &services);
    files.write("migrations/base/001_base.sql", SLOW);
    let branches = [
        ("a", "CREATE INDEX CONCURRENTLY t_a ON t (slow(id));"),
        ("b", "CREATE INDEX CONCURRENTLY t_b ON t (slow(id));"),
        ("c", "CREATE INDEX CONCURRENTLY u_c ON u (slow(id));"),
        ("d", "INSERT INTO w VALUES (1); SELECT pg_sleep(1);"),
    ];
    for (service, statement) in branches {
        let text = format!("-- dunlin: depends base/001\n{statement}\n");
        files.write(&format!("migrations/{service}/001_work.sql"), &text);
    }
    let dunlin = Dunlin::at(files.dir());
    let _ = dunlin.run("up --yes --service base").exits(0);
    let run = dunlin.start("up --yes --format json");
    let others: Vec<_> = (0..3).map(|_| dunlin.start("up --yes --format json")).collect();
    let outcomes: Vec<Outcome> = std::iter::once(run).chain(others).map(|run| run.finish().exits(0)).collect();
    for outcome in &outcomes {
        assert!(!said(outcome).contains("40P01"), "{}", said(outcome));
    }
    assert_eq!(database.sql(WRECKS), "0");
    assert_eq!(database.sql("SELECT count(*) FROM pg_index WHERE indrelid IN ('t'::regclass, 'u'::regclass)"), "3");

    // One run alone: what its events say of who was at work with whom.
    let _ = database.sql("DROP INDEX t_a, t_b, u_c; DELETE FROM dunlin.ledger WHERE id ~ '^[abcd]/'");
    let alone = dunlin.run("--log-format json up --yes --format json").exits(0);
    let together = together(&alone);
    assert!(!together.contains(&("a/001".to_owned(), "b/001".to_owned())), "{together:?}");
    assert!(together.iter().any(|(_, other)| other == "c/001"), "{together:?}");
    println!("at work together: {together:?}");
}

/// The pairs of migrations that were at work at the same time.
fn together(outcome: &Outcome) -> Vec<(String, String)> {
    let names: Vec<String> = outcome.json()["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["migration"].as_str().unwrap().to_owned())
        .collect();
    let mut working: BTreeMap<usize, ()> = BTreeMap::new();
    let mut pairs = Vec::new();
    for event in outcome.events() {
        let Some(step) = event["step"].as_u64().and_then(|step| usize::try_from(step).ok()) else { continue };
        match event["event"].as_str() {
            Some("step-started") => {
                pairs.extend(working.keys().map(|other| {
                    let mut pair = [names[step].clone(), names[*other].clone()];
                    pair.sort();
                    let [one, other] = pair;
                    (one, other)
                }));
                working.insert(step, ());
            }
            Some("step-ended" | "step-retried") => drop(working.remove(&step)),
            _ => {}
        }
    }
    pairs
}
