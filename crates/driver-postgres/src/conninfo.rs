//! Reads connection strings: `postgres://…` URLs and `key=value` lists, with libpq's keys and meanings.
//!
//! Own code, because tokio-postgres knows neither `verify-full` nor root certificates and its errors echo what they read.
//! Errors here name keys and never values, so that no password reaches a log.

use std::path::PathBuf;
use std::time::Duration;

use dunlin_driver::TargetUrl;
use secrecy::SecretString;

use crate::options::{ConnectOptions, Host, SslMode};
use crate::tls::CaSource;

/// What is wrong with a connection string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConninfoError {
    /// A key that is not known.
    #[error("the connection string has the unknown key `{}`", .0.escape_debug())]
    UnknownKey(String),
    /// A value that its key does not take.
    #[error("the connection string has an invalid value for `{key}`: expected {expected}")]
    InvalidValue {
        /// The key.
        key: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A text that is neither a URL nor a list of keywords.
    #[error("the connection string is malformed: {0}")]
    Malformed(&'static str),
    /// Hosts and ports do not pair up.
    #[error("the connection string has {hosts} hosts and {ports} ports")]
    Ports {
        /// How many hosts.
        hosts: usize,
        /// How many ports.
        ports: usize,
    },
}

impl ConnectOptions {
    /// Reads a URL or a keyword string.
    ///
    /// # Errors
    /// [`ConninfoError`], which never repeats a value.
    pub fn parse(url: &TargetUrl) -> Result<Self, ConninfoError> {
        let text = url.expose();
        let pairs = match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            Some(rest) => url_pairs(rest)?,
            None if text.contains("://") => {
                return Err(ConninfoError::Malformed("a URL begins with `postgres://` or `postgresql://`"));
            }
            None => keyword_pairs(text)?,
        };
        from_pairs(pairs)
    }
}

type Pairs = Vec<(String, String)>;

fn url_pairs(rest: &str) -> Result<Pairs, ConninfoError> {
    let mut pairs = Pairs::new();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    for (key, value) in [("user", user), ("password", password), ("dbname", database)] {
        if !value.is_empty() {
            pairs.push((key.to_owned(), decoded(value)?));
        }
    }
    if !hosts.is_empty() {
        let split: Vec<(&str, &str)> = hosts.split(',').map(host_and_port).collect::<Result<_, _>>()?;
        let join = |part: fn(&(&str, &str)) -> String| split.iter().map(part).collect::<Vec<_>>().join(",");
        pairs.push(("host".to_owned(), decoded(&join(|(host, _)| (*host).to_owned()))?));
        pairs.push(("port".to_owned(), join(|(_, port)| (*port).to_owned())));
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter.split_once('=').ok_or(ConninfoError::Malformed("a parameter has no `=`"))?;
        pairs.push((decoded(key)?, decoded(value)?));
    }
    Ok(pairs)
}

/// `host`, `host:port` and `[v6]:port`.
fn host_and_port(text: &str) -> Result<(&str, &str), ConninfoError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(ConninfoError::Malformed("an address lacks its `]`"))?;
        return Ok((host, rest.strip_prefix(':').unwrap_or(rest)));
    }
    Ok(text.rsplit_once(':').unwrap_or((text, "")))
}

fn decoded(text: &str) -> Result<String, ConninfoError> {
    let malformed = ConninfoError::Malformed("a `%` is not followed by two hexadecimal digits of UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let value =
            digits.filter(|digits| !digits.starts_with('+')).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.ok_or(malformed.clone())?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| malformed)
}

/// `key = value key='quoted \' value'`, as libpq reads it.
fn keyword_pairs(text: &str) -> Result<Pairs, ConninfoError> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, tail) = rest.split_once('=').ok_or(ConninfoError::Malformed("a key has no `=`"))?;
        let key = key.trim_end();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(ConninfoError::Malformed("a key has no `=`"));
        }
        let (value, tail) = keyword_value(tail.trim_start())?;
        pairs.push((key.to_owned(), value));
        rest = tail.trim_start();
    }
    Ok(pairs)
}

fn keyword_value(text: &str) -> Result<(String, &str), ConninfoError> {
    let quoted = text.starts_with('\'');
    let text = if quoted { &text[1..] } else { text };
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            _ if !quoted && char.is_whitespace() => return Ok((value, &text[at..])),
            _ => value.push(char),
        }
    }
    if quoted { Err(ConninfoError::Malformed("a quoted value does not end")) } else { Ok((value, "")) }
}

