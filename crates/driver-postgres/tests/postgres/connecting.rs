//! How connections are made: what is heard meanwhile, where requests to cancel go, and what is said when no server is had.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dunlin_driver::{Bench, Driver};
use dunlin_driver_postgres::{PostgresDriver, PostgresSettings};
use dunlin_planner::{Failure, FailureClass, LaneKind, ProjectName};

use crate::support::{Fresh, driver, options, raw};

/// The database, behind a host where nobody listens.
fn behind_a_dead_host(fresh: &Fresh, parameters: &str) -> PostgresSettings {
    let url = format!("postgres://postgres@127.0.0.1:1,127.0.0.1:{}/{}?{parameters}", fresh.port(), fresh.name());
    PostgresSettings::new(options(&url))
}

async fn refused(driver: PostgresDriver) -> Failure {
    driver.inspect(&ProjectName::new("p").unwrap()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_connecting_is_heard_by_the_first_migration() {
    let fresh = Fresh::new();
    let bench = Bench::new("a login that warns", Box::new(fresh.clone()));
    bench.bootstrap().await;
    fresh.psql(
        "CREATE FUNCTION warn() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'mind the step'; END $$;
        CREATE EVENT TRIGGER warn ON login EXECUTE FUNCTION warn(); ALTER EVENT TRIGGER warn ENABLE ALWAYS",
    );
    let mut session = bench.session(LaneKind::Main).await;
    for (id, expected) in [("a/1", &["mind the step", "careful"][..]), ("a/2", &["careful"])] {
        let step = raw(id, "DO $$ BEGIN RAISE WARNING 'careful'; END $$");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mut task = bench.task(&step);
        let hears = Arc::clone(&heard);
        task.notices = Arc::new(move |notice| hears.lock().unwrap().push(notice.message));
        assert_eq!(session.apply(&task).await, Ok(true));
        assert_eq!(*heard.lock().unwrap(), expected, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_cancel_goes_to_the_server_that_was_reached() {
    let fresh = Fresh::new();
    let bench = Bench::new("two hosts", Box::new(fresh.with(behind_a_dead_host(&fresh, ""))));
    bench.bootstrap().await;
    let mut session = bench.session(LaneKind::Main).await;
    let canceller = session.canceller();
    let cancel = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            canceller.cancel().await;
        }
    };
    let (begin, step) = (Instant::now(), raw("a/1", "SELECT pg_sleep(30)"));
    let (ended, ()) = tokio::join!(bench.apply_on(&mut *session, &step), cancel);
    assert_eq!(ended.map_err(|failure| failure.class), Err(FailureClass::Interrupted));
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_what_happened_at_every_host() {
    let fresh = Fresh::new();
    let port = fresh.port();
    for (parameters, class, told) in [
        (
            "target_session_attrs=standby",
            FailureClass::Unreachable,
            vec!["127.0.0.1:1: Connection refused".to_owned(), format!("127.0.0.1:{port}: it is no standby")],
        ),
        (
            "sslmode=require",
            FailureClass::Rejected,
            vec![
                "127.0.0.1:1: Connection refused".to_owned(),
                format!("127.0.0.1:{port} with TLS: the server has no TLS"),
            ],
        ),
        (
            "user=nobody_here&password=canary",
            FailureClass::Rejected,
            vec![
                "127.0.0.1:1: Connection refused".to_owned(),
                format!("127.0.0.1:{port}: role \"nobody_here\" does not exist"),
            ],
        ),
    ] {
        let failure = refused(driver(behind_a_dead_host(&fresh, parameters))).await;
        assert_eq!(failure.class, class, "{parameters}: {failure:?}");
        let detail = failure.detail.clone().unwrap_or_default();
        let lines: Vec<&str> = detail.lines().collect();
        assert_eq!(lines.len(), told.len(), "{parameters}: {detail}");
        assert!(lines.iter().zip(&told).all(|(line, told)| line.starts_with(told)), "{parameters}: {detail}");
        assert!(failure.hint.is_some() && !format!("{failure:?}").contains("canary"), "{failure:?}");
    }
}
