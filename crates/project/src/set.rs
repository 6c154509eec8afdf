//! A migration set from its files: style, pairs of up and down, and what each migration is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dunlin_planner::{Body, Finding, Kind, Migration, MigrationId, Phase, Place, Set, SetName, TargetKind, Version};
use dunlin_sql as sql;

use crate::body;
use crate::clickhouse;
use crate::config::services::Declared;
use crate::folder::{self, Found, Listing};
use crate::headers::{self, Owners};
use crate::jobs;
use crate::sql_file::SqlFile;
use crate::styles::{self, FileName, Named, Role, Style, markers};
use crate::words::{self, printable};

/// A migration and the files that it was read from.
pub(crate) struct Files {
    pub(crate) migration: Migration,
    pub(crate) up: SqlFile,
    pub(crate) down: Option<SqlFile>,
}

impl Files {
    /// What the statements of its up do.
    pub(crate) fn analysis(&self) -> &[sql::Analysis] {
        self.up.source.as_ref().map_or(&[], sql::Source::analysis)
    }
}

/// Which set took a file.
pub(crate) type Taken = BTreeMap<PathBuf, (SetName, String)>;

/// What all sets share while they are read.
pub(crate) struct Reader<'a> {
    pub(crate) root: &'a Path,
    /// Larger files are streamed.
    pub(crate) held: u64,
    pub(crate) owners: Owners<'a>,
    pub(crate) taken: Taken,
    pub(crate) passed_over: Vec<Found>,
    pub(crate) excluded: BTreeSet<PathBuf>,
    /// The declared jobs of the sets that were read.
    pub(crate) jobs: Vec<Migration>,
    pub(crate) findings: Vec<Finding>,
}

/// One file that its style could read.
struct Entry<'a> {
    found: &'a Found,
    name: String,
    version: Version,
}

/// A migration's files.
struct Pair<'a> {
    up: Entry<'a>,
    kind: Kind,
    phase: Option<Phase>,
    down: Option<Entry<'a>>,
}

