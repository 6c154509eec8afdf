//! How one target is reached: `url`, or part by part, or by variables of the environment.
//!
//! Parts are kept in libpq's words, which are the driver's business. What depends on the environment is a problem of the
//! connection, not a finding.

use std::collections::BTreeMap;

use dunlin_planner::{Finding, Place, TargetName};

use super::targets::Variables;
use super::view::View;
use crate::connection::Server;
use crate::fill::{FillError, fill};
use crate::secret::Secret;
use crate::tree::{Node, Span, Value};

/// What names a server part by part, instead of `url`.
const PART_KEYS: [&str; 9] =
    ["host", "port", "user", "password", "service", "sslmode", "sslrootcert", "parameters", "env_prefix"];

/// Keys of a target, and what libpq calls them.
const OWN_KEYS: [(&str, &str); 6] = [
    ("host", "host"),
    ("database", "dbname"),
    ("user", "user"),
    ("service", "service"),
    ("sslmode", "sslmode"),
    ("sslrootcert", "sslrootcert"),
];

/// What a variable's name can end with behind `env_prefix`, and what libpq calls it; of several the first counts.
const SUFFIXES: [(&str, &str); 14] = [
    ("HOST", "host"),
    ("PORT", "port"),
    ("DB", "dbname"),
    ("NAME", "dbname"),
    ("DATABASE", "dbname"),
    ("USER", "user"),
    ("SERVICE", "service"),
    ("SSLMODE", "sslmode"),
    ("SSLROOTCERT", "sslrootcert"),
    ("SSLCERT", "sslcert"),
    ("SSLKEY", "sslkey"),
    ("OPTIONS", "options"),
    ("CONNECT_TIMEOUT", "connect_timeout"),
    ("TARGET_SESSION_ATTRS", "target_session_attrs"),
];

