//! Backfills on a real server: every row counts exactly once, whatever is cut, taken over or added.

use std::time::Duration;

use dunlin_driver::{BatchClaim, Bench, StepText};
use dunlin_planner::FailureClass::{Busy, Estranged, Rejected, Unknown};
use dunlin_planner::{BatchFacts, Begun, Failure, LaneKind, RowState};

use crate::cut::{done, every_message};
use crate::proxy::{Cut, Proxy};
use crate::support::{Fresh, options};

const TABLE: &str = "CREATE TABLE t (id bigint PRIMARY KEY, n int NOT NULL DEFAULT 0); ";

fn step(size: u64) -> StepText {
    StepText::backfill("a/1", "t", &["id"], size, "UPDATE t SET n = n + 1 WHERE :batch")
}

/// A database whose table has rows with the keys 1 to `rows`.
async fn filled(rows: u64) -> (Fresh, Bench) {
    let fresh = Fresh::new();
    let bench = Bench::new("backfill", Box::new(fresh.clone()));
    bench.bootstrap().await;
    fresh.psql(&format!("{TABLE} INSERT INTO t SELECT generate_series(1, {rows}); ANALYZE t"));
    (fresh, bench)
}

/// How many rows were changed how often.
fn counts(fresh: &Fresh) -> String {
    fresh
        .psql("SELECT string_agg(n || ':' || c, ' ' ORDER BY n) FROM (SELECT n, count(*) AS c FROM t GROUP BY n) s")
        .trim()
        .to_owned()
}

async fn ranges(bench: &Bench, step: &StepText) -> Result<Vec<u64>, Failure> {
    let mut session = bench.session(LaneKind::Batch).await;
    bench.backfill(&mut *session, step).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_counts_once() {
    for (rows, size, expected) in
        [(0, 10, vec![0]), (9, 10, vec![9]), (10, 10, vec![10, 0]), (25, 10, vec![10, 10, 5]), (3, 1, vec![1, 1, 1, 0])]
    {
        let (fresh, bench) = filled(rows).await;
        let step = step(size);
        assert_eq!(ranges(&bench, &step).await, Ok(expected), "{rows} rows");
        assert_eq!(counts(&fresh), if rows == 0 { String::new() } else { format!("1:{rows}") });
        assert_eq!(ranges(&bench, &step).await, Ok(vec![]), "it is done");
        let row = bench.row(&step).await.unwrap();
        assert_eq!((row.state, row.transactional, row.attempt), (RowState::Applied, false, 1));
        let cursor = fresh.psql("SELECT cursor->>'rows' FROM dunlin.ledger");
        assert_eq!(cursor.trim(), rows.to_string());
    }
}

/// A down is walked like an up, and both again.
#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_taken_back_and_run_again() {
    let (fresh, bench) = filled(25).await;
    let up = step(10);
    let down = StepText::revert(&up, &["UPDATE t SET n = n - 1 WHERE :batch"], &[]).batched("t", &["id"], 7);
    for (step, sum, state) in
        [(&up, "1:25", RowState::Applied), (&down, "0:25", RowState::Reverted), (&up, "1:25", RowState::Applied)]
    {
        assert!(ranges(&bench, step).await.is_ok());
        assert_eq!((counts(&fresh), bench.row(step).await.unwrap().state), (sum.to_owned(), state));
    }
}

/// Keys of several columns, of other types, in other cases, and an alias.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_of_any_type() {
    for (columns, key, order, values) in [
        ("a int, b uuid", vec!["a", "b"], "a, b", "g % 3, md5(g::text)::uuid"),
        ("a uuid", vec!["a"], "a", "md5(g::text)::uuid"),
        (
            "a text COLLATE \"C\", b timestamptz",
            vec!["a", "b"],
            "a, b",
            "E'it''s \\\\ ' || g % 2, now() - g * interval '1 us'",
        ),
        ("a float8", vec!["a"], "a DESC", "g / 3.0"),
        ("\"A b\" date, c numeric", vec!["A b", "c"], "\"A b\", c", "date '2024-01-01' + g % 4, g / 7.0"),
        ("a bytea, b varchar(9), c bool", vec!["a", "b", "c"], "a, b, c", "'\\x00'::bytea, g, g % 2 = 0"),
        ("k1 smallint, id int", vec!["id", "k1"], "id, k1", "g % 5, g / 5"),
    ] {
        let fresh = Fresh::new();
        let bench = Bench::new(columns, Box::new(fresh.clone()));
        bench.bootstrap().await;
        let columns = columns.replace(',', " NOT NULL,");
        fresh.psql(&format!(
            "CREATE TABLE t ({columns} NOT NULL, n int DEFAULT 0); INSERT INTO t SELECT {values} FROM generate_series(1, 53) g; \
             CREATE UNIQUE INDEX ON t ({order})"
        ));
        let mut step = StepText::backfill("a/1", "t", &key, 10, "UPDATE t AS x SET n = n + 1 WHERE :batch");
        step.step.body.batch.as_mut().unwrap().places[0].alias = Some("x".to_owned());
        // Settings are set by a function, whose rows are none of the key's.
        step.step.body.settings.settings.insert("app.tenant".to_owned(), "7".to_owned());
        step.step.body.settings.settings.insert("datestyle".to_owned(), "SQL, DMY".to_owned());
        assert_eq!(ranges(&bench, &step).await, Ok(vec![10, 10, 10, 10, 10, 3]), "{bench}");
        assert_eq!(counts(&fresh), "1:53", "{bench}");
    }
}

