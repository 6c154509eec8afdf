//! Jobs that come due while their database is migrated: none runs in between, and each goes on afterwards, whatever became of
//! the run.

use std::thread;
use std::time::Duration;

use dunlin_tests::{Dunlin, Running, Server, Sql, Workspace, wait_until};

const CONFIG: &str = r#"
[project]
name = "small"

[targets.main]
kind = "postgres"
url = "MAIN"

[targets.jobs]
kind = "cron"
url = "POSTGRES"
pause = ["maintenance-*"]
pause_wait = "WAIT"
pause_deadline = "1s"

[services.app]
target = "main"
path = "migrations/app"
"#;

/// A server whose job `maintenance-tick` comes due every second in `main`, and a migration that waits for a gate.
struct Clock {
    version: &'static str,
    server: Server,
    files: Workspace,
}

impl Clock {
    fn new(version: &'static str, server: Server, command: &str, wait: &str) -> Self {
        let _ = server.sql("postgres", "CREATE DATABASE main");
        let _ = server.sql("main", "CREATE TABLE ticks (at timestamptz DEFAULT now())");
        let config = CONFIG.replace("MAIN", &server.url("main")).replace("POSTGRES", &server.url("postgres"));
        let files = Workspace::of(&[("dunlin.toml", &config.replace("WAIT", wait))]);
        files.write("migrations/app/001_t.sql", "SELECT pg_advisory_xact_lock(1);\n");
        let schedule = if version == "1.4" { "* * * * *" } else { "1 second" };
        let _ = server.sql(
            "postgres",
            &format!("CREATE EXTENSION IF NOT EXISTS pg_cron; SELECT cron.schedule_in_database('maintenance-tick', '{schedule}', '{command}', 'main')"),
        );
        Self { version, server, files }
    }

    fn ticking() -> Self {
        let (version, server) = ("1.6", Server::with_jobs());
        let clock = Self::new(version, server, "INSERT INTO ticks DEFAULT VALUES", "5min");
        clock.goes_on();
        clock
    }

    fn dunlin(&self) -> Dunlin {
        Dunlin::at(self.files.dir())
    }

    fn jobs(&self, text: &str) -> String {
        self.server.sql("postgres", text)
    }

    fn ticks(&self) -> u32 {
        self.server.sql("main", "SELECT count(*) FROM ticks").parse().expect("it is a number")
    }

    fn goes_on(&self) {
        let before = self.ticks();
        wait_until("the job goes on", || self.ticks() > before);
    }

    /// A run whose migration waits for the gate.
    fn waiting(&self) -> (Running, Sql) {
        let mut gate = self.server.session("main");
        gate.run("SELECT pg_advisory_lock(1);");
        let run = self.dunlin().start("up --yes");
        let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND NOT granted)";
        wait_until("the migration waits", || self.server.sql("main", waits) == "t");
        (run, gate)
    }

    fn rests(&self) {
        let before = self.ticks();
        thread::sleep(Duration::from_secs(3));
        assert_eq!(self.ticks(), before, "the job ran while its database was migrated");
    }
}

#[test]
fn a_job_that_is_due_meanwhile_runs_afterwards() {
    let clock = Clock::ticking();
    let (run, gate) = clock.waiting();
    clock.rests();
    drop(gate);
    let _ = run.finish().exits(0);
    clock.goes_on();
    assert_eq!(clock.jobs("SELECT count(*) FROM cron.job WHERE jobname LIKE 'dunlin-%'"), "0");
}

#[test]
fn a_job_whose_run_was_killed_goes_on_with_the_next_one() {
    let clock = Clock::ticking();
    let (run, gate) = clock.waiting();
    run.kill();
    clock.rests();
    drop(gate);
    let _ = clock.dunlin().run("up --yes").exits(0);
    clock.goes_on();
    assert_eq!(clock.jobs("SELECT count(*) FROM cron.job WHERE jobname LIKE 'dunlin-%'"), "0");
}

#[test]
fn a_job_whose_run_never_comes_back_is_resumed_by_the_server_itself() {
    let clock = Clock::ticking();
    let (run, gate) = clock.waiting();
    // Sooner than by the minute, which it goes by otherwise.
    let sooner = "SELECT cron.alter_job(jobid, schedule := '1 second') FROM cron.job WHERE jobname = 'dunlin-resume'";
    let _ = clock.jobs(sooner);
    // Not while the run lives, however long it takes.
    clock.rests();
    run.kill();
    drop(gate);
    clock.goes_on();
    wait_until("it takes itself away", || {
        clock.jobs("SELECT count(*) FROM cron.job WHERE jobname LIKE 'dunlin-%'") == "0"
    });
    assert_eq!(clock.jobs("SELECT count(*) FROM dunlin.obligation WHERE done IS NULL"), "0");
    let history = clock.dunlin().run("history").exits(0).stdout;
    assert!(history.contains("by the server itself: its run did not come back"), "{history}");
    let _ = clock.dunlin().run("history --verify").exits(0);
    let _ = clock.dunlin().run("up --yes").exits(0);
}

