//! The judgement over the server's facts.

use std::collections::BTreeSet;

use dunlin_driver_postgres::{Flavor, Listing, POSTGRES, Pausing, ServerFacts};
use dunlin_planner::{Failure, FailureClass, Feature, Offers, Support};

const EXTENSION: &str = "timescaledb";
const LICENSE: &str = "timescaledb.license";
/// A setting of the loader, there as soon as the library is preloaded.
const LOADER: &str = "timescaledb.disable_load";
const TSL_LIBRARY: &str = "tsl_library";

/// What Timescale's own licence adds: compression, continuous aggregates, policies.
const TSL: &str = "timescaledb-tsl";

const SETTINGS: &str = "SELECT name, current_setting(name, true) AS value FROM (VALUES ('timescaledb.license'), ('timescaledb.disable_load')) AS t(name)";

/// Where the extension is not created yet, its licence is told by the libraries that came with it. Asking takes a superuser.
const LIBRARY: &str = "SELECT 'tsl_library' AS name, \
    (pg_stat_file(c.setting || '/timescaledb-tsl-' || e.default_version || '.so', true)).size IS NOT NULL AS value \
    FROM pg_config c, pg_available_extensions e WHERE c.name = 'PKGLIBDIR' AND e.name = 'timescaledb'";

/// The jobs, such as policies, by what they run and on which table. Those of TimescaleDB itself are left alone. The extension is
/// taken to have its functions in `public`, as it does unless it is told otherwise.
const JOBS: Pausing = Pausing {
    noun: "job",
    present: "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') \
              AND current_setting('timescaledb.license', true) = 'timescale' AS present",
    list: "SELECT j.job_id AS key, concat_ws(' ', j.proc_name, COALESCE(a.user_view_name, j.hypertable_name)) AS name, \
           (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AS database, j.scheduled AS active \
           FROM timescaledb_information.jobs j LEFT JOIN _timescaledb_catalog.continuous_agg a \
           ON a.mat_hypertable_id::text = COALESCE(j.config ->> 'mat_hypertable_id', j.config ->> 'hypertable_id') \
           WHERE j.job_id >= 1000 ORDER BY j.job_id",
    pause: "SELECT public.alter_job($1, scheduled => false)",
    resume: "SELECT public.alter_job(job_id, scheduled => true) FROM timescaledb_information.jobs WHERE job_id = $1",
    busy: "SELECT j.job_id AS key, a.pid, COALESCE(GREATEST(extract(epoch FROM clock_timestamp() - a.xact_start)::int8, 0), 0) AS seconds \
           FROM timescaledb_information.jobs j JOIN pg_stat_activity a ON a.application_name = j.application_name \
           AND a.datname = current_database() WHERE j.job_id IN ($1) ORDER BY j.job_id",
    soon: "SELECT EXISTS (SELECT FROM timescaledb_information.jobs WHERE job_id IN ($1) \
           AND next_start BETWEEN clock_timestamp() - interval '3 s' AND clock_timestamp()) AS soon",
    // Its jobs run procedures, and there is none that runs a text: a deadline is refused when the configuration is read.
    watch: "SELECT FROM pg_class WHERE relname = $1",
    unwatch: "SELECT FROM pg_class WHERE false",
};

/// Hypertables, continuous aggregates and policies. What TimescaleDB makes for itself goes by names and numbers of its own.
const LISTING: Listing = Listing {
    present: "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AS present",
    list: "SELECT 'hypertable' AS kind, hypertable_schema AS schema, hypertable_name AS name, NULL AS procedure \
           FROM timescaledb_information.hypertables \
           UNION ALL SELECT 'aggregate', view_schema, view_name, NULL FROM timescaledb_information.continuous_aggregates \
           UNION ALL SELECT 'policy', COALESCE(a.user_view_schema, h.schema_name), COALESCE(a.user_view_name, h.table_name), j.proc_name \
           FROM timescaledb_information.jobs j JOIN _timescaledb_catalog.hypertable h \
           ON h.id::text = COALESCE(j.config ->> 'mat_hypertable_id', j.config ->> 'hypertable_id') \
           LEFT JOIN _timescaledb_catalog.continuous_agg a ON a.mat_hypertable_id = h.id \
           WHERE j.job_id >= 1000 AND j.proc_schema LIKE '\\_timescaledb\\_%' ORDER BY 1, 2, 3, 4",
};

/// Versions with which something came that files use: CREATE TABLE … WITH (tsdb.hypertable).
const MILESTONES: [(u32, u32); 1] = [(2, 20)];

/// Workers that jobs and their schedulers take from the server.
const WORKERS: &str = "SELECT name, setting AS value FROM pg_settings \
    WHERE name IN ('max_worker_processes', 'max_parallel_workers', 'timescaledb.max_background_workers')";

/// What PostgreSQL can do, with jobs in the background where the licence has them.
pub const OFFERS: Offers = Offers {
    pausing: Support::Partly("jobs of TimescaleDB's own scheduler, which its Apache build has not"),
    ..POSTGRES
};

/// A PostgreSQL database with TimescaleDB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timescale;

impl Flavor for Timescale {
    fn offers(&self) -> Offers {
        OFFERS
    }

