//! A small language for a project and what its databases say, one fact per line.
//!
//! ```text
//! target core postgres [off] [pooled] [oid DATABASE] [offers FEATURE…] [unknown FEATURE…] [installed EXTENSION…] [pause PATTERN…]
//! job jobs NAME DATABASE [inactive]
//! paused jobs NAME RUN [held]
//! unreadable jobs
//! service auth alias auth-service
//! set crm core [of SERVICE] [after SET…] [requires FEATURE…] [refuse] [out-of-order]
//! crm/2 [repeatable|seed] [no-down] [alone] [wants FEATURE…] [perhaps FEATURE…] [since FEATURE…] [uses EXTENSION…] [brings EXTENSION…] [needs REFERENCE…]
//! entry FILE SERVICE VERSION needs REFERENCE…
//! policy [seeds] [no-pull-in] [require-down] [deny-warnings]
//! warning crm/2 CODE
//! makes core/2 SCHEMA.ROUTINE
//! calls cron/1 SCHEMA.ROUTINE [DATABASE]
//! ledger core [ID]
//! row core crm/2 [applied|running|reverting|reverted] [edited|reworded] [alone] [begun STATEMENTS] [doubt] [held] [run ID] [needs MIGRATION@LEDGER…]
//! unreachable core
//! environment NAME
//! identity core [born SYSTEM DATABASE TIMELINE] [now SYSTEM DATABASE TIMELINE] [stamped ENVIRONMENT] [lost MIGRATION…] [standby]
//! same cron core
//! copy replica core
//! ```
//!
//! `same` lets a target lead to the database of another one, `copy` to a copy of it, as that is described up to there. Services are declared by their
//! sets, a `row` makes its ledger, and every digest follows from the migration's id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dunlin_planner::{
    Body, CalledRoutine, Capabilities, Catalog, Class, DependencyEntry, DependencyFile, Digest, Feature, Finding, Have,
    Holder, Identity, Kind, Ledger, LedgerRow, MadeRoutine, Migration, MigrationId, Missing, Need, Needs, Obligation,
    Observed, Pattern, Pausable, PauseFacts, Place, Policy, Probe, QualifiedName, Reference, RowState, ServerVersion,
    Service, Set, Statement, StatementClass, StepSettings, StoredDependency, Target, TargetFacts, TargetKind,
    TargetName, Timestamp,
};

/// A project and what its databases say.
pub(crate) struct Fixture {
    pub(crate) catalog: Catalog,
    pub(crate) observed: BTreeMap<TargetName, Observed>,
}

impl Fixture {
    /// Reads the language above.
    pub(crate) fn parse(text: &str) -> Self {
        let catalog = Catalog {
            project: "acme".parse().unwrap(),
            environment: None,
            targets: BTreeMap::new(),
            services: BTreeMap::new(),
            sets: BTreeMap::new(),
            migrations: Vec::new(),
            dependencies: Vec::new(),
            made: Vec::new(),
            called: Vec::new(),
            policy: Policy::default(),
            findings: Vec::new(),
        };
        let mut fixture = Self { catalog, observed: BTreeMap::new() };
        for (number, line) in text.lines().enumerate() {
            if !line.trim().is_empty() {
                fixture.line(&Line::parse(line.trim(), number + 1));
            }
        }
        fixture
    }

