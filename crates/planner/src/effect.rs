//! What a statement leaves in the catalog of a database without transactions, so that a crash in it is not guesswork.
//!
//! An effect is told by names alone: a table with another definition under the same name is `There`. Whoever repeats a
//! statement learns of it from the server.

use std::fmt;

use serde::Serialize;

use crate::QualifiedName;

/// One thing that holds after a statement, and did not hold before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It is there.
    There(Thing),
    /// It is gone.
    Gone(Thing),
    /// The rows of the table are rewritten: the mutation is known to the server, and done on every part.
    Mutated {
        /// The table.
        table: QualifiedName,
        /// The command as it is written, behind `ALTER TABLE …`: `UPDATE a = 1 WHERE b`.
        command: String,
    },
}

/// What a catalog lists by name; the schema of a name is its database, and none is that of the connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Thing {
    /// A database.
    Database(String),
    /// A table, view, materialized view or dictionary.
    Table(QualifiedName),
    /// A column of a table.
    Column {
        /// The table.
        table: QualifiedName,
        /// The column; one of a nested structure has its dot.
        name: String,
    },
    /// A data skipping index of a table.
    Index {
        /// The table.
        table: QualifiedName,
        /// The index.
        name: String,
    },
    /// A projection of a table.
    Projection {
        /// The table.
        table: QualifiedName,
        /// The projection.
        name: String,
    },
    /// A constraint of a table.
    Constraint {
        /// The table.
        table: QualifiedName,
        /// The constraint.
        name: String,
    },
    /// A function that was written in SQL.
    Function(String),
    /// A user.
    User(String),
    /// A role.
    Role(String),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::There(thing) => write!(f, "{thing} is there"),
            Self::Gone(thing) => write!(f, "{thing} is gone"),
            Self::Mutated { table, command } => write!(f, "{command} is done in {table}"),
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(name) => write!(f, "database {name}"),
            Self::Table(name) => write!(f, "table {name}"),
            Self::Column { table, name } => write!(f, "column {name} of {table}"),
            Self::Index { table, name } => write!(f, "index {name} of {table}"),
            Self::Projection { table, name } => write!(f, "projection {name} of {table}"),
            Self::Constraint { table, name } => write!(f, "constraint {name} of {table}"),
            Self::Function(name) => write!(f, "function {name}"),
            Self::User(name) => write!(f, "user {name}"),
            Self::Role(name) => write!(f, "role {name}"),
        }
    }
}