    fn extra_queries(&self) -> &'static [&'static str] {
        &[SETTINGS, LIBRARY]
    }

    fn health_queries(&self) -> &'static [&'static str] {
        &[WORKERS]
    }

    fn listing(&self) -> Option<Listing> {
        Some(LISTING)
    }

    fn pausing(&self) -> Option<Pausing> {
        Some(JOBS)
    }

    fn describe(&self, facts: &ServerFacts) -> Option<String> {
        let extension = facts.extensions.get(EXTENSION)?;
        let license = facts.extra.get(LICENSE).map_or_else(String::new, |license| format!(" ({license})"));
        Some(match &extension.installed {
            Some(version) => format!("timescaledb {version}{license}"),
            None => format!("timescaledb {} available{license}", extension.default),
        })
    }

    fn features(&self, facts: &ServerFacts) -> Result<BTreeSet<Feature>, Failure> {
        let Some(extension) = facts.extensions.get(EXTENSION) else {
            let hint = "install TimescaleDB on the server, or let the target be of kind `postgres`";
            return Err(refused("the target is of kind `timescale` but the server has no timescaledb", hint));
        };
        if !facts.extra.contains_key(LOADER) {
            let hint = "add timescaledb to `shared_preload_libraries` and restart the server";
            return Err(refused("the target is of kind `timescale` but the server does not preload timescaledb", hint));
        }
        let version = extension.installed.as_deref().unwrap_or(&extension.default);
        let mut features = facts.extension_features();
        features.extend(MILESTONES.iter().filter(|since| at_least(version, since)).map(newer));
        if has_tsl(facts) == Some(true) {
            features.insert(Feature(TSL.to_owned()));
        }
        Ok(features)
    }

    fn unknown(&self, facts: &ServerFacts) -> BTreeSet<Feature> {
        has_tsl(facts).is_none().then(|| Feature(TSL.to_owned())).into_iter().collect()
    }
}

/// Whether the server has the TSL module; none where it does not tell this role.
fn has_tsl(facts: &ServerFacts) -> Option<bool> {
    match facts.extra.get(LICENSE) {
        Some(license) => Some(license == "timescale"),
        None => facts.extra.get(TSL_LIBRARY).map(|found| found == "t"),
    }
}

/// The name under which a server offers what came with a version: `timescaledb-2.20`.
fn newer((major, minor): &(u32, u32)) -> Feature {
    Feature(format!("{EXTENSION}-{major}.{minor}"))
}

fn at_least(version: &str, since: &(u32, u32)) -> bool {
    let mut parts = version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= *since
}

fn refused(message: &str, hint: &str) -> Failure {
    Failure { hint: Some(hint.to_owned()), ..Failure::new(FailureClass::Rejected, message) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use dunlin_driver_postgres::Extension;
    use dunlin_planner::ServerVersion;

    use super::*;

    /// What becomes of a server with the extension (installed or not) and these settings.
    fn judged(installed: Option<Option<&str>>, extra: &[(&str, &str)]) -> String {
        let extension = installed.map(|installed| {
            (EXTENSION.to_owned(), Extension { default: "2.19.3".to_owned(), installed: installed.map(str::to_owned) })
        });
        let facts = ServerFacts {
            database: "metrics".to_owned(),
            version: ServerVersion(170_011),
            version_name: "17.11".to_owned(),
            standby: false,
            extensions: extension.into_iter().collect(),
            extra: extra
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        };
        match Timescale.features(&facts) {
            Ok(features) => {
                let names: Vec<String> = features.iter().map(ToString::to_string).collect();
                let unknown: String = Timescale.unknown(&facts).iter().map(|name| format!(" {name}?")).collect();
                format!("{}: {}{unknown}", Timescale.describe(&facts).unwrap_or_default(), names.join(" "))
            }
            Err(failure) => failure.message,
        }
    }

    #[test]
    fn a_server_is_judged_by_its_extension_and_licence() {
        let loaded = (LOADER, "off");
        for (installed, extra, expected) in [
            (None, vec![], "the target is of kind `timescale` but the server has no timescaledb"),
            (Some(None), vec![], "the target is of kind `timescale` but the server does not preload timescaledb"),
            (Some(None), vec![loaded], "timescaledb 2.19.3 available: timescaledb timescaledb-tsl?"),
            (
                Some(Some("2.19.3")),
                vec![],
                "the target is of kind `timescale` but the server does not preload timescaledb",
            ),
            (
                Some(Some("2.20.0")),
                vec![loaded, (LICENSE, "apache")],
                "timescaledb 2.20.0 (apache): timescaledb timescaledb-2.20",
            ),
            (Some(None), vec![loaded, (TSL_LIBRARY, "t")], "timescaledb 2.19.3 available: timescaledb timescaledb-tsl"),
            (Some(None), vec![loaded, (TSL_LIBRARY, "f")], "timescaledb 2.19.3 available: timescaledb"),
            (Some(Some("2.18.0")), vec![loaded, (LICENSE, "apache")], "timescaledb 2.18.0 (apache): timescaledb"),
            (
                Some(Some("2.18.0")),
                vec![loaded, (LICENSE, "timescale"), (TSL_LIBRARY, "f")],
                "timescaledb 2.18.0 (timescale): timescaledb timescaledb-tsl",
            ),
        ] {
            assert_eq!(judged(installed, &extra), expected);
        }
    }
}