    fn line(&mut self, line: &Line<'_>) {
        let facts = &mut self.observed;
        match line.head {
            "target" => self.target(line),
            "set" => self.set(line),
            "service" => self.service(line.word(0), line.list("alias"), line.place()),
            "entry" => self.entry(line),
            "warning" => {
                let finding = Finding::warning(line.word(1).to_owned(), format!("mind `{}`", line.word(0)));
                self.catalog.findings.push(finding.of(&line.word(0).parse().unwrap()));
            }
            "policy" => {
                self.catalog.policy.seeds = line.says("seeds");
                self.catalog.policy.pull_in = !line.says("no-pull-in");
                self.catalog.policy.require_down = line.says("require-down");
                self.catalog.policy.deny_warnings = line.says("deny-warnings");
            }
            "makes" => {
                let (by, name) = (line.word(0).parse().unwrap(), routine(line.word(1)));
                self.catalog.made.push(MadeRoutine { by, name });
            }
            "calls" => {
                let (by, name) = (line.word(0).parse().unwrap(), routine(line.word(1)));
                let database = line.words.get(2).map(|name| (*name).to_owned());
                let job = "nightly".to_owned();
                self.catalog.called.push(CalledRoutine { by, job, database, name, place: line.place() });
            }
            "ledger" => self.ledger(line.word(0), line.words.get(1).unwrap_or(&line.word(0))),
            "row" => self.row(line),
            "job" => self.job(line),
            "paused" => self.paused(line),
            "environment" => self.catalog.environment = Some(line.word(0).parse().unwrap()),
            "identity" => self.identity(line),
            "same" | "copy" => {
                let target: TargetName = line.word(0).parse().unwrap();
                let [Observed::Facts(this), Observed::Facts(other)] =
                    [&target, &line.word(1).parse().unwrap()].map(|name| self.observed[name].clone())
                else {
                    panic!("`{}` or `{}` is unreachable", line.word(0), line.word(1))
                };
                let started = if line.head == "same" { other.started } else { this.started };
                self.observed.insert(target.clone(), Observed::Facts(TargetFacts { target, started, ..other }));
            }
            "unreadable" => self.pausing(line.word(0)).unreadable = Some("permission denied".to_owned()),
            "unreachable" => {
                let finding = Finding::error("target-unreachable", format!("target `{}` is down", line.word(0)));
                facts.insert(line.word(0).parse().unwrap(), Observed::Failed(finding.class(Class::Blocked)));
            }
            id => self.catalog.migrations.push(read_migration(id, line)),
        }
    }

    fn target(&mut self, line: &Line<'_>) {
        let name: TargetName = line.word(0).parse().unwrap();
        let kind = match line.word(1) {
            "postgres" => TargetKind::Postgres,
            "timescale" => TargetKind::Timescale,
            "cron" => TargetKind::Cron,
            other => panic!("no kind `{other}`"),
        };
        let enabled = !line.says("off");
        let pause = line.list("pause").into_iter().map(Pattern::new).collect();
        let pause_wait = Duration::from_mins(5);
        let target =
            Target { name: name.clone(), kind, enabled, disposable: false, pause, pause_wait, place: line.place() };
        self.catalog.targets.insert(name.clone(), target);
        if enabled {
            let features = line.list("offers").into_iter().map(|feature| Feature(feature.to_owned())).collect();
            let mut facts = facts(&name, features);
            facts.started = Timestamp(self.observed.len() as i64);
            facts.capabilities.sessions = !line.says("pooled");
            facts.capabilities.unknown = line.features("unknown").collect();
            facts.capabilities.installed = line.features("installed").collect();
            facts.identity.database = line.list("oid").first().map_or(5, |oid| oid.parse().unwrap());
            self.observed.insert(name, Observed::Facts(facts));
        }
    }

    fn pausing(&mut self, target: &str) -> &mut PauseFacts {
        let Some(Observed::Facts(facts)) = self.observed.get_mut(&target.parse().unwrap()) else {
            panic!("`{target}` is not declared, or off")
        };
        &mut facts.pausing
    }

    fn job(&mut self, line: &Line<'_>) {
        let (name, pausing) = (line.word(1).to_owned(), self.pausing(line.word(0)));
        pausing.pausable.push(Pausable {
            key: pausing.pausable.len() as u64 + 1,
            what: format!("job `{name}`"),
            name,
            database: line.word(2).parse().unwrap(),
            active: !line.says("inactive"),
        });
    }

