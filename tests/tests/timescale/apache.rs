//! What every build of TimescaleDB has, and what the Apache build lacks.

use dunlin_tests::Server;

use crate::support::{EXTENSION, Files, READINGS};

#[test]
fn what_the_server_lacks_is_found_at_its_line_before_anything_runs() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Files::new(&database.url(), &[("002_t.sql", READINGS)]);
    let said = files.run("up --yes", 2);
    assert!(said.contains("`create_hypertable` needs extension `timescaledb`, which is not in the database"), "{said}");
    assert!(said.contains("migrations/app/002_t.sql:2:"), "{said}");
    files.write("001_extension.sql", EXTENSION);
    for (text, needs) in [
        (
            "SELECT add_retention_policy('readings', INTERVAL '1 year');",
            "`add_retention_policy` needs `timescaledb-tsl`",
        ),
        ("ALTER TABLE readings SET (timescaledb.compress);", "`timescaledb.compress` needs `timescaledb-tsl`"),
        (
            "CREATE TABLE t (ts timestamptz NOT NULL) WITH (tsdb.hypertable);",
            "`tsdb.hypertable` needs `timescaledb-2.20`",
        ),
        ("-- dunlin: refresh hourly\nSELECT 1;", "`refresh` needs `timescaledb-tsl`"),
        ("CREATE EXTENSION no_such_thing;", "`CREATE EXTENSION` needs `no_such_thing`"),
    ] {
        files.write("003_more.sql", text);
        let said = files.run("up --yes", 2);
        assert!(said.contains(needs) && said.contains("003_more.sql:1:"), "{text}\n{said}");
    }
    assert_eq!(database.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'dunlin'"), "0");
    files.write(
        "003_more.sql",
        "DO $$ BEGIN IF false THEN PERFORM add_retention_policy('readings', INTERVAL '1 year'); END IF; END $$;",
    );
    let said = files.run("up --yes", 0);
    assert!(said.contains("warning[feature-needed]"), "what a script may guard is a warning: {said}");
}

#[test]
fn an_index_is_built_chunk_by_chunk_and_known_again() {
    let server = Server::shared();
    let database = server.scratch();
    let index = "CREATE INDEX IF NOT EXISTS by_sensor ON readings (sensor, ts DESC) WITH (fillfactor = 80, timescaledb.transaction_per_chunk) WHERE value > 0;";
    let files =
        Files::new(&database.url(), &[("001_extension.sql", EXTENSION), ("002_t.sql", READINGS), ("003_i.sql", index)]);
    let _ = files.run("up --yes", 0);
    let chunks = "SELECT (SELECT count(*) FROM show_chunks('readings')) = count(*) FROM pg_indexes WHERE indexname LIKE '%chunk_by_sensor'";
    assert_eq!(database.sql(chunks), "t");
    // Half built by somebody who is gone: it is removed and built anew.
    let _ = database.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'by_sensor'::regclass");
    let _ = database.sql("UPDATE dunlin.ledger SET state = 'running', finished = NULL, step = 0 WHERE id = 'app/003'");
    let _ = files.run("up --yes", 0);
    assert_eq!(database.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_sensor'::regclass"), "t");
    assert_eq!(database.sql(chunks), "t");
    let other = "CREATE INDEX IF NOT EXISTS by_sensor ON readings (value) WITH (timescaledb.transaction_per_chunk);";
    files.refuses("004_i.sql", other, "index `by_sensor` is there already and is another one");
}

#[test]
fn what_if_not_exists_leaves_otherwise_is_a_failure() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Files::new(&database.url(), &[("001_extension.sql", EXTENSION), ("002_t.sql", READINGS)]);
    for same in ["'ts', chunk_time_interval => 86400000000", "by_range('ts', INTERVAL '24 hours')", "'ts'"] {
        files.write("003_same.sql", &format!("SELECT create_hypertable('readings', {same}, if_not_exists => true);\n"));
        let _ = files.run("up --yes", 0);
        let _ = database.sql("DELETE FROM dunlin.ledger WHERE id = 'app/003'");
    }
    files.refuses(
        "003_same.sql",
        "SELECT create_hypertable('readings', 'ts', chunk_time_interval => INTERVAL '2 days', if_not_exists => TRUE);\nCREATE TABLE behind (a int);\n",
        "hypertable `readings` is there already, and is another one: its chunk interval is 24:00:00, and the file says INTERVAL '2 days'",
    );
    assert_eq!(database.sql("SELECT to_regclass('behind') IS NULL"), "t", "all of it is rolled back");
    files.refuses(
        "003_same.sql",
        "VACUUM;\nCREATE TABLE IF NOT EXISTS before (a int);\nSELECT create_hypertable('readings', 'ts', chunk_time_interval => INTERVAL '2 days', if_not_exists => TRUE);\nCREATE TABLE behind (a int);\n",
        "its chunk interval is 24:00:00, and the file says INTERVAL '2 days'",
    );
    assert_eq!(database.sql("SELECT to_regclass('before') || ' ' || (to_regclass('behind') IS NULL)"), "before true");
    let _ = database.sql("DELETE FROM dunlin.ledger WHERE id = 'app/003'");
    let changed = "SELECT create_hypertable('readings', 'ts', chunk_time_interval => INTERVAL '2 days', if_not_exists => TRUE);\nSELECT set_chunk_time_interval('readings', INTERVAL '2 days');\n";
    files.write("003_same.sql", changed);
    let _ = files.run("up --yes", 0);
}

