//! Statements outside transactions that end in each of their phases: the backend is terminated, the statement is cancelled,
//! a limit is hit. Trying again reaches the end, and nothing half made is left.

use std::time::{Duration, Instant};

use dunlin_driver::{Bench, StepText};
use dunlin_planner::FailureClass::{Busy, Interrupted, Rejected, Unknown};
use dunlin_planner::{IndexShape, LaneKind, Probe, QualifiedName, Rebuilt, RowState, StatementClass};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::Fresh;

/// Nothing of this may be left anywhere.
const WRECKS: &str = "SELECT (SELECT count(*) FROM pg_index WHERE NOT indisvalid) || ' invalid, ' || \
    (SELECT count(*) FROM pg_class WHERE relname ~ '_cc(new|old)') || ' left over, ' || \
    (SELECT count(*) FROM pg_inherits WHERE inhdetachpending) || ' half detached'";
const NO_WRECKS: &str = "0 invalid, 0 left over, 0 half detached";

/// Three rows, an index, a partition; an index over `slow` takes its time for each row, and `two` has one.
const TABLES: &str = "
    CREATE TABLE one (id int); INSERT INTO one VALUES (1), (2), (3); CREATE INDEX one_old ON one (id);
    CREATE TABLE two AS SELECT * FROM one;
    CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
    CREATE INDEX two_slow ON two (slow(id));
    CREATE OR REPLACE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.4); RETURN $1; END';
    CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF parts FOR VALUES IN (1)";

const WRITER: &str = "BEGIN; INSERT INTO one VALUES (4)";
const LATE: &str = "INSERT INTO one VALUES (4)";
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";
const READER: &str = "BEGIN; SELECT count(*) FROM one; SELECT count(*) FROM parts";

/// A statement, and where it is stopped.
#[derive(Clone, Copy)]
struct Case {
    statement: &'static str,
    /// What another session does before the statement begins.
    before: Option<&'static str>,
    /// A phase, and what one more session does in it; the one before it ends then.
    meanwhile: Option<(&'static str, &'static str)>,
    /// The phase, as the server tells its progress, or `Lock` where it tells none.
    phase: &'static str,
}

const fn held(statement: &'static str, by: &'static str, phase: &'static str) -> Case {
    Case { statement, before: Some(by), meanwhile: None, phase }
}

/// Of a statement that builds over `slow`: another session comes while it does.
const fn slow(statement: &'static str, meanwhile: &'static str, phase: &'static str) -> Case {
    Case { statement, before: None, meanwhile: Some((BUILDING, meanwhile)), phase }
}

const fn building(statement: &'static str) -> Case {
    Case { statement, before: None, meanwhile: None, phase: BUILDING }
}

/// One reader comes while another is waited for, and is waited for in the next phase.
const fn relayed(statement: &'static str, first: &'static str, phase: &'static str) -> Case {
    Case { statement, before: Some(READER), meanwhile: Some((first, READER)), phase }
}

const BUILDING: &str = "building index";
const BUILD: &str = "waiting for writers before build";
const VALIDATION: &str = "waiting for writers before validation";
const VALIDATING: &str = "index validation: scanning table";
const SNAPSHOTS: &str = "waiting for old snapshots";
const MARKING: &str = "waiting for readers before marking dead";
const DROPPING: &str = "waiting for readers before dropping";
/// The server tells no phase: it waits for a lock; the same once the index is dead.
const LOCK: &str = "Lock";
const DEAD: &str = "Lock of what is dead";