    fn paused(&mut self, line: &Line<'_>) {
        let obligations = &mut self.pausing(line.word(0)).obligations;
        obligations.push(Obligation {
            id: obligations.len() as u64 + 1,
            run: line.word(2).parse().unwrap(),
            what: format!("job `{}`", line.word(1)),
            seconds: 180,
            held: line.says("held"),
        });
    }

    fn service(&mut self, name: &str, aliases: Vec<&str>, place: Place) {
        let aliases = aliases.into_iter().map(|alias| alias.parse().unwrap()).collect();
        let service = Service { name: name.parse().unwrap(), aliases, place };
        self.catalog.services.insert(service.name.clone(), service);
    }

    fn set(&mut self, line: &Line<'_>) {
        let service = line.list("of").first().copied().unwrap_or(line.word(0));
        if !self.catalog.services.contains_key(&service.parse().unwrap()) {
            self.service(service, Vec::new(), line.place());
        }
        let set = Set {
            name: line.word(0).parse().unwrap(),
            service: service.parse().unwrap(),
            target: line.word(1).parse().unwrap(),
            after: line.list("after").into_iter().map(|set| (set.parse().unwrap(), line.place())).collect(),
            requires: line.list("requires").into_iter().map(|feature| Feature(feature.to_owned())).collect(),
            missing: if line.says("refuse") { Missing::Error } else { Missing::Hold },
            out_of_order: line.says("out-of-order"),
            style: "flyway".to_owned(),
            place: line.place(),
        };
        self.catalog.sets.insert(set.name.clone(), set);
    }

    fn entry(&mut self, line: &Line<'_>) {
        let path = line.word(0);
        let files = &mut self.catalog.dependencies;
        if !files.iter().any(|file| file.path == path) {
            files.push(DependencyFile { path: path.to_owned(), entries: Vec::new() });
        }
        let file = files.iter_mut().find(|file| file.path == path).unwrap();
        file.entries.push(DependencyEntry {
            version: line.word(2).to_owned(),
            service: line.word(1).to_owned(),
            place: line.place(),
            dependencies: line.references(),
        });
    }

    fn ledger(&mut self, target: &str, id: &str) {
        let Some(Observed::Facts(facts)) = self.observed.get_mut(&target.parse().unwrap()) else {
            panic!("`{target}` is not declared, or off")
        };
        if facts.ledger == Ledger::Absent {
            let id = id.parse().unwrap();
            facts.ledger = Ledger::Present {
                id,
                protocol: 1,
                outdated: false,
                environment: None,
                born: None,
                lost: BTreeSet::new(),
                rows: BTreeMap::new(),
            };
        }
    }

    fn identity(&mut self, line: &Line<'_>) {
        self.ledger(line.word(0), line.word(0));
        let Some(Observed::Facts(facts)) = self.observed.get_mut(&line.word(0).parse().unwrap()) else {
            unreachable!()
        };
        let identity = |key| match line.list(key)[..] {
            [system, database, timeline, ..] => Some(Identity {
                system: system.to_owned(),
                database: database.parse().unwrap(),
                timeline: timeline.parse().unwrap(),
            }),
            _ => None,
        };
        facts.identity = identity("now").unwrap_or_else(|| facts.identity.clone());
        facts.standby = line.says("standby");
        let Ledger::Present { born, environment, lost, .. } = &mut facts.ledger else { unreachable!() };
        *born = identity("born");
        *environment = line.list("stamped").first().map(|name| name.parse().unwrap());
        lost.extend(line.list("lost").iter().map(|id| id.parse::<MigrationId>().unwrap()));
    }

    fn row(&mut self, line: &Line<'_>) {
        let target = line.word(0);
        self.ledger(target, target);
        let row = read_row(line, &self.catalog.migrations);
        let Some(Observed::Facts(facts)) = self.observed.get_mut(&target.parse().unwrap()) else { unreachable!() };
        let Ledger::Present { rows, .. } = &mut facts.ledger else { unreachable!() };
        rows.insert(row.id.clone(), row);
    }
}

