//! Steps of TimescaleDB that cannot be in a transaction: indexes that are built chunk by chunk, updates of the extension, and,
//! where a server has them, continuous aggregates and their refreshes.

use dunlin_tests::{Dunlin, Fault, Foreign, Proxy, Server, Workspace};

use crate::tally::{Tally, Verdict, WORKERS, kills, skip};

const UP: &str = "up --yes";

const WHAT: &str = "process killed at a message";

/// Positions in the quick share.
const QUICK: usize = 6;

const CONFIG: &str = "[project]\nname = \"small\"\n[targets.main]\nkind = \"timescale\"\nurl = \"${URL}\"\n[services.app]\ntarget = \"main\"\npath = \"m\"\n";

const TABLE: (&str, &str) = (
    "m/001_t.sql",
    "CREATE EXTENSION IF NOT EXISTS timescaledb;
CREATE TABLE readings (ts timestamptz NOT NULL, sensor int, value float8);
SELECT create_hypertable('readings', 'ts', chunk_time_interval => INTERVAL '1 day');
INSERT INTO readings SELECT '2026-01-01'::timestamptz + i * interval '1 hour', i % 5, i FROM generate_series(0, 239) AS i;\n",
);

const EVERYWHERE: [(&str, &str); 2] = [
    ("m/002_index.sql", "CREATE INDEX by_sensor ON readings (sensor, ts) WITH (timescaledb.transaction_per_chunk);\n"),
    ("m/003_update.sql", "CREATE TABLE beside (a int);\nALTER EXTENSION timescaledb UPDATE;\n"),
];

const LICENSED: [(&str, &str); 2] = [
    (
        "m/002_hourly.sql",
        "CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS
SELECT time_bucket('1 hour', ts) AS hour, avg(value) AS mean FROM readings GROUP BY 1;
SELECT add_retention_policy('readings', INTERVAL '10 years');\n",
    ),
    (
        "m/003_daily.sql",
        "-- dunlin: refresh daily, hourly
CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
SELECT time_bucket('1 day', hour) AS day, max(mean) AS most FROM hourly GROUP BY 1 WITH NO DATA;
INSERT INTO readings VALUES ('2026-01-02 00:30+00', 1, 100000);\n",
    ),
];

/// What is there in the end, in one line.
const EVERYWHERE_STATE: &str = "SELECT concat_ws(' ', (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('by_sensor')), \
    (SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%chunk_by_sensor'), \
    (SELECT string_agg(state || step, ', ' ORDER BY id) FROM dunlin.ledger))";

const LICENSED_STATE: &str = "SELECT concat_ws(' ', (SELECT count(*) || ' ' || max(mean) FROM hourly), (SELECT count(*) || ' ' || max(most) FROM daily), \
    (SELECT count(*) FROM readings), (SELECT count(*) FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'), \
    (SELECT string_agg(state || step, ', ' ORDER BY id) FROM dunlin.ledger))";

/// A database of either server.
trait Database {
    fn url(&self) -> String;
    fn sql(&self, script: &str) -> String;
}

impl Database for dunlin_tests::Scratch<'_> {
    fn url(&self) -> String {
        self.url()
    }

    fn sql(&self, script: &str) -> String {
        self.sql(script)
    }
}

impl Database for Foreign {
    fn url(&self) -> String {
        self.url()
    }

    fn sql(&self, script: &str) -> String {
        self.sql(script)
    }
}

#[test]
fn indexes_of_chunks_and_updates_of_a_run_that_is_killed() {
    let server = Server::shared();
    check("chunk indexes and updates of TimescaleDB", &EVERYWHERE, EVERYWHERE_STATE, || Box::new(server.scratch()));
}

#[test]
fn continuous_aggregates_of_a_run_that_is_killed() {
    let how = "continuous aggregates of TimescaleDB";
    if Foreign::tsl("continuous_aggregates_of_a_run_that_is_killed").is_none() {
        return skip(WHAT, how);
    }
    let fresh = || -> Box<dyn Database> { Box::new(Foreign::tsl("").unwrap()) };
    check(how, &LICENSED, LICENSED_STATE, fresh);
}

fn check<'s>(how: &str, files: &[(&str, &str)], state: &str, fresh: impl Fn() -> Box<dyn Database + 's> + Sync) {
    let workspace = Workspace::of(&[("dunlin.toml", CONFIG), TABLE]);
    files.iter().for_each(|(name, text)| workspace.write(name, text));
    let dunlin = |url: &str| Dunlin::at(workspace.dir()).with("URL", url);
    let clean = fresh();
    let proxy = Proxy::new(None);
    let _ = proxy.watch(dunlin(&proxy.url(&clean.url())).start(UP)).exits(0);
    let (expected, messages) = (clean.sql(state), proxy.messages());
    assert!(expected.contains("applied"), "{expected}");
    let attempt = |fault: &Fault| {
        let database = fresh();
        let proxy = Proxy::new(Some(*fault));
        let mut ended = proxy.watch(dunlin(&proxy.url(&database.url())).start(UP));
        if !proxy.has_struck() {
            return Verdict::Missed;
        }
        for _ in 0..3 {
            if ended.code != Some(0) {
                ended = dunlin(&database.url()).run(UP);
            }
        }
        if ended.code != Some(0) {
            return Verdict::Stuck(format!("{fault:?}: {:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr));
        }
        let found = database.sql(state);
        if found == expected {
            Verdict::Converged
        } else {
            Verdict::Wrong(format!("{fault:?}: {found}, not {expected}"))
        }
    };
    let tally = Tally::new(WHAT, how.to_owned());
    tally.each(WORKERS, kills(messages, QUICK), attempt);
    tally.end();
}