const CASES: &[Case] = &[
    held("CREATE INDEX CONCURRENTLY one_id ON one (id)", WRITER, BUILD),
    building("CREATE INDEX CONCURRENTLY one_id ON one (slow(id))"),
    slow("CREATE INDEX CONCURRENTLY one_id ON one (slow(id))", WRITER, VALIDATION),
    slow("CREATE INDEX CONCURRENTLY one_id ON one (slow(id))", LATE, VALIDATING),
    held("CREATE INDEX CONCURRENTLY one_id ON one (id)", SNAPSHOT, SNAPSHOTS),
    held("CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (id)", WRITER, BUILD),
    building("CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (slow(id))"),
    slow("CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (slow(id))", WRITER, VALIDATION),
    slow("CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (slow(id))", LATE, VALIDATING),
    held("CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (id)", SNAPSHOT, SNAPSHOTS),
    held("REINDEX INDEX CONCURRENTLY one_old", WRITER, BUILD),
    building("REINDEX INDEX CONCURRENTLY two_slow"),
    slow("REINDEX INDEX CONCURRENTLY two_slow", "BEGIN; INSERT INTO two VALUES (4)", VALIDATION),
    slow("REINDEX INDEX CONCURRENTLY two_slow", "INSERT INTO two VALUES (4)", VALIDATING),
    held("REINDEX TABLE CONCURRENTLY one", SNAPSHOT, SNAPSHOTS),
    held("REINDEX TABLE CONCURRENTLY one", READER, MARKING),
    relayed("REINDEX TABLE CONCURRENTLY one", MARKING, DROPPING),
    held("DROP INDEX CONCURRENTLY one_old", READER, LOCK),
    relayed("DROP INDEX CONCURRENTLY one_old", LOCK, DEAD),
    held("ALTER TABLE parts DETACH PARTITION part CONCURRENTLY", READER, LOCK),
    held("ALTER TABLE parts DETACH PARTITION part CONCURRENTLY", "BEGIN; SELECT count(*) FROM part", LOCK),
];

fn name(name: &str) -> QualifiedName {
    QualifiedName { schema: None, name: name.to_owned() }
}

fn step(statement: &str) -> StepText {
    numbered("a/1", statement)
}

fn numbered(id: &str, statement: &str) -> StepText {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let behind = |word: &str| words[1 + words.iter().position(|it| *it == word).unwrap()];
    let probe = match words[0] {
        "CREATE" => Probe::IndexValid { index: behind("CONCURRENTLY").to_owned(), table: name("one"), shape: None },
        "DROP" => Probe::IndexAbsent(vec![name("one_old")]),
        "ALTER" => Probe::Detached { table: name("parts"), partition: name("part") },
        _ if words[1] == "INDEX" => Probe::Rebuilt(Rebuilt::Index(name(words[3]))),
        _ => Probe::Rebuilt(Rebuilt::Table(name("one"))),
    };
    let mut step = StepText::apply(id, &[statement]);
    step.step.body.statements[0].class = StatementClass::Alone { what: statement.to_owned(), probe };
    step
}

async fn value(client: &Client, query: &str) -> Option<String> {
    client.simple_query(query).await.unwrap().into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    })
}

