//! A fault at every request that a run sends to a ClickHouse, of which nothing can be taken back.

use dunlin_devdb::Flavour;
use dunlin_tests::{Blow, Column, Dunlin, Fault, Moment, Outcome, Web, Workspace};

use crate::tally::{Tally, Verdict, WORKERS, is_full, skip};

const UP: &str = "up --yes";

/// Runs that may follow a fault: the first of them may find the server busy with what it began.
const RERUNS: usize = 3;

/// Of how many requests one meets a fault in the quick share.
const STRIDE: usize = 10;

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::During, Moment::After];

/// What does harm when it is done twice, or not at all, and what can be told apart by looking.
const FILES: [(&str, &str); 4] = [
    ("events/V1__visits.sql", "CREATE TABLE visits (day Date, hits UInt32) ENGINE = MergeTree ORDER BY day;\n"),
    (
        "events/V2__first.sql",
        "-- dunlin: probe SELECT count() > 0 FROM visits\nINSERT INTO visits VALUES ('2026-01-01', 1), ('2026-01-02', 1);\n",
    ),
    (
        "events/V3__sources.sql",
        "ALTER TABLE visits ADD COLUMN source String;\nALTER TABLE visits UPDATE hits = hits + 1 WHERE hits > 0;\n",
    ),
    (
        "events/V4__views.sql",
        "CREATE VIEW by_source AS SELECT source, sum(hits) AS hits FROM visits GROUP BY source;\n",
    ),
];

const CONFIG: &str = "[project]\nname = \"small\"\n[targets.events]\nkind = \"clickhouse\"\nurl = \"${URL}\"\n[services.events]\ntarget = \"events\"\npath = \"events\"\n";

/// What is there in the end: rows, what reads them, columns, and where each migration stands.
const STATE: [&str; 4] = [
    "SELECT count(), sum(hits), sum(length(source)) FROM visits",
    "SELECT sum(hits) FROM by_source",
    "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() ORDER BY table, name",
    "SELECT id, argMax(state, attempt * 1000 + n), argMax(step, attempt * 1000 + n) FROM dunlin_event GROUP BY id ORDER BY id",
];

#[test]
fn an_up_on_clickhouse_18_that_is_killed_at_a_request() {
    check(Flavour::ClickHouse, Blow::Kill);
}

#[test]
fn an_up_on_clickhouse_18_that_loses_its_connection_at_a_request() {
    check(Flavour::ClickHouse, Blow::Cut);
}

#[test]
fn an_up_on_clickhouse_of_today_that_is_killed_at_a_request() {
    check(Flavour::Chdb, Blow::Kill);
}

#[test]
fn an_up_on_clickhouse_of_today_that_loses_its_connection_at_a_request() {
    check(Flavour::Chdb, Blow::Cut);
}

fn check(flavour: Flavour, blow: Blow) {
    let what = if blow == Blow::Kill { "process killed at a request" } else { "connection lost at a request" };
    let how = if flavour == Flavour::Chdb { "up, ClickHouse 26.9" } else { "up, ClickHouse 18.16" };
    let Some(column) = Column::new(flavour) else { return skip(what, how) };
    let files = Workspace::of(&[("dunlin.toml", CONFIG)]);
    FILES.iter().for_each(|(path, text)| files.write(path, text));
    let web = Web::to(column.port(), None);
    let _ = web.follow(dunlin(&files, &column.url(web.port())).start(UP)).exits(0);
    let (expected, requests) = (state(&column), web.requests());
    let tally = Tally::new(what, how);
    tally.each(WORKERS, faults(blow, requests), |fault| attempt(&column.beside(), &files, *fault, &expected));
    tally.end();
}

/// Where faults come: everywhere, or spread, and then of each kind elsewhere.
fn faults(blow: Blow, requests: usize) -> Vec<Fault> {
    if is_full() {
        return (0..requests).flat_map(|at| MOMENTS.map(|moment| Fault { blow, moment, at })).collect();
    }
    let first = if blow == Blow::Kill { 0 } else { STRIDE / 2 };
    let fault = |(nth, at)| Fault { blow, moment: MOMENTS[nth % MOMENTS.len()], at };
    (first..requests).step_by(STRIDE).enumerate().map(fault).collect()
}

fn attempt(column: &Column, files: &Workspace, fault: Fault, expected: &str) -> Verdict {
    let web = Web::to(column.port(), Some(fault));
    let run = web.follow(dunlin(files, &column.url(web.port())).start(UP));
    if web.requests() <= fault.at {
        return Verdict::Missed;
    }
    let is_alone = run.code == Some(0);
    let ended = if is_alone { run } else { rerun(&dunlin(files, &column.url(column.port()))) };
    if ended.code != Some(0) {
        return Verdict::Stuck(format!("{fault:?}: {:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr));
    }
    match state(column) {
        found if found != expected => Verdict::Wrong(format!("{fault:?}: {found}\nnot {expected}")),
        _ if is_alone => Verdict::Recovered,
        _ => Verdict::Converged,
    }
}

/// The same again, as a person or a pipeline would do.
fn rerun(dunlin: &Dunlin) -> Outcome {
    let mut ended = dunlin.run(UP);
    for _ in 1..RERUNS {
        if ended.code != Some(0) {
            ended = dunlin.run(UP);
        }
    }
    ended
}

fn dunlin(files: &Workspace, url: &str) -> Dunlin {
    Dunlin::at(files.dir()).with("URL", url)
}

fn state(column: &Column) -> String {
    STATE.map(|query| column.query(query)).join("\n\n")
}
