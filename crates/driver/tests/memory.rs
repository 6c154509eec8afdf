//! The in-memory driver passes the suite too, and fails where its script says.

use std::sync::Arc;

use async_trait::async_trait;
use dunlin_driver::conformance::{Database, Factory, run_all};
use dunlin_driver::memory::{Act, Fault, MemoryDatabase};
use dunlin_driver::{Bench, Driver, Jobs, StepText};
use dunlin_planner::{Failure, FailureClass, LaneKind, ProjectName, RunId, TargetName};

struct Memory;

fn database() -> MemoryDatabase {
    MemoryDatabase::new(TargetName::new("target").expect("it is a name"))
}

#[async_trait]
impl Factory for Memory {
    async fn fresh(&self) -> Box<dyn Database> {
        Box::new(database())
    }
}

#[tokio::test]
async fn memory_conforms() {
    run_all(&Memory).await;
}

/// Whatever act a connection is lost at, before or after it or half way, walking again reaches the same end.
#[tokio::test]
async fn a_lost_connection_at_any_act_converges() {
    let step = StepText::apply(
        "a/1",
        &[
            "CREATE TABLE one (id int)",
            "CREATE INDEX CONCURRENTLY one_id ON one (id)",
            "DROP INDEX CONCURRENTLY one_id",
        ],
    );
    let lost = || Failure::new(FailureClass::Unknown, "lost");
    let faults: [fn(Failure) -> Fault; 3] = [Fault::Before, Fault::After, Fault::Halfway];
    for (fault, at) in faults.into_iter().flat_map(|fault| (0..14).map(move |at| (fault, at))) {
        let database = database();
        let bench = Bench::new("lost connection", Box::new(database.clone()));
        bench.bootstrap().await;
        let mut count = 0;
        database.script(move |act| {
            if matches!(act, Act::Inspect | Act::Session(_)) {
                return None;
            }
            count += 1;
            (count == at + 1).then(|| fault(lost()))
        });
        for _ in 0..2 {
            let mut session = bench.session(LaneKind::Long).await;
            let _lost = bench.walk(&mut *session, &step).await;
        }
        assert_eq!(bench.objects().await, ["one"], "{at}");
        assert_eq!(bench.row(&step).await.map(|row| row.finished.is_some()), Some(true), "{at}");
    }
}

/// The same of a backfill: every row counts once.
#[tokio::test]
async fn a_backfill_counts_every_row_once_wherever_it_is_lost() {
    let step = StepText::backfill("a/1", "t", &["id"], 10, "UPDATE t SET n = n + 1 WHERE :batch");
    for (fault, at) in [Fault::Before, Fault::After].into_iter().flat_map(|fault| (0..6).map(move |at| (fault, at))) {
        let database = database();
        database.fill("t", 0..25);
        let bench = Bench::new("lost backfill", Box::new(database.clone()));
        bench.bootstrap().await;
        let mut count = 0;
        database.script(move |act| {
            if !matches!(act, Act::Claim(_) | Act::Batch(..)) {
                return None;
            }
            count += 1;
            (count == at + 1).then(|| fault(Failure::new(FailureClass::Unknown, "lost")))
        });
        for _ in 0..3 {
            let mut session = bench.session(LaneKind::Batch).await;
            let _lost = bench.backfill(&mut *session, &step).await;
        }
        assert!(database.changes("t").values().all(|count| *count == 1), "{at}: {:?}", database.changes("t"));
        assert_eq!(bench.row(&step).await.map(|row| row.finished.is_some()), Some(true), "{at}");
    }
}

/// A cancel request ends a statement early, and nothing of its step stays.
#[tokio::test(start_paused = true)]
async fn a_cancelled_step_leaves_nothing() {
    let database = database();
    let bench = Bench::new("cancel", Box::new(database.clone()));
    bench.bootstrap().await;
    database.set_latency(std::time::Duration::from_secs(60));
    let step = StepText::apply("a/1", &["CREATE TABLE one (id int)"]);
    let mut session = bench.session(LaneKind::Main).await;
    let canceller = Arc::clone(&session.canceller());
    let cancel = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        canceller.cancel().await;
    };
    let (ended, ()) = tokio::join!(bench.apply_on(&mut *session, &step), cancel);
    assert_eq!(ended.map_err(|failure| failure.class), Err(FailureClass::Interrupted));
    assert_eq!((database.effects().len(), database.rows().len()), (0, 0));
}

/// Whatever is lost while a run pauses or resumes, whoever comes next leaves nothing paused.
#[tokio::test]
async fn a_pause_that_is_lost_anywhere_is_paid_back() {
    let faults: [fn(Failure) -> Fault; 2] = [Fault::Before, Fault::After];
    for (fault, lost) in faults.into_iter().flat_map(|fault| [Act::Pause, Act::Resume].map(|act| (fault, act))) {
        let (database, project) = (database(), ProjectName::new("p").expect("it is a name"));
        let [first, second] = ["1", "2"].map(|run| RunId::new(run).expect("it is a name"));
        Jobs::start(&database, "nightly").await;
        let bench = Bench::new("lost pause", Box::new(database.clone()));
        bench.bootstrap().await;
        let (mut left, at) = (1, lost.clone());
        database.script(move |act| {
            (*act == at && std::mem::take(&mut left) == 1).then(|| fault(Failure::new(FailureClass::Unknown, "lost")))
        });
        let what = bench.inspect().await.pausing.pausable;
        let paused = database.pause(&project, &first, &what).await;
        let _lost = database.resume(&project, &first).await;
        drop(paused);
        assert!(database.resume(&project, &second).await.is_ok(), "{lost:?}");
        assert_eq!(database.is_active("nightly").await, Some(true), "{lost:?}");
        assert_eq!(bench.inspect().await.pausing.obligations, [], "{lost:?}");
    }
}
