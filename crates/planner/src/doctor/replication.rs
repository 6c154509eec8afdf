//! Standbys: whether the server is one, and whether those follow that commits wait for.

use std::time::Duration;

use crate::Class;
use crate::doctor::check::{Area, Check};
use crate::doctor::diagnose::{count, duration, each, size};
use crate::doctor::health::{Health, Lag, Replication, Slot, StandbySeen};

/// From here on a standby counts as behind.
const BEHIND: Duration = Duration::from_secs(30);
const FAR_BEHIND: u64 = 256 << 20;

/// From here on what the log is kept for is a danger to the disk.
const KEPT: u64 = 1 << 30;

pub(crate) fn replication(health: &Health) -> Vec<Check> {
    each(Area::Replication, &health.replication, |replication| {
        if let Some(lag) = replication.standby {
            let message = format!("the server is a standby{}: it takes no writes", behind(lag));
            let hint = "let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found";
            return vec![Check::error(Area::Replication, Class::Blocked, message).hint(hint)];
        }
        let mut checks: Vec<_> = missing(replication).into_iter().collect();
        checks.extend(replication.standbys.iter().filter_map(late));
        checks.extend(replication.slots.iter().filter_map(slot));
        if checks.is_empty() {
            checks.push(Check::ok(Area::Replication, in_words(&replication.standbys)));
        }
        checks
    })
}

fn in_words(standbys: &[StandbySeen]) -> String {
    let synchronous = standbys.iter().filter(|standby| standby.synchronous == Some(true)).count();
    match (standbys.len(), synchronous) {
        (0, _) => "a primary, without standbys".to_owned(),
        (all, 0) => format!("a primary, with {}", count(all as u64, "standby")),
        (all, synchronous) => {
            format!("a primary, with {}, {synchronous} of them synchronous", count(all as u64, "standby"))
        }
    }
}

/// Commits wait for synchronous standbys as long as it takes, so that a run would seem to hang.
fn missing(replication: &Replication) -> Option<Check> {
    let needed = synchronous(&replication.names)?;
    let waits = !matches!(replication.commit.as_str(), "off" | "local");
    let there = replication.standbys.iter().filter(|standby| standby.synchronous == Some(true)).count();
    if there >= needed || !waits {
        return None;
    }
    let names = format!("{} of `{}`", count(needed as u64, "synchronous standby"), replication.names.trim_matches('"'));
    if replication.standbys.iter().any(|standby| standby.synchronous.is_none()) {
        let message = format!("commits wait for {names}, and whether they follow is not told to this role");
        return Some(Check::info(Area::Replication, message).hint("a member of `pg_read_all_stats` sees it"));
    }
    let message =
        format!("commits wait for {names}, and {there} of them {}", if there == 1 { "follows" } else { "follow" });
    let hint =
        "every migration would wait until they follow: start them, or take them out of `synchronous_standby_names`";
    Some(Check::error(Area::Replication, Class::Blocked, message).hint(hint))
}

/// How many standbys `synchronous_standby_names` asks for; none where nothing is asked for.
fn synchronous(names: &str) -> Option<usize> {
    let names = names.trim();
    if names.is_empty() {
        return None;
    }
    let Some((head, _)) = names.split_once('(') else { return Some(1) };
    let number = head.split_whitespace().next_back().and_then(|number| number.parse().ok());
    Some(number.unwrap_or(1))
}

fn late(standby: &StandbySeen) -> Option<Check> {
    let is_late = standby.lag.time.is_some_and(|time| time >= BEHIND)
        || standby.lag.bytes.is_some_and(|bytes| bytes >= FAR_BEHIND);
    if !is_late {
        return None;
    }
    let message = format!("standby `{}` follows{}", standby.name, behind(standby.lag));
    let hint = "backfills rest while a standby is far behind, and a failover would lose what it has not received";
    Some(Check::warning(Area::Replication, message).hint(hint))
}

fn behind(lag: Lag) -> String {
    match (lag.time, lag.bytes) {
        (Some(time), Some(bytes)) => format!(", {} and {} behind", duration(time), size(bytes)),
        (Some(time), None) => format!(", {} behind", duration(time)),
        (None, Some(bytes)) => format!(", {} behind", size(bytes)),
        (None, None) => String::new(),
    }
}

fn slot(slot: &Slot) -> Option<Check> {
    let Slot { name, active, kept } = slot;
    if *active || *kept < KEPT {
        return None;
    }
    let message =
        format!("nobody reads from replication slot `{name}`, and the server keeps {} of its log for it", size(*kept));
    let hint = format!(
        "a backfill makes that grow until the disk is full: SELECT pg_drop_replication_slot('{name}') if nobody comes back"
    );
    Some(Check::warning(Area::Replication, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_says_how_many_commits_wait_for() {
        for (names, needed) in [
            ("", None),
            ("a", Some(1)),
            ("a, b", Some(1)),
            ("*", Some(1)),
            ("2 (a, b, c)", Some(2)),
            ("FIRST 3 (a, b, c)", Some(3)),
            ("any 2(a, b)", Some(2)),
        ] {
            assert_eq!(synchronous(names), needed, "{names}");
        }
    }
}
