//! Declared jobs that are reconciled by a run that is killed: created, changed and removed, on every version of pg_cron.

use std::time::{Duration, Instant};

use dunlin_tests::{Dunlin, Fault, Proxy, Server, Workspace};

use crate::tally::{Tally, Verdict, kills};

const UP: &str = "up --yes";

/// Positions in the quick share.
const QUICK: usize = 8;

/// How long the server may be busy with what a killed run left.
const BUSY: Duration = Duration::from_secs(60);

const CONFIG: &str = "[project]\nname = \"small\"\n[targets.data]\nkind = \"postgres\"\nurl = \"${DATA}\"\n[targets.jobs]\nkind = \"cron\"\nurl = \"${JOBS}\"\n\
    [services.app]\ntarget = \"data\"\npath = \"app\"\n[services.cron]\ntarget = \"jobs\"\npath = \"cron\"\n";

const FILES: [(&str, &str); 2] = [
    ("app/001_t.sql", "CREATE TABLE app (a int);\n"),
    ("cron/V1__setup.sql", "CREATE EXTENSION IF NOT EXISTS pg_cron;\n"),
];

const BEFORE: &str = r#"
[jobs.rollup]
schedule = "5 * * * *"
command = "SELECT 1"
database = "data"
[jobs.old]
schedule = "@daily"
command = "SELECT 4"
"#;

const AFTER: &str = r#"
[jobs.rollup]
schedule = "6 * * * *"
command = "SELECT 2"
database = "other"
active = false
[jobs.clean]
schedule = "@daily"
command = "VACUUM"
"#;

/// Every job; the lines of the log that say that they were applied, which are once before and once after.
const STATE: &str = "SELECT concat_ws(E'\\n', (SELECT string_agg(concat_ws(' ', jobname, schedule, database, active, command), E'\\n' ORDER BY jobname) FROM cron.job), \
    (SELECT count(*) FROM dunlin.event WHERE id = 'cron/jobs' AND what = 'applied'))";

/// A server whose jobs all belong to the one project on it.
struct Jobs {
    server: Server,
    files: Workspace,
}

#[test]
fn jobs_of_a_run_that_is_killed() {
    let tried = Server::crontabs().into_iter().map(|(version, server)| {
        let jobs = Jobs::on(server);
        let proxy = Proxy::new(None);
        jobs.begin();
        let _ = proxy.watch(jobs.through(&proxy).start(UP)).exits(0);
        let expected = jobs.state();
        assert!(
            expected.contains("clean @daily postgres t VACUUM\nrollup 6 * * * * other f SELECT 2\n2"),
            "{expected}"
        );
        let tally = Tally::new("process killed at a message", format!("up, jobs of pg_cron {version}"));
        // They are one table of the server's.
        tally.each(1, kills(proxy.messages(), QUICK), |fault| jobs.attempt(*fault, &expected));
        tally
    });
    // What is written by then speaks for the whole test.
    tried.collect::<Vec<_>>().into_iter().for_each(Tally::end);
}

impl Jobs {
    fn on(server: Server) -> Self {
        for database in ["data", "other"] {
            let _ = server.sql("postgres", &format!("CREATE DATABASE {database}"));
        }
        let files = Workspace::of(&FILES);
        files.write("dunlin.toml", CONFIG);
        Self { server, files }
    }

    /// Applies the first declaration to a server without jobs, and declares the other one.
    fn begin(&self) {
        let _ = self
            .server
            .sql("postgres", "SELECT cron.unschedule(jobid) FROM cron.job; DROP SCHEMA IF EXISTS dunlin CASCADE");
        let _ = self.server.sql("data", "DROP SCHEMA IF EXISTS dunlin CASCADE; DROP TABLE IF EXISTS app");
        self.files.write("cron/jobs.toml", BEFORE);
        let _ = self.dunlin().run(UP).exits(0);
        self.files.write("cron/jobs.toml", AFTER);
    }

    fn attempt(&self, fault: Fault, expected: &str) -> Verdict {
        self.begin();
        let rollup = self.rollup();
        let proxy = Proxy::new(Some(fault));
        let _ = proxy.watch(self.through(&proxy).start(UP));
        if !proxy.has_struck() {
            return Verdict::Missed;
        }
        let since = Instant::now();
        let mut ended = self.dunlin().run(UP);
        while ended.code != Some(0) && since.elapsed() < BUSY {
            ended = self.dunlin().run(UP);
        }
        let status = self.dunlin().run("status");
        if (ended.code, status.code) != (Some(0), Some(0)) {
            return Verdict::Stuck(format!("{fault:?}: {ended:?}\n{status:?}"));
        }
        let found = (self.state(), self.rollup());
        if found == (expected.to_owned(), rollup) {
            Verdict::Converged
        } else {
            Verdict::Wrong(format!("{fault:?}: {found:?}"))
        }
    }

    fn state(&self) -> String {
        self.server.sql("postgres", STATE)
    }

    /// The number of the job that is changed, and never made anew.
    fn rollup(&self) -> String {
        self.server.sql("postgres", "SELECT jobid FROM cron.job WHERE jobname = 'rollup'")
    }

    fn dunlin(&self) -> Dunlin {
        self.by(|database| self.server.url(database))
    }

    fn through(&self, proxy: &Proxy) -> Dunlin {
        self.by(|database| proxy.url(&self.server.url(database)))
    }

    fn by(&self, url: impl Fn(&str) -> String) -> Dunlin {
        Dunlin::at(self.files.dir()).with("DATA", url("data")).with("JOBS", url("postgres"))
    }
}