impl Reader<'_> {
    /// Reads a set; its migrations are in the order of their files.
    pub(crate) fn read(&mut self, declared: &Declared, kind: TargetKind) -> (Set, Vec<Files>) {
        let before = self.findings.len();
        let Listing { files, jobs, passed_over, excluded } = folder::list(self.root, declared, &mut self.findings);
        let complete = self.findings.len() == before;
        self.passed_over.extend(passed_over);
        self.excluded.extend(excluded.into_iter().map(|file| file.canonical));
        let files: Vec<_> = files.into_iter().filter(|file| self.take(file, declared)).collect();
        if files.is_empty() && jobs.is_empty() && complete && !declared.paths.is_empty() {
            let finding = Finding::warning("set-empty", format!("set `{}` has no `.sql` files", declared.name));
            let hint = format!("`dunlin new {} WHAT IT DOES` writes the first one", declared.name);
            self.findings.push(finding.at(declared.paths[0].1.clone()).hint(hint));
        }
        let style = if files.is_empty() { None } else { self.style(declared, &files) };
        let pairs = style.map(|style| self.pairs(declared, style, &files)).unwrap_or_default();
        let migrations = self.migrations(declared, kind, &pairs);
        for found in jobs {
            if self.take(&found, declared) {
                self.jobs.extend(jobs::read(&found, declared, kind, &mut self.findings));
            }
        }
        let set = Set {
            name: declared.name.clone(),
            service: declared.service.clone(),
            target: declared.target.clone(),
            after: Vec::new(),
            requires: declared.requires.clone(),
            missing: declared.missing,
            out_of_order: declared.out_of_order,
            style: style.map_or_else(String::new, |style| style.name.to_owned()),
            place: declared.place.clone(),
        };
        (set, migrations)
    }

    /// Notes that the set has this file; false where another set has it already.
    fn take(&mut self, file: &Found, declared: &Declared) -> bool {
        let Some((other, shown)) = self.taken.get(&file.canonical) else {
            self.taken.insert(file.canonical.clone(), (declared.name.clone(), file.shown.clone()));
            return true;
        };
        let message = format!("`{}` belongs to set `{other}` and to set `{}`", printable(&file.shown), declared.name);
        self.findings.push(
            Finding::error("file-in-two-sets", message)
                .at(declared.place.clone())
                .also(format!("as `{other}` has it"), Place::file(shown))
                .hint("let `include` and `exclude` tell them apart"),
        );
        false
    }

    fn style(&mut self, declared: &Declared, files: &[Found]) -> Option<&'static Style> {
        let set = &declared.name;
        let forced = declared.naming.as_deref().and_then(styles::named);
        let names: Vec<_> = files.iter().filter_map(|file| FileName::new(&file.inside)).collect();
        let fitting = forced.map_or_else(|| styles::detect(&names), |style| vec![style]);
        let list = |styles: &[&Style]| words::choice(styles.iter().map(|style| style.name));
        let finding = match fitting.as_slice() {
            [style] if style.supported => return Some(style),
            [style] => {
                let message =
                    format!("the files of set `{set}` look like {}, a style that is not supported yet", style.example);
                Finding::error("style-not-supported", message).at(Place::file(&files[0].shown))
            }
            [] => {
                let message = format!("no file of set `{set}` follows a naming style that Dunlin knows");
                let known: Vec<_> =
                    styles::NAMES.iter().filter_map(|name| styles::named(name)).map(|style| style.example).collect();
                Finding::error("style-unknown", message)
                    .at(Place::file(&files[0].shown))
                    .hint(format!("name them like {}", known.join("; or ")))
            }
            several => {
                let message = format!("the files of set `{set}` fit the naming styles {} equally", list(several));
                let hint = format!("add `naming = \"{}\"` to the set, or move the other files out", several[0].name);
                let finding = Finding::error("style-ambiguous", message).at(declared.place.clone()).hint(hint);
                several.iter().fold(finding, |finding, style| {
                    let example = names.iter().position(|name| (style.read)(name).is_some()).unwrap_or_default();
                    finding.also(format!("`{}`", style.name), Place::file(&files[example].shown))
                })
            }
        };
        self.findings.push(finding);
        None
    }

    /// Pairs ups with their downs.
    fn pairs<'f>(&mut self, declared: &Declared, style: &'static Style, files: &'f [Found]) -> Vec<Pair<'f>> {
        let (mut pairs, mut downs) = (Vec::new(), Vec::new());
        for found in files {
            let Some((entry, role)) = self.entry(declared, style, found) else { continue };
            match role {
                Role::Up { kind, phase } => pairs.push(Pair { up: entry, kind, phase, down: None }),
                Role::Down => downs.push(entry),
                Role::Later(what) => {
                    let message = format!("`{}` is {what}, which is not supported yet", printable(&found.shown));
                    let finding = Finding::error("style-not-supported", message);
                    self.findings.push(finding.at(Place::file(&found.shown)));
                }
            }
        }
        for down in downs {
            self.pair(&mut pairs, down);
        }
        pairs
    }

    fn entry<'f>(&mut self, declared: &Declared, style: &Style, found: &'f Found) -> Option<(Entry<'f>, Role)> {
        let shown = printable(&found.shown);
        let at = Place::file(&found.shown);
        let named = FileName::new(&found.inside).and_then(|name| (style.read)(&name));
        let Some(Named { version, name, role, .. }) = named else {
            let message =
                format!("`{shown}` does not follow the naming style `{}` of its set `{}`", style.name, declared.name);
            let hint = format!("name it like {}; or leave it out: exclude = [\"{}\"]", style.example, found.inside);
            self.findings.push(Finding::error("file-without-style", message).at(at).hint(hint));
            return None;
        };
        match Version::new(&version) {
            Ok(version) => {
                let name = self.without_service(declared, style, name, &at);
                Some((Entry { found, name, version }, role))
            }
            Err(error) => {
                self.findings.push(Finding::error("version-invalid", format!("`{shown}`: {error}")).at(at));
                None
            }
        }
    }

    /// The description without the service in front, in the style that has one; it should be this set's.
    fn without_service(&mut self, declared: &Declared, style: &Style, name: &str, at: &Place) -> String {
        let head = name.split_once('_').filter(|_| style.name == "timestamp-service");
        let Some((service, rest)) = head.and_then(|(word, rest)| Some((self.owners.short(word)?, rest))) else {
            return name.to_owned();
        };
        if *service == declared.service {
            return rest.to_owned();
        }
        let message = format!("the file's name says service `{service}`, but it belongs to set `{}`", declared.name);
        self.findings.push(Finding::warning("service-mismatch", message).at(at.clone()));
        name.to_owned()
    }

    fn pair<'f>(&mut self, pairs: &mut [Pair<'f>], down: Entry<'f>) {
        let shown = printable(&down.found.shown);
        let at = Place::file(&down.found.shown);
        let same = |pair: &Pair<'_>| pair.up.version == down.version && pair.kind != Kind::Repeatable;
        let exact = pairs.iter().position(|pair| same(pair) && pair.up.name == down.name);
        let Some(found) = exact.or_else(|| pairs.iter().position(same)) else {
            let message = format!("`{shown}` takes back version {}, which no file applies", down.version);
            let near = pairs.iter().map(|pair| &pair.up).find(|up| up.name == down.name);
            let finding = Finding::error("down-without-up", message).at(at);
            self.findings.push(match near {
                Some(up) => finding.also("the same name with another version", Place::file(&up.found.shown)),
                None => finding.hint("add the file that applies it, or remove this one"),
            });
            return;
        };
        match &mut pairs[found].down {
            empty @ None => *empty = Some(down),
            Some(first) => {
                let message = format!("`{shown}` is a second down for version {}", down.version);
                let first = Place::file(&first.found.shown);
                let finding = Finding::error("down-twice", message).at(at).also("the first one", first);
                self.findings.push(finding.hint("remove one of them"));
            }
        }
    }

    fn migrations(&mut self, declared: &Declared, kind: TargetKind, pairs: &[Pair<'_>]) -> Vec<Files> {
        let read: Vec<_> = pairs.iter().map(|pair| self.migration(declared, kind, pair)).collect();
        self.findings.extend(read.iter().find_map(|files| marker(&files.up)));
        read
    }

    fn migration(&mut self, declared: &Declared, target: TargetKind, pair: &Pair<'_>) -> Files {
        let id = MigrationId::new(declared.name.clone(), pair.up.version.clone());
        let mut findings = Vec::new();
        let (up_file, up_body) = self.body(declared, target, &pair.up, &mut findings);
        let phase = headers::phase(&up_file, pair.phase, &mut findings);
        let down = pair.down.as_ref().map(|down| {
            let (file, body) = self.body(declared, target, down, &mut findings);
            findings.extend(headers::check_down(&file));
            (file, body)
        });
        let (down_file, down_body) = down.unzip();
        self.findings.extend(findings.into_iter().map(|finding| finding.of(&id)));
        let migration = Migration {
            id,
            name: pair.up.name.clone(),
            kind: pair.kind,
            phase,
            place: Place::file(&pair.up.found.shown),
            up: up_body,
            down: down_body,
            depends: headers::depends(&up_file),
        };
        Files { migration, up: up_file, down: down_file }
    }

    fn body(
        &self,
        declared: &Declared,
        target: TargetKind,
        entry: &Entry<'_>,
        findings: &mut Vec<Finding>,
    ) -> (SqlFile, Body) {
        let file = SqlFile::read(entry.found, self.held, clickhouse::dialect(target), findings);
        findings.extend(headers::check(&file, &declared.name, &declared.service, &self.owners));
        let body = body::body(&file, target, &declared.settings, findings);
        (file, body)
    }
}

