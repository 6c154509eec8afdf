//! Ledgers that somebody else prepared, that a newer program upgraded, and servers that cannot be reached.

use std::time::Duration;

use dunlin_driver::Driver;
use dunlin_driver_postgres::PostgresSettings;
use dunlin_planner::FailureClass::{Estranged, Rejected, Unreachable};
use dunlin_planner::{Failure, Ledger, ProjectName};

use crate::support::{Fresh, driver, options};

fn project() -> ProjectName {
    ProjectName::new("p").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_prepared_or_changed_is_not_trusted() {
    let noop = "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; ";
    let boolean = "CREATE FUNCTION evil(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; ";
    let trigger = format!("{noop}CREATE TRIGGER t BEFORE INSERT ON dunlin.ledger FOR EACH ROW EXECUTE FUNCTION evil()");
    let check = format!("{boolean}ALTER TABLE dunlin.ledger ADD CONSTRAINT c CHECK (evil(name))");
    for (planted, said) in [
        (trigger.as_str(), "`dunlin.ledger` has the trigger `t`"),
        ("ALTER TABLE dunlin.ledger ENABLE ROW LEVEL SECURITY", "`dunlin.ledger` has row security"),
        ("CREATE RULE r AS ON INSERT TO dunlin.event DO ALSO SELECT 1", "`dunlin.event` has the rule `r`"),
        ("CREATE TABLE public.child () INHERITS (dunlin.ledger)", "`dunlin.ledger` takes part in inheritance"),
        ("DROP TABLE dunlin.event", "`dunlin.event` is missing"),
        ("ALTER TABLE dunlin.event SET UNLOGGED", "`dunlin.event` is not an ordinary table"),
        (check.as_str(), "it has `ledger c CHECK (public.evil(name))`"),
        ("ALTER TABLE dunlin.ledger ALTER COLUMN tool SET DEFAULT 'x'", "it has `ledger tool text not null 'x'::text`"),
        ("ALTER TABLE dunlin.ledger DROP COLUMN tool", "it lacks `ledger tool text not null`"),
        (
            "CREATE INDEX i ON dunlin.ledger (lower(name))",
            "it has `ledger CREATE INDEX i ON dunlin.ledger USING btree (lower(name))`",
        ),
    ] {
        let fresh = Fresh::new();
        let driver = driver(fresh.settings());
        driver.bootstrap(None).await.unwrap();
        fresh.psql(planted);
        let expected = format!("the ledger cannot be trusted: {said}");
        for failure in [driver.inspect(&project()).await.unwrap_err(), driver.bootstrap(None).await.unwrap_err()] {
            assert_eq!((failure.class, failure.message.as_str()), (Estranged, expected.as_str()), "{planted}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_belongs_to_somebody_else_is_read_and_not_written() {
    for (planted, said) in [
        ("ALTER TABLE dunlin.meta OWNER TO pg_monitor", "table `dunlin.meta` belongs to `pg_monitor`"),
        ("ALTER SCHEMA dunlin OWNER TO pg_monitor", "schema `dunlin` belongs to `pg_monitor`"),
    ] {
        let fresh = Fresh::new();
        let driver = driver(fresh.settings());
        let id = driver.bootstrap(None).await.unwrap();
        fresh.psql(planted);
        let read = driver.inspect(&project()).await.unwrap().ledger;
        assert!(matches!(read, Ledger::Present { id: found, .. } if found == id));
        let refused = driver.bootstrap(None).await.unwrap_err();
        assert_eq!((refused.class, refused.message), (Estranged, format!("the ledger cannot be trusted: {said}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_ledger_is_refused_by_the_version_that_it_needs() {
    let fresh = Fresh::new();
    let driver = driver(fresh.settings());
    driver.bootstrap(None).await.unwrap();
    fresh.psql("UPDATE dunlin.meta SET protocol = 99; ALTER TABLE dunlin.ledger ADD COLUMN later text");
    for failure in [driver.inspect(&project()).await.unwrap_err(), driver.bootstrap(None).await.unwrap_err()] {
        assert_eq!(
            (failure.class, failure.message.as_str()),
            (Rejected, "the ledger has protocol 99, and this Dunlin knows 3")
        );
    }
}

/// The tables of version 1, as that version left them, with a row in them.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_ledger_is_read_and_upgraded_by_the_bootstrap() {
    let fresh = Fresh::new();
    fresh.psql(include_str!("../../src/ledger.sql"));
    fresh.psql(
        "INSERT INTO dunlin.meta (protocol, sysid, dboid, timeline) VALUES (1, '', 0, 0); \
         INSERT INTO dunlin.ledger (project, id, set, version, name, kind, transactional, state, checksum, raw, tokens, run_id, deps, tool) \
         SELECT 'p', 'a/1', 'a', '1', 'x', 'versioned', true, 'applied', b, b, b, gen_random_uuid(), '[]', 'dunlin' \
         FROM (VALUES (sha256('x'))) AS v(b)",
    );
    let driver = driver(fresh.settings());
    let Ledger::Present { id, outdated, rows, .. } = driver.inspect(&project()).await.unwrap().ledger else { panic!() };
    assert_eq!((outdated, rows.len()), (true, 1));
    let (left, right) = tokio::join!(driver.bootstrap(None), driver.bootstrap(None));
    assert_eq!((left.unwrap(), right.unwrap()), (id.clone(), id));
    let Ledger::Present { outdated, protocol, rows: kept, .. } = driver.inspect(&project()).await.unwrap().ledger
    else {
        panic!()
    };
    assert_eq!((outdated, protocol, kept), (false, 3, rows));
}

/// A ledger of version 1 that belongs to `dunlin_owner`, and a role that is no member of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_ledger_of_the_roles_is_upgraded_by_their_script_and_by_nobody_else() {
    let fresh = Fresh::new();
    let script = dunlin_driver_postgres::roles_script();
    fresh.psql(&script);
    fresh.psql("DROP SCHEMA dunlin CASCADE");
    fresh.psql(include_str!("../../src/ledger.sql"));
    let runner = format!("{}_runner", fresh.name());
    fresh.psql(&format!(
        "INSERT INTO dunlin.meta (protocol, sysid, dboid, timeline) VALUES (1, '', 0, 0); ALTER SCHEMA dunlin OWNER TO dunlin_owner; \
         ALTER TABLE dunlin.meta OWNER TO dunlin_owner; ALTER TABLE dunlin.ledger OWNER TO dunlin_owner; \
         ALTER TABLE dunlin.obligation OWNER TO dunlin_owner; ALTER TABLE dunlin.event OWNER TO dunlin_owner; \
         GRANT USAGE ON SCHEMA dunlin TO dunlin_runner; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA dunlin TO dunlin_runner; \
         CREATE ROLE {runner} LOGIN IN ROLE dunlin_runner"
    ));
    let settings = PostgresSettings::new(options(&fresh.url().replace("postgres@", &format!("{runner}@"))));
    let refused = driver(settings.clone()).bootstrap(None).await.unwrap_err();
    let said = format!(
        "the ledger has version 1 and needs 3: it belongs to `dunlin_owner`, and role `{runner}` may not change it"
    );
    assert_eq!((refused.class, refused.message, refused.sqlstate.as_deref()), (Rejected, said, Some("42501")));
    let hint = "as an administrator, run what `dunlin init --roles` prints in this database once more";
    assert_eq!(refused.hint.as_deref(), Some(hint));
    fresh.psql(&script);
    assert_eq!(fresh.psql("SELECT protocol FROM dunlin.meta").trim(), "3");
    driver(settings).bootstrap(None).await.unwrap();
    fresh.psql(&format!("DROP OWNED BY {runner} CASCADE; DROP ROLE {runner}"));
}

/// An upgrade does not make a ledger trustworthy that somebody changed.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_ledger_that_was_changed_is_not_upgraded() {
    let fresh = Fresh::new();
    fresh.psql(include_str!("../../src/ledger.sql"));
    fresh.psql(
        "INSERT INTO dunlin.meta (protocol, sysid, dboid, timeline) VALUES (1, '', 0, 0); \
         ALTER TABLE dunlin.event ADD COLUMN odd text",
    );
    let refused = driver(fresh.settings()).bootstrap(None).await.unwrap_err();
    assert_eq!(
        (refused.class, refused.message.as_str()),
        (Estranged, "the ledger cannot be trusted: it has `event odd text`")
    );
    assert_eq!(fresh.psql("SELECT protocol FROM dunlin.meta").trim(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_database_is_seen_without_making_it_and_made_by_the_bootstrap() {
    let fresh = Fresh::new();
    let missing = format!("{}_new", fresh.name());
    let mut settings = fresh.settings();
    settings.options = settings.options.with_database(&missing);
    let refused = driver(settings.clone()).inspect(&project()).await.unwrap_err();
    assert_eq!((refused.class, refused.sqlstate.as_deref()), (Rejected, Some("3D000")));
    assert!(refused.hint.unwrap_or_default().contains("create = true"));
    settings.create = true;
    let driver = driver(settings);
    let facts = driver.inspect(&project()).await.unwrap();
    assert_eq!((facts.ledger, facts.identity.database), (Ledger::Absent, 0));
    let exists = format!("SELECT count(*) FROM pg_database WHERE datname = '{missing}'");
    assert_eq!(fresh.psql(&exists).trim(), "0", "reading never writes");
    let (left, right) = tokio::join!(driver.bootstrap(None), driver.bootstrap(None));
    assert_eq!(left.unwrap(), right.unwrap());
    assert_ne!(driver.inspect(&project()).await.unwrap().identity.database, 0);
    drop(driver);
    fresh.psql(&format!("DROP DATABASE {missing} WITH (FORCE)"));
}

async fn unreachable(url: &str) -> Failure {
    let joint = if url.contains('?') { '&' } else { '?' };
    let settings = dunlin_driver_postgres::PostgresSettings::new(options(&format!("{url}{joint}password=canary")));
    let failure = driver(settings).inspect(&project()).await.unwrap_err();
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    failure
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_is_told_from_one_that_refuses() {
    let begin = std::time::Instant::now();
    let refused = unreachable("postgres://app@127.0.0.1:1/core").await;
    assert_eq!((refused.class, refused.message.as_str()), (Unreachable, "the server at 127.0.0.1:1 cannot be reached"));
    assert!(begin.elapsed() < Duration::from_secs(5));
    let fresh = Fresh::new();
    let no_role = unreachable(&fresh.url().replace("postgres@", "nobody_here@")).await;
    assert_eq!((no_role.class, no_role.sqlstate.as_deref()), (Rejected, Some("28000")), "{no_role:?}");
    let no_tls = unreachable(&format!("{}?sslmode=require", fresh.url())).await;
    assert_eq!(no_tls.class, Rejected, "{no_tls:?}");
    assert!(no_tls.hint.clone().unwrap_or_default().contains("the server has no TLS"), "{no_tls:?}");
}
