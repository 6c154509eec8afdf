//! Runs that are asked to stop.

#![expect(clippy::print_stdout, reason = "the tests tell what they covered")]

use std::time::{Duration, Instant};

use dunlin_tests::{Dunlin, Scratch, Server, Workspace, wait_until};
use nix::sys::signal::Signal;

/// A statement that goes on for long, and how it goes on no longer.
struct Slow {
    text: &'static str,
    /// What a session of somebody else's does meanwhile.
    meanwhile: Option<&'static str>,
    /// The text once it was mended.
    mended: &'static str,
}

const SLOW: &[Slow] = &[
    Slow { text: "CREATE TABLE half ();\nSELECT pg_sleep(30);\n", meanwhile: None, mended: "CREATE TABLE half ();\n" },
    Slow {
        text: "CREATE INDEX CONCURRENTLY first_a ON first (a);\n",
        meanwhile: Some("BEGIN; INSERT INTO first VALUES (1);"),
        mended: "CREATE INDEX CONCURRENTLY first_a ON first (a);\n",
    },
];

#[test]
fn a_run_that_is_terminated_cancels_and_can_go_on() {
    SLOW.iter().for_each(|slow| check(Signal::SIGTERM, slow));
}

#[test]
fn a_run_that_is_interrupted_cancels_and_can_go_on() {
    SLOW.iter().for_each(|slow| check(Signal::SIGINT, slow));
}

fn check(signal: Signal, slow: &Slow) {
    let server = Server::shared();
    let database = server.scratch();
    let files = Workspace::small(&database.url());
    files.write("migrations/app/001_first.sql", "CREATE TABLE first (a int);\n");
    files.write("migrations/app/003_last.sql", "CREATE TABLE last ();\n");
    let dunlin = Dunlin::at(files.dir());
    let _ = dunlin.run("up --to 001 --yes").exits(0);
    files.write("migrations/app/002_slow.sql", slow.text);
    let somebody = slow.meanwhile.map(|script| {
        let mut session = database.session();
        session.run(script);
        session
    });

    let run = dunlin.start("up --yes");
    wait_until("the slow statement runs", || !busy(&database).is_empty());
    run.signal(signal);
    let since = Instant::now();
    let stopped = run.finish().exits(75);
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    assert_eq!(busy(&database), "", "the server goes on after {signal}");
    assert!(stopped.events().any(|event| event["event"] == "stopping"), "{}", stopped.stderr);
    assert_eq!(database.sql("SELECT to_regclass('half') IS NULL AND to_regclass('last') IS NULL"), "t");
    println!("{signal}: over after {:?}", since.elapsed());

    drop(somebody);
    files.write("migrations/app/002_slow.sql", slow.mended);
    let _ = dunlin.run("up --yes").exits(0);
    assert_eq!(
        database.sql("SELECT string_agg(id || ' ' || state, ', ' ORDER BY id) FROM dunlin.ledger"),
        "app/001 applied, app/002 applied, app/003 applied"
    );
    assert_eq!(database.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

/// What the server does for Dunlin in this database.
fn busy(database: &Scratch<'_>) -> String {
    let slow = "query LIKE '%pg_sleep(30)%' OR query LIKE 'CREATE INDEX CONCURRENTLY%'";
    let others = format!("pid <> pg_backend_pid() AND datname = '{}'", database.name());
    database.sql(&format!("SELECT query FROM pg_stat_activity WHERE state = 'active' AND {others} AND ({slow})"))
}
