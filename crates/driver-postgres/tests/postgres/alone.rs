//! Statements that run alone: what is said of one that is refused, what becomes of what it left, and what stays in the session.

use std::time::{Duration, Instant};

use dunlin_driver::{Bench, Claim, Said, StepText};
use dunlin_planner::FailureClass::{Busy, Dirty, Estranged, Rejected, Unknown};
use dunlin_planner::{IndexShape, LaneKind, Probe, ProbeFact, QualifiedName, RowState, StatementClass};

use crate::hostile::next;
use crate::proxy::Proxy;
use crate::support::{Fresh, options, raw};

async fn bench() -> (Fresh, Bench) {
    let fresh = Fresh::new();
    let bench = Bench::new("alone", Box::new(fresh.clone()));
    bench.bootstrap().await;
    (fresh, bench)
}

fn alone(text: &str, probe: Probe) -> Said {
    Said { text: text.to_owned(), class: StatementClass::Alone { what: text.to_owned(), probe } }
}

/// A migration of one statement.
fn step(bench: &Bench, text: &str, probe: Probe) -> StepText {
    bench.made("a/1", vec![alone(text, probe)])
}

fn built(index: &str) -> Probe {
    let table = QualifiedName { schema: None, name: "one".to_owned() };
    Probe::IndexValid { index: index.to_owned(), table, shape: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ledger_behind_the_same_name_is_noticed() {
    let (fresh, bench) = bench().await;
    fresh.psql("UPDATE dunlin.meta SET ledger_id = gen_random_uuid(); CREATE TABLE one (id int)");
    let step = step(&bench, "CREATE INDEX CONCURRENTLY one_id ON one (id)", built("one_id"));
    let mut session = bench.session(LaneKind::Long).await;
    let ended = bench.walk(&mut *session, &step).await.map(drop);
    assert_eq!(ended.map_err(|failure| failure.class), Err(Estranged));
    assert_eq!(bench.objects().await, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_its_line_and_column_in_the_file() {
    let (_fresh, bench) = bench().await;
    let mut session = bench.session(LaneKind::Long).await;
    for (index, column) in [("(lower(nowhere))", 47), ("(nowhere)", 1)] {
        let text = format!("CREATE INDEX CONCURRENTLY one_x ON one {index}");
        let two = vec![Said::plainly("CREATE TABLE IF NOT EXISTS one (id int)"), alone(&text, built("one_x"))];
        let failure = bench.walk(&mut *session, &bench.made("a/1", two)).await.unwrap_err();
        let place = failure.place.expect("it has a place");
        assert_eq!((place.line, place.column, &*place.text), (2, column, &*format!("{text};")));
    }
}

/// What a procedure did before its COMMIT stays; what never began leaves nothing to doubt.
#[tokio::test(flavor = "multi_thread")]
async fn what_commits_on_its_way_and_fails_is_in_doubt() {
    let (fresh, bench) = bench().await;
    let body = "CREATE TABLE one (id int); \
                CREATE PROCEDURE fill() LANGUAGE plpgsql AS 'BEGIN INSERT INTO one VALUES (1); COMMIT; PERFORM 1/0; END'";
    fresh.psql(body);
    let mut session = bench.session(LaneKind::Long).await;
    let unknown = step(&bench, "CALL fill(1)", Probe::Piecemeal);
    for _ in 0..2 {
        let failure = bench.walk(&mut *session, &unknown).await.unwrap_err();
        assert_eq!((failure.class, failure.sqlstate.as_deref()), (Rejected, Some("42883")), "{failure:?}");
    }
    let half = bench.made("a/2", vec![alone("CALL fill()", Probe::Piecemeal)]);
    let failure = bench.walk(&mut *session, &half).await.unwrap_err();
    assert_eq!((failure.class, failure.sqlstate.as_deref()), (Dirty, Some("22012")), "{failure:?}");
    assert!(failure.hint.unwrap_or_default().starts_with("it commits on its way: "));
    let failure = bench.walk(&mut *session, &half).await.unwrap_err();
    assert_eq!(failure.class, Dirty, "{failure:?}");
    assert_eq!(fresh.psql("SELECT count(*) FROM one").trim(), "1");
}

/// The role of a file is that of its statement, and not that of the protocol's own words behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_runs_its_statement_and_nothing_else() {
    let (fresh, bench) = bench().await;
    let role = format!("role_{}", fresh.name());
    fresh.psql(&format!("CREATE TABLE one (id int); CREATE ROLE {role}; ALTER TABLE one OWNER TO {role}"));
    fresh.psql(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    let mut step = step(&bench, "CREATE INDEX CONCURRENTLY one_id ON one (id)", built("one_id"));
    step.step.body.settings.role = Some(role.clone());
    let mut session = bench.session(LaneKind::Long).await;
    let walked = bench.walk(&mut *session, &step).await.map(drop);
    let owner = fresh.psql("SELECT relowner::regrole FROM pg_class WHERE relname = 'one_id'");
    fresh.psql(&format!("DROP TABLE one; DROP OWNED BY {role}; DROP ROLE {role}"));
    assert_eq!((walked, owner.trim()), (Ok(()), &*role));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_step_of_a_session_finds_nothing_of_the_one_before() {
    let (fresh, bench) = bench().await;
    let statements = ["CREATE TEMP TABLE leftover (id int)", "LISTEN leftover", "PREPARE leftover AS SELECT 1"];
    let said = statements.into_iter().map(Said::plainly).chain([alone("VACUUM", Probe::Repeat)]);
    let mut session = bench.session(LaneKind::Long).await;
    let walked = bench.walk(&mut *session, &bench.made("a/1", said.collect())).await;
    assert!(walked.is_ok(), "{walked:?}");
    next(&bench, &fresh, &mut *session).await;
}

/// A session that breaks behind an error may have done what it was told: what is known of it now is found out later.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_right_behind_an_error_leaves_it_in_doubt() {
    let (fresh, direct) = bench().await;
    fresh.psql("CREATE TABLE one (id int)");
    for step in [raw("a/1", "SELECT 1/0"), step(&direct, "CREATE INDEX CONCURRENTLY one_x ON one (x)", built("one_x"))]
    {
        let proxy = Proxy::before(fresh.port(), "ROLLBACK; ").await;
        let mut settings = fresh.settings();
        settings.options = options(&fresh.url_through(proxy.port()));
        let bench = Bench::new("through a proxy", Box::new(fresh.with(settings)));
        bench.bootstrap().await;
        let mut session = bench.session(LaneKind::Long).await;
        let failure = bench.apply_on(&mut *session, &step).await.unwrap_err();
        assert!(proxy.has_cut());
        assert_eq!(failure.class, Unknown, "{failure:?}");
        // The backend that was left has its lock until it notices.
        let failure = loop {
            let failure = bench.apply_on(&mut *session, &step).await.unwrap_err();
            if failure.class != Busy {
                break failure;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(failure.class, Rejected, "{failure:?}");
    }
}

const DUPLICATES: &str = "CREATE TABLE one (id int); INSERT INTO one VALUES (1), (1)";
const UNIQUE: &str = "CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (id)";

/// A cancel request that comes late hits the removal of what is left, which begins again.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_is_cancelled_is_begun_again() {
    let (fresh, bench) = bench().await;
    fresh.psql(DUPLICATES);
    let step = step(&bench, UNIQUE, built("one_id"));
    let reader = fresh.session("BEGIN; SELECT count(*) FROM one").await;
    let watcher = fresh.session("SELECT 1").await;
    let removal = "FROM pg_stat_activity WHERE query LIKE 'DROP INDEX CONCURRENTLY%' AND wait_event_type = 'Lock' AND datname = current_database()";
    let meanwhile = async {
        let mut cancelled = 0;
        let since = Instant::now();
        while cancelled < 2 {
            assert!(since.elapsed() < Duration::from_secs(15), "the removal does not begin");
            let query = format!("SELECT pg_cancel_backend(pid) {removal}");
            cancelled += watcher.query(&query, &[]).await.unwrap().len();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(reader);
    };
    let mut session = bench.session(LaneKind::Long).await;
    let (ended, ()) = tokio::join!(bench.walk(&mut *session, &step), meanwhile);
    assert_eq!(ended.unwrap_err().sqlstate.as_deref(), Some("23505"));
    assert_eq!(bench.objects().await, ["one"], "nothing is left");
}

/// What cannot be removed is tried once, and stays for whoever may.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_is_refused_is_not_tried_again() {
    let (fresh, bench) = bench().await;
    fresh.psql(&format!(
        "{DUPLICATES}; CREATE SEQUENCE tried; \
         CREATE FUNCTION keep() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''tried''); RAISE EXCEPTION ''keep''; END'; \
         CREATE EVENT TRIGGER keep ON ddl_command_start WHEN TAG IN ('DROP INDEX') EXECUTE FUNCTION keep()"
    ));
    let step = step(&bench, UNIQUE, built("one_id"));
    let mut session = bench.session(LaneKind::Long).await;
    let failure = bench.walk(&mut *session, &step).await.unwrap_err();
    assert_eq!(failure.sqlstate.as_deref(), Some("23505"), "what went wrong first is said");
    assert_eq!(fresh.psql("SELECT last_value, is_called FROM tried").trim(), "1|t");
    assert_eq!(bench.objects().await, ["one", "one_id"]);
    fresh.psql("DROP EVENT TRIGGER keep; DELETE FROM one");
    let walked = bench.walk(&mut *session, &step).await;
    assert!(walked.is_ok(), "{walked:?}");
    assert_eq!(bench.row(&step).await.map(|row| row.state), Some(RowState::Applied));
}

/// Another session does `script` and lets go after a while.
async fn held(fresh: &Fresh, script: &str) {
    let other = fresh.session(script).await;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(800)).await;
        drop(other);
    });
}

/// Whatever the database says of all sessions: a build waits as long as it takes, other statements as long as was declared.
#[tokio::test(flavor = "multi_thread")]
async fn limits_are_those_of_the_file() {
    let (fresh, bench) = bench().await;
    fresh.psql("CREATE TABLE one (id int)");
    let limits = [
        "lock_timeout = 100",
        "statement_timeout = 100",
        "transaction_timeout = 100",
        "default_transaction_read_only = on",
    ];
    for limit in limits {
        fresh.psql(&format!("SET default_transaction_read_only = off; ALTER DATABASE {} SET {limit}", fresh.name()));
    }
    let index = |id: &str, name: &str| {
        bench.made(id, vec![alone(&format!("CREATE INDEX CONCURRENTLY {name} ON one (id)"), built(name))])
    };
    let writer =
        "SET default_transaction_read_only = off; SET transaction_timeout = 0; BEGIN; LOCK one IN ROW EXCLUSIVE MODE";
    let mut session = bench.session(LaneKind::Long).await;
    held(&fresh, writer).await;
    let walked = bench.walk(&mut *session, &index("a/1", "one_id")).await;
    assert!(walked.is_ok(), "{walked:?}");

    let ended = async |step: &StepText, session: &mut dyn dunlin_driver::Session| {
        held(&fresh, writer).await;
        let failure = bench.walk(session, step).await.unwrap_err();
        (failure.class, failure.sqlstate.unwrap_or_default())
    };
    let mut limited = index("a/2", "one_too");
    limited.step.body.settings.timeout = Some(Duration::from_millis(300));
    assert_eq!(ended(&limited, &mut *session).await, (Rejected, "57014".to_owned()));
    let mut vacuum = bench.made("a/3", vec![alone("VACUUM FULL one", Probe::Repeat)]);
    vacuum.step.body.settings.lock_timeout = Some(Duration::from_millis(200));
    assert_eq!(ended(&vacuum, &mut *session).await, (Busy, "55P03".to_owned()));
    vacuum.step.body.settings.lock_timeout = Some(Duration::from_secs(5));
    held(&fresh, writer).await;
    let walked = bench.walk(&mut *session, &vacuum).await;
    assert!(walked.is_ok(), "{walked:?}");
}

/// What cannot be looked at now is no reason to take an index for the one that is meant, nor for another one.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_whose_table_is_locked_is_looked_at_later() {
    let (fresh, bench) = bench().await;
    fresh.psql("CREATE TABLE one (id int); CREATE INDEX one_id ON one (id)");
    let shape = IndexShape { unique: false, rest: "(id)".to_owned() };
    let table = QualifiedName { schema: None, name: "one".to_owned() };
    let probe = Probe::IndexValid { index: "one_id".to_owned(), table, shape: Some(shape) };
    let step = step(&bench, "CREATE INDEX CONCURRENTLY IF NOT EXISTS one_id ON one (id)", probe);
    let mut session = bench.session(LaneKind::Long).await;
    let other = fresh.session("BEGIN; LOCK one").await;
    let failure = session.probe(&step.step.body, 0).await.unwrap_err();
    assert_eq!((failure.class, failure.sqlstate.as_deref()), (Busy, Some("55P03")), "{failure:?}");
    drop(other);
    assert_eq!(session.probe(&step.step.body, 0).await, Ok(ProbeFact::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_gets_the_version_that_is_asked_for() {
    let (fresh, bench) = bench().await;
    fresh.psql("CREATE EXTENSION pg_trgm VERSION '1.3'");
    let mut session = bench.session(LaneKind::Long).await;
    let latest = "SELECT extversion = default_version FROM pg_extension, pg_available_extensions WHERE name = extname AND name = 'pg_trgm'";
    for (id, version, shown) in [("a/1", Some("1.4"), "1.4|f"), ("a/2", None, "t")] {
        let text =
            format!("ALTER EXTENSION pg_trgm UPDATE{}", version.map(|it| format!(" TO '{it}'")).unwrap_or_default());
        let probe = Probe::Updated { extension: "pg_trgm".to_owned(), version: version.map(str::to_owned) };
        let step = bench.made(id, vec![alone(&text, probe)]);
        // A run that was killed right before it leaves its intent, which says nothing of what was done.
        let task = bench.task(&step);
        assert!(matches!(session.claim(&task).await, Ok(Claim::Taken { .. })));
        assert_eq!(session.intend(&task, 0, &ProbeFact::Absent).await, Ok(()));
        session.release().await;
        let walked = bench.walk(&mut *session, &step).await;
        assert!(walked.is_ok(), "{walked:?}");
        let now = fresh.psql(&format!("SELECT extversion, ({latest}) FROM pg_extension WHERE extname = 'pg_trgm'"));
        assert!(now.trim().ends_with(shown), "{now}");
    }
}

/// The lock on a table is given back when its build is over, not when the step is.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_free_once_its_build_is_over() {
    let (fresh, bench) = bench().await;
    fresh.psql("CREATE TABLE one (id int); CREATE TABLE two (id int)");
    let index = |index: &str, table: &str| {
        let text = format!("CREATE INDEX CONCURRENTLY {index} ON {table} (id)");
        let table = QualifiedName { schema: None, name: table.to_owned() };
        alone(&text, Probe::IndexValid { index: index.to_owned(), table, shape: None })
    };
    let long = bench.made("a/1", vec![index("one_id", "one"), index("two_id", "two")]);
    let short = bench.made("a/2", vec![index("one_too", "one")]);
    let writer = fresh.session("BEGIN; LOCK two IN ROW EXCLUSIVE MODE").await;
    let watcher = fresh.session("SELECT 1").await;
    let (mut first, mut second) = (bench.session(LaneKind::Long).await, bench.session(LaneKind::Long).await);
    let meanwhile = async {
        let building = "SELECT FROM pg_stat_progress_create_index WHERE relid = 'two'::regclass";
        let since = Instant::now();
        while watcher.query(building, &[]).await.unwrap().is_empty() {
            assert!(since.elapsed() < Duration::from_secs(15), "the second build does not begin");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let walked = bench.walk(&mut *second, &short).await.map(drop);
        drop(writer);
        walked
    };
    let (ended, meanwhile) = tokio::join!(bench.walk(&mut *first, &long), meanwhile);
    assert_eq!((ended.map(drop), meanwhile), (Ok(()), Ok(())));
}

/// A DROP DATABASE that was interrupted leaves one that nobody can connect to.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_database_is_removed_before_it_is_made() {
    let (fresh, bench) = bench().await;
    let name = format!("{}_made", fresh.name());
    let step = step(&bench, &format!("CREATE DATABASE {name}"), Probe::DatabaseThere(name.clone()));
    let mut session = bench.session(LaneKind::Long).await;
    let task = bench.task(&step);
    assert!(matches!(session.claim(&task).await, Ok(Claim::Taken { .. })));
    assert_eq!(session.intend(&task, 0, &ProbeFact::Absent).await, Ok(()));
    session.release().await;
    fresh.psql(&format!("CREATE DATABASE {name}"));
    fresh.psql(&format!("UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{name}'"));
    let walked = bench.walk(&mut *session, &step).await.map(drop);
    let limit = fresh.psql(&format!("SELECT datconnlimit FROM pg_database WHERE datname = '{name}'"));
    fresh.psql(&format!("DROP DATABASE {name}"));
    assert_eq!((walked, limit.trim()), (Ok(()), "-1"));
}
