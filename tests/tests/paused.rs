//! Jobs that rest while a run works, and go on whatever becomes of the run.

use std::time::{Duration, Instant};

use dunlin_tests::{Dunlin, Running, Server, Sql, Workspace, wait_until};
use nix::sys::signal::Signal;

/// A server with jobs of pg_cron, none of which ever comes due, and a project on its databases `main` and `postgres`.
struct Jobs {
    server: Server,
    files: Workspace,
}

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

[services.app]
target = "main"
path = "migrations/app"

[services.web]
target = "main"
path = "migrations/web"
"#;

const JOBS: &str = "
CREATE EXTENSION IF NOT EXISTS pg_cron;
SELECT cron.schedule_in_database(name, '0 0 1 1 *', 'SELECT 1', of)
FROM (VALUES ('maintenance-main', 'main'), ('maintenance-jobs', 'postgres'), ('report', 'main'), ('maintenance-off', 'main')) AS j(name, of);
SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE jobname = 'maintenance-off'";

impl Jobs {
    /// `app/001` and `web/001` are applied; `app/002` and `web/002` wait for the advisory locks 1 and 2.
    fn new() -> Self {
        let server = Server::own();
        let _ = server.sql("postgres", "CREATE DATABASE main");
        let _ = server.sql("postgres", JOBS);
        let config = CONFIG.replace("MAIN", &server.url("main")).replace("POSTGRES", &server.url("postgres"));
        let files = Workspace::of(&[("dunlin.toml", &config)]);
        files.write("migrations/app/001_t.sql", "CREATE TABLE app (a int);\n");
        files.write("migrations/web/001_t_UP.sql", "CREATE TABLE web (a int);\n");
        files.write("migrations/web/001_t_DOWN.sql", "DROP TABLE web;\n");
        let this = Self { server, files };
        let first = this.dunlin().run("--log-format json up --yes").exits(0);
        assert_eq!(told(&first.stderr), ["paused job `maintenance-main`", "resumed job `maintenance-main`"]);
        this.files.write("migrations/app/002_wait.sql", "SELECT pg_advisory_xact_lock(1);\n");
        this.files.write("migrations/web/002_wait.sql", "SELECT pg_advisory_xact_lock(2);\n");
        this
    }

    fn dunlin(&self) -> Dunlin {
        Dunlin::at(self.files.dir())
    }

    /// A session that holds the locks that the migrations wait for.
    fn gate(&self, locks: &[u8]) -> Sql {
        let mut session = self.server.session("main");
        locks.iter().for_each(|lock| session.run(&format!("SELECT pg_advisory_lock({lock});")));
        session
    }

    /// A session in which nobody can change a job.
    fn frozen(&self) -> Sql {
        let mut session = self.server.session("postgres");
        session.run("BEGIN; SELECT jobid FROM cron.job FOR UPDATE;");
        session
    }

    /// A run of one service's second migration, once it waits at its gate.
    fn waiting(&self, service: &str) -> Running {
        let run = self.dunlin().start(&format!("up --yes --service {service}"));
        let lock = if service == "app" { 1 } else { 2 };
        let query = format!("SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = {lock} AND NOT granted");
        wait_until("the migration waits", || self.server.sql("main", &format!("SELECT EXISTS ({query})")) == "t");
        run
    }

    /// Kills a run at its gate, and waits until the server has noticed: its migration did not happen.
    fn kill(&self, run: Running, gate: Sql) {
        run.kill();
        let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)";
        wait_until("the server is done with it", || self.server.sql("main", waits) == "f");
        drop(gate);
    }

    /// The jobs that go on.
    fn active(&self) -> String {
        let query = "SELECT string_agg(jobname, ' ' ORDER BY jobname) FROM cron.job WHERE active AND jobname NOT LIKE 'dunlin-%'";
        self.server.sql("postgres", query)
    }

    fn remove_second(&self) {
        for file in ["migrations/app/002_wait.sql", "migrations/web/002_wait.sql"] {
            fs_err::remove_file(self.files.path(file)).expect("it is there");
        }
    }

    /// How many obligations are open.
    fn owed(&self) -> String {
        self.server.sql("postgres", "SELECT count(*) FROM dunlin.obligation WHERE done IS NULL")
    }

    fn wait_for_statement(&self, text: &str) {
        let query = format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{text}%' AND pid <> pg_backend_pid())"
        );
        wait_until(text, || self.server.sql("postgres", &query) == "t");
    }
}

