//! The keys of a connection string, all that libpq 17 knows, each with its variable and with what Dunlin makes of it.
//!
//! This is the one list of them: reading, the layer of `PG*` variables and the table in docs/connections.md go by it.

/// One key of a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name, as libpq spells it.
    pub name: &'static str,
    /// The environment variable that stands beneath it; empty where there is none.
    pub variable: &'static str,
    /// Whether it says which server is meant and who logs in, not how one connects.
    pub names_server: bool,
    /// What Dunlin makes of it.
    pub note: &'static str,
}

const fn which(name: &'static str, variable: &'static str, note: &'static str) -> Key {
    Key { name, variable, names_server: true, note }
}

const fn how(name: &'static str, variable: &'static str, note: &'static str) -> Key {
    Key { name, variable, names_server: false, note }
}

/// Every key, in the order of libpq's documentation.
pub const KEYS: &[Key] = &[
    which("host", "PGHOST", "as libpq; without one the socket in `/var/run/postgresql` or `/tmp`, else `localhost`"),
    which("hostaddr", "PGHOSTADDR", "as libpq; alone it is also the name that `verify-full` checks"),
    which("port", "PGPORT", "as libpq"),
    which("dbname", "PGDATABASE", "as libpq; without one the user's name"),
    which("user", "PGUSER", "as libpq; without one the name of the system's user"),
    which("password", "PGPASSWORD", "as libpq"),
    how("passfile", "PGPASSFILE", "as libpq; one that others may read is left out, with a warning"),
    how("require_auth", "PGREQUIREAUTH", "as libpq, without `gss` and `sspi`"),
    how("channel_binding", "PGCHANNELBINDING", "as libpq; a certificate signed with Ed25519 cannot be bound to"),
    how(
        "connect_timeout",
        "PGCONNECT_TIMEOUT",
        "as libpq, per address; 10 seconds where nothing is said, `0` waits forever",
    ),
    how("client_encoding", "", "`UTF8` or `auto`: Dunlin speaks nothing else; `PGCLIENTENCODING` is not read"),
    how("options", "PGOPTIONS", "as libpq; most poolers refuse it"),
    how("application_name", "PGAPPNAME", "as libpq; `dunlin` where nothing is said"),
    how("fallback_application_name", "", "as libpq"),
    how("keepalives", "", "as libpq"),
    how("keepalives_idle", "", "as libpq; 30 seconds where nothing is said"),
    how("keepalives_interval", "", "as libpq"),
    how("keepalives_count", "", "as libpq"),
    how("tcp_user_timeout", "", "as libpq"),
    how("replication", "", "refused: a migration needs an ordinary connection"),
    how("gssencmode", "PGGSSENCMODE", "`require` is refused; otherwise it means nothing, as there is no GSSAPI"),
    how("sslmode", "PGSSLMODE", "as libpq; where nothing is said, `verify-full` unless every host is this machine"),
    how("sslnegotiation", "PGSSLNEGOTIATION", "as libpq"),
    how("sslcompression", "PGSSLCOMPRESSION", "means nothing, as in libpq"),
    how("sslcert", "PGSSLCERT", "as libpq; one that is named and missing is an error"),
    how("sslkey", "PGSSLKEY", "as libpq, with its check of permissions; an encrypted one is refused"),
    how("sslpassword", "", "means nothing, as encrypted keys are refused"),
    how("sslcertmode", "PGSSLCERTMODE", "as libpq"),
    how(
        "sslrootcert",
        "PGSSLROOTCERT",
        "as libpq; one that is named and missing is an error, and without any `system` counts",
    ),
    how("sslcrl", "PGSSLCRL", "as libpq; one that is named and missing is an error"),
    how("sslcrldir", "PGSSLCRLDIR", "as libpq, whatever the files in it are called"),
    how("sslsni", "PGSSLSNI", "as libpq"),
    how("requirepeer", "PGREQUIREPEER", "as libpq"),
    how("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", "as libpq; below `TLSv1.2` nothing is spoken"),
    how("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", "`TLSv1.2` or `TLSv1.3`"),
    how("krbsrvname", "PGKRBSRVNAME", "means nothing, as there is no GSSAPI"),
    how("gsslib", "PGGSSLIB", "means nothing, as there is no GSSAPI"),
    how("gssdelegation", "PGGSSDELEGATION", "means nothing, as there is no GSSAPI"),
    which("service", "PGSERVICE", "as libpq, from `PGSERVICEFILE`, `~/.pg_service.conf` and the system's file"),
    how(
        "target_session_attrs",
        "PGTARGETSESSIONATTRS",
        "as libpq; of several hosts `read-write` where nothing is said",
    ),
    how("load_balance_hosts", "PGLOADBALANCEHOSTS", "as libpq"),
];

/// The key of that name.
pub(crate) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
