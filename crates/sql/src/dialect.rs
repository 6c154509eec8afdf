//! Whose SQL a file is.

/// A dialect of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// PostgreSQL's, with the idioms of TimescaleDB and pg_cron.
    #[default]
    Postgres,
    /// ClickHouse's.
    ClickHouse,
}
