//! A small fleet in text form, and the planner values that follow from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dunlin_planner::{
    Body, Capabilities, Catalog, Digest, Feature, Graph, Identity, Kind, Ledger, LedgerRow, Migration, MigrationId,
    Missing, Observed, Phase, Place, Plan, Policy, Probe, QualifiedName, Reference, RowState, Selection, ServerVersion,
    Service, Set, SetName, Statement, StatementClass, StepSettings, Target, TargetFacts, TargetKind, Timestamp,
    UpRequest, plan_up,
};

/// 2026-11-20 11:58:45 UTC.
pub(crate) const NOON: i64 = 1_795_175_925_000_000;

/// The fleet of most tests.
///
/// A line without indentation is a database: `name kind`, perhaps `off`. Below it stand its migrations: `id name`, then
/// marks: `< id` needs it, `seed`, `repeatable`, `contract`, `alone`, `down`.
pub(crate) const FLEET: &str = "
core postgres
  auth/20240101_001 create users table | down
  auth/20240101_002 add sessions | < billing/1
  auth/views session views | repeatable
  billing/1 invoices | alone
  billing/2 drop the old totals | contract
  demo/1 demo data | seed
jobs cron off
  nightly/1 schedule the nightly roll up | < iot/2
metrics timescale
  iot/1 readings | < auth/20240101_001
  iot/2 compress readings
";

pub(crate) fn place(file: &str, line: u32, column: u32, text: &str, width: u32) -> Place {
    Place { file: file.into(), line, column, text: text.into(), width }
}

pub(crate) fn id(text: &str) -> MigrationId {
    text.parse().unwrap()
}

pub(crate) fn catalog(fleet: &str) -> Catalog {
    let mut catalog = Catalog {
        project: "acme".parse().unwrap(),
        environment: Some("production".parse().unwrap()),
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
    let mut target = None;
    for line in fleet.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ") {
            None => target = Some(declare(&mut catalog, line)),
            Some(line) => {
                let (line, marks) = line.split_once(" | ").unwrap_or((line, ""));
                let (id, name) = line.split_once(' ').unwrap();
                let migration = migration(id, name, marks);
                own(&mut catalog, migration.set(), target.as_ref().unwrap());
                catalog.migrations.push(migration);
            }
        }
    }
    catalog
}

fn declare(catalog: &mut Catalog, line: &str) -> Target {
    let words: Vec<_> = line.split(' ').collect();
    let kind = match words[1] {
        "postgres" => TargetKind::Postgres,
        "timescale" => TargetKind::Timescale,
        "cron" => TargetKind::Cron,
        _ => TargetKind::Clickhouse,
    };
    let target = Target {
        name: words[0].parse().unwrap(),
        kind,
        enabled: !words.contains(&"off"),
        disposable: false,
        pause: Vec::new(),
        pause_wait: std::time::Duration::ZERO,
        place: Place::file("dunlin.toml"),
    };
    catalog.targets.insert(target.name.clone(), target.clone());
    target
}

fn own(catalog: &mut Catalog, set: &SetName, target: &Target) {
    let service: dunlin_planner::ServiceName = set.as_str().parse().unwrap();
    catalog.sets.entry(set.clone()).or_insert_with(|| Set {
        name: set.clone(),
        service: service.clone(),
        target: target.name.clone(),
        after: Vec::new(),
        requires: Vec::new(),
        missing: Missing::Hold,
        out_of_order: false,
        style: "up/down suffix".to_owned(),
        place: Place::file("dunlin.toml"),
    });
    let place = Place::file("dunlin.toml");
    catalog.services.entry(service.clone()).or_insert(Service { name: service, aliases: Vec::new(), place });
}

fn migration(id: &str, name: &str, marks: &str) -> Migration {
    let has = |mark: &str| marks.split(' ').any(|word| word == mark);
    let path = format!("migrations/{id}.sql");
    let depends = marks.split("< ").skip(1).map(|needed| {
        let needed = needed.split(' ').next().unwrap();
        let line = format!("-- dunlin: depends {needed}");
        Reference { text: needed.to_owned(), place: place(&path, 1, 20, &line, needed.len() as u32) }
    });
    let kind = match () {
        () if has("seed") => Kind::Seed,
        () if has("repeatable") => Kind::Repeatable,
        () => Kind::Versioned,
    };
    Migration {
        id: self::id(id),
        name: name.to_owned(),
        kind,
        phase: has("contract").then_some(Phase::Contract),
        place: Place::file(&path),
        up: body(&path, has("alone")),
        down: has("down").then(|| body(&path.replace(".sql", ".down.sql"), false)),
        depends: depends.collect(),
    }
}

