//! Declared jobs on real servers: the same story on pg_cron 1.6 and 1.4.

use dunlin_tests::{Dunlin, Server, Workspace};
use serde_json::Value;

const CONFIG: &str = r#"
[project]
name = "small"

[targets.data]
kind = "postgres"
url = "MAIN"

[targets.jobs]
kind = "cron"
url = "POSTGRES"

[services.app]
target = "data"
path = "migrations/app"

[services.cron]
target = "jobs"
path = "migrations/cron"
"#;

/// A server with its databases `main` and `other`, and a project on it.
struct Crontab {
    version: &'static str,
    server: Server,
    files: Workspace,
}

impl Crontab {
    fn each() -> impl Iterator<Item = Self> {
        Server::crontabs().into_iter().map(|(version, server)| {
            for database in ["main", "other"] {
                let _ = server.sql("postgres", &format!("CREATE DATABASE {database}"));
            }
            let config = CONFIG.replace("MAIN", &server.url("main")).replace("POSTGRES", &server.url("postgres"));
            let files = Workspace::of(&[("dunlin.toml", &config)]);
            files.write("migrations/app/001_t.sql", "CREATE TABLE app (a int);\n");
            files.write("migrations/cron/V1__setup.sql", "CREATE EXTENSION IF NOT EXISTS pg_cron;\n");
            Self { version, server, files }
        })
    }

    fn dunlin(&self) -> Dunlin {
        Dunlin::at(self.files.dir())
    }

    fn declare(&self, jobs: &str) {
        self.files.write("migrations/cron/jobs.toml", jobs);
    }

    fn sql(&self, text: &str) -> String {
        self.server.sql("postgres", text)
    }

    /// The server's jobs, one a line.
    fn jobs(&self) -> String {
        self.sql("SELECT concat_ws(' ', jobname, '[' || schedule || ']', database, username, active, command) FROM cron.job ORDER BY jobname, username")
    }

    /// What the plan does to jobs, one a line.
    fn planned(&self) -> String {
        let plan = self.dunlin().run("plan --format json").exits(0).json();
        let steps = plan["plan"]["steps"].as_array().cloned().unwrap_or_default();
        let changes = steps.iter().filter_map(|step| step["body"]["jobs"]["changes"].as_array()).flatten();
        changes.map(told).collect::<Vec<_>>().join("\n")
    }

    fn up(&self) {
        let _ = self.dunlin().run("up --yes").exits(0);
        let _ = self.dunlin().run("status").exits(0);
        let again = self.dunlin().run("plan").exits(0);
        assert!(again.stdout.contains("nothing to do"), "{}: {}", self.version, again.stdout);
    }

    /// Declares jobs, which the plan and the server then show.
    #[track_caller]
    fn check(&self, jobs: &str, planned: &str, after: &str) {
        self.declare(jobs);
        self.settle(planned, after);
    }

    #[track_caller]
    fn settle(&self, planned: &str, after: &str) {
        let even =
            |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        assert_eq!(self.planned(), even(planned), "pg_cron {}", self.version);
        self.up();
        assert_eq!(self.jobs(), even(after), "pg_cron {}", self.version);
    }
}

/// A change in a line.
fn told(change: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let hand = |value: &Value| if value["by_hand"] == true { " by hand" } else { "" };
    let kind = text(&change["change"]);
    match kind.as_str() {
        "create" => format!("create {}{}", text(&change["job"]["name"]), hand(change)),
        "remove" => format!("remove {}", text(&change["name"])),
        _ => {
            let what = change["what"].as_array().cloned().unwrap_or_default();
            let what: Vec<_> = what
                .iter()
                .map(|one| format!("{} {} -> {}{}", text(&one["key"]), text(&one["from"]), text(&one["to"]), hand(one)))
                .collect();
            let kind = if change["adopted"] == true { "adopt" } else { "alter" };
            format!("{kind} {} {}", text(&change["job"]["name"]), what.join(", ")).trim_end().to_owned()
        }
    }
}

fn job(name: &str, schedule: &str, command: &str, more: &str) -> String {
    format!("[jobs.{name}]\nschedule = \"{schedule}\"\ncommand = \"{command}\"\n{more}\n")
}

