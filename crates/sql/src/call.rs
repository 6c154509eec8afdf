//! Calls of functions and procedures, and what is special about some of them: pg_cron's jobs and TimescaleDB's features.

use std::ops::Range;

use crate::name::QualifiedName;

/// A call inside a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function or procedure.
    pub name: QualifiedName,
    /// Its arguments, as written.
    pub arguments: Vec<Argument>,
    /// The whole call.
    pub range: Range<usize>,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The parameter, where it is given by name.
    pub name: Option<String>,
    /// The value, where it is a string literal.
    pub string: Option<String>,
    /// The expression.
    pub text: String,
}

/// A job that a statement schedules with pg_cron. Parts that are no string literals are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronJob {
    /// Is a job name given at all? Without one, each run makes another job.
    pub named: bool,
    /// The job's name.
    pub name: Option<String>,
    /// When.
    pub schedule: Option<String>,
    /// The SQL.
    pub command: Option<String>,
    /// The database it runs in, if not pg_cron's own.
    pub database: Option<String>,
    /// The whole call.
    pub range: Range<usize>,
}

impl Call {
    /// Is this a call of `schema.name`?
    #[must_use]
    pub fn is(&self, schema: &str, name: &str) -> bool {
        self.name.name == name && self.name.schema.as_deref() == Some(schema)
    }

    /// The argument for a parameter: by its name, or at its position among those without name.
    #[must_use]
    pub fn argument(&self, name: &str, position: usize) -> Option<&Argument> {
        let named = |it: &&Argument| it.name.as_deref() == Some(name);
        let at_position = || self.arguments.get(position).filter(|it| it.name.is_none());
        self.arguments.iter().find(named).or_else(at_position)
    }

    /// The job, if this is a call of `cron.schedule` or `cron.schedule_in_database`.
    #[must_use]
    pub fn cron_job(&self) -> Option<CronJob> {
        let in_database = self.is("cron", "schedule_in_database");
        if !in_database && !self.is("cron", "schedule") {
            return None;
        }
        let named = in_database || self.arguments.len() > 2 || self.argument("job_name", usize::MAX).is_some();
        let first = usize::from(named);
        let string = |name: &str, position: usize| {
            let argument = self.argument(name, position)?;
            argument.string.clone()
        };
        Some(CronJob {
            named,
            name: named.then(|| string("job_name", 0)).flatten(),
            schedule: string("schedule", first),
            command: string("command", first + 1),
            database: in_database.then(|| string("database", 3)).flatten(),
            range: self.range.clone(),
        })
    }

    /// The hypertable that this call makes of a table, if it is `create_hypertable` with a literal name.
    #[must_use]
    pub fn hypertable(&self) -> Option<QualifiedName> {
        if self.name.name != "create_hypertable" {
            return None;
        }
        let table = self.argument("relation", 0)?.string.as_deref()?;
        QualifiedName::from_text(table)
    }

    /// Does it need TimescaleDB's TSL module?
    #[must_use]
    pub fn needs_tsl(&self) -> bool {
        // pg_cron and job queues have an `alter_job` or `add_job` of their own, in schemas of their own.
        let schema = self.name.schema.as_deref().unwrap_or("public");
        let timescale = schema == "public" || schema.starts_with("timescaledb");
        timescale && TSL_FUNCTIONS.contains(&self.name.name.as_str())
    }
}

/// Refused by the Apache build with SQLSTATE 0A000.
const TSL_FUNCTIONS: [&str; 27] = [
    "add_columnstore_policy",
    "add_compression_policy",
    "add_continuous_aggregate_policy",
    "add_job",
    "add_policies",
    "add_reorder_policy",
    "add_retention_policy",
    "alter_job",
    "alter_policies",
    "compress_chunk",
    "convert_to_columnstore",
    "convert_to_rowstore",
    "decompress_chunk",
    "delete_job",
    "interpolate",
    "locf",
    "move_chunk",
    "refresh_continuous_aggregate",
    "remove_columnstore_policy",
    "remove_compression_policy",
    "remove_continuous_aggregate_policy",
    "remove_policies",
    "remove_reorder_policy",
    "remove_retention_policy",
    "reorder_chunk",
    "run_job",
    "time_bucket_gapfill",
];
