//! Statements that run on every replica of a cluster, of which one may be away or refuse.

use std::thread;
use std::time::Duration;

use dunlin_tests::{Pair, Project, wait_until};
use nix::sys::signal::Signal;

use crate::support::ALONE;

const DATABASE: &str = "replicated";

const FILES: &str = "//- events/V1__visits.sql
CREATE TABLE visits ON CLUSTER both (day Date, hits UInt32) ENGINE = MergeTree ORDER BY day;
//- events/V2__sources.sql
ALTER TABLE visits ON CLUSTER both ADD COLUMN source String;
//- events/V3__more.sql
ALTER TABLE visits ON CLUSTER both UPDATE hits = hits + 1 WHERE hits > 0;
";

const COLUMNS: &str = "SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'visits'";
const MUTATIONS: &str = "SELECT count(), sum(is_done) FROM system.mutations WHERE database = currentDatabase()";
/// What was written about the second migration: how often it was begun, and how often anything says that it is done.
const BEGUN: &str =
    "SELECT countIf(what = 'begun'), countIf(what IN ('advanced', 'applied')) FROM dunlin_event WHERE id = 'events/2'";

fn project(pair: &Pair) -> Project {
    pair.clear(DATABASE);
    let url = format!("http://default@127.0.0.1:{}/{DATABASE}", pair.port());
    Project::of(&format!("{ALONE}{FILES}")).with("CORE", url)
}

/// Everything is there once.
#[track_caller]
fn assert_whole(pair: &Pair) {
    for nth in [0, 1] {
        assert_eq!(pair.query(nth, DATABASE, COLUMNS), "3");
        assert_eq!(pair.query(nth, DATABASE, MUTATIONS), "1\t1");
    }
}

#[test]
fn what_runs_on_a_cluster_is_applied_when_every_replica_shows_it() {
    let Some(pair) = Pair::start() else { return };
    let both = project(&pair);
    let _ = both.dunlin().run("up --yes").exits(0);
    assert_whole(&pair);

    // The second one goes with the statement, and returns while the run waits for it.
    let away = project(&pair);
    pair.let_go_at(Some(1));
    let run = away.dunlin().start("up --yes");
    wait_until("the statement is queued", || pair.queued() == 1);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(pair.query(0, DATABASE, BEGUN), "1\t0");
    pair.let_return();
    let _ = run.finish().exits(0);
    assert_whole(&pair);
    assert_eq!(pair.query(0, DATABASE, BEGUN), "1\t2");

    // It returns when the run is gone.
    let left = project(&pair);
    let run = left.dunlin().start("up --yes");
    wait_until("the statement is queued", || pair.queued() == 1);
    thread::sleep(Duration::from_secs(1));
    run.signal(Signal::SIGTERM);
    let stopped = run.finish().exits(75);
    let retried = stopped.events().filter(|event| event["event"] == "step-retried");
    let retried: Vec<_> =
        retried.map(|event| event["failure"]["message"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(retried[0].starts_with("Watching task ") && retried[0].ends_with("(code 159)"), "{retried:?}");
    assert_eq!(retried[1], "not every replica of cluster `both` answers");
    insta::assert_snapshot!(left.says("status"), @r"
    [stdout]
    core  clickhouse  ClickHouse 18.16.1
      events  1 applied, 1 pending, 1 running
        2  running  sources  interrupted; the next `up` resumes it
        3  pending  more     waits for events/2

    3 migrations: 1 applied, 1 pending, 1 running
    [exit 0]
    ");
    assert_eq!(pair.query(0, DATABASE, BEGUN), "1\t0");
    pair.let_go_at(None);
    pair.let_return();
    let _ = left.dunlin().run("up --yes").exits(0);
    assert_whole(&pair);
    assert_eq!(pair.query(0, DATABASE, BEGUN), "1\t2");
}

#[test]
fn nothing_is_begun_on_a_cluster_while_a_replica_is_away() {
    let Some(pair) = Pair::start() else { return };
    let project = project(&pair);
    pair.let_go();
    let run = project.dunlin().start("up --yes");
    let claimed = "SELECT uniq(attempt) > 3, countIf(what = 'begun') FROM dunlin_event WHERE id = 'events/1'";
    let is_made = "EXISTS TABLE dunlin_event";
    wait_until("it was tried again and again", || {
        pair.query(0, DATABASE, is_made) == "1" && pair.query(0, DATABASE, claimed) == "1\t0"
    });
    pair.let_return();
    let _ = run.finish().exits(0);
    assert_whole(&pair);
}

#[test]
fn what_one_replica_refuses_is_told_and_not_applied() {
    let Some(pair) = Pair::start() else { return };
    let project = project(&pair);
    let _ = project.dunlin().run("up --to events/1 --yes").exits(0);
    let _ = pair.query(1, DATABASE, "DROP TABLE visits");
    insta::assert_snapshot!(project.says("up --yes --quiet"), @r"
    [stdout]
    Run RUN: 0 of 2 steps done in TIME

      core  1 failed, 1 blocked  TIME of work

    error: `events/2` failed on core: There was an error on [127.0.0.1:PORT]: Code: 60, e.displayText() = DB::Exception: Table replicated.visits doesn't exist (code 60)
     --> events/V2__sources.sql:1:1
      |
    1 | ALTER TABLE visits ON CLUSTER both ADD COLUMN source String;
      | ^^^^^
    hint: it may be done in part: look at the database, then say `dunlin repair done events/2 --statement 1 --reason TEXT` or `dunlin repair undone events/2 --statement 1 --reason TEXT`; `-- dunlin: probe SELECT …` above it would tell the next time

    Not done:
      core  events/3  more  blocked: events/2 failed

    `events/2` stopped half way, and Dunlin leaves it alone until a person has decided. Next: compare
    the database with what `dunlin explain events/2` shows; `dunlin repair` settles it.
    [exit 3]
    ");
    assert_eq!(pair.query(0, DATABASE, BEGUN), "1\t0");
    // Put right by hand.
    let table = "CREATE TABLE visits (day Date, hits UInt32, source String) ENGINE = MergeTree ORDER BY day";
    let _ = pair.query(1, DATABASE, table);
    let _ = project.dunlin().run("up --yes").exits(0);
    assert_whole(&pair);
    assert_eq!(pair.query(0, DATABASE, BEGUN), "1\t2");
}
