//! What a person sees, and settles, where the server's catalog cannot tell.

use std::thread;
use std::time::Duration;

use dunlin_devdb::Flavour;
use dunlin_tests::Column;

use crate::support::ALONE;

const HALF: &str = "//- events/V1__visits.sql
CREATE TABLE visits (day Date, hits UInt32) ENGINE = MergeTree ORDER BY day;
//- events/V2__first.sql
INSERT INTO visits SELECT toDate('2026-01-01') + number + throwIf(number = 70000), 1 FROM system.numbers LIMIT 100000;
//- events/U2__first.sql
ALTER TABLE visits DROP COLUMN hits;
//- events/U1__visits.sql
DROP TABLE visits;
";

#[test]
fn an_insert_that_broke_off_is_for_a_person() {
    let Some(column) = Column::new(Flavour::ClickHouse) else { return };
    let project = column.project(&format!("{ALONE}{HALF}"));
    insta::assert_snapshot!(project.says("up --yes --quiet"), @r"
    [stdout]
    Run RUN: 1 of 2 steps done in TIME

      core  1 done, 1 failed  TIME of work

    error: `events/2` failed on core: Value passed to 'throwIf' function is non zero (code 395)
     --> events/V2__first.sql:1:1
      |
    1 | INSERT INTO visits SELECT toDate('2026-01-01') + number + throwIf(number = 70000), 1 FROM system.numbers LIMIT 100000;
      | ^^^^^^
    hint: it may be done in part: look at the database, then say `dunlin repair done events/2 --statement 1 --reason TEXT` or `dunlin repair undone events/2 --statement 1 --reason TEXT`; `-- dunlin: probe SELECT …` above it would tell the next time

    `events/2` stopped half way, and Dunlin leaves it alone until a person has decided. Next: compare
    the database with what `dunlin explain events/2` shows; `dunlin repair` settles it.
    [exit 3]
    ");
    insta::assert_snapshot!(project.says("status"), @r"
    [stdout]
    core  clickhouse  ClickHouse 18.16.1
      events  1 applied, 1 running
        2  running  first  interrupted in statement 1, which may have been done: see `dunlin repair`

    error[statement-in-doubt]: `events/2` was interrupted in statement 1, and nothing tells whether it was done
    --> events/V2__first.sql:1:1
    hint: look at the database, then say `dunlin repair done events/2 --statement 1 --reason TEXT` or `dunlin repair undone events/2 --statement 1 --reason TEXT`; `-- dunlin: probe SELECT …` above it would tell the next time

    2 migrations: 1 applied, 1 running
    [exit 3]
    ");
    let _ = project.dunlin().run("repair done events/2 --statement 1 --reason enough --yes").exits(0);
    let _ = project.dunlin().run("up --yes").exits(0);
    let _ = project.dunlin().run("down --to events/1 --yes").exits(0);
    // Its clock tells seconds, by which the history is in order.
    thread::sleep(Duration::from_millis(1_100));
    let _ = project.dunlin().run("down --version events/1 --yes").exits(0);
    assert_eq!(column.query("EXISTS TABLE visits"), "0");
    insta::assert_snapshot!(project.says("history"), @r"
    [stdout]
    core  2 migrations, times in UTC
      run RUN by default
        MOMENT  reverted  events/2  first  TIME
      run RUN by default
        MOMENT  reverted  events/1  visits  TIME
      failures and repairs
        MOMENT  failed    events/2  Value passed to 'throwIf' function is non zero (code 395)  by default
        MOMENT  repaired  events/2  `repair done`: enough                                      by default
    [exit 0]
    ");
}

#[test]
fn a_ledger_that_was_changed_stops_everything() {
    let Some(column) = Column::new(Flavour::ClickHouse) else { return };
    let project = column.project(&format!("{ALONE}{HALF}"));
    let _ = project.dunlin().run("up --to events/1 --yes").exits(0);
    let _ = column.query("ALTER TABLE dunlin_event DROP COLUMN pre");
    insta::assert_snapshot!(project.says("up --yes --quiet"), @"
    [stdout]
    error[target-refused]: target `core`: the ledger cannot be trusted: `dunlin_event` lacks `pre String`
     --> dunlin.toml:3:10
      |
    3 | [targets.core]
      |          ^^^^
    hint: somebody changed the tables of the ledger; make them as they were

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]
    ");
    for command in ["plan", "status", "up --yes", "down --yes"] {
        let _ = project.dunlin().run(command).exits(4);
    }
}