#[test]
fn jobs_become_what_is_declared() {
    for crontab in Crontab::each() {
        let id = || crontab.sql("SELECT jobid FROM cron.job WHERE jobname = 'rollup'");
        let clean = job("clean", "@daily", "VACUUM", "");
        crontab.check(
            &(job("rollup", "5 * * * *", "SELECT 1", "database = \"data\"") + &clean),
            "create rollup
             create clean",
            "clean [@daily] postgres postgres t VACUUM
             rollup [5 * * * *] main postgres t SELECT 1",
        );
        let first = id();
        // In another database, which 1.4 would not be told by scheduling it again; and still the same job.
        crontab.check(
            &(job("rollup", "6 * * * *", "SELECT 2", "database = \"other\"") + &clean),
            "alter rollup schedule 5 * * * * -> 6 * * * *, command SELECT 1 -> SELECT 2, database main -> other",
            "clean [@daily] postgres postgres t VACUUM
             rollup [6 * * * *] other postgres t SELECT 2",
        );
        crontab.check(
            &(job("rollup", "6 * * * *", "SELECT 2", "database = \"other\"\nactive = false") + &clean),
            "alter rollup active true -> false",
            "clean [@daily] postgres postgres t VACUUM
             rollup [6 * * * *] other postgres f SELECT 2",
        );
        assert_eq!(id(), first);
        // What others made stays, or is taken over by its name; what is declared no longer goes.
        let _ = crontab.sql(
            "SELECT cron.schedule('alien', '@daily', 'SELECT 3'); SELECT cron.schedule('old', '@daily', 'SELECT 4')",
        );
        crontab.check(
            &(job("old", "@daily", "SELECT 4", "database = \"data\"") + &clean),
            "adopt old database postgres -> main
             remove rollup",
            "alien [@daily] postgres postgres t SELECT 3
             clean [@daily] postgres postgres t VACUUM
             old [@daily] main postgres t SELECT 4",
        );
        crontab.check(
            &(clean.clone() + &job("alien", "@daily", "SELECT 3", "")),
            "adopt alien
             remove old",
            "alien [@daily] postgres postgres t SELECT 3
             clean [@daily] postgres postgres t VACUUM",
        );
        let down = crontab.dunlin().run("down --version cron/jobs --yes");
        let _ = down.exits(0);
        assert_eq!(crontab.jobs(), "");
        crontab.settle(
            "create clean
             create alien",
            "alien [@daily] postgres postgres t SELECT 3
             clean [@daily] postgres postgres t VACUUM",
        );
    }
}

#[test]
fn what_somebody_did_by_hand_is_drift_and_put_right() {
    for crontab in Crontab::each() {
        let jobs =
            job("rollup", "5 * * * *", "SELECT 1", "database = \"data\"") + &job("clean", "@daily", "VACUUM", "");
        crontab.declare(&jobs);
        crontab.up();
        let _ = crontab.sql(
            "SELECT cron.alter_job(jobid, schedule := '7 * * * *', active := false) FROM cron.job WHERE jobname = 'rollup'; \
             SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'clean'",
        );
        let status = crontab.dunlin().run("status").exits(4);
        let shown = status.stdout + &status.stderr;
        for said in [
            "job `rollup` of `jobs` was changed by hand: schedule is `7 * * * *` and was `5 * * * *`, it is paused",
            "job `clean` of `jobs` is not there any more",
        ] {
            assert!(shown.contains(said), "{shown}");
        }
        let plan = crontab.dunlin().run("plan").exits(0).stdout;
        assert!(plan.contains("schedule: 7 * * * * → 5 * * * *, changed by hand"), "{plan}");
        crontab.settle(
            "alter rollup schedule 7 * * * * -> 5 * * * * by hand, active false -> true by hand
             create clean by hand",
            "clean [@daily] postgres postgres t VACUUM
             rollup [5 * * * *] main postgres t SELECT 1",
        );
        // Jobs of databases that are gone: one of Dunlin's, and one of somebody's, which is no drift of the project's.
        let orphan =
            |name: &str| format!("job `{name}` of `jobs` works in database `other`, which is not there any more");
        let _ = crontab.sql("SELECT cron.schedule_in_database('alien', '@daily', 'SELECT 1', 'other')");
        crontab.declare(&(jobs + &job("far", "@daily", "SELECT 1", "database = \"other\"")));
        crontab.up();
        let _ = crontab.sql("DROP DATABASE other");
        let status = crontab.dunlin().run("status").exits(4);
        let shown = status.stdout + &status.stderr;
        assert!(shown.contains(&orphan("far")) && shown.contains(&orphan("alien")), "{shown}");
        let _ = crontab.sql("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'far'");
        crontab.declare("");
        let _ = crontab.dunlin().run("up --yes").exits(0);
        let status = crontab.dunlin().run("status").exits(0);
        assert!((status.stdout + &status.stderr).contains(&orphan("alien")));
    }
}

