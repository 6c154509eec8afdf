//! What a statement promises that does nothing where something of that name is there already, such as a policy that is added
//! with `if_not_exists`; what jobs need of a database; and continuous aggregates, which are refreshed when a migration is done.
//!
//! Expressions are the file's own text; the server compares, so that it does not matter how they are written.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::QualifiedName;

/// What is to be so once a statement has run, whether it did something or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Promise {
    /// A policy of TimescaleDB with these arguments.
    Policy(Policed),
    /// A hypertable with this dimension.
    Hypertable {
        /// The table, as the file writes it in a string.
        relation: String,
        /// Its time column.
        column: Option<String>,
        /// The interval of its chunks, as an expression.
        interval: Option<String>,
    },
    /// A further dimension of a hypertable.
    Dimension(Dimension),
    /// A hypertable or continuous aggregate that is compressed.
    Compression(Compression),
    /// A continuous aggregate with this query.
    Aggregate(AggregateShape),
    /// A continuous aggregate that shows what is not materialized yet as well, or not.
    MaterializedOnly {
        /// The aggregate, as SQL takes it.
        relation: String,
        /// Whether it shows only what is materialized.
        only: bool,
    },
    /// A function or procedure that a job calls.
    Routine {
        /// The job.
        job: String,
        /// The routine. One of `public` may be in any schema: the search path of whoever runs the job is not known.
        name: QualifiedName,
    },
}

/// A dimension beside the time of a hypertable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dimension {
    /// The table, as the file writes it in a string.
    pub relation: String,
    /// The column that it goes by.
    pub column: String,
    /// How it goes by it.
    pub by: Slicing,
}

/// How a dimension cuts rows into chunks; the number or the length is none where it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Slicing {
    /// By a hash into so many partitions.
    Hash(Option<String>),
    /// Into ranges of this length, as an expression.
    Range(Option<String>),
}

/// How a table is compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compression {
    /// The hypertable or continuous aggregate, as SQL takes it.
    pub relation: String,
    /// What is known of how it is; the server chooses the rest.
    pub settings: BTreeMap<CompressionSetting, String>,
}

/// Something that is set of compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CompressionSetting {
    /// The columns that tell segments apart: `a, b`.
    SegmentBy,
    /// The order of rows in them: `a, b DESC, c NULLS FIRST`, without what goes without saying.
    OrderBy,
    /// The interval that chunks are merged into, as an expression.
    Interval,
}

/// A policy as a statement adds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policed {
    /// What runs it, such as `policy_retention`.
    pub procedure: String,
    /// The hypertable or continuous aggregate, as the file writes it in a string.
    pub relation: String,
    /// Keys of its configuration, each with an expression for its value.
    pub config: Vec<(String, String)>,
    /// How often it runs, as an expression.
    pub schedule: Option<String>,
}

/// What tells one continuous aggregate from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AggregateShape {
    /// Its name.
    pub name: QualifiedName,
    /// The list of its columns with parentheses, or nothing.
    pub columns: String,
    /// Its query.
    pub query: String,
}

/// What the statement at `statement` of a body promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Promised {
    /// The statement, from 0.
    pub statement: usize,
    /// What is to be so once it has run.
    pub promise: Promise,
}

/// A continuous aggregate that is refreshed, between two literals where they are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refresh {
    /// The aggregate.
    pub name: QualifiedName,
    /// From when on.
    pub from: Option<String>,
    /// Until when.
    pub to: Option<String>,
}

impl fmt::Display for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refresh of `{}`", self.name)?;
        if let Some(from) = &self.from {
            write!(f, " from {from}")?;
        }
        if let Some(to) = &self.to {
            write!(f, " to {to}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(policed) => write!(f, "{} of `{}`", policy_name(&policed.procedure), policed.relation),
            Self::Hypertable { relation, .. } => write!(f, "hypertable `{}`", relation.replace('"', "")),
            Self::Dimension(Dimension { relation, column, .. }) => write!(f, "dimension `{column}` of `{relation}`"),
            Self::Compression(Compression { relation, .. }) => {
                write!(f, "compression of `{}`", relation.replace('"', ""))
            }
            Self::MaterializedOnly { relation, .. } => {
                write!(f, "materialized_only of `{}`", relation.replace('"', ""))
            }
            Self::Aggregate(shape) => write!(f, "continuous aggregate `{}`", shape.name),
            Self::Routine { job, name } => write!(f, "`{name}`, which job `{job}` calls,"),
        }
    }
}

/// What a policy that is run by `procedure` is called.
pub(crate) fn policy_name(procedure: &str) -> String {
    format!("{} policy", procedure.trim_start_matches("policy_").replace('_', " "))
}