#[test]
fn the_extension_is_updated_by_the_first_statement_of_a_session() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Files::new(&database.url(), &[("001_extension.sql", EXTENSION), ("002_t.sql", READINGS)]);
    let update = "-- dunlin: lock_timeout 3s\nSELECT count(*) FROM readings;\nALTER EXTENSION timescaledb UPDATE;\n";
    files.write("003_update.sql", update);
    let said = files.run("up --yes", 0);
    assert!(said.contains("alone: ALTER EXTENSION … UPDATE"), "{said}");
    files.refuses("004_update.sql", "ALTER EXTENSION timescaledb UPDATE TO '99.0';", "has no update path");
}

#[test]
fn a_database_is_compared_with_what_was_applied() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Files::new(&database.url(), &[("001_extension.sql", EXTENSION), ("002_t.sql", READINGS)]);
    assert!(files.run("verify", 0).contains("0 things as the migrations say"), "nothing is applied");
    files.write(
        "003_gone.sql",
        "CREATE TABLE gone (ts timestamptz NOT NULL);\nSELECT create_hypertable('gone', 'ts');\n",
    );
    files.write("004_drop.sql", "DROP TABLE gone;\nSELECT set_chunk_time_interval('readings', INTERVAL '2 days');\n");
    let _ = files.run("up --yes", 0);
    let said = files.run("verify", 0);
    assert!(said.contains("main  ok  hypertable `readings`  app/002\n\n1 thing as the migrations say"), "{said}");
    let said = files.run("verify --format json", 0);
    assert!(said.contains(r#""what": "hypertable `readings`""#), "{said}");
    let _ = database.sql("SELECT set_chunk_time_interval('readings', INTERVAL '3 days')");
    let said = files.run("verify", 4);
    assert!(said.contains("error[verify-differs]") && said.contains("migrations/app/002_t.sql:2:1"), "{said}");
    assert!(said.contains("its chunk interval is 72:00:00, and the file says INTERVAL '2 days'"), "{said}");
    let _ = database.sql("DROP TABLE readings; CREATE TABLE readings (ts timestamptz NOT NULL)");
    let said = files.run("verify --format json", 4);
    assert!(said.contains("hypertable `readings` is not in `main`, and `app/002` made it"), "{said}");
}

const DIMENSIONS: &str = "CREATE TABLE seen (ts timestamptz NOT NULL, site int NOT NULL, at timestamptz NOT NULL);
SELECT create_hypertable('seen', 'ts', 'site', 4);
SELECT add_dimension('seen', by_range('at', INTERVAL '7 days'), if_not_exists => true);\n";

#[test]
fn dimensions_are_compared_as_well() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Files::new(&database.url(), &[("001_extension.sql", EXTENSION), ("002_d.sql", DIMENSIONS)]);
    let _ = files.run("up --yes", 0);
    assert_eq!(
        files.run("verify", 0),
        "main  ok  hypertable `seen`           app/002
main  ok  dimension `site` of `seen`  app/002
main  ok  dimension `at` of `seen`    app/002

3 things as the migrations say\n"
    );
    files.refuses(
        "003_other.sql",
        "SELECT add_dimension('seen', 'site', number_partitions => 8, if_not_exists => true);\n",
        "dimension `site` of `seen` is there already, and is another one: its number of partitions is 4, and the file says 8",
    );
    files.refuses(
        "003_other.sql",
        "SELECT add_dimension('seen', by_range('at', INTERVAL '8 days'), true);\n",
        "its chunk interval is 168:00:00, and the file says INTERVAL '8 days'",
    );
    let again = "SELECT add_dimension('seen', 'site', 4, if_not_exists => true);
SELECT set_number_partitions('seen', 6, 'site');
SELECT set_chunk_time_interval('seen', INTERVAL '14 days', 'at');\n";
    files.write("003_other.sql", again);
    let _ = files.run("up --yes", 0);
    assert!(files.run("verify", 0).contains("3 things as the migrations say"));
    let _ = database.sql(
        "SELECT set_number_partitions('seen', 5, 'site'); SELECT set_chunk_time_interval('seen', INTERVAL '15 days', 'at')",
    );
    let said = files.run("verify", 4);
    assert!(said.contains("its number of partitions is 5, and the file says 6"), "{said}");
    assert!(said.contains("its chunk interval is 360:00:00, and the file says INTERVAL '14 days'"), "{said}");
    assert!(said.contains("1 thing as the migrations say, 2 otherwise"), "{said}");
}

#[test]
fn what_no_migration_declares_is_noted() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Files::new(&database.url(), &[("001_extension.sql", EXTENSION), ("002_t.sql", READINGS)]);
    let _ = files.run("up --yes", 0);
    let hand = "CREATE TABLE hand (ts timestamptz NOT NULL); SELECT create_hypertable('hand', 'ts')";
    let _ = database.sql(hand);
    assert_eq!(
        files.run("verify", 0),
        "note[verify-undeclared]: hypertable `public.hand` is in `main`, and no applied migration declares it
main  ok  hypertable `readings`  app/002

1 thing as the migrations say, 1 of no migration\n"
    );
    let said = files.run("verify --format json", 0);
    assert!(said.contains(r#""code": "verify-undeclared""#), "{said}");
    let somehow = "DO $$ BEGIN EXECUTE 'SELECT create_hypertable(''made'', ''ts'')'; END $$;\n";
    files.write("003_somehow.sql", &format!("CREATE TABLE made (ts timestamptz NOT NULL);\n{somehow}"));
    let _ = files.run("up --yes", 0);
    let said = files.run("verify", 0);
    let doubt = "2 of the hypertables, continuous aggregates and policies in `main` are declared by no migration, unless `app/003` made them";
    assert!(said.contains(doubt) && said.contains("migrations/app/003_somehow.sql:2:1"), "{said}");
    assert!(!said.contains("verify-undeclared"), "{said}");
}
