//! The judgement over the server's facts.

use std::collections::BTreeSet;

use dunlin_driver_postgres::{Flavor, POSTGRES, Pausing, ServerFacts};
use dunlin_planner::{Failure, FailureClass, Feature, Offers, Support};

const EXTENSION: &str = "pg_cron";
const DATABASE: &str = "cron.database_name";

/// The setting can be read by superusers and members of pg_read_all_settings; for others the installed extension tells.
const SETTINGS: &str = "SELECT 'cron.database_name' AS name, current_setting('cron.database_name', true) AS value";

/// The jobs. Row security shows others than superusers their own, which are the ones that they may change.
const JOBS: Pausing = Pausing {
    noun: "job",
    present: "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') AS present",
    list: "SELECT j.jobid AS key, COALESCE(j.jobname::text, '') AS name, d.oid AS database, j.active \
           FROM cron.job j LEFT JOIN pg_database d ON d.datname = j.database ORDER BY j.jobid",
    pause: "SELECT cron.alter_job(job_id := $1, active := false)",
    resume: "SELECT cron.alter_job(job_id := jobid, active := true) FROM cron.job WHERE jobid = $1",
};

/// Workers that jobs take from the server, where each runs in one.
const WORKERS: &str = "SELECT name, setting AS value FROM pg_settings \
    WHERE name IN ('max_worker_processes', 'cron.use_background_workers', 'cron.max_running_jobs')";

/// What PostgreSQL can do, with jobs.
pub const OFFERS: Offers = Offers { pausing: Support::Yes, ..POSTGRES };

/// The database of pg_cron's jobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cron;

impl Flavor for Cron {
    fn offers(&self) -> Offers {
        OFFERS
    }

    fn extra_queries(&self) -> &'static [&'static str] {
        &[SETTINGS]
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
