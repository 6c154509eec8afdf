//! The judgement over the server's facts.

use std::collections::BTreeSet;

use dunlin_driver_postgres::{Crontab, Flavor, POSTGRES, Pausing, ServerFacts};
use dunlin_planner::{Failure, FailureClass, Feature, JobFacts, Jobs, Offers, Place, Support};

use crate::jobs;

pub(crate) const EXTENSION: &str = "pg_cron";
const DATABASE: &str = "cron.database_name";

/// The setting can be read by superusers and members of pg_read_all_settings; for others the installed extension tells.
const SETTINGS: &str = "SELECT 'cron.database_name' AS name, current_setting('cron.database_name', true) AS value";

/// The jobs. Row security shows others than superusers their own, which are the ones that they may change.
const JOBS: Pausing = Pausing {
    noun: "job",
    present: "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') AS present",
    list: "SELECT j.jobid AS key, COALESCE(j.jobname::text, '') AS name, d.oid AS database, j.active \
           FROM cron.job j LEFT JOIN pg_database d ON d.datname = j.database \
           WHERE COALESCE(j.jobname::text, '') NOT LIKE 'dunlin-%' ORDER BY j.jobid",
    pause: "SELECT cron.alter_job(job_id := $1, active := false)",
    resume: "SELECT cron.alter_job(job_id := jobid, active := true) FROM cron.job WHERE jobid = $1",
    // By the log of runs, where there is one, and by the processes themselves.
    busy: "SELECT j.jobid AS key, a.pid, COALESCE(GREATEST(extract(epoch FROM clock_timestamp() - a.query_start)::int8, 0), 0) AS seconds \
           FROM cron.job j LEFT JOIN pg_stat_activity a ON a.datname = j.database AND a.state <> 'idle' AND \
           (a.pid IN (SELECT d.job_pid FROM cron.job_run_details d WHERE d.jobid = j.jobid AND d.end_time IS NULL) \
           OR ((a.backend_type LIKE 'pg_cron%' OR a.application_name LIKE 'pg_cron%') AND a.query = j.command)) \
           WHERE j.jobid IN ($1) AND (a.pid IS NOT NULL OR EXISTS (SELECT FROM cron.job_run_details d WHERE d.jobid = j.jobid \
           AND d.status IN ('starting', 'connecting', 'sending') AND d.job_pid IS NULL AND d.end_time IS NULL)) ORDER BY j.jobid",
    // What goes by the clock begins at a minute's beginning.
    soon: "SELECT extract(second FROM clock_timestamp()) < 3 OR EXISTS (SELECT FROM cron.job WHERE jobid IN ($1) AND schedule ILIKE '%second%') AS soon",
    watch: "SELECT cron.schedule('dunlin-resume', '* * * * *', $1)",
    unwatch: "SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname::text = 'dunlin-resume'",
};

/// Workers that jobs take from the server, where each runs in one.
const WORKERS: &str = "SELECT name, setting AS value FROM pg_settings \
    WHERE name IN ('max_worker_processes', 'cron.use_background_workers', 'cron.max_running_jobs')";

/// What PostgreSQL can do, with jobs.
pub const OFFERS: Offers = Offers { pausing: Support::Yes, jobs: Support::Yes, ..POSTGRES };

/// Of a run that was begun by a server that is gone nothing but its beginning is known.
const CRONTAB: Crontab = Crontab {
    present: JOBS.present,
    runs: "SELECT r.runid AS run, r.jobid AS job, COALESCE(j.jobname::text, '') AS name, r.status, COALESCE(r.return_message, '') AS message, \
           (extract(epoch FROM r.start_time) * 1000000)::int8 AS started, (extract(epoch FROM r.end_time) * 1000000)::int8 AS ended \
           FROM (SELECT d.*, row_number() OVER (PARTITION BY d.jobid ORDER BY d.runid DESC) AS age FROM cron.job_run_details d WHERE $1) AS r \
           JOIN cron.job j ON j.jobid = r.jobid WHERE r.age <= $2 AND COALESCE(j.jobname::text, '') NOT LIKE 'dunlin-%' ORDER BY r.runid DESC",
    alter: "SELECT cron.alter_job(job_id := jobid, active := $2) FROM cron.job WHERE jobid = $1",
};

/// The database of pg_cron's jobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cron;

impl Flavor for Cron {
    fn offers(&self) -> Offers {
        OFFERS
    }

    fn extra_queries(&self) -> &'static [&'static str] {
        &[SETTINGS, jobs::LIVE, jobs::LIMITS]
    }

    fn crontab(&self) -> Option<Crontab> {
        Some(CRONTAB)
    }

    fn jobs(&self, facts: &ServerFacts) -> Option<JobFacts> {
        jobs::facts(facts)
    }

    fn reconcile(&self, declared: &Jobs) -> Vec<(String, Option<Place>)> {
        jobs::statements(declared)
    }

    fn health_queries(&self) -> &'static [&'static str] {
        &[WORKERS]
    }

    fn pausing(&self) -> Option<Pausing> {
        Some(JOBS)
    }

    fn describe(&self, facts: &ServerFacts) -> Option<String> {
        let extension = facts.extensions.get(EXTENSION)?;
        Some(match &extension.installed {
            Some(version) => format!("pg_cron {version}"),
            None => format!("pg_cron {} available", extension.default),
        })
    }

    fn features(&self, facts: &ServerFacts) -> Result<BTreeSet<Feature>, Failure> {
        if !facts.extensions.contains_key(EXTENSION) {
            let hint = "install pg_cron on the server, or let the target be of kind `postgres`".to_owned();
            return Err(refused("the target is of kind `cron` but the server has no pg_cron".to_owned(), hint));
        }
        match facts.extra.get(DATABASE) {
            Some(database) if *database != facts.database => {
                let message = format!(
                    "pg_cron keeps its jobs in database `{database}`, and the target names `{}`",
                    facts.database
                );
                let hint = format!(
                    "let the target's URL name `{database}`, or change `cron.database_name` and restart the server"
                );
                Err(refused(message, hint))
            }
            _ => Ok(facts.extension_features()),
        }
    }
}

fn refused(message: String, hint: String) -> Failure {
    Failure { hint: Some(hint), ..Failure::new(FailureClass::Rejected, message) }
}
