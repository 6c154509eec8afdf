//! What the server is: extensions, workers, settings, the age of its transactions, its clock.

use std::time::Duration;

use crate::doctor::check::{Area, Check};
use crate::doctor::diagnose::{REFUSED, count, each, told};
use crate::doctor::health::{ExtensionSeen, Freeze, Health, Setting, Told};
use crate::{Failure, FailureClass, TargetFacts, TargetKind};

/// Extensions that have to be loaded when the server starts, and the kinds of targets that need them.
const PRELOADED: [(&str, TargetKind); 2] = [("timescaledb", TargetKind::Timescale), ("pg_cron", TargetKind::Cron)];

/// From here on the server warns with every statement, and soon takes no more writes.
const WORN_OUT: u64 = 2_000_000_000;
/// Autovacuum should have frozen long before; its default age is a tenth of that.
const WORN: u64 = 1_000_000_000;

/// The one that Dunlin's own settings do not stand against.
const IDLE: &str = "idle_session_timeout";

/// Sessions rest between statements for seconds, not longer.
const SHORT: Duration = Duration::from_mins(1);

pub(crate) fn software(kind: TargetKind, facts: &Result<TargetFacts, Failure>, health: &Health) -> Vec<Check> {
    let mut checks =
        each(Area::Software, &health.extensions, |extensions| extensions.iter().filter_map(older).collect());
    match facts {
        Err(failure) if of_server(failure) => {
            let check = Check::error(Area::Software, failure.class.finding(), told(failure));
            checks.push(Check { hint: failure.hint.clone(), ..check });
        }
        _ => checks.extend(
            PRELOADED.iter().filter(|(_, needs)| *needs == kind).flat_map(|(name, _)| preloaded(name, kind, health)),
        ),
    }
    match facts {
        Ok(facts) if checks.is_empty() => vec![Check::ok(Area::Software, facts.capabilities.server.clone())],
        _ => checks,
    }
}

/// Whether it is the kind of server that is refused, and not a ledger on it: then the server itself, or its catalog, says so.
pub(crate) fn of_server(failure: &Failure) -> bool {
    failure.sqlstate.is_none() && failure.class == FailureClass::Rejected
}

/// TimescaleDB shows that it is preloaded in a setting of its own, and is refused before where it is not.
fn preloaded(name: &str, kind: TargetKind, health: &Health) -> Vec<Check> {
    if matches!((kind, &health.preloaded), (TargetKind::Timescale, Told::Unknown(_))) {
        return Vec::new();
    }
    each(Area::Software, &health.preloaded, |libraries| {
        if libraries.iter().any(|library| library == name) {
            return Vec::new();
        }
        let message = format!("the target is of kind `{kind}`, and the server does not preload {name}");
        let hint = format!("add {name} to `shared_preload_libraries` and restart the server");
        vec![Check::error(Area::Software, REFUSED, message).hint(hint)]
    })
}

fn older(extension: &ExtensionSeen) -> Option<Check> {
    let ExtensionSeen { name, available, installed } = extension;
    let installed = installed.as_ref().filter(|installed| *installed != available)?;
    let message = format!("{name} {installed} is in the database, and the server has {available}");
    Some(
        Check::info(Area::Software, message).hint(format!("`ALTER EXTENSION {name} UPDATE` in a migration of its own")),
    )
}

