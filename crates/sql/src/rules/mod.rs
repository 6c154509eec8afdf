//! Lint rules, one per file. [`ALL`] lists those for PostgreSQL, [`CLICKHOUSE`] those for ClickHouse; documentation and
//! configuration names derive from them.
//!
//! A file allows itself to break one with `-- dunlin: allow RULE because REASON`. Where the syntax is broken, nothing but
//! that is reported: the other rules would guess.

mod add_not_null_column;
mod aggregate_not_refilled;
mod compressed_hypertable_change;
mod concurrent_index_if_not_exists;
mod concurrent_index_on_hypertable;
mod cron_unnamed_job;
mod drop_column;
mod drop_table;
mod hypertable_after_rows;
mod no_session;
mod non_transactional_in_pair;
mod own_tracking_table;
mod populate;
mod registry;
mod session_setting;
mod syntax_error;
mod timescale_not_idempotent;
mod unique_without_time_column;
mod unnamed_concurrent_index;
mod unprobed_statement;
mod unreplicated_table;
mod update_limit;

pub use registry::{ALL, CLICKHOUSE, LintContext, Rule};

pub(crate) use registry::check;
