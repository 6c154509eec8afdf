//! Values as SQL text that means the same under any setting a migration may have left behind.
//!
//! Identifiers of migrations, checksums and JSON travel as hexadecimal digits, because `standard_conforming_strings` and
//! `search_path` change what quotes and functions mean.

use std::fmt::Write as _;

use dunlin_planner::{Digest, MigrationId, ProjectName, RunId};

/// Settings under which our texts mean what they say and the catalogs answer as they are expected to, whatever a role or a
/// database is set to. What there is from some version on only is set where it is.
pub(crate) const PLAIN: &str = "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL standard_conforming_strings = on; \
    SET LOCAL quote_all_identifiers = off; SET LOCAL idle_in_transaction_session_timeout = 60000;";

/// Takes off the limit of a whole transaction, which there is from version 17 on; until the transaction's end, or the session's.
pub(crate) fn unlimited(local: bool) -> String {
    format!(
        "SELECT pg_catalog.set_config('transaction_timeout', '0', {local}) \
         WHERE pg_catalog.current_setting('transaction_timeout', true) <> '0';"
    )
}

/// The class of Dunlin's advisory locks: the first bytes of the word in ASCII.
pub(crate) const LOCK_CLASS: i32 = i32::from_be_bytes(*b"dunl");

/// The class of the advisory locks on tables, for as long as a concurrent build works on them.
pub(crate) const TABLE_CLASS: i32 = i32::from_be_bytes(*b"dunt");

/// The class of the advisory lock that pauses and resumptions of one database take in turn.
pub(crate) const PAUSE_CLASS: i32 = i32::from_be_bytes(*b"dunp");

/// The class of the advisory locks that show that a run lives.
pub(crate) const RUN_CLASS: i32 = i32::from_be_bytes(*b"dunr");

/// The class of the advisory lock that the seals of one database's log take in turn.
pub(crate) const SEAL_CLASS: i32 = i32::from_be_bytes(*b"duns");

/// The second key of the lock that bootstrapping takes.
pub(crate) const BOOTSTRAP_KEY: i32 = 0;

/// The second key of a migration's advisory lock.
pub(crate) fn lock_key(project: &ProjectName, id: &MigrationId) -> i32 {
    key(&format!("{project}\0{id}"))
}

/// The second key of the advisory lock that shows that a run lives.
pub(crate) fn run_key(run: &RunId) -> i32 {
    key(run.as_str())
}

fn key(name: &str) -> i32 {
    let Digest(bytes) = Digest::of(name.as_bytes());
    i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

/// A `text` value.
pub(crate) fn text(value: &str) -> String {
    format!("pg_catalog.convert_from({}, 'UTF8')", bytes(value.as_bytes()))
}

/// A `bytea` value.
pub(crate) fn bytes(value: &[u8]) -> String {
    format!("pg_catalog.decode('{}', 'hex')", hex(value))
}

/// A `bytea` value of a digest.
pub(crate) fn digest(value: &Digest) -> String {
    bytes(&value.0)
}

/// A `bytea[]` value.
pub(crate) fn digests<'a>(values: impl Iterator<Item = &'a Digest>) -> String {
    let values: Vec<String> = values.map(digest).collect();
    format!("ARRAY[{}]::pg_catalog.bytea[]", values.join(", "))
}

/// A `jsonb` value.
pub(crate) fn json(value: &serde_json::Value) -> String {
    format!("CAST({} AS pg_catalog.jsonb)", text(&value.to_string()))
}

/// An identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A call of `set_config` that lasts until the transaction's end, or the session's.
pub(crate) fn set(name: &str, value: &str, local: bool) -> String {
    format!("SELECT pg_catalog.set_config({}, {}, {local});", text(name), text(value))
}
