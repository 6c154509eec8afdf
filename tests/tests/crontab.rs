//! `dunlin cron` on real servers of either version.

use dunlin_tests::{Dunlin, Server, Workspace, wait_until};

const CONFIG: &str = r#"
[project]
name = "small"

[targets.jobs]
kind = "cron"
url = "POSTGRES"

[services.cron]
target = "jobs"
path = "migrations/cron"
"#;

const JOBS: &str = r#"
[jobs.nightly]
schedule = "15 3 * * *"
command = "INSERT INTO marks DEFAULT VALUES"
database = "main"

[jobs.broken]
schedule = "@hourly"
command = "SELECT 1/0"
database = "main"
"#;

fn project(server: &Server) -> Workspace {
    let _ = server.sql("postgres", "CREATE DATABASE main");
    let _ = server.sql("main", "CREATE TABLE marks (at timestamptz DEFAULT now(), by text DEFAULT current_user)");
    let files = Workspace::of(&[("dunlin.toml", &CONFIG.replace("POSTGRES", &server.url("postgres")))]);
    files.write("migrations/cron/V1__setup.sql", "CREATE EXTENSION IF NOT EXISTS pg_cron;\n");
    files.write("migrations/cron/jobs.toml", JOBS);
    files
}

#[test]
fn a_person_looks_at_jobs_runs_them_and_has_the_last_word() {
    for (version, server) in Server::crontabs() {
        let files = project(&server);
        let dunlin = Dunlin::at(files.dir());
        let _ = dunlin.run("up --yes").exits(0);
        let list = dunlin.run("cron list").exits(0).stdout;
        assert!(list.contains(&format!("pg_cron {version}, 2 jobs; schedules go by GMT")), "{list}");
        assert!(
            list.contains("main as postgres") && list.contains("03:15") && list.contains("no run is on record"),
            "{list}"
        );

        let _ = dunlin.run("cron run nightly").exits(2);
        let _ = dunlin.run("cron run nightly --yes").exits(0);
        assert_eq!(server.sql("main", "SELECT string_agg(by, ',') FROM marks"), "postgres");
        let failed = dunlin.run("cron run broken --yes").exits(1);
        assert!(failed.stderr.contains("division by zero"), "{}", failed.stderr);
        let unknown = dunlin.run("cron run nigthly --yes").exits(2);
        assert!(unknown.stderr.contains("did you mean `nightly`?"), "{}", unknown.stderr);

        let active = || server.sql("postgres", "SELECT active FROM cron.job WHERE jobname = 'nightly'");
        let _ = dunlin.run("cron pause nightly --reason ticket-817").exits(0);
        assert_eq!(active(), "f");
        // It counts more than what is declared, and is no drift; the rest of the job follows its file.
        assert!(dunlin.run("plan").exits(0).stdout.contains("nothing to do"));
        let _ = dunlin.run("status").exits(0);
        files.write("migrations/cron/jobs.toml", &JOBS.replace("15 3", "16 3"));
        let _ = dunlin.run("up --yes").exits(0);
        assert_eq!(active(), "f");
        let list = dunlin.run("cron list --format json").exits(0).json();
        let jobs = list["crontabs"][0]["jobs"].as_array().cloned().unwrap_or_default();
        let nightly = jobs.iter().find(|job| job["name"] == "nightly").cloned().unwrap_or_default();
        assert_eq!(
            (&nightly["state"], &nightly["schedule"]),
            (&"paused by postgres: ticket-817".into(), &"16 3 * * *".into())
        );
        // Switched on behind that person's back, it is drift.
        let _ = server
            .sql("postgres", "SELECT cron.alter_job(jobid, active := true) FROM cron.job WHERE jobname = 'nightly'");
        let _ = dunlin.run("status").exits(4);
        let _ = dunlin.run("up --yes").exits(0);
        assert_eq!(active(), "f");
        let _ = dunlin.run("cron resume nightly").exits(0);
        assert_eq!(active(), "t");
        assert!(dunlin.run("plan").exits(0).stdout.contains("nothing to do"));
        let _ = dunlin.run("history --verify").exits(0);
    }
}

#[test]
fn what_came_of_runs_is_shown() {
    let server = Server::with_jobs();
    let files = project(&server);
    let dunlin = Dunlin::at(files.dir());
    files.write("migrations/cron/jobs.toml", &JOBS.replace("@hourly", "1 second"));
    let _ = dunlin.run("up --yes").exits(0);
    let history = || dunlin.run("cron history broken --limit 1").exits(0).stdout;
    wait_until("it has run", || history().contains("failed"));
    assert!(history().contains("division by zero"), "{}", history());
    let list = dunlin.run("cron list").exits(0).stdout;
    assert!(list.contains("every second"), "{list}");
}
