//! What needs the Timescale License: continuous aggregates, policies, compression.

use dunlin_tests::{Dunlin, Foreign, Workspace};

use crate::support::{EXTENSION, Files, READINGS};

const HOURLY: &str = "SELECT time_bucket('1 hour', ts) AS hour, avg(value) AS mean FROM readings GROUP BY 1";
const DAILY: &str = "SELECT time_bucket('1 day', hour) AS day, max(mean) AS most FROM hourly GROUP BY 1";

fn aggregate(name: &str, query: &str, end: &str) -> String {
    format!("CREATE MATERIALIZED VIEW IF NOT EXISTS {name} WITH (timescaledb.continuous) AS\n{query}\n{end};\n")
}

/// Readings, an aggregate with data, one on it without, and two policies.
fn files(database: &Foreign) -> Files {
    let files = Files::new(&database.url(), &[("001_extension.sql", EXTENSION), ("002_t.sql", READINGS)]);
    files.write("003_hourly.sql", &aggregate("hourly", HOURLY, ""));
    let policies = "SELECT add_retention_policy('readings', INTERVAL '10 years', if_not_exists => true);
SELECT add_continuous_aggregate_policy('hourly', INTERVAL '1 year', INTERVAL '1 hour', INTERVAL '1 day', if_not_exists => true);\n";
    files.write("004_daily.sql", &format!("{}{policies}", aggregate("daily", DAILY, "WITH NO DATA")));
    files
}

#[test]
fn aggregates_are_refreshed_in_their_order_behind_the_migration() {
    let Some(database) = Foreign::tsl("aggregates_are_refreshed_in_their_order_behind_the_migration") else { return };
    let files = files(&database);
    let _ = files.run("up --yes", 0);
    assert_eq!(database.sql("SELECT count(*) FROM hourly"), "240");
    assert_eq!(database.sql("SELECT count(*) FROM daily"), "0");
    let refresh = "-- dunlin: refresh daily, hourly from 2026-01-01 to 2026-01-05 00:00+00
INSERT INTO readings VALUES ('2026-01-02 00:30+00', 1, 100000), ('2026-01-08 00:30+00', 1, 100000);
CREATE TABLE beside (a int);\n";
    files.write("005_refresh.sql", refresh);
    let said = files.run("explain app/5", 0);
    let (hourly, daily) = (said.find("refresh of `hourly`"), said.find("refresh of `daily`"));
    assert!(hourly.is_some() && hourly < daily, "{said}");
    let _ = files.run("up --yes", 0);
    assert_eq!(database.sql("SELECT count(*), max(mean) > 1000 FROM hourly"), "240|t");
    assert_eq!(database.sql("SELECT count(*), max(most) > 1000 FROM daily"), "4|t");
    assert_eq!(database.sql("SELECT step FROM dunlin.ledger WHERE id = 'app/005'"), "3");
    // The file itself is one transaction still.
    files.refuses(
        "006_fails.sql",
        "-- dunlin: refresh daily\nCREATE TABLE half (a int);\nSELECT 1 / 0;\n",
        "division by zero",
    );
    assert_eq!(database.sql("SELECT to_regclass('half') IS NULL"), "t");
}

#[test]
fn what_is_there_otherwise_is_a_failure() {
    let Some(database) = Foreign::tsl("what_is_there_otherwise_is_a_failure") else { return };
    let files = files(&database);
    let _ = files.run("up --yes", 0);
    let same = "SELECT add_retention_policy('readings', drop_after => '120 months'::interval, if_not_exists => true);
SELECT add_continuous_aggregate_policy('hourly', start_offset => INTERVAL '12 months', end_offset => INTERVAL '60 minutes', schedule_interval => INTERVAL '24 hours', if_not_exists => true);\n";
    let again = aggregate(
        "hourly",
        "SELECT public.time_bucket(INTERVAL '60 min', readings.ts) AS hour, avg(readings.value) AS mean FROM public.readings GROUP BY time_bucket('1 hour', ts)",
        "WITH NO DATA",
    );
    files.write("005_same.sql", &format!("{same}{again}"));
    let _ = files.run("up --yes", 0);
    let retention = "SELECT add_retention_policy('readings', INTERVAL '1 year', if_not_exists => true);\n";
    let other = "drop_after is 10 years, and the file says INTERVAL '1 year'";
    files.refuses("006_other.sql", retention, other);
    files.refuses("006_other.sql", &format!("-- dunlin: transaction none\n{retention}"), other);
    let offsets = "SELECT add_continuous_aggregate_policy('hourly', NULL, INTERVAL '2 hours', INTERVAL '1 day', if_not_exists => true);\n";
    files.write("006_other.sql", offsets);
    let said = files.run("up --yes", 1);
    // Newer versions refuse it themselves.
    let words =
        ["end_offset is 01:00:00, and the file says INTERVAL '2 hours'", "refresh interval overlaps with an existing"];
    assert!(words.iter().any(|words| said.contains(words)), "{said}");
    for end in ["", "WITH NO DATA"] {
        let text = aggregate("hourly", &HOURLY.replace("1 hour", "2 hours"), end);
        files.refuses("006_other.sql", &text, "continuous aggregate `hourly` is there already, and is another one");
    }
    assert!(files.run("verify", 0).contains("5 things as the migrations say"));
    let changed = format!("{retention}SELECT remove_retention_policy('readings');\n");
    files.write("006_other.sql", &changed);
    // So long that the policy's job, which may run at once, finds nothing to compress.
    files.write(
        "007_compress.sql",
        "ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = 'sensor');
SELECT add_compression_policy('readings', INTERVAL '900 years');\n",
    );
    let _ = files.run("up --yes", 0);
    assert!(files.run("verify", 0).contains("6 things as the migrations say"));
    let _ = database
        .sql("SELECT remove_compression_policy('readings'); ALTER TABLE readings SET (timescaledb.compress = false)");
    let said = files.run("verify", 4);
    assert!(said.contains("compression policy of `readings` is not in `main`"), "{said}");
    assert!(said.contains("compression of `readings` is not as its migration says: it is switched off"), "{said}");
}

