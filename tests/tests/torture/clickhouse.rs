//! A fault at every request that a run sends to a ClickHouse, of which nothing can be taken back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use dunlin_devdb::Flavour;
use dunlin_tests::{Blow, Column, Dunlin, Fault, Moment, Outcome, Pair, Web, Workspace};

use crate::tally::{Tally, Verdict, WORKERS, is_full, share, skip};

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

/// The same on two replicas.
const REPLICATED: [(&str, &str); 4] = [
    (
        "events/V1__visits.sql",
        "CREATE TABLE visits ON CLUSTER both (day Date, hits UInt32) ENGINE = MergeTree ORDER BY day;\n",
    ),
    ("events/V2__sources.sql", "ALTER TABLE visits ON CLUSTER both ADD COLUMN source String;\n"),
    ("events/V3__more.sql", "ALTER TABLE visits ON CLUSTER both UPDATE hits = hits + 1 WHERE hits > 0;\n"),
    ("events/V4__old.sql", "ALTER TABLE visits ON CLUSTER both DROP COLUMN source;\n"),
];

/// What is there in the end on each: columns, and mutations, of which a second one would be seen.
const REPLICA: [&str; 2] = [
    "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'visits' ORDER BY name",
    "SELECT count(), sum(is_done) FROM system.mutations WHERE database = currentDatabase()",
];

/// How many of the replicated migrations the ledger has for done.
const DONE: &str = "SELECT uniq(id) FROM dunlin_event WHERE what IN ('advanced', 'applied')";

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

#[test]
fn an_up_on_two_replicas_that_is_killed_at_a_request() {
    const DATABASE: &str = "torture";
    let (what, how) = ("process killed at a request", "up, ON CLUSTER, a replica goes and returns");
    let Some(pair) = Pair::start() else { return skip(what, how) };
    let files = Workspace::of(&[("dunlin.toml", CONFIG)]);
    REPLICATED.iter().for_each(|(path, text)| files.write(path, text));
    let url = |port: u16| format!("http://default@127.0.0.1:{port}/{DATABASE}");
    let state = || [0, 1].map(|nth| REPLICA.map(|query| pair.query(nth, DATABASE, query)));
    pair.clear(DATABASE);
    let web = Web::to(pair.port(), None);
    let _ = web.follow(dunlin(&files, &url(web.port())).start(UP)).exits(0);
    let (expected, requests) = (state(), web.requests());
    let attempt = |(nth, fault): &(usize, Fault)| {
        pair.clear(DATABASE);
        pair.let_go_at(Some(nth % REPLICATED.len()));
        let web = Web::to(pair.port(), Some(*fault));
        let (is_over, is_early) = (AtomicBool::new(false), AtomicBool::new(false));
        let ended = thread::scope(|scope| {
            // The second one goes with a statement, and returns when there was time to have that for done.
            scope.spawn(|| {
                while pair.queued() == 0 && !is_over.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(5));
                }
                thread::sleep(Duration::from_millis(300));
                let done = pair.query(0, DATABASE, DONE);
                is_early.store(done != (nth % REPLICATED.len()).to_string(), Ordering::SeqCst);
                pair.let_go_at(None);
                pair.let_return();
            });
            let run = web.follow(dunlin(&files, &url(web.port())).start(UP));
            let ended = if run.code == Some(0) { run } else { rerun(&dunlin(&files, &url(pair.port()))) };
            is_over.store(true, Ordering::SeqCst);
            ended
        });
        let found = state();
        match ended.code {
            _ if web.requests() <= fault.at => Verdict::Missed,
            Some(0) if is_early.load(Ordering::SeqCst) => {
                Verdict::Wrong(format!("{fault:?}: done on one replica only"))
            }
            Some(0) if found == expected => Verdict::Converged,
            Some(0) => Verdict::Wrong(format!("{fault:?}: {found:?}\nnot {expected:?}")),
            code => Verdict::Stuck(format!("{fault:?}: {code:?}\n{}\n{}", ended.stdout, ended.stderr)),
        }
    };
    let tally = Tally::new(what, how);
    // Each takes seconds, so that a request meets one of the faults.
    let fault = |at: usize| Fault { blow: Blow::Kill, moment: MOMENTS[at % MOMENTS.len()], at };
    let faults = (0..requests).step_by(share(2 * STRIDE, 1)).map(fault);
    tally.each(1, faults.enumerate().collect(), attempt);
    tally.end();
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
