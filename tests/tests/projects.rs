//! Small projects: failures, repeatable migrations, and versions that come late.

#![expect(clippy::unwrap_used, reason = "a test that cannot read an answer has failed")]

use std::collections::BTreeMap;

use dunlin_tests::{Dunlin, Outcome, Server, Workspace};

#[test]
fn a_failure_stops_what_depends_on_it_and_nothing_else() {
    let server = Server::shared();
    let (here, there) = (server.scratch(), server.scratch());
    let files = Workspace::project(
        &[("here", &here.url()), ("there", &there.url())],
        &[("bad", "here"), ("good", "here"), ("far", "there"), ("free", "there")],
    );
    files.write("migrations/bad/001_t.sql", "CREATE TABLE bad (a int);\n");
    files.write("migrations/bad/002_fails.sql", "CREATE TABLE half ();\nSELECT no_such_column FROM bad;\n");
    files.write("migrations/bad/003_next.sql", "CREATE TABLE next ();\n");
    files.write("migrations/good/001_t.sql", "-- dunlin: depends bad/001\nCREATE TABLE good ();\n");
    files.write("migrations/good/002_t.sql", "SELECT pg_sleep(0.3);\nCREATE TABLE later ();\n");
    files.write("migrations/far/001_t.sql", "-- dunlin: depends bad/002\nCREATE TABLE far ();\n");
    files.write("migrations/far/002_t.sql", "CREATE TABLE further ();\n");
    files.write("migrations/free/001_t.sql", "CREATE TABLE free ();\n");
    let dunlin = Dunlin::at(files.dir());

    let failed = dunlin.run("up --yes --format json").exits(1);
    let expected = [
        ("bad/001", "done"),
        ("bad/002", "failed"),
        ("bad/003", "blocked"),
        ("far/001", "blocked"),
        ("far/002", "blocked"),
        ("free/001", "done"),
        ("good/001", "done"),
        ("good/002", "done"),
    ];
    assert_eq!(ends(&failed), expected.map(|(id, end)| (id.to_owned(), end.to_owned())).into());
    assert_eq!(here.sql("SELECT to_regclass('half') IS NULL"), "t", "what failed left nothing");

    let told = dunlin.run("up --yes").exits(1);
    let said = format!("{}{}", told.stdout, told.stderr);
    for words in ["no_such_column", "migrations/bad/002_fails.sql:2:", "bad/003", "far/001", "far/002"] {
        assert!(said.contains(words), "`{words}` is not in\n{said}");
    }

    files.write("migrations/bad/002_fails.sql", "CREATE TABLE half ();\n");
    let mended = dunlin.run("up --yes --format json").exits(0);
    assert_eq!(mended.done().len(), 4, "{:?}", mended.done());
    assert_eq!(there.sql("SELECT count(*) FROM dunlin.ledger WHERE state = 'applied'"), "3");
}

/// How each step ended, by migration.
fn ends(outcome: &Outcome) -> BTreeMap<String, String> {
    let json = outcome.json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    json["steps"].as_array().unwrap().iter().map(|step| (text(&step["migration"]), text(&step["end"]))).collect()
}

#[test]
fn a_repeatable_migration_runs_again_when_it_changed() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Workspace::small(&database.url());
    files.write("migrations/app/V1__t.sql", "CREATE TABLE t (a int);\nCREATE TABLE runs (n int);\n");
    let view = |number: u32| {
        format!("INSERT INTO runs VALUES ({number});\nCREATE OR REPLACE VIEW v AS SELECT {number} AS n FROM t;\n")
    };
    let dunlin = Dunlin::at(files.dir());
    for (number, runs) in [(1, "1"), (1, "1"), (2, "1 2"), (2, "1 2"), (3, "1 2 3")] {
        files.write("migrations/app/R__views.sql", &view(number));
        let _ = dunlin.run("up --yes").exits(0);
        assert_eq!(database.sql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM runs"), runs);
    }
    // Another migration that comes in does not make it run.
    files.write("migrations/app/V2__u.sql", "CREATE TABLE u ();\n");
    assert_eq!(dunlin.run("up --yes --format json").exits(0).done(), ["app/2"]);
}

#[test]
fn a_version_that_comes_late_is_refused_unless_it_is_allowed() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Workspace::small(&database.url());
    files.write("migrations/app/001_a.sql", "CREATE TABLE a ();\n");
    files.write("migrations/app/003_c.sql", "CREATE TABLE c ();\n");
    let dunlin = Dunlin::at(files.dir());
    let _ = dunlin.run("up --yes").exits(0);
    files.write("migrations/app/002_b.sql", "CREATE TABLE b ();\n");

    let refused = dunlin.run("up --yes").exits(2);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("`app/002`") && said.contains("out_of_order = true"), "{said}");
    let status = dunlin.run("status --format json").json();
    let late = status["migrations"].as_array().unwrap().iter().find(|migration| migration["id"] == "app/002").unwrap();
    assert_eq!(late["state"], "out-of-order");
    assert_eq!(database.sql("SELECT to_regclass('b') IS NULL"), "t");

    files.replace("dunlin.toml", "[services.app]\n", "[services.app]\nout_of_order = true\n");
    assert_eq!(dunlin.run("up --yes --format json").exits(0).done(), ["app/002"]);
    assert_eq!(database.sql("SELECT count(*) FROM dunlin.ledger WHERE state = 'applied'"), "3");
}

#[test]
fn debug_logs_say_what_happens_and_no_password() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Workspace::small(&database.url().replace("postgres@", "postgres:canary@"));
    files.write("migrations/app/001_t.sql", "CREATE TABLE t ();\n");
    let dunlin = Dunlin::at(files.dir());

    let ran = dunlin.run("up --yes -vv").exits(0);
    for words in ["DEBUG", "connected", "StepEnded"] {
        assert!(ran.stderr.contains(words), "`{words}` is not in\n{}", ran.stderr);
    }
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!said.contains("canary") && !said.contains('\u{1b}'), "{said}");
    assert!(!dunlin.run("plan -v").exits(0).stderr.contains("DEBUG"));
}