#[test]
fn settings_of_compression_and_aggregates_are_compared() {
    let Some(database) = Foreign::tsl("settings_of_compression_and_aggregates_are_compared") else { return };
    let files = files(&database);
    files.write("005_compress.sql", "ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = 'Sensor', timescaledb.compress_orderby = 'value DESC NULLS LAST', timescaledb.compress_chunk_time_interval = '7 days');
ALTER MATERIALIZED VIEW hourly SET (timescaledb.compress = on, timescaledb.compress_orderby = 'hour');
ALTER MATERIALIZED VIEW hourly SET (timescaledb.materialized_only = off);
ALTER MATERIALIZED VIEW daily SET (timescaledb.materialized_only = off);
ALTER MATERIALIZED VIEW daily SET (timescaledb.materialized_only);\n");
    let _ = files.run("up --yes", 0);
    let said = files.run("verify", 0);
    for what in ["compression of `readings`", "compression of `hourly`", "materialized_only of `daily`"] {
        assert!(said.contains(&format!("main  ok  {what}")), "{what}\n{said}");
    }
    assert!(said.contains("9 things as the migrations say\n"), "{said}");
    let _ = database.sql(
        "ALTER TABLE readings SET (timescaledb.compress_segmentby = '', timescaledb.compress_orderby = 'ts, value', timescaledb.compress_chunk_time_interval = '14 days');
ALTER MATERIALIZED VIEW hourly SET (timescaledb.compress = false);
ALTER MATERIALIZED VIEW daily SET (timescaledb.materialized_only = false)",
    );
    let said = files.run("verify", 4);
    for words in [
        "compression of `readings` is not as its migration says: its segmentby is none, and the file says sensor; \
         its orderby is ts, value, and the file says value DESC NULLS LAST; \
         its compress_chunk_time_interval is 336:00:00, and the file says '7 days'",
        "compression of `hourly` is not as its migration says: it is switched off\n",
        "materialized_only of `daily` is not as its migration says: it is false, and the file says true",
        "6 things as the migrations say, 3 otherwise\n",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let again =
        "ALTER TABLE readings SET (timescaledb.compress_segmentby = '', timescaledb.compress_orderby = 'ts, value');
ALTER TABLE readings SET (timescaledb.compress_chunk_time_interval = '14 days');
ALTER MATERIALIZED VIEW hourly SET (timescaledb.compress = false);
ALTER MATERIALIZED VIEW daily SET (timescaledb.materialized_only = false);\n";
    files.write("006_again.sql", again);
    let _ = files.run("up --yes", 0);
    assert!(files.run("verify", 0).contains("8 things as the migrations say\n"));
    let lenient = aggregate("daily", DAILY, "WITH NO DATA")
        .replace("timescaledb.continuous", "timescaledb.continuous, timescaledb.materialized_only = true");
    let words =
        "materialized_only of `daily` is there already, and is another one: it is false, and the file says true";
    files.refuses("007_daily.sql", &lenient, words);
}

#[test]
fn policies_that_no_migration_declares_are_noted() {
    let Some(database) = Foreign::tsl("policies_that_no_migration_declares_are_noted") else { return };
    let files = files(&database);
    let _ = files.run("up --yes", 0);
    let weekly = HOURLY.replace("1 hour", "1 week");
    let _ = database.sql(&aggregate("weekly", &weekly, "WITH NO DATA"));
    let _ = database.sql(
        "SELECT add_retention_policy('weekly', INTERVAL '10 years');
ALTER TABLE readings SET (timescaledb.compress); SELECT add_compression_policy('readings', INTERVAL '1 year')",
    );
    let said = files.run("verify", 0);
    for what in [
        "continuous aggregate `public.weekly`",
        "retention policy of `public.weekly`",
        "compression policy of `public.readings`",
    ] {
        let note = format!("note[verify-undeclared]: {what} is in `main`, and no applied migration declares it");
        assert!(said.contains(&note), "{what}\n{said}");
    }
    assert!(said.contains("5 things as the migrations say, 3 of no migration\n"), "{said}");
    files.write("005_jobs.sql", "SELECT alter_job(job_id, scheduled => true) FROM timescaledb_information.jobs;\n");
    let _ = files.run("up --yes", 0);
    let said = files.run("verify", 0);
    assert!(said.contains("what `app/005` does to jobs shows only when it runs: policies are not verified"), "{said}");
    assert!(said.contains("3 things as the migrations say, 1 of no migration, 1 unknown\n"), "{said}");
}

#[test]
fn an_update_ends_the_sessions_of_the_version_before_it() {
    const TEST: &str = "an_update_ends_the_sessions_of_the_version_before_it";
    let Some(database) = Foreign::tsl(TEST) else { return };
    let Some(older) = database.older(TEST) else { return };
    let extension = format!("CREATE EXTENSION timescaledb VERSION '{older}';\n");
    let files = Files::new(&database.url(), &[("001_extension.sql", extension.as_str()), ("002_t.sql", READINGS)]);
    let update = "SELECT count(*) FROM readings;
ALTER EXTENSION timescaledb UPDATE;
CREATE TABLE behind AS SELECT extversion FROM pg_extension WHERE extname = 'timescaledb';\n";
    files.write("003_update.sql", update);
    let said = files.run("up --yes", 0);
    assert!(said.contains("app/003 is tried again in"), "the session that holds the claim ends: {said}");
    let newest = "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'";
    assert_eq!(database.sql("SELECT extversion FROM behind"), database.sql(newest));
}

#[test]
fn policies_rest_while_their_database_is_migrated() {
    let Some(database) = Foreign::tsl("policies_rest_while_their_database_is_migrated") else { return };
    let files = files(&database);
    let _ = files.run("up --yes", 0);
    let pauses = "[targets.main]\nkind = \"timescale\"\nurl = \"${URL}\"\npause = [\"policy_retention *\"]\n";
    files.configure("[targets.main]\nkind = \"timescale\"\nurl = \"${URL}\"\n", pauses);
    files.write(
        "005_look.sql",
        "CREATE TABLE seen AS SELECT proc_name FROM timescaledb_information.jobs WHERE NOT scheduled;\n",
    );
    let said = files.run("up --yes", 0);
    assert!(said.contains("paused job `policy_retention readings`"), "{said}");
    assert!(said.contains("resumed job `policy_retention readings`"), "{said}");
    assert_eq!(database.sql("SELECT * FROM seen"), "policy_retention");
    assert_eq!(database.sql("SELECT count(*) FROM timescaledb_information.jobs WHERE NOT scheduled"), "0");
}

#[test]
fn the_fleets_rollups_run() {
    let Some(core) = Foreign::tsl("the_fleets_rollups_run") else { return };
    let (erp, metrics) = (Foreign::tsl("").unwrap(), Foreign::tsl("").unwrap());
    let files = Workspace::fleet();
    let target = |name: &str, of: &Foreign| format!("[targets.{name}]\nurl = \"{}\"\n", of.url());
    let targets = [target("core", &core), target("erp", &erp), target("metrics", &metrics)].concat();
    files.write("configs/tsl.toml", &format!("{targets}[targets.jobs]\nenabled = false\n"));
    let dunlin = Dunlin::at(files.dir()).with("JOBS_DATABASE_URL", core.url());
    let _ = dunlin.run("--env tsl up --service energy --service harvestry --yes").exits(0);
    assert_eq!(metrics.sql("SELECT count(*) FROM timescaledb_information.continuous_aggregates"), "2");
    assert_eq!(erp.sql("SELECT view_name FROM timescaledb_information.continuous_aggregates"), "sensor_rollups_1m");
    for version in ["energy.rollups/5", "energy.rollups/3", "harvestry.rollups/20250929170000"] {
        let _ = dunlin.run(&format!("--env tsl down --version {version} --yes")).exits(0);
    }
    assert_eq!(metrics.sql("SELECT count(*) FROM timescaledb_information.continuous_aggregates"), "0");
    let _ = dunlin.run("--env tsl up --service energy --service harvestry --yes").exits(0);
}
