//! What is left of what the server has.

use crate::doctor::check::{Area, Check};
use crate::doctor::diagnose::{each, size};
use crate::doctor::health::{Health, Load, Room, Used};

/// From this part in use on, the lock table is short for a migration that touches many partitions: in tenths.
const FULL: u64 = 7;

pub(crate) fn connections(health: &Health) -> Vec<Check> {
    each(Area::Connections, &health.limits, |limits| {
        let short: Vec<_> = limits.connections.iter().filter(|(_, used)| used.free() < limits.wanted).collect();
        if short.is_empty() {
            let least = limits.connections.iter().min_by_key(|(_, used)| used.free());
            let least = least.map_or_else(|| "not bounded".to_owned(), |(what, used)| in_words(what, *used));
            return vec![Check::ok(Area::Connections, least)];
        }
        let check = |(what, used): &(String, Used)| {
            let message = format!("{}, and a run may open {}", in_words(what, *used), limits.wanted);
            let hint = "with fewer, parts of a run wait for one another or fail to connect: end what is idle, or raise the limit";
            Check::warning(Area::Connections, message).hint(hint)
        };
        short.into_iter().map(check).collect()
    })
}

fn in_words(what: &str, used: Used) -> String {
    format!("{} of {} of {what} are free", used.free(), used.of)
}

pub(crate) fn locks(health: &Health) -> Vec<Check> {
    let judge = |limits: &Load| {
        let Some(locks) = limits.locks else { return Vec::new() };
        let message = format!("{} of {} entries of the lock table are in use", locks.used, locks.of);
        if locks.used * 10 < locks.of * FULL {
            return vec![Check::ok(Area::Locks, message)];
        }
        let hint = "a migration takes one for each table, index and partition that it touches: raise `max_locks_per_transaction`";
        vec![Check::warning(Area::Locks, message).hint(hint)]
    };
    limits_or_nothing(health, judge)
}

/// That the limits are not known is said once, of the connections.
fn limits_or_nothing(health: &Health, judge: impl Fn(&Load) -> Vec<Check>) -> Vec<Check> {
    health.limits.known().map(judge).unwrap_or_default()
}

pub(crate) fn disk(health: &Health) -> Vec<Check> {
    each(Area::Disk, &health.room, |room| {
        let Room { size: is, free } = room;
        let message = format!("the database has {}", size(*is));
        let check = match free {
            None => Check::info(Area::Disk, format!("{message}; what is free is not known: the server does not tell")),
            Some(disk) if disk.free() < *is || disk.free() < disk.of / 10 => {
                let message = format!("{message}, and {} of {} are free", size(disk.free()), size(disk.of));
                Check::warning(Area::Disk, message)
                    .hint("a migration that writes a table anew needs its size once more")
            }
            Some(disk) => Check::ok(Area::Disk, format!("{message}, {} are free", size(disk.free()))),
        };
        vec![check]
    })
}
