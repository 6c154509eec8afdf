//! How a ClickHouse server is reached: a URL, or part by part in the words that every target uses.
//!
//! Only HTTP and HTTPS are spoken. Servers on other machines are reached through TLS that verifies, unless the URL or `sslmode`
//! says otherwise, as with PostgreSQL. A parameter that means nothing here is refused, so that nobody relies on it in vain.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use dunlin_driver::TargetUrl;
use secrecy::SecretString;

/// What the server is asked for, and how.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<Tls>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) database: String,
    pub(crate) connect_timeout: Duration,
}

/// How TLS is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Whether the server has to prove its name.
    pub(crate) verify: bool,
    /// A PEM file of the roots that count; the system's otherwise.
    pub(crate) roots: Option<PathBuf>,
}

/// Why a way to a server cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// Not a URL of HTTP.
    #[error("a ClickHouse target is reached by `http://` or `https://`, and its URL begins otherwise")]
    Scheme,
    /// A part that cannot be read.
    #[error("`{0}` of the URL cannot be read")]
    Part(&'static str),
    /// A parameter that means nothing here.
    #[error("`{0}` means nothing to ClickHouse")]
    Unknown(String),
    /// A value that means nothing here.
    #[error("`{value}` is no `{key}` of ClickHouse")]
    Value {
        /// The parameter.
        key: String,
        /// Its value.
        value: String,
    },
    /// Two parts that say different things.
    #[error("`{0}` is named twice")]
    Twice(&'static str),
    /// No server at all.
    #[error("the target names no host")]
    NoHost,
}

impl OptionsError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Scheme => "write `http://user:password@host:8123/database`, or `https://` and port 8443",
            Self::Part(_) => "write what is not a letter or a digit as `%` and two hexadecimal digits",
            Self::Unknown(_) => {
                "what a target of ClickHouse takes: host, port, database, user, password, sslmode, sslrootcert, connect_timeout; settings of the server belong under `settings`"
            }
            Self::Value { .. } => "`sslmode` is `disable`, `require` or `verify-full`; numbers are whole",
            Self::Twice(_) => "remove one of them",
            Self::NoHost => "set `url` or `host`",
        };
        hint.to_owned()
    }
}

impl ConnectOptions {
    /// Reads `http(s)://user:password@host:port/database?parameters`.
    ///
    /// # Errors
    /// An [`OptionsError`] for the first thing that cannot be read.
    pub fn parse(url: &TargetUrl) -> Result<Self, OptionsError> {
        let (scheme, rest) = url.expose().split_once("://").ok_or(OptionsError::Scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(OptionsError::Scheme),
        };
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (account, address) = match address.rsplit_once('@') {
            Some((account, address)) => (Some(account), address),
            None => (None, address),
        };
        let (server, path) = address.split_once('/').unwrap_or((address, ""));
        let mut parts = BTreeMap::new();
        let mut put = |key: &'static str, text: &str| {
            if !text.is_empty() {
                parts.insert(key.to_owned(), decoded(text).ok_or(OptionsError::Part(key))?);
            }
            Ok(())
        };
        if let Some(account) = account {
            let (user, password) = account.split_once(':').unwrap_or((account, ""));
            put("user", user)?;
            put("password", password)?;
        }
        let (host, port) = host_and_port(server);
        put("host", host)?;
        put("port", port)?;
        put("dbname", path)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = if key == "database" { "dbname" } else { key };
            let value = decoded(value).ok_or(OptionsError::Part("parameters"))?;
            if parts.insert(key.to_owned(), value).is_some() {
                return Err(OptionsError::Twice(if key == "dbname" { "database" } else { "parameter" }));
            }
        }
        parts.entry("sslmode".to_owned()).or_insert_with(|| if secure { "verify-full" } else { "disable" }.to_owned());
        if secure == (parts["sslmode"] == "disable") {
            return Err(OptionsError::Value { key: "sslmode".to_owned(), value: parts["sslmode"].clone() });
        }
        let password = parts.remove("password").map(SecretString::from);
        Self::of_parts(&parts, password)
    }

    /// Reads the parts of a target, in libpq's words: `dbname` is the database.
    ///
    /// # Errors
    /// An [`OptionsError`] for the first part that means nothing here.
    pub fn of_parts(
        parameters: &BTreeMap<String, String>,
        password: Option<SecretString>,
    ) -> Result<Self, OptionsError> {
        let known = ["host", "port", "dbname", "user", "sslmode", "sslrootcert", "connect_timeout"];
        if let Some(unknown) = parameters.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(OptionsError::Unknown(unknown.clone()));
        }
        let part = |key: &str| parameters.get(key).filter(|value| !value.is_empty());
        let host = part("host").ok_or(OptionsError::NoHost)?.clone();
        let mode = part("sslmode").map_or(if is_here(&host) { "disable" } else { "verify-full" }, String::as_str);
        let roots = part("sslrootcert").filter(|path| *path != "system").map(PathBuf::from);
        let tls = match mode {
            "disable" => None,
            "require" => Some(Tls { verify: roots.is_some(), roots }),
            "verify-full" => Some(Tls { verify: true, roots }),
            other => return Err(OptionsError::Value { key: "sslmode".to_owned(), value: other.to_owned() }),
        };
        let number = |key: &str, otherwise: u16| match part(key) {
            None => Ok(otherwise),
            Some(value) => value.parse().map_err(|_| OptionsError::Value { key: key.to_owned(), value: value.clone() }),
        };
        Ok(Self {
            port: number("port", if tls.is_some() { 8443 } else { 8123 })?,
            connect_timeout: Duration::from_secs(number("connect_timeout", 10)?.max(1).into()),
            host,
            tls,
            user: part("user").cloned(),
            password,
            database: part("dbname").cloned().unwrap_or_else(|| "default".to_owned()),
        })
    }

    /// The server's address, for people.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Splits at the last colon, which an address of IPv6 in brackets has others before.
