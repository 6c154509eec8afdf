//! Reads connection strings: `postgres://…` URLs and `key=value` lists, with libpq's keys and meanings.
//!
//! Own code, because tokio-postgres knows half of the keys and its errors echo what they read. Errors here name keys and
//! never values, so that no password reaches a log. What the values mean is said in [`options`](crate::options).

use dunlin_planner::closest;

use crate::keys::{self, KEYS};
use crate::settings::Settings;

/// What is wrong with a connection string, or with a file that it refers to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConninfoError {
    /// A key that is not known.
    #[error("the connection string has {}", unknown(.0))]
    UnknownKey(String),
    /// A value that its key does not take.
    #[error("the connection has an invalid value for `{key}`: expected {expected}")]
    InvalidValue {
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A text that is neither a URL nor a list of keywords.
    #[error("the connection string is malformed: {0}")]
    Malformed(&'static str),
    /// Lists that do not pair up.
    #[error("the connection has {hosts} hosts, and `{key}` has {count} entries")]
    Count {
        /// How many hosts.
        hosts: usize,
        /// The key of the other list.
        key: &'static str,
        /// How many it has.
        count: usize,
    },
    /// Something that libpq does and Dunlin does not, or that neither does.
    #[error("the connection asks for what cannot be done: {what}")]
    Unsupported {
        /// What.
        what: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A service that no file defines.
    #[error("the service `{}` is defined in none of {files}", name.escape_debug())]
    NoService {
        /// The service.
        name: String,
        /// Where it was looked for.
        files: String,
    },
    /// A service file that cannot be used.
    #[error("the service file `{path}` cannot be used: {why}")]
    ServiceFile {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
}

impl ConninfoError {
    /// What to change.
    #[must_use]
    pub fn hint(&self) -> String {
        let fixed = match self {
            Self::Unsupported { instead, .. } => instead,
            Self::UnknownKey(name) => match closest(name, KEYS.iter().map(|key| key.name)) {
                Some(near) => return format!("did you mean `{near}`?"),
                None => {
                    "docs/connections.md lists the keys, which are libpq's; which one it is stays unsaid, as a password that is \
                     not quoted looks like one"
                }
            },
            Self::NoService { .. } => "add a section of that name, or let PGSERVICEFILE name the file that has it",
            Self::ServiceFile { .. } => {
                "a service file has lines `[name]` and `key=value`, with the keys of a connection"
            }
            Self::InvalidValue { .. } | Self::Malformed(_) | Self::Count { .. } => {
                "write postgres://user:password@host:port/database, or give host, port, database, user and password"
            }
        };
        fixed.to_owned()
    }
}

/// A key by its name where somebody meant a known one by it. Anything else may be the rest of a password with a blank or `&`.
fn unknown(name: &str) -> String {
    match closest(name, KEYS.iter().map(|key| key.name)) {
        Some(_) => format!("the unknown key `{}`", name.escape_debug()),
        None => "an unknown key".to_owned(),
    }
}

/// The settings that a URL or a keyword string says itself.
pub(crate) fn settings(text: &str) -> Result<Settings, ConninfoError> {
    let pairs = match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        Some(rest) => url_pairs(rest)?,
        None if text.split('=').next().is_some_and(|key| key.contains("://")) => {
            return Err(ConninfoError::Malformed("a URL begins with `postgres://` or `postgresql://`"));
        }
        None => keyword_pairs(text)?,
    };
    let mut settings = Settings::default();
    for (name, value) in pairs {
        let key = keys::key(&name).ok_or(ConninfoError::UnknownKey(name))?;
        settings.set(key.name, value);
    }
    Ok(settings)
}

type Pairs = Vec<(String, String)>;

fn url_pairs(rest: &str) -> Result<Pairs, ConninfoError> {
    let mut pairs = Pairs::new();
    // As in libpq, a login ends at the first `@`, and may hold a `?`, but no `/`.
    let (login, rest) = match rest.find(['@', '/']) {
        Some(at) if rest[at..].starts_with('@') => (&rest[..at], &rest[at + 1..]),
        _ => ("", rest),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    if hosts.contains('@') {
        return Err(ConninfoError::Malformed("an `@` in a user or password has to be written as `%40`"));
    }
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    for (key, value) in [("user", user), ("password", password), ("dbname", database)] {
        if !value.is_empty() {
            pairs.push((key.to_owned(), decoded(value)?));
        }
    }
    let split: Vec<(&str, &str)> = hosts.split(',').map(host_and_port).collect::<Result<_, _>>()?;
    type Part = fn(&(&str, &str)) -> String;
    for (key, part) in [("host", (|(host, _)| (*host).to_owned()) as Part), ("port", |(_, port)| (*port).to_owned())] {
        let parts: Vec<String> = split.iter().map(part).collect();
        if parts.iter().any(|part| !part.is_empty()) {
            pairs.push((key.to_owned(), decoded(&parts.join(","))?));
        }
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter.split_once('=').ok_or(ConninfoError::Malformed("a parameter has no `=`"))?;
        pairs.push(match (decoded(key)?, decoded(value)?) {
            // JDBC's way to say it, which libpq takes too.
            (key, value) if key == "ssl" && value == "true" => ("sslmode".to_owned(), "require".to_owned()),
            pair => pair,
        });
    }
    Ok(pairs)
}

/// `host`, `host:port` and `[v6]:port`.
fn host_and_port(text: &str) -> Result<(&str, &str), ConninfoError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(ConninfoError::Malformed("an address lacks its `]`"))?;
        if host.is_empty() {
            return Err(ConninfoError::Malformed("there is no address between `[` and `]`"));
        }
        return match rest.strip_prefix(':') {
            None if !rest.is_empty() => Err(ConninfoError::Malformed("behind `]` comes `:` with a port, or nothing")),
            port => Ok((host, port.unwrap_or_default())),
        };
    }
    Ok(text.split_once(':').unwrap_or((text, "")))
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
        bytes.push(value.filter(|byte| *byte != 0).ok_or(malformed.clone())?);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match settings(text) {
            Ok(settings) => settings.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn connection_strings_are_read_as_libpq_reads_them() {
        for (text, expected) in [
            (
                "postgres://app:s%40cret@db.example:6432/core",
                "dbname=core host=db.example password=s@cret port=6432 user=app",
            ),
            ("postgresql://app:what?@localhost/core", "dbname=core host=localhost password=what? user=app"),
            ("postgres://app@[::1]:6000/core", "dbname=core host=::1 port=6000 user=app"),
            ("postgres://app@a:1,b:2/core?ssl=true", "dbname=core host=a,b port=1,2 sslmode=require user=app"),
            ("postgres://a,b:2", "host=a,b port=,2"),
            ("postgres://%2Frun%2Fpg:5433/core?user=app", "dbname=core host=/run/pg port=5433 user=app"),
            ("postgres:///core?host=/run/pg&user=app", "dbname=core host=/run/pg user=app"),
            ("postgres://:5433", "port=5433"),
            ("postgres://", ""),
            ("host=db dbname = 'my db' password='it\\'s'", "dbname=my db host=db password=it's"),
            ("password=a://b", "password=a://b"),
            ("host=a host=b service=", "host=b service="),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn an_error_names_the_key_and_never_the_value() {
        for (text, expected) in [
            ("host=db canary=secret", "the connection string has an unknown key"),
            ("host=db pasword=canary", "the connection string has the unknown key `pasword`"),
            ("postgres://db/core?x", "the connection string is malformed: a parameter has no `=`"),
            (
                "postgres://u:can@ary@db/core",
                "the connection string is malformed: an `@` in a user or password has to be written as `%40`",
            ),
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
        ] {
            assert_eq!(shown(text), format!("error: {expected}"), "{text}");
        }
    }
}
