//! `[targets]`: the databases, and how they are reached.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dunlin_planner::{Finding, Pattern, Place, StepSettings, Target, TargetKind, TargetName};

use super::view::View;
use crate::connection::{Connection, Parts, Server};
use crate::fill::{FillError, fill};
use crate::secret::Secret;
use crate::tree::{Node, Span, Value};

/// What names a server part by part, instead of `url`.
const PART_KEYS: [&str; 7] = ["host", "port", "user", "password", "sslmode", "sslrootcert", "env_prefix"];

/// Looks a variable of the environment up.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Every target with its connection.
pub(crate) fn read(
    config: View<'_>,
    root: &Path,
    variables: Variables<'_>,
    findings: &mut Vec<Finding>,
) -> (BTreeMap<TargetName, Target>, BTreeMap<TargetName, Connection>) {
    let root: Arc<Path> = Arc::from(root);
    let sections = config.sections("targets");
    let takes_ambient =
        |view: &View<'_>| view.flag("enabled") != Some(false) && view.text("kind") != Some("clickhouse");
    let only = sections.iter().filter(|(.., view)| takes_ambient(view)).count() == 1;
    let (mut targets, mut connections) = (BTreeMap::new(), BTreeMap::new());
    for (name, key, view) in sections {
        let Ok(name) = TargetName::new(name) else { continue };
        let target = target(&name, key, view);
        findings.extend(pauses_elsewhere(&target, view));
        let mut reader = Reader { name: &name, view, variables, problems: Vec::new(), findings };
        let server = reader.server(&target.place, only && takes_ambient(&view));
        let direct_url = reader.secret("direct_url");
        let connection = Connection {
            target: name.clone(),
            create: view.flag("create").unwrap_or(false),
            defaults: view.step_settings(&StepSettings::default()),
            place: target.place.clone(),
            server,
            direct_url,
            problems: reader.problems,
            root: root.clone(),
        };
        targets.insert(name.clone(), target);
        connections.insert(name, connection);
    }
    (targets, connections)
}

fn target(name: &TargetName, key: &Span, view: View<'_>) -> Target {
    Target {
        name: name.clone(),
        kind: match view.text("kind") {
            Some("timescale") => TargetKind::Timescale,
            Some("cron") => TargetKind::Cron,
            Some("clickhouse") => TargetKind::Clickhouse,
            _ => TargetKind::Postgres,
        },
        enabled: view.flag("enabled").unwrap_or(true),
        disposable: view.flag("disposable").unwrap_or(false),
        pause: view.texts("pause").into_iter().map(|(name, _)| Pattern::new(name)).collect(),
        place: key.place(),
    }
}

/// `pause` where there is nothing to pause.
fn pauses_elsewhere(target: &Target, view: View<'_>) -> Option<Finding> {
    let at = view.key("pause").filter(|_| target.kind != TargetKind::Cron)?;
    let message =
        format!("`targets.{}.pause` names jobs of pg_cron, and the target is of kind `{}`", target.name, target.kind);
    let hint = "move it to the target of kind `cron`: the jobs live there, whatever database they work in";
    Some(Finding::error("pause-unsupported", message).at(at.place()).hint(hint))
}