/// The backend that is in `phase`, as soon as one is.
async fn in_phase(client: &Client, phase: &str) -> String {
    let query = match phase {
        LOCK | DEAD => format!(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'dunlin' AND wait_event_type = 'Lock' AND datname = current_database() \
             AND {} EXISTS (SELECT FROM pg_index WHERE NOT indislive)",
            if phase == DEAD { "" } else { "NOT" }
        ),
        _ => format!(
            "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND starts_with(phase, '{phase}')"
        ),
    };
    let since = Instant::now();
    loop {
        if let Some(pid) = value(client, &query).await {
            return pid;
        }
        assert!(since.elapsed() < Duration::from_secs(15), "never in phase `{phase}`");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn bench(case: &Case) -> (Fresh, Bench) {
    let fresh = Fresh::new();
    fresh.psql(TABLES);
    let bench = Bench::new(&format!("{} in `{}`", case.statement, case.phase), Box::new(fresh.clone()));
    bench.bootstrap().await;
    (fresh, bench)
}

/// Runs the statement until it is in its phase, does `stop` to its backend, and lets the other sessions go.
async fn stopped(fresh: &Fresh, bench: &Bench, case: &Case, stop: &str) -> dunlin_planner::Failure {
    let step = step(case.statement);
    let watcher = fresh.session("SELECT 1").await;
    let mut others = Vec::new();
    if let Some(script) = case.before {
        others.push(fresh.session(script).await);
    }
    let mut running = bench.session(LaneKind::Long).await;
    let stopping = async {
        if let Some((phase, script)) = case.meanwhile {
            in_phase(&watcher, phase).await;
            let next = fresh.session(script).await;
            others.clear();
            others.push(next);
        }
        let pid = in_phase(&watcher, case.phase).await;
        watcher.batch_execute(&format!("SELECT {stop}({pid})")).await.unwrap();
        others.clear();
    };
    let (ended, ()) = tokio::join!(bench.walk(&mut *running, &step), stopping);
    ended.unwrap_err()
}

async fn converges(fresh: &Fresh, bench: &Bench, case: &Case) {
    let step = step(case.statement);
    let mut again = bench.session(LaneKind::Long).await;
    let walked = bench.walk(&mut *again, &step).await;
    assert!(walked.is_ok(), "{bench}: {walked:?}");
    let row = bench.row(&step).await.unwrap();
    assert_eq!((row.state, row.attempt), (RowState::Applied, 2), "{bench}");
    assert_eq!(fresh.psql(WRECKS).trim(), NO_WRECKS, "{bench}");
    let effects = "SELECT (to_regclass('one_id') IS NOT NULL) || ' ' || (to_regclass('one_old') IS NULL) || ' ' || \
                   (SELECT count(*) FROM pg_inherits WHERE inhparent = 'parts'::regclass)";
    let expected = match case.statement.split(' ').next() {
        Some("CREATE") => "true false 1",
        Some("DROP") => "false true 1",
        Some("ALTER") => "false false 0",
        _ => "false false 1",
    };
    assert_eq!(fresh.psql(effects).trim(), expected, "{bench}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_terminated_in_any_phase() {
    for case in CASES {
        let (fresh, bench) = bench(case).await;
        let failure = stopped(&fresh, &bench, case, "pg_terminate_backend").await;
        assert_eq!(failure.class, Unknown, "{bench}: {failure:?}");
        assert_ne!(fresh.psql(WRECKS).trim(), NO_WRECKS, "{bench}");
        converges(&fresh, &bench, case).await;
    }
    println!("terminated in {} phases, each left a wreck and converged", CASES.len());
}

/// Where the server still answers, an index that is not valid is gone before the run says what happened.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_cancelled_in_any_phase() {
    for case in CASES {
        let (fresh, bench) = bench(case).await;
        let failure = stopped(&fresh, &bench, case, "pg_cancel_backend").await;
        assert_eq!((failure.class, failure.sqlstate.as_deref()), (Rejected, Some("57014")), "{bench}: {failure:?}");
        let at_once = case.statement.starts_with("CREATE") || case.statement.starts_with("REINDEX");
        assert!(!at_once || fresh.psql(WRECKS).trim() == NO_WRECKS, "{bench}: {}", fresh.psql(WRECKS));
        converges(&fresh, &bench, case).await;
    }
    println!("cancelled in {} phases, each converged", CASES.len());
}

/// The run is to stop: its cancel requests go on until the session has ended, and must not hit the clearing away.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_build_that_is_interrupted_leaves_nothing() {
    for case in CASES.iter().filter(|case| case.phase == BUILDING) {
        let (fresh, bench) = bench(case).await;
        let step = step(case.statement);
        let watcher = fresh.session("SELECT 1").await;
        let mut running = bench.session(LaneKind::Long).await;
        let canceller = running.canceller();
        let stopping = async {
            in_phase(&watcher, case.phase).await;
            for _ in 0..20 {
                canceller.cancel().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let (ended, ()) = tokio::join!(bench.walk(&mut *running, &step), stopping);
        assert_eq!(ended.unwrap_err().class, Interrupted, "{bench}");
        assert_eq!(fresh.psql(WRECKS).trim(), NO_WRECKS, "{bench}");
        converges(&fresh, &bench, case).await;
    }
}

/// Two migrations of two runs on one table: the second waits its turn, and neither dies.
#[tokio::test(flavor = "multi_thread")]
async fn builds_on_one_table_take_turns() {
    let case = &CASES[1];
    for statement in [
        "CREATE INDEX CONCURRENTLY one_too ON one (id)",
        "DROP INDEX CONCURRENTLY one_old",
        "REINDEX INDEX CONCURRENTLY one_old",
        "REINDEX TABLE CONCURRENTLY one",
    ] {
        let (fresh, bench) = bench(case).await;
        fresh.psql("CREATE TABLE other (id int)");
        let (first, second) = (step(case.statement), numbered("a/2", statement));
        let apart = StepText::apply("a/3", &["CREATE INDEX CONCURRENTLY other_id ON other (id)"]);
        let watcher = fresh.session("SELECT 1").await;
        let (mut one, mut two) = (bench.session(LaneKind::Long).await, bench.session(LaneKind::Long).await);
        let meanwhile = async {
            in_phase(&watcher, BUILDING).await;
            let busy = bench.walk(&mut *two, &second).await.unwrap_err();
            assert_eq!(busy.class, Busy, "{statement}: {busy:?}");
            let walked = bench.walk(&mut *two, &apart).await;
            assert!(walked.is_ok(), "another table is free: {walked:?}");
        };
        let (ended, ()) = tokio::join!(bench.walk(&mut *one, &first), meanwhile);
        assert!(ended.is_ok(), "{statement}: {ended:?}");
        let walked = bench.walk(&mut *two, &second).await;
        assert!(walked.is_ok(), "{statement}: {walked:?}");
        assert_eq!(fresh.psql(WRECKS).trim(), NO_WRECKS, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_had_in_time() {
    for case in CASES.iter().filter(|case| case.before.is_some() && case.meanwhile.is_none()) {
        let (fresh, bench) = bench(case).await;
        let mut limited = step(case.statement);
        limited.step.body.settings.settings.insert("lock_timeout".to_owned(), "300ms".to_owned());
        let other = fresh.session(case.before.unwrap()).await;
        let release = async {
            tokio::time::sleep(Duration::from_millis(800)).await;
            drop(other);
        };
        let mut running = bench.session(LaneKind::Long).await;
        let (ended, ()) = tokio::join!(bench.walk(&mut *running, &limited), release);
        let failure = ended.unwrap_err();
        assert_eq!((failure.class, failure.sqlstate.as_deref()), (Busy, Some("55P03")), "{bench}: {failure:?}");
        converges(&fresh, &bench, case).await;
    }
}

/// A unique index that cannot be built, and whose table is locked right behind it: looking at what is left is cancelled, or
/// waits in vain.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_build_while_its_table_is_locked() {
    let case = building("CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (slow(id))");
    for cancels in [true, false] {
        let (fresh, bench) = bench(&case).await;
        fresh.psql("INSERT INTO one VALUES (1)");
        let mut step = step(case.statement);
        let shape = IndexShape { unique: true, rest: "(slow(id))".to_owned() };
        let probe = Probe::IndexValid { index: "one_id".to_owned(), table: name("one"), shape: Some(shape) };
        step.step.body.statements[0].class = StatementClass::Alone { what: case.statement.to_owned(), probe };
        let (watcher, other) = (fresh.session("SELECT 1").await, fresh.session("BEGIN").await);
        let mut running = bench.session(LaneKind::Long).await;
        let meanwhile = async {
            in_phase(&watcher, BUILDING).await;
            other.batch_execute("LOCK one").await.unwrap();
            let looks = in_phase(&watcher, LOCK).await;
            if cancels {
                watcher.batch_execute(&format!("SELECT pg_cancel_backend({looks})")).await.unwrap();
            }
            tokio::time::sleep(Duration::from_secs(if cancels { 1 } else { 8 })).await;
            drop(other);
        };
        let (ended, ()) = tokio::join!(bench.walk(&mut *running, &step), meanwhile);
        assert_eq!(ended.unwrap_err().sqlstate.as_deref(), Some("23505"));
        assert_eq!(fresh.psql(WRECKS).trim() == NO_WRECKS, cancels, "cancelled: {cancels}");
    }
}

/// The requests that stopped a build go on until its run has ended; what clears away behind it is kept from them.
#[tokio::test(flavor = "multi_thread")]
async fn clearing_away_is_not_cancelled_with_the_build() {
    let case = building("CREATE INDEX CONCURRENTLY one_id ON one (slow(id))");
    let (fresh, bench) = bench(&case).await;
    let (watcher, reader) = (fresh.session("SELECT 1").await, fresh.session(READER).await);
    let (step, mut running) = (step(case.statement), bench.session(LaneKind::Long).await);
    let canceller = running.canceller();
    let meanwhile = async {
        in_phase(&watcher, BUILDING).await;
        canceller.cancel().await;
        let pid = in_phase(&watcher, LOCK).await;
        let begun = format!("SELECT query_start FROM pg_stat_activity WHERE pid = {pid}");
        let before = value(&watcher, &begun).await;
        for _ in 0..5 {
            canceller.cancel().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(value(&watcher, &begun).await, before, "it goes on");
        drop(reader);
    };
    let (ended, ()) = tokio::join!(bench.walk(&mut *running, &step), meanwhile);
    assert_eq!(ended.unwrap_err().class, Interrupted);
    assert_eq!(fresh.psql(WRECKS).trim(), NO_WRECKS);
}
