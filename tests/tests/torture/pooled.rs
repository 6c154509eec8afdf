//! What is different behind PgBouncer in transaction mode: sessions are somebody else's the next moment.

use std::process::Command;

use dunlin_devdb::Pooler;
use dunlin_tests::{Dunlin, Scratch, Server, Workspace};

use crate::tally::{Tally, Verdict, share};

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
];

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
        let files = Workspace::of(&[("dunlin.toml", PROJECT), ("app/001_hostile.sql", body)]);
        let before = psql(&server, &pooler, &database, SESSION);
        let run = dunlin(&files, &pooler, &database).run("up --yes");
        let after = psql(&server, &pooler, &database, SESSION);
        let told = format!("{name}: before {before:?}, after {after:?}\n{}{}", run.stdout, run.stderr);
        if before == after { Verdict::Recovered } else { Verdict::Wrong(told) }
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