const ALL: &str = "maintenance-jobs maintenance-main report";
const REST: &str = "maintenance-jobs report";

/// What events say of pauses.
fn told(stderr: &str) -> Vec<String> {
    let events = stderr.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let word = |event: serde_json::Value| {
        let what = event["what"].as_str()?.to_owned();
        Some(match event["event"].as_str()? {
            "paused" => format!("paused {what}"),
            "resumed" => format!("{} {what}", event["end"].as_str()?),
            _ => return None,
        })
    };
    events.filter_map(word).collect()
}

#[test]
fn a_killed_run_leaves_a_debt_that_the_next_one_pays_first() {
    let jobs = Jobs::new();
    let gate = jobs.gate(&[1]);
    let run = jobs.waiting("app");
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (REST, "1"));
    let status = jobs.dunlin().run("status").exits(0);
    assert!(status.stdout.contains("that run is at work, and resumes it"), "{}", status.stdout);
    let plan = jobs.dunlin().run("plan --format json --service web").exits(0).json();
    assert_eq!(plan["plan"]["left_paused"].as_array().map(Vec::len), Some(0), "it is left alone while its run lives");

    jobs.kill(run, gate);
    let status = || jobs.dunlin().run("status").exits(0).stdout;
    wait_until("the killed run is seen to be gone", || status().contains("the next `dunlin up` resumes it"));
    assert_eq!(jobs.active(), REST);
    let paused = jobs.dunlin().run("status --format json").exits(0).json();
    let paused =
        paused["targets"].as_array().and_then(|targets| targets.iter().find(|target| target["name"] == "jobs"));
    assert_eq!(paused.map(|target| &target["paused"][0]["what"]), Some(&"job `maintenance-main`".into()));

    // Neither without leave nor by looking is anything resumed.
    jobs.remove_second();
    let refused = jobs.dunlin().run("up").exits(2);
    assert!(refused.stderr.contains("confirmation-needed"), "{}", refused.stderr);
    assert_eq!(jobs.dunlin().run("up --dry-run").exits(0).code, jobs.dunlin().run("plan").exits(0).code);
    assert_eq!(jobs.active(), REST);

    let next = jobs.dunlin().run("--log-format json up --yes").exits(0);
    assert_eq!(told(&next.stderr), ["resumed job `maintenance-main`"]);
    assert!(next.stdout.contains("job `maintenance-main` goes on again"), "{}", next.stdout);
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (ALL, "0"));
    assert!(!status().contains("paused"), "{}", status());
    let history = jobs.dunlin().run("history").exits(0).stdout;
    assert_eq!(history.matches("resumed  job `maintenance-main`").count(), 2, "{history}");
    let again = jobs.dunlin().run("--log-format json up --yes").exits(0);
    assert!(told(&again.stderr).is_empty() && again.stdout.contains("nothing to do"), "{}", again.stdout);
}

#[test]
fn a_down_pays_it_too() {
    let jobs = Jobs::new();
    let gate = jobs.gate(&[1]);
    jobs.kill(jobs.waiting("app"), gate);
    jobs.remove_second();
    wait_until("the run is gone", || jobs.dunlin().run("status").stdout.contains("the next `dunlin up` resumes it"));
    let down = jobs.dunlin().run("--log-format json down --set web --yes").exits(0);
    let resumed = "resumed job `maintenance-main`";
    assert_eq!(told(&down.stderr), [resumed, "paused job `maintenance-main`", resumed]);
    assert_eq!(jobs.active(), ALL);
}