/// The same text on either version, run at once as the server would run it.
#[test]
fn what_the_server_runs_by_itself_touches_nothing_but_what_is_overdue() {
    for (version, server) in Server::crontabs() {
        let clock = Clock::new(version, server, "SELECT 1", "5min");
        let by_itself = || clock.jobs("SELECT command FROM cron.job WHERE jobname = 'dunlin-resume'");
        let active =
            || clock.jobs("SELECT string_agg(active::text, ' ') FROM cron.job WHERE jobname = 'maintenance-tick'");
        let (run, gate) = clock.waiting();
        let text = by_itself();
        thread::sleep(Duration::from_millis(1100));
        let _ = clock.jobs(&text);
        assert_eq!((active().as_str(), by_itself().is_empty()), ("false", false), "{}: its run lives", clock.version);
        run.kill();
        drop(gate);
        let gone = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'";
        wait_until("the server has noticed", || clock.jobs(gone) == "0");
        // A row that somebody put there resumes nothing else and runs nothing.
        let _ = clock.jobs("INSERT INTO dunlin.obligation (project, run_id, what, undo_sql, since) VALUES ('p', gen_random_uuid(), 'x', 'DROP TABLE dunlin.event; -- 1', now() - interval '1 day')");
        let _ = clock.jobs(&text);
        assert_eq!((active().as_str(), by_itself().is_empty()), ("true", false), "{}", clock.version);
        let _ = clock.jobs("DELETE FROM dunlin.obligation WHERE what = 'x'");
        let _ = clock.jobs(&text);
        assert!(by_itself().is_empty(), "{}", clock.version);
        // Left behind without a ledger it goes as well.
        let _ = clock.jobs("SELECT cron.schedule('dunlin-resume', '* * * * *', 'x'); DROP SCHEMA dunlin CASCADE");
        let _ = clock.jobs(&text);
        assert!(by_itself().is_empty(), "{}", clock.version);
    }
}

#[test]
fn a_job_that_is_under_way_is_awaited() {
    let (version, server) = ("1.6", Server::with_jobs());
    let clock = Clock::new(
        version,
        server,
        "SELECT pg_sleep(CASE WHEN EXISTS (SELECT FROM ticks) THEN 0 ELSE 5 END); INSERT INTO ticks DEFAULT VALUES",
        "1min",
    );
    let is_running = || clock.jobs("SELECT count(*) FROM cron.job_run_details WHERE status = 'running'") != "0";
    wait_until("it is under way", is_running);
    clock.files.write("migrations/app/001_t.sql", "CREATE TABLE t AS SELECT count(*) AS n FROM ticks;\n");
    let run = clock.dunlin().run("--log-format json up --yes").exits(0);
    assert!(run.stderr.contains("\"awaited\""), "{}", run.stderr);
    assert_ne!(clock.server.sql("main", "SELECT n FROM t"), "0", "the job was at its end before the migration began");
    assert_eq!(clock.jobs("SELECT status FROM cron.job_run_details ORDER BY runid LIMIT 1"), "succeeded");
}

#[test]
fn a_job_that_does_not_end_is_worked_around_by_nobody() {
    let (version, server) = ("1.6", Server::with_jobs());
    let clock = Clock::new(version, server, "SELECT pg_sleep(600)", "1s");
    wait_until("it is under way", || {
        clock.jobs("SELECT count(*) FROM cron.job_run_details WHERE status = 'running'") != "0"
    });
    clock.files.write("migrations/app/001_t.sql", "CREATE TABLE t ();\n");
    let refused = clock.dunlin().run("up --yes").exits(75);
    assert!(
        refused.stdout.contains("job `maintenance-tick` of `jobs` has to rest meanwhile, and does not"),
        "{}",
        refused.stdout
    );
    assert!(refused.stdout.contains("and was awaited for 1 s"), "{}", refused.stdout);
    assert_eq!(clock.server.sql("main", "SELECT to_regclass('t') IS NULL"), "t");
    assert_eq!(clock.jobs("SELECT string_agg(jobname || ' ' || active, ',') FROM cron.job"), "maintenance-tick true");
}