/// Reads one target's connection. What depends on the environment is a problem of the connection, not a finding.
struct Reader<'a> {
    name: &'a TargetName,
    view: View<'a>,
    variables: Variables<'a>,
    problems: Vec<Finding>,
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn server(&mut self, place: &Place, ambient: bool) -> Option<Server> {
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

    fn secret(&mut self, key: &str) -> Option<Secret> {
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
        let port = match self.view.node("port").map(|node| &node.value) {
            Some(Value::Integer(port)) => Some(port.to_string()),
            _ => self.filled("port"),
        };
        let named = Named {
            host: self.filled("host"),
            port,
            database: self.filled("database"),
            user: self.filled("user"),
            password: self.secret("password"),
        };
        self.problems.is_empty().then_some(named)
    }

    fn parts(&mut self, named: Named, place: &Place) -> Option<Server> {
        let sslmode = self.filled("sslmode");
        let sslrootcert = self.filled("sslrootcert").map(Into::into);
        let Some(host) = named.host else {
            self.problem(format!("target `{}` has no `host`", self.name), place.clone(), false);
            return None;
        };
        let port = match named.port.map(|port| port.parse::<u16>()) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => {
                let at = self.view.node("port").map_or_else(|| place.clone(), |node| node.span.place());
                let message = format!("the port of target `{}` is not a number from 1 to 65535", self.name);
                self.problems.push(Finding::error("config-value", message).at(at));
                return None;
            }
        };
        let parts = Parts { host, port, database: named.database, user: named.user, sslmode, sslrootcert };
        Some(Server::Parts { parts, password: named.password })
    }

    /// `env_prefix`: PREFIX_URL, or PREFIX_HOST and so on; what the configuration names itself comes first.
    fn prefixed(&mut self, prefix: &str, place: &Place) -> Option<Server> {
        let at = self.view.key("env_prefix").map_or_else(|| place.clone(), Span::place);
        let variable = |name: &str| (self.variables)(&format!("{prefix}_{name}")).filter(|value| !value.is_empty());
        if let Some(url) = variable("URL") {
            return Some(Server::Url(Secret::text(url, at)));
        }
        let given = Named {
            host: variable("HOST"),
            port: variable("PORT"),
            database: variable("DB").or_else(|| variable("NAME")).or_else(|| variable("DATABASE")),
            user: variable("USER"),
            password: variable("PASSWORD").map(|password| Secret::text(password, at.clone())),
        };
        let named = self.configured()?.or(given);
        if named.host.is_none() {
            let message =
                format!("neither `{prefix}_URL` nor `{prefix}_HOST` is set, and target `{}` needs one", self.name);
            let hint = format!("export {prefix}_HOST=…, {prefix}_DB=…, {prefix}_USER=… and {prefix}_PASSWORD=…");
            self.problems.push(Finding::error("variable-missing", message).at(at).hint(hint));
            return None;
        }
        self.parts(named, place)
    }

    /// The variables that other tools use, for the one target of a small project.
    fn ambient(&mut self, place: &Place) -> Option<Server> {
        let variable = |name: &str| (self.variables)(name).filter(|value| !value.is_empty());
        if let Some(url) = variable("DATABASE_URL") {
            return Some(Server::Url(Secret::text(url, place.clone())));
        }
        let family = |names: [&str; 5]| {
            let [host, port, database, user, password] = names.map(variable);
            let password = password.map(|password| Secret::text(password, place.clone()));
            host.map(|host| Named { host: Some(host), port, database, user, password })
        };
        let named = family(["POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"])
            .or_else(|| family(["PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"]))?;
        let own = Named { database: self.filled("database"), ..Named::default() };
        let server = self.parts(own.or(named), place)?;
        Some(match server {
            Server::Parts { parts, password } => {
                let sslmode = parts.sslmode.clone().or_else(|| variable("PGSSLMODE"));
                let sslrootcert = parts.sslrootcert.clone().or_else(|| variable("PGSSLROOTCERT").map(Into::into));
                Server::Parts { parts: Parts { sslmode, sslrootcert, ..parts }, password }
            }
            other => other,
        })
    }
}

/// What is named of a server, from the file or the environment.
#[derive(Default)]
struct Named {
    host: Option<String>,
    port: Option<String>,
    database: Option<String>,
    user: Option<String>,
    password: Option<Secret>,
}

impl Named {
    fn or(self, other: Self) -> Self {
        Self {
            host: self.host.or(other.host),
            port: self.port.or(other.port),
            database: self.database.or(other.database),
            user: self.user.or(other.user),
            password: self.password.or(other.password),
        }
    }
}