fn from_pairs(pairs: Pairs) -> Result<ConnectOptions, ConninfoError> {
    let mut options = ConnectOptions::default();
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for (key, value) in pairs {
        let invalid = |expected| ConninfoError::InvalidValue { key: key.clone(), expected };
        match key.as_str() {
            "host" => hosts = value.split(',').map(Host::new).collect(),
            "port" => ports = value.split(',').map(port).collect::<Result<_, _>>()?,
            "dbname" => options.database = Some(value),
            "user" => options.user = Some(value),
            "password" => options.password = Some(SecretString::from(value)),
            "sslmode" => {
                let expected = "disable, allow, prefer, require, verify-ca or verify-full";
                options.ssl_mode = Some(ssl_mode(&value).ok_or_else(|| invalid(expected))?);
            }
            "sslrootcert" if value == "system" => options.ca = Some(CaSource::System),
            "sslrootcert" => options.ca = Some(CaSource::File(PathBuf::from(value))),
            "application_name" => options.application_name = value,
            "connect_timeout" => {
                let seconds = value.parse().map_err(|_| invalid("a number of seconds"))?;
                options.connect_timeout = Duration::from_secs(seconds);
            }
            _ => return Err(ConninfoError::UnknownKey(key)),
        }
    }
    options.hosts = paired(hosts, ports)?;
    Ok(options)
}

fn port(text: &str) -> Result<u16, ConninfoError> {
    if text.is_empty() {
        return Ok(5432);
    }
    let invalid = ConninfoError::InvalidValue { key: "port".to_owned(), expected: "a number between 1 and 65535" };
    text.parse().ok().filter(|port| *port > 0).ok_or(invalid)
}

fn ssl_mode(value: &str) -> Option<SslMode> {
    Some(match value {
        "disable" => SslMode::Disable,
        "allow" | "prefer" => SslMode::Prefer,
        "require" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        _ => return None,
    })
}

/// One port holds for all hosts; no host is this machine.
fn paired(mut hosts: Vec<Host>, ports: Vec<u16>) -> Result<Vec<(Host, u16)>, ConninfoError> {
    if hosts.is_empty() {
        hosts.push(Host::new("localhost"));
    }
    let count = hosts.len();
    match ports.as_slice() {
        [] => Ok(hosts.into_iter().map(|host| (host, 5432)).collect()),
        [port] => Ok(hosts.into_iter().map(|host| (host, *port)).collect()),
        _ if ports.len() == count => Ok(hosts.into_iter().zip(ports).collect()),
        _ => Err(ConninfoError::Ports { hosts: count, ports: ports.len() }),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn shown(text: &str) -> String {
        match ConnectOptions::parse(&TargetUrl::new(text)) {
            Ok(options) => {
                let password = options.password.as_ref().map(ExposeSecret::expose_secret);
                format!("{options} {password:?} {:?}", options.ssl_mode())
            }
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn connection_strings_are_read_as_libpq_reads_them() {
        for (text, expected) in [
            (
                "postgres://app:s%40cret@db.example:6432/core",
                "postgres://app@db.example:6432/core Some(\"s@cret\") VerifyFull",
            ),
            ("postgresql://app@localhost/core", "postgres://app@localhost:5432/core None Prefer"),
            ("postgres://app@[::1]:6000/core", "postgres://app@[::1]:6000/core None Prefer"),
            ("postgres://app@a:1,b:2/core?sslmode=require", "postgres://app@a:1,b:2/core None Require"),
            ("postgres://%2Frun%2Fpg:5433/core?user=app", "postgres://app@/run/pg:5433/core None Prefer"),
            (
                "postgres:///core?host=/run/pg&user=app&password=x",
                "postgres://app@/run/pg:5432/core Some(\"x\") Prefer",
            ),
            (
                "host=db user=app dbname = 'my db' password='it\\'s'",
                "postgres://app@db:5432/my db Some(\"it's\") VerifyFull",
            ),
            ("host=a,b port=7 user=u dbname=d", "postgres://u@a:7,b:7/d None VerifyFull"),
            ("host=127.0.0.1 sslmode=verify-ca", "postgres://postgres@127.0.0.1:5432/postgres None VerifyCa"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn an_error_names_the_key_and_never_the_value() {
        for (text, expected) in [
            ("host=db canary=secret", "the connection string has the unknown key `canary`"),
            (
                "host=db sslmode=canary",
                "the connection string has an invalid value for `sslmode`: expected disable, allow, prefer, require, verify-ca or verify-full",
            ),
            (
                "postgres://db:canary/core",
                "the connection string has an invalid value for `port`: expected a number between 1 and 65535",
            ),
            (
                "postgres://db/core?connect_timeout=canary",
                "the connection string has an invalid value for `connect_timeout`: expected a number of seconds",
            ),
            ("postgres://db/core?x", "the connection string is malformed: a parameter has no `=`"),
            (
                "postgres://u:%zzcanary@db/core",
                "the connection string is malformed: a `%` is not followed by two hexadecimal digits of UTF-8",
            ),
            (
                "mysql://u:canary@db/core",
                "the connection string is malformed: a URL begins with `postgres://` or `postgresql://`",
            ),
            ("password='canary", "the connection string is malformed: a quoted value does not end"),
            ("canary", "the connection string is malformed: a key has no `=`"),
            ("host=a,b,c port=1,2", "the connection string has 3 hosts and 2 ports"),
        ] {
            assert_eq!(shown(text), format!("error: {expected}"), "{text}");
        }
    }
}