#[test]
fn a_job_rests_until_the_last_of_two_runs_is_over() {
    let jobs = Jobs::new();
    let (first_gate, second_gate) = (jobs.gate(&[1]), jobs.gate(&[2]));
    let (first, second) = (jobs.waiting("app"), jobs.waiting("web"));
    assert_eq!(jobs.owed(), "2");
    drop(first_gate);
    let first = first.finish().exits(0);
    assert_eq!(told(&first.stderr), ["paused job `maintenance-main`", "still-needed job `maintenance-main`"]);
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (REST, "1"));
    drop(second_gate);
    let second = second.finish().exits(0);
    assert_eq!(told(&second.stderr), ["paused job `maintenance-main`", "resumed job `maintenance-main`"]);
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (ALL, "0"));
}

#[test]
fn whatever_ends_a_run_the_jobs_go_on() {
    let jobs = Jobs::new();
    let gate = jobs.gate(&[1]);
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let run = jobs.waiting("app");
        run.signal(signal);
        let _ = run.finish().exits(75);
        assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (ALL, "0"), "{signal}");
    }
    drop(gate);
    jobs.files.write("migrations/app/002_wait.sql", "SELECT 1/0;\n");
    let _ = jobs.dunlin().run("up --yes --service app").exits(1);
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (ALL, "0"));
    // The job goes while the run does: there is nothing to resume, and that is said.
    let gate = jobs.gate(&[2]);
    let run = jobs.waiting("web");
    let _ =
        jobs.server.sql("postgres", "SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'maintenance-main'");
    drop(gate);
    let run = run.finish().exits(0);
    assert_eq!(told(&run.stderr), ["paused job `maintenance-main`", "gone job `maintenance-main`"]);
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (REST, "0"));
}

#[test]
fn a_run_that_seems_to_be_gone_resumes_at_its_end_all_the_same() {
    let jobs = Jobs::new();
    let gate = jobs.gate(&[1]);
    let run = jobs.waiting("app");
    let proof = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'";
    assert_eq!(jobs.server.sql("postgres", proof), "t");
    let status = || jobs.dunlin().run("status").exits(0).stdout;
    wait_until("it seems to be gone", || status().contains("the next `dunlin up` resumes it"));
    drop(gate);
    let run = run.finish().exits(0);
    assert_eq!(told(&run.stderr), ["paused job `maintenance-main`", "resumed job `maintenance-main`"]);
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (ALL, "0"));
}

#[test]
fn nothing_is_paused_without_its_record_and_nothing_resumed_without_its_line() {
    let jobs = Jobs::new();
    // Killed between the record and the pause, which are one transaction: neither happened.
    let frozen = jobs.frozen();
    let run = jobs.dunlin().start("up --yes --service app");
    jobs.wait_for_statement("cron.alter_job(job_id := %, active := false)");
    run.kill();
    drop(frozen);
    wait_until("the server is done with it", || jobs.owed() == "0" && jobs.active() == ALL);

    // Killed while it resumes, which is one transaction with the mark in the ledger: still owed.
    let gate = jobs.gate(&[1]);
    let run = jobs.waiting("app");
    let frozen = jobs.frozen();
    drop(gate);
    jobs.wait_for_statement("cron.alter_job(job_id := jobid, active := true)");
    run.kill();
    drop(frozen);
    let is_settled = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%cron.alter_job%' AND pid <> pg_backend_pid())";
    wait_until("the server is done with it", || jobs.server.sql("postgres", is_settled) == "t");
    let (owed, active) = (jobs.owed(), jobs.active());
    // The statement may have come to its end by itself, but never its transaction, whose COMMIT was never sent.
    assert_eq!((owed.as_str(), active.as_str()), ("1", REST));
    let _ = jobs.dunlin().run("up --yes").exits(0);
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (ALL, "0"));
}

