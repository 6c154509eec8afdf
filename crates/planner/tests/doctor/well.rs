//! A database that nothing is wrong with, and what is said of it with one thing changed.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_planner::{
    Access, Area, Direct, Encryption, Examination, Freeze, Health, HostSeen, Level, Line, Load, Replication, RoleSeen,
    Room, Route, ServerRole, TargetName, Told, Transactions, Used, Verified, diagnose,
};

use crate::support::Fixture;

pub(super) fn role() -> RoleSeen {
    RoleSeen {
        name: "app".to_owned(),
        superuser: false,
        sees_others: true,
        ledger: Access::Absent { may_create: true },
        members: Vec::new(),
        creations: Vec::new(),
    }
}

pub(super) fn replication() -> Replication {
    Replication {
        standby: None,
        names: String::new(),
        commit: "on".to_owned(),
        standbys: Vec::new(),
        slots: Vec::new(),
    }
}

/// A database that nothing is wrong with.
pub(super) fn well() -> Health {
    Health {
        hosts: vec![HostSeen { name: "db:5432".to_owned(), answer: Ok(ServerRole::Primary) }],
        line: line(Route::Network, Some(Verified::Name)),
        pooled: Told::Known(false),
        direct: Direct::None,
        extensions: Told::Known(Vec::new()),
        preloaded: Told::Known(Vec::new()),
        role: Told::Known(role()),
        replication: Told::Known(replication()),
        transactions: Told::Known(Transactions::default()),
        prepared: Told::Known(Vec::new()),
        indexes: Told::Known(Vec::new()),
        limits: load(10, 97, 20),
        room: Told::Known(Room { size: 24 << 20, free: None }),
        clock: Told::Known(-30),
        settings: Told::Known(Vec::new()),
        freeze: Told::Known(Freeze { transactions: 3_000_000, multixacts: 1, autovacuum: true }),
        mutations: Told::Foreign,
        extra: BTreeMap::new(),
    }
}

pub(super) fn line(way: Route, verified: Option<Verified>) -> Told<Line> {
    let encryption = verified.map(|verified| Encryption { version: "TLS 1.3".to_owned(), verified });
    Told::Known(Line { host: "db:5432".to_owned(), way, encryption })
}

pub(super) fn load(used: u64, of: u64, locks: u64) -> Told<Load> {
    let connections = vec![("the server's connections".to_owned(), Used { used, of })];
    Told::Known(Load { connections, wanted: 8, locks: Some(Used { used: locks, of: 100 }) })
}

/// What is said of a target whose declaration is `target`, with one thing changed; without what is well, or in `area` all.
pub(super) fn of(target: &str, area: Option<Area>, change: impl FnOnce(&mut Examination)) -> String {
    let Fixture { catalog, observed } = Fixture::parse(target);
    let name: TargetName = "core".parse().unwrap();
    let facts = observed[&name].facts().unwrap().clone();
    let mut examination = Examination { offers: None, facts: Ok(facts), health: Ok(well()), log: Ok(None) };
    change(&mut examination);
    let examined = BTreeMap::from([(name, examination)]);
    let diagnosis = diagnose(&catalog, &examined, Duration::from_mins(1));
    let checks = diagnosis.targets.iter().flat_map(|target| &target.checks);
    let shown = checks.filter(|check| area.map_or(check.level != Level::Ok, |area| check.area == area));
    let lines = shown.map(|check| {
        let class = check.class.map(|class| format!(" {class:?}").to_lowercase()).unwrap_or_default();
        let hint = check.hint.as_ref().map(|hint| format!("\n    {hint}")).unwrap_or_default();
        format!("{}{class} {}: {}{hint}", check.level.as_str(), check.area.as_str(), check.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The same of a change to the facts.
pub(super) fn check(change: impl FnOnce(&mut Health)) -> String {
    of("target core postgres", None, |examination| change(examination.health.as_mut().unwrap()))
}

/// The same of everything in one area, where each change is a line of its own.
pub(super) fn all<T>(area: Area, cases: impl IntoIterator<Item = T>, change: impl Fn(&mut Health, T)) -> String {
    let one = |case| of("target core postgres", Some(area), |seen| change(seen.health.as_mut().unwrap(), case));
    cases.into_iter().map(one).collect::<Vec<_>>().join("\n")
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
