//! Transactional steps that break, and what is looked up behind it.

use dunlin_driver::{Bench, Claim, StepText};
use dunlin_planner::FailureClass::{Busy, Rejected, Unknown};
use dunlin_planner::{Dependency, LaneKind, RowState};

use crate::proxy::Proxy;
use crate::support::{Fresh, options, raw};

async fn bench() -> (Fresh, Bench) {
    let fresh = Fresh::new();
    let bench = Bench::new("broken", Box::new(fresh.clone()));
    bench.bootstrap().await;
    (fresh, bench)
}

/// What went wrong is said, and what was done is not known.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_behind_an_error_leaves_it_in_doubt() {
    let (_fresh, bench) = bench().await;
    let step = raw("a/1", "COMMIT; BEGIN; ALTER TABLE dunlin.ledger RENAME TO gone; COMMIT; SELECT 1/0");
    for (class, sqlstate) in [(Unknown, "22012"), (Rejected, "42P01")] {
        let failure = bench.apply(&step).await.unwrap_err();
        assert_eq!((failure.class, failure.sqlstate.as_deref()), (class, Some(sqlstate)), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_at_the_look_leaves_it_in_doubt() {
    let (fresh, _) = bench().await;
    let proxy = Proxy::before(fresh.port(), "NOT DEFERRABLE; RESET SESSION AUTHORIZATION").await;
    let mut settings = fresh.settings();
    settings.options = options(&fresh.url_through(proxy.port()));
    let bench = Bench::new("through a proxy", Box::new(fresh.with(settings)));
    bench.bootstrap().await;
    let failure = bench.apply(&raw("a/1", "SELECT 1/0")).await.unwrap_err();
    assert!(proxy.has_cut());
    assert_eq!(failure.class, Unknown, "{failure:?}");
}

/// A claim that the server refuses for a reason of its own says that reason, and not that the row had changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_refused_says_why() {
    let (fresh, bench) = bench().await;
    fresh.psql(
        "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''frozen until Monday''; END'; \
         CREATE TRIGGER frozen BEFORE INSERT ON dunlin.ledger FOR EACH ROW EXECUTE FUNCTION frozen()",
    );
    let failure = bench.apply(&raw("a/1", "CREATE TABLE one (id int)")).await.unwrap_err();
    assert_eq!((failure.class, &*failure.message), (Rejected, "frozen until Monday"), "{failure:?}");
    assert_eq!((failure.context, bench.objects().await.len()), (None, 0));
}

/// What was taken back and does not run this time is as it was, and nothing is in doubt.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_fails_where_it_was_taken_back_leaves_the_row() {
    let (_fresh, bench) = bench().await;
    let mut session = bench.session(LaneKind::Main).await;
    let step = raw("a/1", "CREATE TABLE one (id int)");
    assert_eq!(bench.apply_on(&mut *session, &step).await, Ok(true));
    let regret = StepText::revert(&step, &["DROP TABLE one"], &[]);
    assert_eq!(bench.apply_on(&mut *session, &regret).await, Ok(true));
    let failure = bench.apply_on(&mut *session, &raw("a/1", "SELECT 1/0")).await.unwrap_err();
    assert_eq!(failure.class, Rejected, "{failure:?}");
    assert_eq!(bench.row(&step).await.map(|row| row.state), Some(RowState::Reverted));
}

/// Nothing of it was begun before, and nothing of it stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_fails_where_it_was_claimed_by_statements_leaves_the_row() {
    let (_fresh, bench) = bench().await;
    let step = raw("a/1", "SELECT 1/0");
    let mut session = bench.session(LaneKind::Long).await;
    assert!(matches!(session.claim(&bench.task(&step)).await, Ok(Claim::Taken { .. })));
    session.release().await;
    let failure = bench.apply(&step).await.unwrap_err();
    assert_eq!(failure.class, Rejected, "{failure:?}");
    let row = bench.row(&step).await.map(|row| (row.state, row.transactional, row.step));
    assert_eq!(row, Some((RowState::Running, false, 0)));
}

/// Somebody has the row of what comes before: that is waited for, and the words of our own statements tell nobody anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_predecessor_whose_row_is_held_is_waited_for() {
    let (fresh, bench) = bench().await;
    let first = raw("a/1", "CREATE TABLE one (id int)");
    assert_eq!(bench.apply(&first).await, Ok(true));
    let (id, target) = (first.step.id.clone(), first.step.target.clone());
    let needs = Dependency { id, checksum: first.step.checksum, target, declared: true };
    let second = raw("b/1", "CREATE TABLE two (id int)").after(&[needs]);
    let other = fresh.session("BEGIN; SELECT FROM dunlin.ledger FOR UPDATE").await;
    let failure = bench.apply(&second).await.unwrap_err();
    assert_eq!((failure.class, failure.sqlstate.as_deref(), failure.context), (Busy, Some("55P03"), None));
    drop(other);
    assert_eq!(bench.apply(&second).await, Ok(true));
}

/// What a standby says to BEGIN, and what TimescaleDB says when it ends a session, have codes that much else has.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_means_what_its_origin_says() {
    let (_fresh, bench) = bench().await;
    let raises = |code: &str| format!("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$");
    let read_only = "SET transaction_read_only = on; SET transaction_read_only = off".to_owned();
    for (body, code, hints) in
        [(raises("0A000"), "0A000", false), (raises("42710"), "42710", true), (read_only, "25001", true)]
    {
        let failure = bench.apply(&raw("a/1", &body)).await.unwrap_err();
        assert_eq!((failure.class, failure.sqlstate.as_deref()), (Rejected, Some(code)), "{failure:?}");
        assert_eq!(failure.hint.is_some(), hints, "{failure:?}");
    }
}