/// Whoever may write into the ledger would have a more powerful role run it.
#[test]
fn nothing_is_run_that_somebody_put_into_the_ledger() {
    let jobs = Jobs::new();
    let plant = |undo: &str| {
        let undo = undo.replace('\'', "''");
        jobs.server.sql("postgres", &format!("SET ROLE dunlin_runner; INSERT INTO dunlin.obligation (project, run_id, what, undo_sql) VALUES ('small', gen_random_uuid(), 'job `report`', '{undo}'); RESET ROLE"))
    };
    let _ = jobs.server.sql(
        "postgres",
        "CREATE ROLE dunlin_runner; GRANT USAGE ON SCHEMA dunlin TO dunlin_runner; GRANT INSERT ON dunlin.obligation TO dunlin_runner; \
         SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE jobname = 'report'",
    );
    let resumption = "SELECT cron.alter_job(job_id := jobid, active := true) FROM cron.job WHERE jobid = 3";
    for undo in
        ["ALTER ROLE dunlin_runner SUPERUSER", &format!("{resumption} OR true"), &format!("{resumption}; DROP TABLE t")]
    {
        let _ = plant(undo);
    }
    let refused = jobs.dunlin().run("up --yes").exits(1).stdout;
    let told = refused.find("error:").map_or(refused.as_str(), |at| &refused[at..]);
    insta::assert_snapshot!(told, @"
    error: job `report` is still paused on jobs: what would resume job `report` is no query that this kind of target has, and was not run
    hint: `SELECT * FROM dunlin.obligation WHERE seq = 2` shows it; resume by hand what is paused, and set `done` there

    error: job `report` is still paused on jobs: what would resume job `report` is no query that this kind of target has, and was not run
    hint: `SELECT * FROM dunlin.obligation WHERE seq = 3` shows it; resume by hand what is paused, and set `done` there

    error: job `report` is still paused on jobs: what would resume job `report` is no query that this kind of target has, and was not run
    hint: `SELECT * FROM dunlin.obligation WHERE seq = 4` shows it; resume by hand what is paused, and set `done` there

    Every step is done, and something is still paused. Next: mend the cause and run `dunlin up` again:
    it resumes that first.
    ");
    let power = "SELECT rolsuper FROM pg_roles WHERE rolname = 'dunlin_runner'";
    assert_eq!((jobs.server.sql("postgres", power).as_str(), jobs.owed().as_str()), ("f", "3"));

    let _ = jobs.server.sql("postgres", "UPDATE dunlin.obligation SET done = now() WHERE done IS NULL");
    let _ = plant(resumption);
    let _ = jobs.dunlin().run("up --yes").exits(0);
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (ALL, "0"));
}

#[test]
fn what_cannot_be_paused_is_not_worked_on() {
    let jobs = Jobs::new();
    jobs.remove_second();
    jobs.files.write("migrations/app/002_more.sql", "CREATE TABLE more ();\n");
    let mut blocked = jobs.server.session("postgres");
    blocked.run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now' USING ERRCODE = '42501'; END $$; CREATE TRIGGER refuse BEFORE UPDATE ON cron.job FOR EACH ROW EXECUTE FUNCTION refuse();");
    let refused = jobs.dunlin().run("up --yes").exits(1);
    assert!(refused.stdout.contains("has to rest meanwhile, and cannot be paused: not now"), "{}", refused.stdout);
    assert_eq!(jobs.server.sql("main", "SELECT to_regclass('more') IS NULL"), "t");
    assert_eq!((jobs.active().as_str(), jobs.owed().as_str()), (ALL, "0"));
    blocked.run("DROP TRIGGER refuse ON cron.job;");
    let _ = jobs.dunlin().run("up --yes").exits(0);
}

#[test]
fn a_run_that_waits_for_a_ledger_stops_when_it_is_asked_to() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Workspace::small(&database.url());
    files.write("migrations/app/001_t.sql", "CREATE TABLE t ();\n");
    let mut somebody = database.session();
    somebody.run("BEGIN; SELECT pg_advisory_xact_lock(('x' || encode('dunl', 'hex'))::bit(32)::int, 0);");
    let run = Dunlin::at(files.dir()).start("up --yes");
    let waits =
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()";
    wait_until("the run waits", || database.sql(waits) == "t");
    run.signal(Signal::SIGTERM);
    let since = Instant::now();
    let stopped = run.finish().exits(75);
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
    assert!(stopped.stdout.contains("The run was stopped"), "{}", stopped.stdout);
}
