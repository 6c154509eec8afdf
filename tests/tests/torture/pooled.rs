//! What is different behind PgBouncer in transaction mode: sessions are somebody else's the next moment.

use std::process::Command;
use std::thread;
use std::time::Duration;

use dunlin_devdb::Pooler;
use dunlin_tests::{Dunlin, Scratch, Server, Workspace};

use crate::tally::{Tally, Verdict, WORKERS, share};

const PROJECT: &str = "[project]\nname = \"pooled\"\n\n[targets.main]\nkind = \"postgres\"\nurl = \"${POOLED}\"\n\n\
    [services.app]\ntarget = \"main\"\npath = \"app\"\n";

/// Bodies that change their session, and not only their transaction.
const HOSTILE: &[(&str, &str)] = &[
    ("timeouts", "SET lock_timeout = '7s';\nSET statement_timeout = '9s';\n"),
    ("search path", "SET search_path = pg_catalog;\n"),
    ("role", "SET ROLE pg_monitor;\n"),
    ("user", "SET SESSION AUTHORIZATION pg_monitor;\n"),
    ("read only", "SET default_transaction_read_only = on;\n"),
    ("replica", "SET session_replication_role = replica;\n"),
    ("set_config", "SELECT set_config('work_mem', '1MB', false);\n"),
    ("own setting", "SET app.tenant = 'seven';\n"),
    ("lock", "SELECT pg_advisory_lock(42);\n"),
    ("listen", "LISTEN news;\n"),
    ("temporary table", "CREATE TEMPORARY TABLE passing (n int);\n"),
    ("prepared", "PREPARE known AS SELECT 1;\n"),
    ("cursor", "DECLARE held CURSOR WITH HOLD FOR SELECT 1;\n"),
    ("failing", "SET lock_timeout = '7s';\nSELECT 1 / 0;\n"),
    ("batch", "-- dunlin: batch table=rows key=id size=2 time=off\nUPDATE rows SET n = spoil(n) WHERE :batch;\n"),
    (
        "failing batch",
        "-- dunlin: batch table=rows key=id size=2 time=off\nUPDATE rows SET n = spoil(n) / (id - 4) WHERE :batch;\n",
    ),
];

/// A statement of a batch does through a function what others do by themselves.
const ROWS: &str = "CREATE TABLE rows (id int PRIMARY KEY, n int); INSERT INTO rows SELECT g, g FROM generate_series(1, 5) g;
    CREATE FUNCTION spoil(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_lock(42), set_config('lock_timeout', '7s', false), set_config('app.tenant', 'seven', false);
        EXECUTE 'LISTEN news';
        EXECUTE 'CREATE TEMPORARY TABLE IF NOT EXISTS passing (n int)';
        IF NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'known') THEN EXECUTE 'PREPARE known AS SELECT 1'; END IF;
        RETURN $1; END $$";

/// What a session has that its transactions do not bring along.
const SESSION: &str = "SELECT current_user, session_user, nullif(current_setting('app.tenant', true), ''),
    (SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
        WHERE setting IS DISTINCT FROM reset_val),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
    (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_prepared_statements),
    (SELECT count(*) FROM pg_cursors WHERE is_holdable), (SELECT count(*) FROM pg_class WHERE relname = 'passing')";

