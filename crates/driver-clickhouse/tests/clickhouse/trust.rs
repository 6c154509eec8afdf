//! Ledgers that somebody changed, or does not show.

use dunlin_devdb::Flavour;
use dunlin_driver::Bench;
use dunlin_planner::{Failure, FailureClass, ProjectName};

use crate::support::{Fresh, say};

/// What is changed in a ledger, and what is said of it then; where only the engine of today can.
const CHANGES: [(&[&str], &str, bool); 5] = [
    (&["ALTER TABLE dunlin_event DROP COLUMN pre"], "`dunlin_event` lacks `pre String`", false),
    (&["ALTER TABLE dunlin_event MODIFY COLUMN step String"], "`dunlin_event` lacks `step UInt32`", false),
    (&["ALTER TABLE dunlin_meta DROP COLUMN lost"], "`dunlin_meta` lacks `lost String`", false),
    (
        &[
            "RENAME TABLE dunlin_event TO kept",
            "CREATE VIEW dunlin_event AS SELECT * FROM kept WHERE state != 'applied'",
        ],
        "`dunlin_event` has the engine View",
        false,
    ),
    (
        &["ALTER TABLE dunlin_event MODIFY TTL toDateTime(intDiv(at, 1000000)) + INTERVAL 1 DAY"],
        "rows of `dunlin_event` expire",
        true,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_changed_is_not_trusted() {
    for (statements, why, only_today) in CHANGES {
        for flavour in [Flavour::ClickHouse, Flavour::Chdb] {
            let Some(fresh) = Fresh::new(flavour).filter(|_| flavour == Flavour::Chdb || !only_today) else { continue };
            let bench = Bench::new(why, Box::new(fresh.same()));
            bench.bootstrap().await;
            bench.inspect().await;
            statements.iter().for_each(|statement| drop(fresh.query(statement)));
            let looked = bench.driver().inspect(&project()).await;
            let made = bench.driver().bootstrap(None).await;
            for refused in [looked.unwrap_err(), made.unwrap_err()] {
                assert_eq!(said(&refused), format!("the ledger cannot be trusted: {why}"), "{flavour:?}");
            }
        }
    }
}

/// By a filter here, as by row policies: what is applied would look as if it were not.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_which_rows_are_hidden_is_not_trusted() {
    let Some(fresh) = Fresh::called("narrowed", Flavour::Chdb) else { return };
    let bench = Bench::new("hidden rows", Box::new(fresh.same()));
    let step = bench.made("a/1", vec![say("CREATE TABLE one (id int)")]);
    bench.bootstrap().await;
    assert_eq!(bench.apply(&step).await, Ok(true));
    let url = format!("http://narrow@127.0.0.1:{}/narrowed", fresh.port());
    let refused = fresh.driver_at(&url).unwrap().inspect(&project()).await.unwrap_err();
    let rows = fresh.query("SELECT count() FROM dunlin_event WHERE id != ''");
    // The engine has one user, whoever comes in.
    let why = format!("{rows} of {rows} rows of `dunlin_event` are hidden from `default`");
    assert_eq!(said(&refused), format!("the ledger cannot be trusted: {why}"));
}

fn project() -> ProjectName {
    ProjectName::new("acme").expect("it is a name")
}

fn said(refused: &Failure) -> &str {
    assert_eq!(refused.class, FailureClass::Estranged, "{refused:?}");
    &refused.message
}
