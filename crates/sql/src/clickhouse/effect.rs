//! What a statement leaves in the server's catalog.

use crate::name::QualifiedName;

/// One thing that holds after a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It is there.
    There(Thing),
    /// It is gone.
    Gone(Thing),
    /// A mutation of the table is done.
    Mutated {
        /// The table.
        table: QualifiedName,
        /// The command as it is written: `UPDATE a = 1 WHERE b`.
        command: String,
    },
}

/// What the catalog lists by name. Names are as they are written, for ClickHouse folds none; a schema is a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A database.
    Database(String),
    /// A table, view, materialized view or dictionary.
    Table(QualifiedName),
    /// A column of a table.
    Column(QualifiedName, String),
    /// A data skipping index of a table.
    Index(QualifiedName, String),
    /// A projection of a table.
    Projection(QualifiedName, String),
    /// A constraint of a table.
    Constraint(QualifiedName, String),
    /// A function.
    Function(String),
    /// A user.
    User(String),
    /// A role.
    Role(String),
}
