//! A project as one text: `//- path` begins a file, `//> path -> destination` is a link, and what stands before the first
//! of them are variables of the environment. What reading makes of it is one text, too.

use std::fmt::Write as _;
use std::path::Path;

use dunlin_planner::{Body, Catalog, Finding, Migration, Probe, Rebuilt, StatementClass};
use dunlin_project::{Endpoint, MAX_HELD, Project, ReadFailure, Request, read};
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// Most tests are about one set; this is the configuration around it.
pub(crate) const ONE_SET: &str = "//- dunlin.toml\n[project]\nname = \"p\"\n[targets.db]\nurl = \"embedded\"\n[services.s]\ntarget = \"db\"\npath = \"m\"\n";

/// A project on the disk, and the variables it is read with.
pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    /// Larger files are streamed.
    pub(crate) held: u64,
    variables: Vec<(String, String)>,
}

impl Fixture {
    pub(crate) fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = format!("\n{text}");
        let mut parts = text.split("\n//");
        let variables = parts.next().unwrap_or_default();
        let variables = variables.split_whitespace().filter_map(|pair| pair.split_once('='));
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let fixture = Self { directory, held: MAX_HELD, variables };
        for part in parts {
            if let Some(link) = part.strip_prefix("> ") {
                let (path, destination) = link.trim_end().split_once(" -> ").unwrap();
                std::os::unix::fs::symlink(destination, fixture.parent_made(path)).unwrap();
            } else {
                let file = part.strip_prefix("- ").unwrap();
                let (path, content) = file.split_once('\n').unwrap_or((file, ""));
                fixture.write(path, content.as_bytes());
            }
        }
        fixture
    }

    fn parent_made(&self, path: &str) -> std::path::PathBuf {
        let path = self.directory.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub(crate) fn write(&self, path: &str, content: &[u8]) {
        fs_err::write(self.parent_made(path), content).unwrap();
    }

    pub(crate) fn read(&self, environment: Option<&str>) -> Result<Project, ReadFailure> {
        let variables = |name: &str| {
            let found = self.variables.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        let (start_dir, environment) = (self.directory.path().to_owned(), environment.map(str::to_owned));
        read(&Request { config: None, start_dir, environment, variables: &variables, held: self.held })
    }

    fn without_root(&self, text: &str) -> String {
        let root = self.directory.path().canonicalize().unwrap();
        text.replace(&*root.to_string_lossy(), "ROOT")
    }
}

/// What is read: sets, migrations and dependencies, or what was found if `view` asks for that.
pub(crate) fn shown(text: &str, view: fn(&Project) -> String) -> String {
    shown_in(text, None, view)
}

pub(crate) fn shown_in(text: &str, environment: Option<&str>, view: fn(&Project) -> String) -> String {
    let fixture = Fixture::new(text);
    let shown = match fixture.read(environment) {
        Ok(project) => view(&project),
        Err(ReadFailure { findings }) => format!("FAILED\n{}", all(&findings)),
    };
    fixture.without_root(&shown)
}

/// Only what was found.
pub(crate) fn findings(project: &Project) -> String {
    all(&project.catalog.findings)
}

/// Everything of the catalog that comes from migration files.
pub(crate) fn catalog(project: &Project) -> String {
    let Catalog { sets, migrations, dependencies, findings, .. } = &project.catalog;
    let mut text = String::new();
    for set in sets.values() {
        write!(text, "set {} of {} on {}: {}", set.name, set.service, set.target, set.style).unwrap();
        set.after.iter().for_each(|(name, place)| write!(text, " after {name} ({place})").unwrap());
        text.push('\n');
    }
    for migration in migrations {
        writeln!(text, "{}", line(migration)).unwrap();
    }
    for file in dependencies {
        for entry in &file.entries {
            write!(text, "{} {}/{} needs", entry.place, entry.service, entry.version).unwrap();
            entry.dependencies.iter().for_each(|it| write!(text, " {} ({})", it.text, it.place).unwrap());
            text.push('\n');
        }
    }
    text + &all(findings)
}

fn line(migration: &Migration) -> String {
    let mut line = format!("{} {} {:?}", migration.id, migration.name, migration.kind);
    if let Some(phase) = migration.phase {
        write!(line, " {phase:?}").unwrap();
    }
    write!(line, " up {}", body(&migration.up)).unwrap();
    if let Some(down) = &migration.down {
        write!(line, " down {}", body(down)).unwrap();
    }
    migration.depends.iter().for_each(|it| write!(line, " needs {} ({})", it.text, it.place).unwrap());
    line
}

fn body(body: &Body) -> String {
    let class = |class: &StatementClass| match class {
        StatementClass::Transactional => "tx".to_owned(),
        StatementClass::Alone { what, probe } => format!("[{what}: {}]", asked(probe)),
    };
    if let Some(streamed) = body.streamed {
        return format!("{} {{{} streamed}}", body.path, streamed.statements);
    }
    let statements: Vec<_> = body.statements.iter().map(|it| format!("{}{}", it.line, class(&it.class))).collect();
    format!("{} {{{}}}", body.path, statements.join(" "))
}

fn asked(probe: &Probe) -> String {
    match probe {
        Probe::IndexValid { index, table, .. } => format!("index {index} of {table} is valid"),
        Probe::IndexAbsent(names) => {
            format!("{} absent", names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        Probe::Query(query) => query.clone(),
        Probe::Effects { effects, again, cluster } => {
            let effects: Vec<_> = effects.iter().map(ToString::to_string).collect();
            let everywhere = cluster.as_ref().map(|cluster| format!(" on {cluster}")).unwrap_or_default();
            format!("{}{everywhere}{}", effects.join(" and "), if *again { ", again" } else { "" })
        }
        Probe::ChunkIndex { index, table, shape } => {
            let rest = shape.as_ref().map_or("", |shape| shape.rest.as_str());
            format!("index {index} of the chunks of {table}:{rest}")
        }
        Probe::Promised(promise) => format!("{promise:?}"),
        Probe::Refreshed(refresh) => refresh.to_string(),
        Probe::Updated { extension, version } => format!("{extension} at {version:?}"),
        Probe::Repeat => "repeat".to_owned(),
        Probe::Rebuilt(Rebuilt::Index(name)) => format!("rebuilds index {name}"),
        Probe::Rebuilt(Rebuilt::Table(name)) => format!("rebuilds indexes of {name}"),
        Probe::Rebuilt(Rebuilt::Schema(name)) => format!("rebuilds indexes in {name}"),
        Probe::Rebuilt(Rebuilt::Database) => "rebuilds all indexes".to_owned(),
        Probe::Detached { table, partition } => format!("{partition} no part of {table}"),
        Probe::EnumValue { name, value } => format!("{name} has {value}"),
        Probe::DatabaseThere(name) => format!("database {name} there"),
        Probe::DatabaseGone(name) => format!("database {name} gone"),
        Probe::Unknown => "unknown".to_owned(),
        Probe::Piecemeal => "piecemeal".to_owned(),
    }
}

/// How each target is reached.
pub(crate) fn connections(project: &Project) -> String {
    let mut text = all(&project.catalog.findings);
    for connection in project.connections.values() {
        let reached = match connection.resolve() {
            Ok(resolved) => {
                let direct = resolved.direct_url.map(|url| format!(", directly {}", url.expose_secret()));
                format!("{}{}", endpoint(&resolved.endpoint), direct.unwrap_or_default())
            }
            Err(findings) => all(&findings),
        };
        writeln!(text, "{}: {}", connection.target, reached.trim_end()).unwrap();
    }
    text
}

fn endpoint(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Embedded { database } => format!("embedded {database}"),
        Endpoint::Url(url) => format!("url {}", url.expose_secret()),
        Endpoint::Parts { parameters, password } => {
            let parameters = parameters.iter().map(|(key, value)| format!("{key}={value}"));
            let password = password.as_ref().map(|password| format!("password={}", password.expose_secret()));
            parameters.chain(password).collect::<Vec<_>>().join(" ")
        }
    }
}

fn all(findings: &[Finding]) -> String {
    findings.iter().map(one).collect()
}

fn one(finding: &Finding) -> String {
    let severity = format!("{:?}", finding.severity).to_lowercase();
    let mut text = format!("{severity}[{}]: {}\n", finding.code, finding.message);
    if let Some(place) = &finding.place {
        writeln!(text, "  at {place}").unwrap();
        if !place.text.is_empty() {
            let column = usize::try_from(place.column).unwrap();
            let width = usize::try_from(place.width.max(1)).unwrap();
            writeln!(text, "   | {}\n   | {}{}", place.text, " ".repeat(column - 1), "^".repeat(width)).unwrap();
        }
    }
    finding.related.iter().for_each(|(what, place)| writeln!(text, "  {what}: {place}").unwrap());
    finding.hint.iter().for_each(|hint| writeln!(text, "  hint: {hint}").unwrap());
    text
}

/// Makes a FIFO.
pub(crate) fn fifo(path: &Path) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
}
