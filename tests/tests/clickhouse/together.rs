//! Several runs at once, and one that is gone while its statement goes on.

use std::thread;
use std::time::Duration;

use dunlin_devdb::Flavour;
use dunlin_tests::{Column, wait_until};

use crate::support::{dunlin, project};

#[test]
fn of_many_runs_at_once_one_does_each_statement() {
    const FILES: [(&str, &str); 3] = [
        ("V1__t.sql", "CREATE TABLE t (a UInt32, v UInt32) ENGINE = MergeTree ORDER BY a;\n"),
        ("V2__rows.sql", "-- dunlin: probe SELECT count() > 0 FROM t\nINSERT INTO t VALUES (1, 0);\n"),
        ("V3__twice.sql", "ALTER TABLE t ADD COLUMN b UInt8;\nALTER TABLE t UPDATE v = v + 1 WHERE a > 0;\n"),
    ];
    for flavour in [Flavour::ClickHouse, Flavour::Chdb] {
        let Some(column) = Column::new(flavour) else { continue };
        for _ in 0..3 {
            column.clear();
            let files = project(&column.url(column.port()), &FILES);
            let dunlin = dunlin(&files);
            let runs: Vec<_> = (0..4).map(|_| dunlin.start("up --yes")).collect();
            runs.into_iter().for_each(|run| drop(run.finish().exits(0)));
            assert_eq!(column.query("SELECT count(), sum(v) FROM t"), "1\t1");
            let claims = "SELECT count() FROM dunlin_event WHERE what = 'applied'";
            assert_eq!(column.query(claims), "3");
        }
    }
}

#[test]
fn a_statement_whose_run_is_gone_is_awaited_and_not_begun_again() {
    const SLOW: &str = "-- dunlin: probe SELECT count() > 0 FROM t\n\
        INSERT INTO t SELECT number + sleepEachRow(1.5), 0 FROM (SELECT number FROM system.numbers LIMIT 1);\n";
    const FILES: [(&str, &str); 2] = [
        ("V1__t.sql", "CREATE TABLE t (a Float64, v UInt32) ENGINE = MergeTree ORDER BY a;\n"),
        ("V2__rows.sql", SLOW),
    ];
    for flavour in [Flavour::ClickHouse, Flavour::Chdb] {
        let Some(column) = Column::new(flavour) else { continue };
        let files = project(&column.url(column.port()), &FILES);
        let dunlin = dunlin(&files);
        let mut run = dunlin.start("up --yes");
        assert!(run.reach("step-ended", 1));
        let begun = "SELECT count() FROM dunlin_event WHERE id = 'events/2' AND what = 'begun'";
        wait_until("the statement is begun", || column.query(begun) == "1");
        thread::sleep(Duration::from_millis(200));
        run.kill();
        let _ = dunlin.run("up --yes").exits(0);
        assert_eq!(column.query("SELECT count() FROM t"), "1", "{flavour:?}");
        assert_eq!(column.query("SELECT max(attempt) > 1 FROM dunlin_event WHERE id = 'events/2'"), "1");
    }
}
