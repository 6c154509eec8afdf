//! A run that is killed, or loses a connection, at every request that it sends.

#![expect(clippy::print_stdout, reason = "a test tells what it covered")]

use dunlin_devdb::Flavour;
use dunlin_tests::{Blow, Fault, Moment, Web};

use crate::support::{Column, dunlin, project};

/// What does harm when it is done twice, or not at all, and what can be told apart by looking.
const FILES: [(&str, &str); 4] = [
    ("V1__visits.sql", "CREATE TABLE visits (day Date, hits UInt32) ENGINE = MergeTree ORDER BY day;\n"),
    (
        "V2__first.sql",
        "-- dunlin: probe SELECT count() > 0 FROM visits\nINSERT INTO visits VALUES ('2026-01-01', 1), ('2026-01-02', 1);\n",
    ),
    (
        "V3__sources.sql",
        "ALTER TABLE visits ADD COLUMN source String;\nALTER TABLE visits UPDATE hits = hits + 1 WHERE hits > 0;\n",
    ),
    ("V4__views.sql", "CREATE VIEW by_source AS SELECT source, sum(hits) AS hits FROM visits GROUP BY source;\n"),
];

const FAULTS: [(Blow, Moment); 6] = [
    (Blow::Kill, Moment::Before),
    (Blow::Cut, Moment::After),
    (Blow::Kill, Moment::During),
    (Blow::Cut, Moment::Before),
    (Blow::Kill, Moment::After),
    (Blow::Cut, Moment::During),
];

#[test]
fn a_run_on_clickhouse_18_converges_from_every_request() {
    converge(Flavour::ClickHouse, 5);
}

#[test]
fn a_run_on_clickhouse_of_today_converges_from_every_request() {
    converge(Flavour::Chdb, 9);
}

/// Every `stride`th request is hit, by one fault after the other; `DUNLIN_TEST_FULL` brings each fault at each request.
fn converge(flavour: Flavour, stride: usize) {
    let Some(column) = Column::new(flavour) else { return };
    let requests = trial(&column, None);
    let full = std::env::var_os("DUNLIN_TEST_FULL").is_some();
    let mut trials = 0;
    for at in (0..requests).step_by(if full { 1 } else { stride }) {
        for (index, (blow, moment)) in FAULTS.into_iter().enumerate() {
            if full || trials % FAULTS.len() == index {
                trial(&column, Some(Fault { blow, moment, at }));
                trials += 1;
                if !full {
                    break;
                }
            }
        }
    }
    println!("{trials} faults at {requests} requests");
}

/// One run with a fault, and as many as it takes to finish; how many requests the first had.
fn trial(column: &Column, fault: Option<Fault>) -> usize {
    column.clear();
    let web = Web::to(column.server.port(), fault);
    let files = project(&column.url(web.port()), &FILES);
    let dunlin = dunlin(&files);
    let first = web.follow(dunlin.start("up --yes"));
    let requests = web.requests();
    let mut runs = 1;
    let mut last = first;
    while last.code != Some(0) {
        assert!(runs < 4, "{fault:?}: it does not converge:\n{last:?}");
        last = dunlin.run("up --yes");
        runs += 1;
    }
    let seen = column.query("SELECT count(), sum(hits), sum(length(source)) FROM visits");
    assert_eq!(seen, "2\t4\t0", "{fault:?}");
    assert_eq!(column.query("SELECT sum(hits) FROM by_source"), "4", "{fault:?}");
    let mut status = dunlin.run("status");
    if status.code == Some(75) {
        // The runs had fewer requests than the one without a fault, and it came only now.
        status = dunlin.run("status");
    }
    let _ = status.exits(0);
    requests
}
