//! Bodies that try to leave their transaction, to swallow the protocol's own text, or to leave something behind.

use dunlin_driver::{Bench, StepText};
use dunlin_planner::FailureClass::{Dirty, Estranged, Rejected, Unknown};
use dunlin_planner::{FailureClass, LaneKind, RowState};

use crate::support::{Fresh, raw};

/// What a body must come to: applied whole, refused without a trace, or a row that says it stopped half way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Applied,
    Refused(FailureClass),
    Open(FailureClass),
}

const APPLIED: End = End::Applied;
const REFUSED: End = End::Refused(Rejected);
const OPEN: End = End::Open(Dirty);

/// Each makes table `one` first, so that half an effect can be seen.
const BODIES: &[(&str, End)] = &[
    ("COMMIT", OPEN),
    ("COMMIT; BEGIN", OPEN),
    ("END; SELECT 1/0", OPEN),
    ("COMMIT AND CHAIN", OPEN),
    ("COMMIT; CREATE TABLE two (id int); BEGIN; CREATE TABLE three (id int)", OPEN),
    ("COMMIT; BEGIN; CREATE TEMP TABLE leftover (id int); COMMIT; BEGIN; SELECT 1/0", OPEN),
    ("ROLLBACK", End::Refused(Dirty)),
    ("ROLLBACK; BEGIN", End::Refused(Dirty)),
    ("ROLLBACK AND CHAIN", End::Refused(Dirty)),
    ("SAVEPOINT s; CREATE TABLE two (id int)", APPLIED),
    ("SELECT 1 --", APPLIED),
    ("SELECT 1 -- no newline at the end", APPLIED),
    ("/* not closed", REFUSED),
    ("SELECT 'not closed", REFUSED),
    ("SELECT $$ not closed", REFUSED),
    ("SELECT E'\\", REFUSED),
    ("SELECT \"", REFUSED),
    ("SET SESSION AUTHORIZATION pg_monitor", APPLIED),
    ("SET ROLE pg_monitor", APPLIED),
    ("SET search_path = nowhere", APPLIED),
    ("SET search_path = nowhere, pg_catalog; CREATE TABLE public.two (id int)", APPLIED),
    ("SET standard_conforming_strings = off", APPLIED),
    ("SET statement_timeout = 200", APPLIED),
    ("SET transaction_read_only = on", REFUSED),
    ("SET default_transaction_read_only = on", APPLIED),
    ("RESET ALL", APPLIED),
    ("DISCARD ALL", REFUSED),
    ("CREATE TEMP TABLE leftover (id int); LISTEN leftover; PREPARE leftover AS SELECT 1", APPLIED),
    ("SELECT pg_advisory_unlock_all()", APPLIED),
    ("DROP SCHEMA dunlin CASCADE", REFUSED),
    ("DELETE FROM dunlin.ledger", End::Refused(Dirty)),
    ("UPDATE dunlin.ledger SET state = 'applied'", End::Refused(Dirty)),
    ("ALTER TABLE dunlin.ledger RENAME TO ledgers", REFUSED),
    (
        "CREATE OPERATOR public.= (leftarg = text, rightarg = text, function = texteq); SET search_path = public, pg_catalog; COMMIT",
        OPEN,
    ),
    ("CREATE INDEX CONCURRENTLY one_id ON one (id)", REFUSED),
    ("VACUUM", REFUSED),
    ("DO $$ BEGIN COMMIT; END $$", REFUSED),
    ("CREATE TABLE two (id int); SELECT pg_terminate_backend(pg_backend_pid())", End::Refused(Unknown)),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_body_is_applied_with_missing_effects() {
    for (body, end) in BODIES {
        let fresh = Fresh::new();
        let bench = Bench::new(body, Box::new(fresh.clone()));
        bench.bootstrap().await;
        let step = raw("a/1", &format!("CREATE TABLE one (id int); {body}"));
        let mut session = bench.session(LaneKind::Main).await;
        let ended = bench.apply_on(&mut *session, &step).await;
        let row = bench.row(&step).await;
        let seen = match (&ended, row.as_ref().map(|row| row.state)) {
            (Ok(true), Some(RowState::Applied)) => End::Applied,
            (Err(failure), None) => End::Refused(failure.class),
            (Err(failure), Some(RowState::Running)) => End::Open(failure.class),
            other => panic!("{bench}: {other:?}"),
        };
        assert_eq!(seen, *end, "{bench}: {ended:?}");
        let made = bench.objects().await.contains(&"one".to_owned());
        assert_eq!(made, row.is_some(), "{bench}: the row and the effect are one fact");
        again(&bench, &step, *end).await;
        next(&bench, &fresh, &mut *session).await;
    }
}

/// Trying again finds out, and does nothing twice.
async fn again(bench: &Bench, step: &StepText, end: End) {
    let ended = bench.apply(step).await.map_err(|failure| failure.class);
    match end {
        End::Applied => assert_eq!(ended, Ok(false), "{bench}"),
        End::Open(_) => assert_eq!(ended, Err(Dirty), "{bench}"),
        End::Refused(class) => assert_eq!(ended, Err(class), "{bench}"),
    }
}

/// The next migration of the same session sees none of the settings, temporary tables and roles of the one before.
pub(crate) async fn next(bench: &Bench, fresh: &Fresh, session: &mut dyn dunlin_driver::Session) {
    let body = "CREATE TABLE seen AS SELECT current_user::text = session_user::text AS role, \
                current_setting('search_path') LIKE '%public%' AS path, current_setting('standard_conforming_strings') = 'on' AS strings, \
                current_setting('statement_timeout') = '15min' AS timeout, current_setting('transaction_read_only') = 'off' AS writes, \
                to_regclass('leftover') IS NULL AS temporary, NOT EXISTS (SELECT FROM pg_prepared_statements) AS prepared, \
                NOT EXISTS (SELECT FROM pg_listening_channels()) AS listening";
    let step = raw("b/1", body);
    assert_eq!(bench.apply_on(session, &step).await, Ok(true), "{bench}");
    assert_eq!(fresh.psql("SELECT * FROM public.seen").trim(), "t|t|t|t|t|t|t|t", "{bench}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_for_bodies_runs_them_and_reads_the_ledger() {
    let fresh = Fresh::new();
    let role = format!("role_{}", fresh.name());
    fresh.psql(&format!("CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}"));
    let mut settings = fresh.settings();
    settings.roles.push(role.clone());
    let bench = Bench::new("roles", Box::new(fresh.with(settings)));
    bench.bootstrap().await;
    for (id, body, expected) in [
        ("a/1", "CREATE TABLE one (id int)", Ok(true)),
        ("a/2", "UPDATE dunlin.ledger SET state = 'applied'", Err(Some("42501"))),
        ("a/3", "DELETE FROM dunlin.ledger", Err(Some("42501"))),
        ("a/4", "RESET ROLE; DELETE FROM dunlin.ledger WHERE id = 'a/4'", Err(None)),
    ] {
        let mut step = raw(id, body);
        step.step.body.settings.role = Some(role.clone());
        let ended = bench.apply(&step).await;
        let seen = ended.as_ref().map(|done| *done).map_err(|failure| failure.sqlstate.as_deref());
        assert_eq!(seen, expected, "{id}: {ended:?}");
    }
    let owner = fresh.psql("SELECT tableowner FROM pg_tables WHERE tablename = 'one'");
    fresh.psql(&format!("DROP TABLE one; DROP OWNED BY {role}; DROP ROLE {role}"));
    assert_eq!(owner.trim(), role);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_a_body_hold_for_the_body_alone() {
    let fresh = Fresh::new();
    fresh.psql("CREATE SCHEMA app");
    let bench = Bench::new("settings", Box::new(fresh.clone()));
    bench.bootstrap().await;
    let body = "CREATE TABLE seen AS SELECT current_setting('app.tenant') AS tenant, current_setting('lock_timeout') AS lock, \
                current_setting('transaction_isolation') AS isolation";
    let mut step = raw("a/1", body);
    let settings = &mut step.step.body.settings;
    settings.search_path = Some("app, public".to_owned());
    settings.settings.insert("app.tenant".to_owned(), "it's".to_owned());
    settings.lock_timeout = Some(std::time::Duration::from_secs(2));
    settings.isolation = Some("ISOLATION LEVEL SERIALIZABLE".to_owned());
    assert_eq!(bench.apply(&step).await, Ok(true));
    assert_eq!(fresh.psql("SELECT * FROM app.seen").trim(), "it's|2s|serializable");
    step.step.body.settings.isolation = Some("READ WRITE; COMMIT".to_owned());
    assert_eq!(bench.apply(&step).await.map_err(|failure| failure.class), Err(Rejected));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ledger_behind_the_same_name_is_noticed() {
    let fresh = Fresh::new();
    let bench = Bench::new("another ledger", Box::new(fresh.clone()));
    bench.bootstrap().await;
    fresh.psql("UPDATE dunlin.meta SET ledger_id = gen_random_uuid()");
    let ended = bench.apply(&raw("a/1", "CREATE TABLE one (id int)")).await;
    assert_eq!(ended.map_err(|failure| failure.class), Err(Estranged));
    assert!(bench.objects().await.is_empty());
}