fn host_and_port(server: &str) -> (&str, &str) {
    match server.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (server, ""),
    }
}

/// Whether a name means this machine.
fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn shown(url: &str) -> String {
        match ConnectOptions::parse(&TargetUrl::new(url)) {
            Ok(options) => format!(
                "{} {} {}:{} {} {:?}",
                options.address(),
                options.database,
                options.user.unwrap_or_default(),
                options.password.map(|password| password.expose_secret().to_owned()).unwrap_or_default(),
                match &options.tls {
                    None => "plain",
                    Some(Tls { verify: true, .. }) => "verified",
                    Some(_) => "unverified",
                },
                options.tls.and_then(|tls| tls.roots),
            ),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn urls_are_read() {
        for (url, expected) in [
            ("http://db", "db:8123 default : plain None"),
            ("HTTP://u:p%40%2F@db:81/shop", "db:81 shop u:p@/ plain None"),
            ("http://u:a/b@c@db/shop", "db:8123 shop u:a/b@c plain None"),
            ("https://db", "db:8443 default : verified None"),
            ("https://db/?database=shop&sslmode=require", "db:8443 shop : unverified None"),
            ("https://[::1]:9/x?sslrootcert=/ca.pem", "[::1]:9 x : verified Some(\"/ca.pem\")"),
            ("http://[::1]/x", "[::1]:8123 x : plain None"),
            ("https://db?sslmode=disable", "`disable` is no `sslmode` of ClickHouse"),
            ("http://db?sslmode=require", "`require` is no `sslmode` of ClickHouse"),
            ("https://db?sslmode=verify-ca", "`verify-ca` is no `sslmode` of ClickHouse"),
            ("http://db/a?database=b", "`database` is named twice"),
            ("http://db?max_threads=2", "`max_threads` means nothing to ClickHouse"),
            ("http://db:x", "`x` is no `port` of ClickHouse"),
            ("http://u:%zz@db", "`password` of the URL cannot be read"),
            ("http://", "the target names no host"),
            (
                "postgres://db",
                "a ClickHouse target is reached by `http://` or `https://`, and its URL begins otherwise",
            ),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
    }

    #[test]
    fn other_machines_are_reached_through_tls() {
        for (host, secure) in [("localhost", false), ("127.0.0.2", false), ("::1", false), ("db.example", true)] {
            let parts = BTreeMap::from([("host".to_owned(), host.to_owned())]);
            let options = ConnectOptions::of_parts(&parts, None).unwrap();
            assert_eq!(options.tls.is_some_and(|tls| tls.verify), secure, "{host}");
        }
    }
}
