//! Judges what was read of each target, one thing after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::check::Observations;
use crate::databases::Databases;
use crate::doctor::check::{Area, Check, Diagnosis, TargetDiagnosis};
use crate::doctor::health::{Health, Told};
use crate::doctor::{blocking, capacity, ledger, privileges, reach, replication, server};
use crate::identity::Identities;
use crate::{Audit, Catalog, Class, Failure, Observed, Offers, TargetFacts, TargetKind, TargetName};

/// What came of examining one target.
#[derive(Debug, Clone)]
pub struct Examination {
    /// What its kind can do at all; none where its configuration makes no driver.
    pub offers: Option<Offers>,
    /// What a run reads before it plans.
    pub facts: Result<TargetFacts, Failure>,
    /// What only a doctor asks for.
    pub health: Result<Health, Failure>,
    /// What came of checking the log, where there is one.
    pub log: Result<Option<Audit>, Failure>,
}

/// Judges `examined`; a transaction of more than `long` counts as long.
#[must_use]
pub fn diagnose(catalog: &Catalog, examined: &BTreeMap<TargetName, Examination>, long: Duration) -> Diagnosis {
    let answered = examined.iter().filter_map(|(name, seen)| Some((name.clone(), seen.facts.as_ref().ok()?.clone())));
    let observed: Observations = answered.map(|(name, facts)| (name, Observed::Facts(facts))).collect();
    let databases = Databases::of(&observed);
    let of_target = |(name, seen): (&TargetName, &Examination)| {
        let target = catalog.targets.get(name)?;
        let same_as = Some(databases.first(name)).filter(|first| *first != name).cloned();
        let checks = match &seen.health {
            Ok(health) => checks(target.kind, seen, health, long),
            Err(failure) => vec![unreached(failure)],
        };
        let server = seen.facts.as_ref().ok().map(|facts| facts.capabilities.server.clone());
        Some(TargetDiagnosis { name: name.clone(), kind: target.kind, server, same_as, offers: seen.offers, checks })
    };
    let targets = examined.iter().filter_map(of_target).collect();
    let off = catalog.targets.values().filter(|target| !target.enabled).map(|target| target.name.clone()).collect();
    Diagnosis { targets, off, findings: Identities::judge(catalog, &observed).findings }
}

/// Nothing is known of a database that does not answer, and nothing more is said of it.
fn unreached(failure: &Failure) -> Check {
    let check = Check::error(Area::Reach, failure.class.finding(), told(failure));
    Check { hint: failure.hint.clone(), ..check }
}

/// A failure in one line.
pub(crate) fn told(failure: &Failure) -> String {
    let sqlstate = failure.sqlstate.as_ref().map(|state| format!(" (SQLSTATE {state})")).unwrap_or_default();
    let detail = failure.detail.as_ref().map(|detail| format!(": {}", detail.replace('\n', "; "))).unwrap_or_default();
    format!("{}{sqlstate}{detail}", failure.message)
}

fn checks(kind: TargetKind, seen: &Examination, health: &Health, long: Duration) -> Vec<Check> {
    let mut checks = reach::hosts(health);
    checks.extend(reach::encryption(health));
    checks.extend(reach::pooler(health));
    checks.extend(server::software(kind, &seen.facts, health));
    checks.extend(privileges::privileges(health));
    checks.extend(ledger::ledger(&seen.facts, health, &seen.log));
    checks.extend(replication::replication(health));
    checks.extend(blocking::transactions(health, long));
    checks.extend(blocking::prepared(health, long));
    checks.extend(blocking::mutations(health, long));
    checks.extend(blocking::indexes(health));
    checks.extend(capacity::connections(health));
    checks.extend(capacity::locks(health));
    checks.extend(server::workers(kind, health));
    checks.extend(capacity::disk(health));
    checks.extend(server::timeouts(health));
    checks.extend(server::freeze(health));
    checks.extend(server::clock(health));
    checks
}

/// What was told, judged; what was not, in so many words; nothing of what there is none of.
pub(crate) fn each<T>(area: Area, told: &Told<T>, judge: impl FnOnce(&T) -> Vec<Check>) -> Vec<Check> {
    match told {
        Told::Known(value) => judge(value),
        Told::Unknown(why) => vec![Check::info(area, format!("not known: {why}"))],
        Told::Foreign => Vec::new(),
    }
}

/// A time as people say it.
pub(crate) fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// `1 connection`, `2 connections`.
pub(crate) fn count(number: u64, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// A size in the largest unit that leaves a number.
pub(crate) fn size(bytes: u64) -> String {
    let unit = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")].into_iter().find(|(shift, _)| bytes >> shift > 0);
    unit.map_or_else(|| format!("{bytes} B"), |(shift, unit)| format!("{} {unit}", bytes >> shift))
}

/// An error of a server that refuses.
pub(crate) const REFUSED: Class = Class::Failed;