fn body(path: &str, alone: bool) -> Body {
    let statement = |number: usize, class| Statement {
        range: number * 100..number * 100 + 80,
        line: number as u32 * 4 + 3,
        digest: Digest::of(path.as_bytes()),
        class,
        copy: None,
    };
    let mut statements = vec![statement(0, StatementClass::Transactional)];
    if alone {
        let what = "CREATE INDEX CONCURRENTLY".to_owned();
        let table = QualifiedName { schema: None, name: "invoices".to_owned() };
        let probe = Probe::IndexValid { index: "invoices_due".to_owned(), table, shape: None };
        statements.push(statement(1, StatementClass::Alone { what, probe }));
    }
    let digest = Digest::of(path.as_bytes());
    let settings = StepSettings { role: Some("core_owner".to_owned()), ..StepSettings::default() };
    Body {
        path: Arc::from(path),
        digest,
        raw: digest,
        tokens: digest,
        settings,
        statements,
        batch: None,
        needs: dunlin_planner::Needs::default(),
        jobs: None,
        streamed: None,
    }
}

/// An applied row of `id`, `seconds` after noon.
pub(crate) fn row(catalog: &Catalog, id: &MigrationId, seconds: i64) -> LedgerRow {
    let migration = catalog.migrations.iter().find(|migration| migration.id == *id).unwrap();
    LedgerRow {
        id: id.clone(),
        name: migration.name.clone(),
        kind: migration.kind,
        transactional: migration.up.is_transactional(),
        state: RowState::Applied,
        checksum: migration.up.digest,
        tokens: migration.up.tokens,
        step: 0,
        begun: Vec::new(),
        run: "0193-run-1".parse().unwrap(),
        attempt: 1,
        dependencies: Vec::new(),
        started: Timestamp(NOON + seconds * 1_000_000 - 12_000),
        finished: Some(Timestamp(NOON + seconds * 1_000_000)),
        by: "dunlin_runner".to_owned(),
        holder: None,
    }
}

/// What the databases say that are switched on, with `applied` applied one second after the other.
pub(crate) fn observed(catalog: &Catalog, applied: &[&str]) -> BTreeMap<dunlin_planner::TargetName, Observed> {
    let of_target = |target: &Target| {
        let rows: BTreeMap<_, _> = applied
            .iter()
            .enumerate()
            .map(|(second, text)| (id(text), second as i64))
            .filter(|(id, _)| catalog.sets[&id.set].target == target.name)
            .map(|(id, second)| (id.clone(), row(catalog, &id, second)))
            .collect();
        let ledger = match rows.is_empty() {
            true => Ledger::Absent,
            false => {
                let id = format!("0193-{}", target.name).parse().unwrap();
                Ledger::Present {
                    id,
                    protocol: 1,
                    outdated: false,
                    environment: None,
                    born: None,
                    lost: BTreeSet::new(),
                    rows,
                }
            }
        };
        Observed::Facts(TargetFacts {
            target: target.name.clone(),
            identity: Identity { system: format!("system-{}", target.name), database: 5, timeline: 1 },
            started: Timestamp(0),
            standby: false,
            capabilities: Capabilities {
                server: "PostgreSQL 17.11".to_owned(),
                version: ServerVersion(170_011),
                transactional_ddl: true,
                sessions: true,
                features: BTreeSet::from([Feature("timescaledb".to_owned())]),
                unknown: BTreeSet::new(),
                installed: BTreeSet::new(),
            },
            ledger,
            pausing: dunlin_planner::PauseFacts::default(),
            database: target.name.to_string(),
            jobs: None,
        })
    };
    let enabled = catalog.targets.values().filter(|target| target.enabled);
    enabled.map(|target| (target.name.clone(), of_target(target))).collect()
}

/// The plan of `up` over everything.
pub(crate) fn up(catalog: &Catalog, applied: &[&str]) -> Plan {
    let graph = Graph::build(catalog).unwrap();
    let all = Selection::of(&graph, &dunlin_planner::Scope::default()).unwrap();
    plan_up(&graph, &all, &observed(catalog, applied), UpRequest::default())
}

/// `text` as it reads without colours, with nothing left that steers a terminal and no blank at a line's end.
pub(crate) fn bare(text: &str) -> String {
    let bare = anstream::adapter::strip_str(text).to_string();
    let steers = |letter: char| letter.is_control() && letter != '\n';
    assert!(!bare.contains(steers), "a control character is left in {bare:?}");
    assert!(!bare.lines().any(|line| line.ends_with(' ')), "a line ends in a blank: {bare:?}");
    bare
}