/// Rows behind the cursor are whoever's who adds them; rows before it are reached.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_may_grow_meanwhile() {
    let (fresh, bench) = filled(30).await;
    let step = step(10);
    let task = bench.task(&step);
    let mut session = bench.session(LaneKind::Batch).await;
    let begun = Begun { batches: 0, rows: 0, total: Some(30) };
    assert_eq!(session.claim_batches(&task, 10).await, Ok(BatchClaim::Taken(begun)));
    assert_eq!(session.batch(&task, 10).await, Ok(BatchFacts { rows: 10, changed: 10, last: false }));
    fresh.psql("INSERT INTO t VALUES (0), (31), (32)");
    let mut changed = 10;
    loop {
        let facts = session.batch(&task, 10).await.unwrap();
        changed += facts.changed;
        if facts.last {
            break;
        }
    }
    assert_eq!((changed, counts(&fresh).as_str()), (32, "0:1 1:32"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_walked_is_refused_before_anything_is_written() {
    for (table, said) in [
        ("CREATE TABLE other (id int)", "there is no table `t` to walk over"),
        ("CREATE VIEW t AS SELECT 1 AS id", "`t` is no table"),
        ("CREATE TABLE t (n int)", "`t` has no column `id`"),
        (
            "CREATE TABLE t (id int UNIQUE, n int)",
            "`id` of `t` may be null, and a row without a key would never be reached",
        ),
        (
            "CREATE TABLE t (id int NOT NULL, n int); CREATE INDEX ON t (n, id); CREATE INDEX ON t (id) WHERE n > 1; CREATE INDEX ON t USING hash (id)",
            "`t` has no index that begins with (id), and each batch would read the whole table",
        ),
    ] {
        let fresh = Fresh::new();
        let bench = Bench::new(table, Box::new(fresh.clone()));
        bench.bootstrap().await;
        fresh.psql(table);
        let refused = ranges(&bench, &step(10)).await.unwrap_err();
        assert_eq!((refused.class, refused.message.as_str()), (Rejected, said));
        assert!(refused.hint.is_some() && bench.rows().await.is_empty());
    }
}

/// What the server refuses leaves nothing of its range, and nothing at all where it was the first one.
#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_fails_leaves_nothing() {
    let (fresh, bench) = filled(25).await;
    fresh.psql("ALTER TABLE t ADD CHECK (id <> 15 OR n = 0)");
    let refused = ranges(&bench, &step(20)).await.unwrap_err();
    assert_eq!((refused.class, refused.sqlstate.as_deref()), (Rejected, Some("23514")));
    assert_eq!(refused.place.map(|place| place.line), Some(1));
    assert!(bench.rows().await.is_empty());
    assert_eq!(ranges(&bench, &step(10)).await.unwrap_err().sqlstate.as_deref(), Some("23514"));
    assert_eq!(counts(&fresh), "0:15 1:10");
    let row = bench.row(&step(10)).await.unwrap();
    assert_eq!((row.state, row.step), (RowState::Running, 1));
    fresh.psql("ALTER TABLE t DROP CONSTRAINT t_check");
    assert_eq!(ranges(&bench, &step(10)).await, Ok(vec![10, 5]));
    assert_eq!(counts(&fresh), "1:25");
    let nul = StepText::backfill("a/3", "t", &["id"], 10, "UPDATE t SET n = 7 WHERE :batch AND '\0' = ''");
    assert!(ranges(&bench, &nul).await.is_err());
    assert_eq!((bench.row(&nul).await, counts(&fresh).as_str()), (None, "1:25"), "what cannot be sent moves no cursor");
    let misspelt = StepText::backfill("a/2", "t", &["id"], 10, "UPDATE t SET n = 1 WHERE :batch AND m = 1");
    let place = ranges(&bench, &misspelt).await.unwrap_err().place.unwrap();
    assert_eq!((place.line, place.column, place.width), (1, 37, 1));
}

/// Another text is another backfill: it does not go on where this one stopped.
#[tokio::test(flavor = "multi_thread")]
async fn an_edited_backfill_is_not_resumed() {
    let (fresh, bench) = filled(25).await;
    let step = step(10);
    let task = bench.task(&step);
    let mut session = bench.session(LaneKind::Batch).await;
    session.claim_batches(&task, 10).await.unwrap();
    session.batch(&task, 10).await.unwrap();
    session.release().await;
    let edited = StepText::backfill("a/1", "t", &["id"], 10, "UPDATE t SET n = n + 2 WHERE :batch");
    let refused = ranges(&bench, &edited).await.unwrap_err();
    assert_eq!(refused.class, dunlin_planner::FailureClass::Dirty);
    assert_eq!(counts(&fresh), "0:15 1:10");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_at_a_time() {
    let (fresh, bench) = filled(25).await;
    let step = step(10);
    let task = bench.task(&step);
    let mut holder = bench.session(LaneKind::Batch).await;
    let mut other = bench.session(LaneKind::Batch).await;
    holder.claim_batches(&task, 10).await.unwrap();
    holder.batch(&task, 10).await.unwrap();
    assert_eq!(other.claim_batches(&task, 10).await.unwrap_err().class, Busy);
    // The holder loses its session and does not know: what it still sends takes no effect.
    let backends = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    fresh.psql(backends);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Begun { batches: 1, rows: 10, total: Some(25) };
    assert_eq!(other.claim_batches(&task, 10).await, Ok(BatchClaim::Taken(begun)));
    assert_eq!(holder.batch(&task, 10).await.unwrap_err().class, Unknown);
    assert_eq!(other.batch(&task, 10).await, Ok(BatchFacts { rows: 10, changed: 10, last: false }));
    other.release().await;
    assert_eq!(ranges(&bench, &step).await, Ok(vec![5]));
    assert_eq!(counts(&fresh), "1:25");
}

/// Somebody else's row lock: nothing of the range happens, and it is the next one still.
#[tokio::test(flavor = "multi_thread")]
async fn a_collision_keeps_the_range() {
    let (fresh, bench) = filled(25).await;
    let step = step(10);
    let task = bench.task(&step);
    let mut session = bench.session(LaneKind::Batch).await;
    session.claim_batches(&task, 10).await.unwrap();
    let holder = fresh.clone();
    let held = tokio::task::spawn_blocking(move || {
        holder.psql("BEGIN; UPDATE t SET n = n WHERE id = 3; SELECT pg_sleep(1.5); COMMIT")
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(session.batch(&task, 10).await.unwrap_err().class, Busy);
    held.await.unwrap();
    assert_eq!(session.batch(&task, 10).await, Ok(BatchFacts { rows: 10, changed: 10, last: false }));
}

/// Runs a backfill with one cut; says whether the cut came.
async fn run(cut: Cut, at: usize) -> bool {
    let (fresh, direct) = filled(25).await;
    let proxy = Proxy::start(fresh.port(), cut, at).await;
    let mut settings = fresh.settings();
    settings.options = options(&fresh.url_through(proxy.port()));
    let bench = Bench::new(&format!("{cut:?} {at}"), Box::new(fresh.with(settings)));
    let up = step(10);
    let down = StepText::revert(&up, &["UPDATE t SET n = n + 10 WHERE :batch"], &[]).batched("t", &["id"], 10);
    for step in [&up, &down] {
        assert_eq!(done(&bench, LaneKind::Batch, step).await, Ok(()), "{bench}");
    }
    assert_eq!(counts(&fresh), "11:25", "{bench}: every row once");
    assert_eq!(direct.row(&up).await.map(|row| row.state), Some(RowState::Reverted), "{bench}");
    proxy.has_cut()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_before_any_message_of_a_backfill_converges() {
    every_message(|at| run(Cut::Before, at)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_during_any_message_of_a_backfill_converges() {
    every_message(|at| run(Cut::During, at)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_after_any_message_of_a_backfill_converges() {
    every_message(|at| run(Cut::After, at)).await;
}

/// Nothing is left in the session between two batches; a pause in the work is what tells others that it may be taken over.
#[tokio::test(flavor = "multi_thread")]
async fn it_works_through_a_pooler() {
    let (fresh, _) = filled(25).await;
    let proxy = Proxy::pooler(fresh.port()).await;
    let mut settings = fresh.settings();
    settings.options = options(&fresh.url_through(proxy.port()));
    let bench = Bench::new("pooler", Box::new(fresh.with(settings.clone())));
    bench.bootstrap().await;
    let step = step(10);
    let task = bench.task(&step);
    let mut session = bench.session(LaneKind::Batch).await;
    session.claim_batches(&task, 10).await.unwrap();
    session.batch(&task, 10).await.unwrap();
    assert_eq!(fresh.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").trim(), "0");

    let mut other = Bench::new("another run", Box::new(fresh.clone()));
    other.bootstrap().await;
    other.run = dunlin_planner::RunId::new("0197a000-0000-7000-8000-000000000002").unwrap();
    assert_eq!(ranges(&other, &step).await.unwrap_err().class, Busy, "it was at work just now");
    fresh.psql("UPDATE dunlin.ledger SET cursor = cursor || '{\"at\": \"2000-01-01T00:00:00Z\"}'");
    assert_eq!(ranges(&other, &step).await, Ok(vec![10, 5]));
    let late = session.batch(&task, 10).await.unwrap_err();
    assert_eq!((late.class, late.message.as_str()), (Busy, "another run has taken over `a/1`"));
    assert_eq!(counts(&fresh), "1:25");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_counts_partitions() {
    let (fresh, bench) = filled(500).await;
    let estimate = |table: &str| {
        let (driver, body) = (bench.driver(), StepText::backfill("a/1", table, &["id"], 10, "SELECT :batch").step.body);
        async move { driver.estimate(&body).await }
    };
    assert_eq!(estimate("t").await, Ok(Some(500)));
    assert_eq!(estimate("nowhere").await, Ok(None));
    fresh.psql(
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); \
         CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200); INSERT INTO p SELECT generate_series(0, 149)",
    );
    assert_eq!(estimate("p").await, Ok(None), "it was never analysed");
    fresh.psql("ANALYZE p");
    assert_eq!(estimate("p").await, Ok(Some(150)));
}

/// In any other isolation a batch would collide with whoever else writes into its table.
#[tokio::test(flavor = "multi_thread")]
async fn batches_are_read_committed_whatever_the_set_says() {
    let (fresh, bench) = filled(1).await;
    fresh.psql("ALTER TABLE t ADD COLUMN isolation text");
    let statement = "UPDATE t SET isolation = current_setting('transaction_isolation') WHERE :batch";
    let mut step = StepText::backfill("a/1", "t", &["id"], 10, statement);
    step.step.body.settings.isolation = Some("ISOLATION LEVEL SERIALIZABLE".to_owned());
    assert_eq!(ranges(&bench, &step).await, Ok(vec![1]));
    assert_eq!(fresh.psql("SELECT isolation FROM t").trim(), "read committed");
}

/// What ends the transaction of its batch is found out by the guard behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_ends_its_batch_is_refused() {
    let (_fresh, bench) = filled(1).await;
    let step = StepText::backfill("a/1", "t", &["id"], 10, "UPDATE t SET n = 1 WHERE :batch; COMMIT; BEGIN");
    let failure = ranges(&bench, &step).await.unwrap_err();
    assert_eq!((failure.class, failure.sqlstate.as_deref()), (Rejected, None), "{failure:?}");
    assert_eq!(failure.hint.as_deref(), Some("a batch is one transaction: take what ends it out of the file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ledger_behind_the_same_name_is_noticed() {
    let (fresh, bench) = filled(1).await;
    fresh.psql("UPDATE dunlin.meta SET ledger_id = gen_random_uuid()");
    let failure = ranges(&bench, &step(10)).await.unwrap_err();
    assert_eq!(failure.class, Estranged, "{failure:?}");
    assert_eq!(counts(&fresh), "0:1");
}

/// What keeps dead rows from being cleaned up is told to whoever decides on the pace.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_transaction_is_seen() {
    let (fresh, bench) = filled(1).await;
    let mut session = bench.session(LaneKind::Batch).await;
    assert_eq!(session.pressure().await.map(|pressure| pressure.oldest), Ok(None));
    let _old = fresh.session("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (_, age) = session.pressure().await.unwrap().oldest.unwrap();
    assert!(age >= Duration::from_millis(50), "{age:?}");
}