fn routine(text: &str) -> QualifiedName {
    let (schema, name) = text.split_once('.').expect("a routine is `schema.name`");
    QualifiedName { schema: Some(schema.to_owned()), name: name.to_owned() }
}

fn facts(target: &TargetName, features: BTreeSet<Feature>) -> TargetFacts {
    let capabilities = Capabilities {
        server: "PostgreSQL 17.11".to_owned(),
        version: ServerVersion(170_011),
        transactional_ddl: true,
        sessions: true,
        features,
        unknown: BTreeSet::new(),
        installed: BTreeSet::new(),
    };
    let identity = Identity { system: "7".to_owned(), database: 5, timeline: 1 };
    TargetFacts {
        target: target.clone(),
        identity,
        started: Timestamp(0),
        standby: false,
        capabilities,
        ledger: Ledger::Absent,
        pausing: PauseFacts::default(),
        database: target.to_string(),
        jobs: None,
    }
}

fn read_migration(id: &str, line: &Line<'_>) -> Migration {
    let kind = match (line.says("repeatable"), line.says("seed")) {
        (true, _) => Kind::Repeatable,
        (_, true) => Kind::Seed,
        _ => Kind::Versioned,
    };
    let mut migration = migration(id, kind);
    migration.depends = line.references();
    migration.place = line.place();
    migration.up.needs = read_needs(line);
    if line.says("no-down") {
        migration.down = None;
    }
    if line.says("alone") {
        migration.up.statements = vec![statement(Some(Probe::Unknown))];
        if let Some(down) = &mut migration.down {
            down.statements = vec![statement(Some(Probe::Unknown))];
        }
    }
    migration
}

fn read_needs(line: &Line<'_>) -> Needs {
    let kinds = [
        ("wants", Have::Offered, true),
        ("perhaps", Have::Offered, false),
        ("since", Have::Since, true),
        ("uses", Have::Installed, true),
    ];
    let need = |(word, have, is_certain)| {
        line.features(word).map(move |feature| Need {
            what: format!("use_{feature}"),
            feature,
            have,
            is_certain,
            place: line.place(),
        })
    };
    Needs {
        all: kinds.into_iter().flat_map(need).collect(),
        brings: line.features("brings").collect(),
        ..Needs::default()
    }
}

fn read_row(line: &Line<'_>, migrations: &[Migration]) -> LedgerRow {
    let id: MigrationId = line.word(1).parse().unwrap();
    let state = match line.words.get(2) {
        Some(&"running") => RowState::Running,
        Some(&"reverting") => RowState::Reverting,
        Some(&"reverted") => RowState::Reverted,
        _ => RowState::Applied,
    };
    let digest = |what: &str, differs: bool| {
        Digest::of(format!("{what} {id}{}", if differs { " before" } else { "" }).as_bytes())
    };
    let stored = |text: &str| {
        let (id, ledger) = text.split_once('@').expect("a stored dependency is `migration@ledger`");
        StoredDependency { id: id.parse().unwrap(), ledger: ledger.parse().unwrap() }
    };
    LedgerRow {
        name: id.version.to_string(),
        kind: migrations
            .iter()
            .find(|migration| migration.id == id)
            .map_or(Kind::Versioned, |migration| migration.kind),
        transactional: !line.says("alone"),
        state,
        checksum: digest("up", line.says("edited") || line.says("reworded")),
        tokens: digest("up tokens", line.says("edited")),
        step: line.list("begun").first().map_or(0, |count| count.parse().unwrap()) - u32::from(line.says("doubt")),
        begun: begun(line),
        run: line.list("run").first().unwrap_or(&"r1").parse().unwrap(),
        attempt: 1,
        dependencies: line.list("needs").into_iter().map(stored).collect(),
        started: Timestamp(1),
        finished: (state == RowState::Applied).then_some(Timestamp(2)),
        by: "deployer".to_owned(),
        holder: line.says("held").then(|| Holder { pid: 4711, application: "dunlin".to_owned(), seconds: 12 }),
        id,
    }
}

