//! The tables of the ledger: rows that are only ever added, in the database that they speak of, so that they come and go with it.
//!
//! What a migration's row is now follows from its last attempt: the attempt's first event holds everything about it, later ones what moved since.

use crate::server::Server;

/// The version of these tables.
pub(crate) const PROTOCOL: u32 = 1;

/// What the program calls itself in the ledger.
pub(crate) const TOOL: &str = concat!("dunlin ", env!("CARGO_PKG_VERSION"));

/// The columns of `dunlin_event`, in the order in which they are written.
pub(crate) const EVENT: [(&str, &str); 26] = [
    ("project", "String"),
    ("id", "String"),
    ("attempt", "UInt32"),
    ("n", "UInt32"),
    ("what", "String"),
    ("at", "Int64"),
    ("run", "String"),
    ("who", "String"),
    ("message", "String"),
    ("state", "String"),
    ("step", "UInt32"),
    ("pre", "String"),
    ("finished", "Int64"),
    ("name", "String"),
    ("kind", "String"),
    ("checksum", "String"),
    ("raw", "String"),
    ("tokens", "String"),
    ("sums", "String"),
    ("deps", "String"),
    ("started", "Int64"),
    ("of_run", "String"),
    ("of_user", "String"),
    ("before", "String"),
    ("tool", "String"),
    ("token", "String"),
];

/// The columns of `dunlin_meta`.
pub(crate) const META: [(&str, &str); 13] = [
    ("n", "UInt32"),
    ("ledger", "String"),
    ("protocol", "UInt32"),
    ("environment", "String"),
    ("system", "String"),
    ("number", "UInt32"),
    ("timeline", "UInt32"),
    ("at", "Int64"),
    ("who", "String"),
    ("project", "String"),
    ("message", "String"),
    ("lost", "String"),
    ("token", "String"),
];

/// What makes them where they are not there; each statement by itself.
pub(crate) fn statements(server: &Server) -> Vec<String> {
    let columns = |columns: &[(&str, &str)]| {
        columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect::<Vec<_>>().join(", ")
    };
    // What was answered is on the disk, also when the power goes.
    let settings =
        if server.version >= 210_100 { " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1" } else { "" };
    vec![
        format!(
            "CREATE TABLE IF NOT EXISTS dunlin_event ({}) ENGINE = MergeTree ORDER BY (project, id, attempt, n){settings}",
            columns(&EVENT)
        ),
        "CREATE TABLE IF NOT EXISTS dunlin_lock (beat String) ENGINE = Null".to_owned(),
        format!("CREATE TABLE IF NOT EXISTS dunlin_meta ({}) ENGINE = MergeTree ORDER BY n{settings}", columns(&META)),
    ]
}