pub(crate) fn workers(kind: TargetKind, health: &Health) -> Vec<Check> {
    let number = |name: &str| health.extra.get(name).and_then(|value| value.parse::<u64>().ok());
    let Some(most) = number("max_worker_processes") else { return Vec::new() };
    let parallel = number("max_parallel_workers").unwrap_or_default();
    let (whose, needed) = match kind {
        TargetKind::Timescale => match number("timescaledb.max_background_workers") {
            Some(jobs) => ("timescaledb.max_background_workers", jobs + parallel + 3),
            None => return Vec::new(),
        },
        TargetKind::Cron if health.extra.get("cron.use_background_workers").is_some_and(|on| on == "on") => {
            ("cron.max_running_jobs", number("cron.max_running_jobs").unwrap_or_default() + 1)
        }
        TargetKind::Cron | TargetKind::Postgres | TargetKind::Clickhouse => return Vec::new(),
    };
    let message = format!("`max_worker_processes` is {most}, and {whose} wants {needed} with what else there is");
    if most >= needed {
        return vec![Check::ok(Area::Workers, format!("`max_worker_processes` is {most}, enough for {whose}"))];
    }
    vec![
        Check::warning(Area::Workers, message)
            .hint(format!("set `max_worker_processes` to {needed} and restart the server, or jobs do not start")),
    ]
}

pub(crate) fn timeouts(health: &Health) -> Vec<Check> {
    each(Area::Timeouts, &health.settings, |settings| {
        let (idle, lifted): (Vec<_>, Vec<_>) = settings.iter().partition(|setting| setting.name == IDLE);
        let short = idle.into_iter().filter(|setting| setting.time.is_some_and(|time| time < SHORT));
        let mut checks: Vec<_> = short.map(cut).collect();
        if !lifted.is_empty() {
            let names: Vec<_> = lifted.iter().map(|one| format!("{} = {}", one.name, one.value)).collect();
            let message = format!("{}: Dunlin sets its own in its transactions", names.join(", "));
            checks.push(Check::info(Area::Timeouts, message));
        }
        if checks.is_empty() {
            checks.push(Check::ok(Area::Timeouts, "nothing is set that ends what takes long"));
        }
        checks
    })
}

fn cut(setting: &Setting) -> Check {
    let Setting { name, value, .. } = setting;
    let message = format!("`{name}` is {value} for this role or database");
    let hint = "a session that rests between two statements is cut: ALTER ROLE … SET idle_session_timeout = 0";
    Check::warning(Area::Timeouts, message).hint(hint)
}

pub(crate) fn freeze(health: &Health) -> Vec<Check> {
    each(Area::Freeze, &health.freeze, |freeze| {
        let Freeze { transactions, multixacts, autovacuum } = *freeze;
        let age = transactions.max(multixacts);
        let message = match age / 1_000_000 {
            0 => "the oldest transaction number is young".to_owned(),
            millions => format!("the oldest transaction number is {millions} million old"),
        };
        let hint = "look for what keeps vacuum from freezing (long and prepared transactions, replication slots), then run `VACUUM (FREEZE)`";
        let mut checks = vec![match age {
            WORN_OUT.. => {
                let message = format!("{message}, and at 2147 the server takes no more writes");
                Check::error(Area::Freeze, REFUSED, message).hint(hint)
            }
            WORN.. => Check::warning(Area::Freeze, message).hint(hint),
            _ => Check::ok(Area::Freeze, message),
        }];
        if !autovacuum {
            let hint = "after a backfill nothing cleans up dead rows, and statistics grow old: switch it on";
            checks.push(Check::warning(Area::Freeze, "`autovacuum` is off").hint(hint));
        }
        checks
    })
}

/// For information: nothing is decided by comparing clocks.
pub(crate) fn clock(health: &Health) -> Vec<Check> {
    each(Area::Clock, &health.clock, |ahead| {
        let (apart, way) =
            (Duration::from_millis(ahead.unsigned_abs()), if ahead.is_negative() { "behind" } else { "ahead of" });
        if apart < Duration::from_secs(2) {
            return vec![Check::ok(Area::Clock, "the server's clock and this machine's agree")];
        }
        let apart = count(apart.as_secs(), "second");
        let message = format!("the server's clock is {apart} {way} this machine's; nothing is decided by it");
        vec![Check::info(Area::Clock, message)]
    })
}

/// What is told of a thing that one kind of database has and another has not.
impl<T> Told<T> {
    /// What was read.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) | Self::Foreign => None,
        }
    }
}
