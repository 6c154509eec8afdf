//! Behind PgBouncer in transaction mode: what a body leaves in a session must not reach the session's next user.

use dunlin_devdb::{Home, Pooler};
use dunlin_driver::Bench;
use dunlin_driver_postgres::PostgresSettings;
use dunlin_planner::{FailureClass, LaneKind};

use crate::support::{Fresh, options, raw, server};

/// Bodies that end their transaction and go on: no closing reaches the session that they changed.
const LEAVING: &[&str] = &[
    "COMMIT; SET search_path = nowhere",
    "COMMIT; SET ROLE pg_monitor",
    "COMMIT; SET SESSION AUTHORIZATION pg_monitor",
    "COMMIT; SET default_transaction_read_only = on",
    "COMMIT; SET lock_timeout = '7s'; SELECT 1/0",
    "COMMIT; CREATE TEMP TABLE leftover (id int)",
    "COMMIT; LISTEN leftover; PREPARE leftover AS SELECT 1; SELECT pg_advisory_lock(42)",
    "ROLLBACK; SET ROLE pg_monitor",
    "ROLLBACK; SET search_path = nowhere; CREATE TEMP TABLE leftover (id int)",
    "ROLLBACK AND CHAIN; SET lock_timeout = '7s'; COMMIT",
];

/// What a session has that its transactions do not bring along. The pooler sets the client's own settings again.
const SESSION: &str = "SELECT concat_ws(' ', current_user, session_user,
    (SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE source = 'session' AND setting <> reset_val
        AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone')),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
    (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_prepared_statements),
    to_regclass('pg_temp.leftover'))";

const CLEAN: &str = "postgres postgres 0 0 0";

/// What the next user of the pooler's session finds in it.
async fn next_user(pooler: &Pooler, fresh: &Fresh) -> String {
    let url = format!("{}?sslmode=disable", pooler.url(fresh.name()));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let answer = client.simple_query(SESSION).await.unwrap();
    let found = answer.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    found.unwrap_or_default().to_owned()
}

/// Bodies that stay in their transaction, and leave in the session what outlives it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_body_leaves_in_a_session_goes_before_the_next_user_comes() {
    let cluster = server();
    let pooler = Pooler::start(&Home::new(Home::default_dir()), &cluster, 1, &|_| {}).unwrap();
    let fresh = Fresh::new();
    let settings = PostgresSettings::new(options(&pooler.url(fresh.name())));
    let bench = Bench::new("pooled", Box::new(fresh.with(settings)));
    bench.bootstrap().await;
    let bodies = [
        "CREATE TEMP TABLE leftover (id int)",
        "LISTEN leftover",
        "PREPARE leftover AS SELECT 1",
        "SELECT pg_advisory_lock(42)",
        "SET lock_timeout = '7s'; SET ROLE pg_monitor",
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        assert_eq!(bench.apply(&raw(&format!("a/{number}"), body)).await, Ok(true), "{body}");
        assert_eq!(next_user(&pooler, &fresh).await, CLEAN, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_body_left_changed_is_ended() {
    let cluster = server();
    let pooler = Pooler::start(&Home::new(Home::default_dir()), &cluster, 1, &|_| {}).unwrap();
    for body in LEAVING {
        let fresh = Fresh::new();
        let settings = PostgresSettings::new(options(&pooler.url(fresh.name())));
        let bench = Bench::new(body, Box::new(fresh.with(settings)));
        bench.bootstrap().await;
        let mut step = raw("a/1", &format!("CREATE TABLE one (id int); {body}"));
        step.step.body.settings.search_path = Some("public".to_owned());
        let mut session = bench.session(LaneKind::Main).await;
        let ended = bench.apply_on(&mut *session, &step).await;
        assert_eq!(ended.map_err(|failure| failure.class), Err(FailureClass::Dirty), "{bench}");
        let clean = next_user(&pooler, &fresh).await;
        assert_eq!(clean, CLEAN, "{bench}");
        let next = bench.apply_on(&mut *session, &raw("b/1", "CREATE TABLE two (id int)")).await;
        assert!(next == Ok(true), "{bench}: {next:?}");
    }
    println!("{} bodies left their session changed, and nobody got it", LEAVING.len());
}