/// Reads one target's connection.
pub(super) struct Reader<'a> {
    pub(super) name: &'a TargetName,
    pub(super) view: View<'a>,
    pub(super) variables: Variables<'a>,
    pub(super) problems: Vec<Finding>,
    pub(super) findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    pub(super) fn server(&mut self, place: &Place, ambient: bool) -> Option<Server> {
        let (by_url, by_parts) = self.ways();
        if by_url {
            let url = self.secret("url")?;
            if url.known().is_some_and(str::is_empty) {
                self.problem(format!("the `url` of target `{}` is empty", self.name), place.clone(), false);
                return None;
            }
            let embedded = url.known() == Some("embedded");
            let database = self.filled("database");
            if !embedded && let Some(key) = self.view.key("database") {
                let message =
                    format!("`targets.{}.database` stands beside a `url`, which names the database itself", self.name);
                self.findings.push(Finding::error("config-conflict", message).at(key.place()));
            }
            let database = database.unwrap_or_else(|| self.name.to_string());
            return Some(if embedded { Server::Embedded { database } } else { Server::Url(url) });
        }
        if let Some(prefix) = self.view.text("env_prefix").filter(|_| by_parts) {
            return self.prefixed(prefix, place);
        }
        if by_parts {
            let base = self.configured()?;
            return self.parts(base, place);
        }
        let found = if ambient { self.ambient(place) } else { None };
        if found.is_none() && self.problems.is_empty() {
            self.problem(format!("target `{}` has neither `url` nor `host`", self.name), place.clone(), ambient);
        }
        found
    }

    /// Whether the server is named by URL or by parts. Of two files the environment's counts; of one, both is an error.
    fn ways(&mut self) -> (bool, bool) {
        let url = self.view.key("url");
        let part = PART_KEYS.iter().find_map(|key| self.view.key(key));
        let (Some(url), Some(part)) = (url, part) else { return (url.is_some(), part.is_some()) };
        if url.is_environment() == part.is_environment() {
            let message = format!("target `{}` has both a `url` and parts of one", self.name);
            self.findings.push(
                Finding::error("config-conflict", message)
                    .at(url.place())
                    .also("a part", part.place())
                    .hint("remove one of them"),
            );
        }
        let by_url = url.is_environment() || !part.is_environment();
        (by_url, !by_url)
    }

    fn problem(&mut self, message: String, place: Place, ambient: bool) {
        let hint = if ambient {
            format!("set `url` in [targets.{}], or DATABASE_URL, POSTGRES_HOST or PGHOST in the environment", self.name)
        } else {
            format!("set `url` or `host` in [targets.{}]", self.name)
        };
        self.problems.push(Finding::error("target-without-url", message).at(place).hint(hint));
    }

    fn fill(&mut self, text: &str, key: &str, span: &Span) -> Option<String> {
        match fill(text, self.variables) {
            Ok(text) => Some(text),
            Err(FillError::Missing(variable)) => {
                let message = format!("`{variable}` is not set, and `targets.{}.{key}` needs it", self.name);
                let hint = format!("export {variable}=…, or give a default in the file: `${{{variable}:-…}}`");
                self.problems.push(Finding::error("variable-missing", message).at(span.place()).hint(hint));
                None
            }
            Err(error @ FillError::Malformed) => {
                let message = format!("`targets.{}.{key}`: {error}", self.name);
                let hint = "write `$${` for a `${` that is meant as it stands";
                self.problems.push(Finding::error("config-value", message).at(span.place()).hint(hint));
                None
            }
        }
    }

    fn filled(&mut self, key: &str) -> Option<String> {
        let text = self.view.text(key)?;
        let span = &self.view.node(key)?.span;
        self.fill(text, key, span)
    }

    pub(super) fn secret(&mut self, key: &str) -> Option<Secret> {
        let Node { value, span } = self.view.node(key)?;
        match value {
            Value::Text(text) => self.fill(text, key, span).map(|text| Secret::text(text, span.place())),
            Value::Table(table) => {
                let source = View::new(table);
                let file = source.text("file").map(|path| Secret::file(path, span.place()));
                file.or_else(|| source.text("command").map(|command| Secret::command(command, span.place())))
            }
            _ => None,
        }
    }

    /// The parts that the configuration names; none when a variable is missing.
    fn configured(&mut self) -> Option<Named> {
        let mut named = Named::default();
        for (key, word) in OWN_KEYS {
            named.parameters.extend(self.filled(key).map(|value| (word.to_owned(), value)));
        }
        let port = match self.view.node("port").map(|node| &node.value) {
            Some(Value::Integer(port)) => Some(port.to_string()),
            _ => self.filled("port"),
        };
        named.parameters.extend(port.map(|port| ("port".to_owned(), port)));
        self.further(&mut named);
        named.password = self.secret("password");
        self.problems.is_empty().then_some(named)
    }

    /// `parameters`: what has no key of its own.
    fn further(&mut self, named: &mut Named) {
        let Some(span) = self.view.key("parameters") else { return };
        for (key, text) in self.view.scalars("parameters") {
            let own =
                OWN_KEYS.iter().map(|(own, word)| (*own, *word)).chain([("port", "port"), ("password", "password")]);
            if let Some((own, _)) = own.into_iter().find(|(_, word)| *word == key) {
                let message =
                    format!("`targets.{}.parameters` has `{key}`, which is a key of the target itself", self.name);
                let finding = Finding::error("config-conflict", message).at(span.place());
                self.findings.push(finding.hint(format!("write it as `{own}` in [targets.{}]", self.name)));
                continue;
            }
            let value = self.fill(&text, "parameters", span);
            named.parameters.extend(value.map(|value| (key, value)));
        }
    }

    fn parts(&mut self, named: Named, place: &Place) -> Option<Server> {
        let Named { parameters, password } = named;
        if !["host", "hostaddr", "service"].iter().any(|word| parameters.contains_key(*word)) {
            self.problem(format!("target `{}` has no `host`", self.name), place.clone(), false);
            return None;
        }
        let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
        if parameters.get("port").is_some_and(|ports| !ports.split(',').all(is_port)) {
            let at = self.view.node("port").map_or_else(|| place.clone(), |node| node.span.place());
            let message = format!("the port of target `{}` is not a number from 1 to 65535", self.name);
            self.problems.push(Finding::error("config-value", message).at(at));
            return None;
        }
        Some(Server::Parts { parameters, password })
    }

    /// `env_prefix`: PREFIX_URL, or PREFIX_HOST and so on; what the configuration names itself comes first.
    fn prefixed(&mut self, prefix: &str, place: &Place) -> Option<Server> {
        let at = self.view.key("env_prefix").map_or_else(|| place.clone(), Span::place);
        let variable = |name: &str| (self.variables)(&format!("{prefix}_{name}")).filter(|value| !value.is_empty());
        if let Some(url) = variable("URL") {
            return Some(Server::Url(Secret::text(url, at)));
        }
        let mut given = Named::of(&SUFFIXES, variable);
        given.password = variable("PASSWORD")
            .map(|password| Secret::text(password, at.clone()))
            .or_else(|| variable("PASSWORD_FILE").map(|path| Secret::file(&path, at.clone())));
        let named = self.configured()?.or(given);
        if !["host", "hostaddr", "service"].iter().any(|word| named.parameters.contains_key(*word)) {
            let message =
                format!("neither `{prefix}_URL` nor `{prefix}_HOST` is set, and target `{}` needs one", self.name);
            let hint = format!("export {prefix}_HOST=…, {prefix}_DB=…, {prefix}_USER=… and {prefix}_PASSWORD=…");
            self.problems.push(Finding::error("variable-missing", message).at(at).hint(hint));
            return None;
        }
        self.parts(named, place)
    }

    /// The variables that other tools use, for the one target of a small project. libpq's own are laid beneath by whoever
    /// connects; here they only say that there is a server.
    fn ambient(&mut self, place: &Place) -> Option<Server> {
        let variable = |name: &str| (self.variables)(name).filter(|value| !value.is_empty());
        if let Some(url) = variable("DATABASE_URL") {
            return Some(Server::Url(Secret::text(url, place.clone())));
        }
        let own = self.filled("database").map(|database| ("dbname".to_owned(), database));
        if variable("POSTGRES_HOST").is_some() {
            let mut given = Named::of(&SUFFIXES, |name| variable(&format!("POSTGRES_{name}")));
            given.password = variable("POSTGRES_PASSWORD").map(|password| Secret::text(password, place.clone()));
            given.parameters.extend(own);
            return self.parts(given, place);
        }
        let named = ["PGHOST", "PGHOSTADDR", "PGSERVICE"].iter().any(|name| variable(name).is_some());
        named.then(|| Server::Parts { parameters: own.into_iter().collect(), password: None })
    }
}

/// What is named of a server, from the file or the environment.
#[derive(Default)]
struct Named {
    parameters: BTreeMap<String, String>,
    password: Option<Secret>,
}

impl Named {
    fn of(names: &[(&str, &str)], variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut parameters = BTreeMap::new();
        for (name, word) in names {
            if let Some(value) = variable(name) {
                parameters.entry((*word).to_owned()).or_insert(value);
            }
        }
        Self { parameters, password: None }
    }

    fn or(mut self, other: Self) -> Self {
        for (key, value) in other.parameters {
            self.parameters.entry(key).or_insert(value);
        }
        Self { parameters: self.parameters, password: self.password.or(other.password) }
    }
}