#[test]
fn a_routine_that_jobs_call_and_somebody_dropped_is_drift() {
    for crontab in Crontab::each() {
        let made = "CREATE SCHEMA r; CREATE FUNCTION r.up() RETURNS int LANGUAGE sql AS 'SELECT 1';
                    CREATE FUNCTION r.plain() RETURNS int LANGUAGE sql AS 'SELECT 1'";
        let _ = crontab.server.sql("main", made);
        // Found by a search path, the server's own, and no function at all.
        let rollup = job("rollup", "@daily", "SELECT r.up(), coalesce(plain(), length('a'))", "database = \"data\"");
        let elsewhere = job("far", "@daily", "SELECT r.up()", "database = \"other\"");
        crontab.declare(&(rollup + &elsewhere));
        crontab.up();
        let _ = crontab.dunlin().run("verify").exits(0);
        let orphan = |name: &str| format!("`{name}`, which job `rollup` calls, is not in `data`");
        for name in ["r.up", "r.plain"] {
            let _ = crontab.server.sql("main", &format!("DROP FUNCTION {name}"));
            let verify = crontab.dunlin().run("verify").exits(4);
            let shown = verify.stdout + &verify.stderr;
            let name = name.replace("r.plain", "public.plain");
            assert!(shown.contains(&orphan(&name)) && !shown.contains("`far`"), "{shown}");
        }
        let _ = crontab.dunlin().run("cron pause rollup --reason later").exits(0);
        let _ = crontab.dunlin().run("verify").exits(0);
        let _ = crontab.sql("SELECT cron.unschedule(jobid) FROM cron.job");
    }
}

#[test]
fn what_the_server_would_refuse_is_found_before_anything_runs() {
    for crontab in Crontab::each() {
        crontab.declare("");
        crontab.up();
        let refused = |jobs: &str| {
            crontab.declare(jobs);
            let plan = crontab.dunlin().run("plan");
            (plan.code, plan.stdout + &plan.stderr)
        };
        for (more, said) in [
            ("database = \"mian\"", "job `a` works in `mian`, which is neither a target nor a database of this server"),
            ("user = \"nobody\"", "job `a` runs as `nobody`, which is no role of the server that may log in"),
        ] {
            let (code, shown) = refused(&job("a", "@daily", "SELECT 1", more));
            assert!(code == Some(2) && shown.contains(said), "{code:?} {shown}");
        }
        let long = "n".repeat(64);
        let of_16 = [
            (
                job("a", "5 seconds", "SELECT 1", ""),
                "job `a` has a schedule of seconds, which pg_cron knows from 1.6 on, and the server has 1.4",
            ),
            (job("a", "0 0 $ * *", "SELECT 1", ""), "job `a` has `$` for the last day of the month"),
            (job(&long, "@daily", "SELECT 1", ""), "has 64 bytes, and pg_cron 1.4 would cut it off after 63"),
        ];
        for (jobs, said) in of_16 {
            let (code, shown) = refused(&jobs);
            if crontab.version == "1.4" {
                assert!(code == Some(2) && shown.contains(said), "{code:?} {shown}");
            } else {
                assert_eq!(code, Some(0), "{shown}");
                crontab.up();
            }
        }
    }
}

/// What is a schedule here is one to the server, and what is none is none.
#[test]
fn schedules_are_read_as_the_server_reads_them() {
    let good = [
        "* * * * *",
        "*/15 0-6,22 1,15 jan-mar MON-fri",
        "0 0 * * 7",
        "@hourly",
        "@reboot",
        " 5 * * * *",
        "5\t*  * * *",
        "0 0 1-31/2 * *",
    ];
    let bad = [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5/2 * * * *",
        "@dayly",
        "x * * * *",
        "*/0 * * * *",
        "0 seconds",
        "60 seconds",
    ];
    for (version, server) in Server::crontabs() {
        let only_new = ["30 seconds", "1 second", "0 0 $ * *"];
        let taken = |text: &str| {
            let query = format!(
                "DO $$ BEGIN PERFORM cron.schedule('x', '{text}', 'SELECT 1'); EXCEPTION WHEN invalid_parameter_value THEN RAISE 'no'; END $$"
            );
            server.psql("postgres", &query).is_ok()
        };
        let mut other = Vec::new();
        for text in good.iter().chain(&bad).chain(&only_new) {
            let schedule = dunlin_planner::Schedule::parse(text);
            let new = version == "1.6" || schedule.as_ref().is_ok_and(|schedule| schedule.needs().is_none());
            if (schedule.is_ok() && new) != taken(text) {
                other.push((version, *text, taken(text)));
            }
        }
        assert_eq!(other, []);
    }
}