/// A file that holds both directions would be applied and taken back at once.
fn marker(file: &SqlFile) -> Option<Finding> {
    let (tool, range) = markers::find(file.text())?;
    let message =
        format!("the file holds up and down behind markers, as {tool} writes them, which is not supported yet");
    Some(
        Finding::error("style-not-supported", message)
            .at(file.place(&range))
            .hint("split it into an up file and a down file"),
    )
}

/// What other files of the same database make of TimescaleDB.
#[derive(Default)]
pub(crate) struct Timescale {
    pub(crate) hypertables: Vec<sql::Hypertable>,
    /// What is compressed by the files that come before.
    pub(crate) compressed: Vec<sql::QualifiedName>,
    /// What has rows by then.
    pub(crate) filled: sql::Filled,
}

/// The lint rules' findings on a migration's files, with those of its down.
pub(crate) fn lint(files: &Files, timescale: &Timescale) -> Vec<Finding> {
    let Files { migration, up, down } = files;
    let context = |phase: Option<Phase>| sql::LintContext {
        phase: phase.map(headers::to_sql),
        hypertables: timescale.hypertables.clone(),
        compressed: timescale.compressed.clone(),
        filled: timescale.filled.clone(),
    };
    // Taking back what was added removes things by its nature.
    let each = [(Some(up), context(migration.phase)), (down.as_ref(), context(Some(Phase::Contract)))];
    let mut findings = Vec::new();
    for (file, context) in each {
        let Some((file, source)) = file.and_then(|file| Some((file, file.source.as_ref()?))) else { continue };
        // Reading the body has refused an index without a name already, whatever the linter is asked for.
        let found = source.lint(&context).into_iter().filter(|violation| violation.rule != "unnamed-concurrent-index");
        for violation in found {
            let finding = match violation.severity {
                sql::Severity::Note => Finding::note(violation.rule, violation.message),
                sql::Severity::Warning => Finding::warning(violation.rule, violation.message),
                sql::Severity::Error => Finding::error(violation.rule, violation.message),
            };
            let finding = finding.at(file.place(&violation.range)).of(&migration.id);
            findings.push(Finding { hint: violation.help, ..finding });
        }
    }
    findings
}