#[test]
fn a_step_that_needs_a_session_is_refused_without_a_direct_url() {
    let server = Server::shared();
    let (pooler, database) = (server.pooler(2), server.scratch());
    let files = Workspace::of(&[
        ("dunlin.toml", PROJECT),
        ("app/001_t.sql", "CREATE TABLE t (a int);\n"),
        ("app/002_index.sql", "CREATE INDEX CONCURRENTLY t_a ON t (a);\n"),
    ]);
    let dunlin = dunlin(&files, &pooler, &database);
    let tally = Tally::new("pooler found out", "a step outside a transaction");
    tally.each(1, (0..share(3, 100)).collect(), |_| {
        let said = dunlin.run("plan").exits(2).stdout;
        let is_told = said.contains("`app/002` runs outside a transaction") && said.contains("`direct_url`");
        if is_told { Verdict::Recovered } else { Verdict::Wrong(said) }
    });
    let _ = dunlin.run("up --yes").exits(2);
    assert_eq!(database.sql("SELECT to_regclass('t') IS NULL"), "t", "nothing was begun");
    let _ = dunlin.run("up --yes --to 001").exits(0);
    files.replace("dunlin.toml", "url = \"${POOLED}\"\n", "url = \"${POOLED}\"\ndirect_url = \"${DIRECT}\"\n");
    let _ = dunlin.with("DIRECT", database.url()).run("up --yes").exits(0);
    assert_eq!(database.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_a'::regclass"), "t");
    tally.end();
}

#[test]
fn what_a_body_does_to_its_session_does_not_reach_the_next_client() {
    let server = Server::shared();
    let pooler = server.pooler(1);
    let tally = Tally::new("session of a pooler clean afterwards", "bodies that change it");
    tally.each(1, HOSTILE.to_vec(), |(name, body)| {
        let database = server.scratch();
        let _ = database.sql(ROWS);
        let files = Workspace::of(&[("dunlin.toml", PROJECT), ("app/001_hostile.sql", body)]);
        let before = psql(&server, &pooler, &database, SESSION);
        let run = dunlin(&files, &pooler, &database).run("up --yes");
        let after = psql(&server, &pooler, &database, SESSION);
        let told = format!("{name}: before {before:?}, after {after:?}\n{}{}", run.stdout, run.stderr);
        let is_run = name.contains("failing") == (run.code == Some(1));
        if before == after && is_run { Verdict::Recovered } else { Verdict::Wrong(told) }
    });
    tally.end();
}

/// Whoever holds the lock is named, though the pooler hides which backend waits for it; with a direct way and without.
#[test]
fn whoever_is_in_the_way_is_named() {
    let server = Server::shared();
    let tally = Tally::new("blockers named", "behind a pooler");
    let waiting = [
        ("a transaction", "ALTER TABLE rows ADD COLUMN more int;\n", ""),
        (
            "a batch",
            "-- dunlin: batch table=rows key=id size=2 time=off\nUPDATE rows SET n = n + 1 WHERE :batch;\n",
            "",
        ),
        ("a direct way", "ALTER TABLE rows ADD COLUMN more int;\n", "direct_url = \"${DIRECT}\"\n"),
    ];
    tally.each(WORKERS, waiting.to_vec(), |(name, body, direct)| {
        let (pooler, database) = (server.pooler(2), server.scratch());
        let _ = database.sql(ROWS);
        let project = PROJECT.replace("\"${POOLED}\"\n", &format!("\"${{POOLED}}\"\n{direct}"));
        let files = Workspace::of(&[("dunlin.toml", &project), ("app/001_waiting.sql", body)]);
        let mut holder = database.session();
        holder.run("BEGIN; LOCK TABLE rows IN SHARE ROW EXCLUSIVE MODE;");
        let run = dunlin(&files, &pooler, &database).with("DIRECT", database.url()).start("up --yes");
        thread::sleep(Duration::from_secs(3));
        holder.run("COMMIT;");
        let ended = run.finish();
        let is_named =
            ended.stderr.contains("waiting for lock: held by pid") && ended.stderr.contains("LOCK TABLE rows");
        let told = format!("{name}: {:?}\n{}", ended.code, ended.stderr);
        if is_named && ended.code == Some(0) { Verdict::Recovered } else { Verdict::Wrong(told) }
    });
    tally.end();
}

fn dunlin(files: &Workspace, pooler: &Pooler, database: &Scratch<'_>) -> Dunlin {
    Dunlin::at(files.dir()).with("POOLED", pooler.url(database.name()))
}

/// What psql prints as one more client of the pooler.
fn psql(server: &Server, pooler: &Pooler, database: &Scratch<'_>, script: &str) -> String {
    let mut psql = Command::new(server.bin("psql"));
    psql.args(["--no-psqlrc", "--no-align", "--tuples-only", "--command", script]);
    let output = psql.arg("--dbname").arg(pooler.url(database.name())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
