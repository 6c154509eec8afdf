//! Connections that are lost, sessions that are cancelled, locks that others hold.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dunlin_driver::{Bench, Claim, Said, StepText};
use dunlin_planner::FailureClass::{Busy, Interrupted, Rejected, Unknown};
use dunlin_planner::{LaneKind, Probe, ProbeFact, RowState, StatementClass};

use crate::support::{Fresh, raw};

async fn bench() -> (Fresh, Bench) {
    let fresh = Fresh::new();
    let bench = Bench::new("lost", Box::new(fresh.clone()));
    bench.bootstrap().await;
    (fresh, bench)
}

/// Ends the backends of this database that run our statements.
fn terminate(fresh: &Fresh) -> String {
    fresh.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'dunlin' AND state <> 'idle'")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_in_the_body_is_unknown_and_trying_again_converges() {
    let (fresh, bench) = bench().await;
    let step = raw("a/1", "CREATE TABLE one (id int); SELECT pg_sleep(1)");
    let mut session = bench.session(LaneKind::Main).await;
    let kill = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        terminate(&fresh);
    };
    let (ended, ()) = tokio::join!(bench.apply_on(&mut *session, &step), kill);
    assert_eq!(ended.map_err(|failure| failure.class), Err(Unknown));
    assert!(bench.objects().await.is_empty());
    assert_eq!(bench.apply_on(&mut *session, &step).await, Ok(true), "the session opens its connection again");
    assert_eq!(bench.apply_on(&mut *session, &step).await, Ok(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_step_leaves_nothing_and_its_session_goes_on() {
    let (_fresh, bench) = bench().await;
    let step = raw("a/1", "CREATE TABLE one (id int); SELECT pg_sleep(30); CREATE TABLE two (id int)");
    let mut session = bench.session(LaneKind::Main).await;
    let canceller = session.canceller();
    let cancel = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            canceller.cancel().await;
        }
    };
    let begin = Instant::now();
    let (ended, ()) = tokio::join!(bench.apply_on(&mut *session, &step), cancel);
    assert_eq!(ended.map_err(|failure| failure.class), Err(Interrupted));
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert!(bench.objects().await.is_empty());
    let next = raw("a/2", "CREATE TABLE three (id int)");
    assert_eq!(bench.apply_on(&mut *session, &next).await, Ok(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_somebody_holds_is_busy_and_is_not_waited_for_long() {
    let (fresh, bench) = bench().await;
    fresh.psql("CREATE TABLE one (id int)");
    let step = raw("a/1", "ALTER TABLE one ADD COLUMN name text");
    let holder = tokio::task::spawn_blocking({
        let fresh = fresh.clone();
        move || fresh.psql("BEGIN; LOCK TABLE one IN ACCESS SHARE MODE; SELECT pg_sleep(2); COMMIT")
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ended = bench.apply(&step).await;
    assert_eq!(ended.as_ref().map_err(|failure| failure.class), Err(Busy), "{ended:?}");
    assert_eq!(bench.row(&step).await, None);
    holder.await.unwrap();
    assert_eq!(bench.apply(&step).await, Ok(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_step_is_named() {
    let (_fresh, bench) = bench().await;
    let slow = raw("a/1", "SELECT pg_sleep(2)");
    let (first, second) = tokio::join!(bench.apply(&slow), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        bench.apply(&slow).await
    });
    assert_eq!(first, Ok(true));
    let refused = second.unwrap_err();
    assert_eq!((refused.class, refused.sqlstate.as_deref()), (Busy, Some("55P03")));
    assert!(refused.message.starts_with("`a/1` is held by process "), "{}", refused.message);
    assert!(refused.message.contains("(dunlin) for "), "{}", refused.message);
}

fn index() -> StepText {
    StepText::apply("a/1", &["CREATE TABLE one (id int)", "CREATE INDEX CONCURRENTLY one_id ON one (id)"])
}

/// An index build that dies leaves an index that is not valid; the next walk removes it and builds it again.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_build_that_was_killed_is_cleaned_up_and_repeated() {
    let (fresh, bench) = bench().await;
    let step = index();
    let task = bench.task(&step);
    let mut session = bench.session(LaneKind::Long).await;
    assert!(matches!(session.claim(&task).await, Ok(Claim::Taken { .. })));
    assert_eq!(session.execute_recorded(&task, 0).await, Ok(()));
    assert_eq!(session.intend(&task, 1, &ProbeFact::Absent).await, Ok(()));
    let reader = tokio::task::spawn_blocking({
        let fresh = fresh.clone();
        move || {
            fresh.psql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM one; SELECT pg_sleep(3); COMMIT")
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let kill = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut other = bench.session(LaneKind::Long).await;
        let while_building = other.probe(&step.step.body, 1).await;
        assert_eq!(while_building.map_err(|failure| failure.class), Err(Busy), "it is being built");
        terminate_builder(&fresh);
    };
    let (ended, ()) = tokio::join!(session.execute(&task, 1), kill);
    assert_eq!(ended.map_err(|failure| failure.class), Err(Unknown));
    let mut session = bench.session(LaneKind::Long).await;
    let probed = session.probe(&step.step.body, 1).await;
    assert_eq!(probed, Ok(ProbeFact::Garbage { what: "index `one_id` is not valid".to_owned() }));
    let walked = bench.walk(&mut *session, &step).await;
    assert!(walked.is_ok(), "{walked:?}");
    reader.await.unwrap();
    let row = bench.row(&step).await.unwrap();
    assert_eq!((row.state, row.attempt), (RowState::Applied, 2));
    assert_eq!(fresh.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid").trim(), "0");
}

fn terminate_builder(fresh: &Fresh) {
    fresh
        .psql("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index WHERE datname = current_database()");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_says_besides_is_handed_on() {
    let (_fresh, bench) = bench().await;
    let step = raw("a/1", "DO $$ BEGIN RAISE NOTICE 'hello' USING HINT = 'wave'; RAISE WARNING 'careful'; END $$");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut task = bench.task(&step);
    task.notices = Arc::new({
        let heard = Arc::clone(&heard);
        move |notice| heard.lock().unwrap().push((notice.severity, notice.message, notice.hint))
    });
    let mut session = bench.session(LaneKind::Main).await;
    assert_eq!(session.apply(&task).await, Ok(true));
    let wave = Some("wave".to_owned());
    let expected =
        [("NOTICE".to_owned(), "hello".to_owned(), wave), ("WARNING".to_owned(), "careful".to_owned(), None)];
    assert_eq!(*heard.lock().unwrap(), expected);
}

/// A request that came before a statement is none for it: what ends that then is its own limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_counts_for_what_it_came_for() {
    let (_fresh, bench) = bench().await;
    let mut slow = raw("a/1", "SELECT pg_sleep(30)");
    slow.step.body.settings.timeout = Some(Duration::from_millis(300));
    let alone = Said { text: "CALL slow()".to_owned(), class: alone("CALL slow()") };
    let mut alone = bench.made("a/2", vec![alone]);
    alone.step.body.settings.timeout = Some(Duration::from_millis(300));
    let mut session = bench.session(LaneKind::Long).await;
    let slowly = raw("a/0", "CREATE PROCEDURE slow() LANGUAGE sql AS 'SELECT pg_sleep(30)'");
    assert_eq!(bench.apply_on(&mut *session, &slowly).await, Ok(true));
    for step in [slow, alone] {
        session.canceller().cancel().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let failure = bench.apply_on(&mut *session, &step).await.unwrap_err();
        assert_eq!((failure.class, failure.sqlstate.as_deref()), (Rejected, Some("57014")), "{failure:?}");
    }
}

fn alone(what: &str) -> StatementClass {
    StatementClass::Alone { what: what.to_owned(), probe: Probe::Unknown }
}

/// Nobody waits for what was sent and is awaited no longer: the next step gets a connection of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_nobody_awaits_any_more_is_left_behind() {
    let (fresh, bench) = bench().await;
    let _other = fresh.session("SELECT pg_advisory_lock(7)").await;
    let mut session = bench.session(LaneKind::Main).await;
    let waits = raw("a/1", "SELECT pg_advisory_xact_lock(7)");
    let left = tokio::time::timeout(Duration::from_millis(300), bench.apply_on(&mut *session, &waits)).await;
    assert!(left.is_err(), "{left:?}");
    let next = raw("a/2", "CREATE TABLE two (id int)");
    let ended = tokio::time::timeout(Duration::from_secs(10), bench.apply_on(&mut *session, &next)).await;
    assert_eq!(ended.ok(), Some(Ok(true)));
}

/// A connection goes on to the next session, unless it leads to a server that takes no writes: the name may lead elsewhere then.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_goes_on_unless_its_server_takes_no_writes() {
    let (fresh, bench) = bench().await;
    fresh.psql("CREATE TABLE seen (pid int)");
    let driver = bench.driver();
    let read_only = "SET transaction_read_only = on; CREATE TABLE two (id int)";
    for (number, (body, backends)) in [("SELECT 1", 1), ("SELECT 1/0", 1), (read_only, 2)].into_iter().enumerate() {
        for (half, body) in ["INSERT INTO seen VALUES (pg_backend_pid())", body].into_iter().enumerate() {
            let mut session = driver.session(LaneKind::Main).await.unwrap();
            let ended = bench.apply_on(&mut *session, &raw(&format!("a/{number}{half}"), body)).await;
            assert_eq!(ended.is_ok(), half == 0 || number == 0, "{body}: {ended:?}");
        }
        let mut session = driver.session(LaneKind::Main).await.unwrap();
        let step = raw(&format!("a/{number}2"), "INSERT INTO seen VALUES (pg_backend_pid())");
        assert_eq!(bench.apply_on(&mut *session, &step).await, Ok(true));
        let seen = fresh.psql("SELECT count(DISTINCT pid) FROM seen");
        assert_eq!(seen.trim(), backends.to_string(), "{body}");
    }
}

/// One that may have worked outside of transactions does not go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_a_long_lane_does_not_go_on() {
    let (fresh, bench) = bench().await;
    fresh.psql("CREATE TABLE seen (pid int)");
    let driver = bench.driver();
    for (number, (lane, backends)) in
        [(LaneKind::Main, 1), (LaneKind::Main, 1), (LaneKind::Long, 1), (LaneKind::Main, 2)].into_iter().enumerate()
    {
        let mut session = driver.session(lane).await.unwrap();
        let step = raw(&format!("a/{number}"), "INSERT INTO seen VALUES (pg_backend_pid())");
        assert_eq!(bench.apply_on(&mut *session, &step).await, Ok(true));
        assert_eq!(fresh.psql("SELECT count(DISTINCT pid) FROM seen").trim(), backends.to_string(), "{lane:?}");
    }
}