/// The digests of as many statements as the line says were begun; another one where it says that they were edited.
fn begun(line: &Line<'_>) -> Vec<Digest> {
    let count = line.list("begun").first().map_or(0, |count| count.parse().unwrap());
    vec![Digest::of(if line.says("edited") { b"before" } else { b"statement" }); count]
}

/// A migration with a down, in one transaction.
pub(crate) fn migration(id: &str, kind: Kind) -> Migration {
    let id: MigrationId = id.parse().unwrap();
    Migration {
        name: id.version.to_string(),
        kind,
        phase: None,
        place: Place::file(&format!("{id}.sql")),
        up: body("up", &id, vec![statement(None)]),
        down: (kind != Kind::Repeatable).then(|| body("down", &id, vec![statement(None)])),
        depends: Vec::new(),
        id,
    }
}

/// A body whose digests follow from its id.
pub(crate) fn body(what: &str, id: &MigrationId, statements: Vec<Statement>) -> Body {
    let digest = |more: &str| Digest::of(format!("{what}{more} {id}").as_bytes());
    Body {
        path: Arc::from(format!("{id}.sql")),
        digest: digest(""),
        raw: digest(" raw"),
        tokens: digest(" tokens"),
        settings: StepSettings::default(),
        statements,
        batch: None,
        needs: Needs::default(),
        jobs: None,
        streamed: None,
    }
}

/// A transactional statement, or one that runs alone with this probe.
pub(crate) fn statement(alone: Option<Probe>) -> Statement {
    let class =
        alone.map_or(StatementClass::Transactional, |probe| StatementClass::Alone { what: "X".to_owned(), probe });
    Statement { range: 0..1, line: 1, digest: Digest::of(b"statement"), class, copy: None }
}

/// One line, cut into words.
struct Line<'t> {
    head: &'t str,
    words: Vec<&'t str>,
    number: usize,
    text: &'t str,
}

const KEYS: [&str; 22] = [
    "unknown",
    "installed",
    "wants",
    "perhaps",
    "since",
    "uses",
    "brings",
    "oid",
    "pause",
    "alias",
    "of",
    "after",
    "requires",
    "offers",
    "needs",
    "run",
    "begun",
    "born",
    "now",
    "stamped",
    "lost",
    "standby",
];

impl<'t> Line<'t> {
    fn parse(text: &'t str, number: usize) -> Self {
        let mut words = text.split_whitespace();
        Self { head: words.next().expect("empty lines are skipped"), words: words.collect(), number, text }
    }

    fn word(&self, at: usize) -> &'t str {
        self.words.get(at).unwrap_or_else(|| panic!("`{}` lacks a word", self.text))
    }

    fn says(&self, flag: &str) -> bool {
        self.words.contains(&flag)
    }

    /// The words behind `key`, up to the next key.
    fn list(&self, key: &str) -> Vec<&'t str> {
        let behind = self.words.iter().skip_while(|word| **word != key).skip(1);
        behind.take_while(|word| !KEYS.contains(*word)).copied().collect()
    }

    fn features(&self, key: &str) -> impl Iterator<Item = Feature> + use<'_, 't> {
        self.list(key).into_iter().map(|name| Feature(name.to_owned()))
    }

    fn references(&self) -> Vec<Reference> {
        self.list("needs").into_iter().map(|text| Reference { text: text.to_owned(), place: self.place() }).collect()
    }

    fn place(&self) -> Place {
        Place { line: u32::try_from(self.number).unwrap(), text: Arc::from(self.text), ..Place::file("fixture") }
    }
}
