//! Backfills from the outside: killed, stopped, shown, taken back.

use std::time::{Duration, Instant};

use dunlin_tests::{Dunlin, Scratch, Server, Workspace};
use nix::sys::signal::Signal;
use serde_json::Value;

const ROWS: u64 = 200_000;

const UP: &str = "-- dunlin: phase data\n-- dunlin: batch table=tasks key=id size=500 time=20ms\n\
    UPDATE tasks AS t SET n = n + 1 WHERE :batch(t);\n";
const DOWN: &str = "-- dunlin: batch table=tasks key=tenant,id size=20000\nUPDATE tasks SET n = n - 1 WHERE :batch;\n";

/// A table with many rows, and a backfill of it that has not run yet.
fn prepare(database: &Scratch<'_>) -> (Workspace, Dunlin) {
    let files = Workspace::small(&database.url());
    files.write(
        "migrations/app/001_tasks_UP.sql",
        "CREATE TABLE tasks (id bigint PRIMARY KEY, tenant int NOT NULL, n int NOT NULL DEFAULT 0, UNIQUE (tenant, id));\n",
    );
    files.write("migrations/app/001_tasks_DOWN.sql", "DROP TABLE tasks;\n");
    let dunlin = Dunlin::at(files.dir());
    let _ = dunlin.run("up --yes").exits(0);
    let _ = database.sql(&format!("INSERT INTO tasks SELECT g, g % 7 FROM generate_series(1, {ROWS}) g"));
    let _ = database.sql("ANALYZE tasks");
    files.write("migrations/app/002_fill_UP.sql", UP);
    files.write("migrations/app/002_fill_DOWN.sql", DOWN);
    files.write("migrations/app/003_next_UP.sql", "ALTER TABLE tasks ADD CHECK (n = 1);\n");
    files.write("migrations/app/003_next_DOWN.sql", "ALTER TABLE tasks DROP CONSTRAINT tasks_n_check;\n");
    (files, dunlin)
}

/// How many rows were changed how often.
fn counts(database: &Scratch<'_>) -> String {
    database
        .sql("SELECT string_agg(n || ':' || c, ' ' ORDER BY n) FROM (SELECT n, count(*) AS c FROM tasks GROUP BY n) s")
}

fn ledger(database: &Scratch<'_>) -> String {
    database
        .sql("SELECT state || ' ' || (step > 0) || ' ' || (cursor->>'rows') FROM dunlin.ledger WHERE id = 'app/002'")
}

#[test]
fn a_killed_backfill_is_finished_by_the_next_run() {
    let server = Server::shared();
    let database = server.scratch();
    let (_files, dunlin) = prepare(&database);
    let mut left = Vec::new();
    for batches in [1, 7, 20] {
        let mut run = dunlin.start("up --yes");
        assert!(run.reach("batch-done", batches));
        run.kill();
        left.push(counts(&database));
    }
    let rerun = dunlin.run("up --yes --format json").exits(0);
    assert_eq!(rerun.done(), ["app/002", "app/003"]);
    assert_eq!(counts(&database), format!("1:{ROWS}"));
    assert_eq!(ledger(&database), format!("applied true {ROWS}"));
    println!("after the kills: {left:?}");
    assert!(
        left.iter().all(|counts| counts.contains("0:") && counts.contains("1:")),
        "no kill hit the middle: {left:?}"
    );

    let report = dunlin.run("down --version app/002 --cascade --yes --format json").exits(0).json();
    let rows: Vec<&Value> = report["steps"].as_array().into_iter().flatten().map(|step| &step["rows"]).collect();
    assert_eq!(rows, [&Value::Null, &Value::from(ROWS)]);
    assert_eq!(counts(&database), format!("0:{ROWS}"));
}

#[test]
fn a_killed_way_back_is_finished_by_the_next_down() {
    let server = Server::shared();
    let database = server.scratch();
    let (files, dunlin) = prepare(&database);
    let _ = dunlin.run("up --to 002 --yes").exits(0);
    files.write("migrations/app/002_fill_DOWN.sql", &DOWN.replace("20000", "200 time=20ms"));
    let mut run = dunlin.start("down --version app/002 --yes");
    assert!(run.reach("batch-done", 5));
    run.kill();
    assert!(ledger(&database).starts_with("reverting true"), "{}", ledger(&database));
    let _ = dunlin.run("down --version app/002 --yes").exits(0);
    assert_eq!(counts(&database), format!("0:{ROWS}"));
}

#[test]
fn a_terminated_backfill_finishes_its_batch_and_says_so() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = Server::shared();
        let database = server.scratch();
        let (_files, dunlin) = prepare(&database);
        let mut run = dunlin.start("up --yes");
        assert!(run.reach("batch-done", 3));
        let since = Instant::now();
        run.signal(signal);
        let stopped = run.finish().exits(75);
        assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
        assert!(stopped.stderr.contains("stopped between two batches"), "{}", stopped.stderr);
        assert!(ledger(&database).starts_with("running true"), "{}", ledger(&database));
        let rows = database.sql("SELECT (cursor->>'rows')::int8 = (SELECT count(*) FROM tasks WHERE n = 1) FROM dunlin.ledger WHERE id = 'app/002'");
        assert_eq!(rows, "t", "cursor and rows are one");
        let _ = dunlin.run("up --yes").exits(0);
        assert_eq!(counts(&database), format!("1:{ROWS}"));
    }
}

/// Two runs at once: one does it, the other waits and finds it done.
#[test]
fn a_backfill_is_done_by_one_run_alone() {
    let server = Server::shared();
    let database = server.scratch();
    let (_files, dunlin) = prepare(&database);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| drop(dunlin.start("up --yes").finish().exits(0)));
        }
    });
    assert_eq!(counts(&database), format!("1:{ROWS}"));
}

#[test]
fn plan_and_summary_tell_how_many_rows() {
    let server = Server::shared();
    let database = server.scratch();
    let (_files, dunlin) = prepare(&database);
    let plan = dunlin.run("plan").exits(0);
    assert!(plan.stdout.contains("backfill of about 200000 rows, in 400 batches at first"), "{}", plan.stdout);
    let up = dunlin.run("up --yes").exits(0);
    assert!(up.stdout.contains("200000 rows backfilled"), "{}", up.stdout);
}

#[test]
fn an_older_ledger_is_upgraded_and_the_plan_says_so() {
    let server = Server::shared();
    let database = server.scratch();
    let (_files, dunlin) = prepare(&database);
    let _ = database.sql(
        "ALTER TABLE dunlin.ledger DROP COLUMN cursor; DROP TABLE dunlin.obligation; CREATE TABLE dunlin.obligation \
         (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project text COLLATE \"C\" NOT NULL, id text COLLATE \"C\" NOT NULL, \
         undo_sql text NOT NULL, since timestamptz NOT NULL DEFAULT clock_timestamp(), done timestamptz); \
         UPDATE dunlin.meta SET protocol = 1",
    );
    let plan = dunlin.run("plan").exits(0);
    assert!(plan.stdout.contains("its ledger will be upgraded"), "{}", plan.stdout);
    assert_eq!(database.sql("SELECT protocol FROM dunlin.meta"), "1", "reading never writes");
    let _ = dunlin.run("up --yes").exits(0);
    assert_eq!(database.sql("SELECT protocol FROM dunlin.meta"), "3");
    assert_eq!(counts(&database), format!("1:{ROWS}"));
}
