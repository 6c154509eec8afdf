//! What a doctor makes of the server: what is left of it, settings, ages, clocks, and what each kind of target needs.

use std::time::Duration;

use dunlin_planner::{Area, ExtensionSeen, Failure, FailureClass, Freeze, Room, Setting, Told, Used};
use insta::assert_snapshot;

use super::well::{all, load, of};

#[test]
fn what_is_left_of_the_server() {
    let loads = [load(10, 97, 20), load(90, 97, 20), load(89, 97, 70)];
    let said = all(Area::Connections, loads, |health, load| health.limits = load);
    assert_snapshot!(said, @"
    ok connections: 87 of 97 of the server's connections are free
    warning connections: 7 of 97 of the server's connections are free, and a run may open 8
        with fewer, parts of a run wait for one another or fail to connect: end what is idle, or raise the limit
    ok connections: 8 of 97 of the server's connections are free
    ");
    let said = all(Area::Locks, [69, 70], |health, locks| health.limits = load(1, 97, locks));
    assert_snapshot!(said, @"
    ok locks: 69 of 100 entries of the lock table are in use
    warning locks: 70 of 100 entries of the lock table are in use
        a migration takes one for each table, index and partition that it touches: raise `max_locks_per_transaction`
    ");
    let room = |size, free: Option<(u64, u64)>| Room { size, free: free.map(|(used, of)| Used { used, of }) };
    let rooms =
        [None, Some((10, 100)), Some((96, 100)), Some((91, 100)), Some((90, 100)), Some((26, 30)), Some((25, 30))];
    let rooms = rooms.map(|free| room(5 << 30, free.map(|(used, of)| (used << 30, of << 30))));
    let said = all(Area::Disk, rooms, |health, room| health.room = Told::Known(room));
    assert_snapshot!(said, @"
    info disk: the database has 5 GiB; what is free is not known: the server does not tell
    ok disk: the database has 5 GiB, 90 GiB are free
    warning disk: the database has 5 GiB, and 4 GiB of 100 GiB are free
        a migration that writes a table anew needs its size once more
    warning disk: the database has 5 GiB, and 9 GiB of 100 GiB are free
        a migration that writes a table anew needs its size once more
    ok disk: the database has 5 GiB, 10 GiB are free
    warning disk: the database has 5 GiB, and 4 GiB of 30 GiB are free
        a migration that writes a table anew needs its size once more
    ok disk: the database has 5 GiB, 5 GiB are free
    ");
}

#[test]
fn settings_ages_and_clocks() {
    let setting = |name: &str, value: &str, time: Option<u64>| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
        time: time.map(Duration::from_millis),
    };
    let settings = [
        vec![],
        vec![
            setting("statement_timeout", "3000 ms", Some(3000)),
            setting("idle_session_timeout", "90000 ms", Some(90_000)),
        ],
        vec![setting("idle_session_timeout", "5000 ms", Some(5000))],
        vec![setting("idle_session_timeout", "60000 ms", Some(60_000))],
    ];
    let said = all(Area::Timeouts, settings, |health, settings| health.settings = Told::Known(settings));
    assert_snapshot!(said, @"
    ok timeouts: nothing is set that ends what takes long
    info timeouts: statement_timeout = 3000 ms: Dunlin sets its own in its transactions
    warning timeouts: `idle_session_timeout` is 5000 ms for this role or database
        a session that rests between two statements is cut: ALTER ROLE … SET idle_session_timeout = 0
    ok timeouts: nothing is set that ends what takes long
    ");
    let ages = [(999_999_999, 0, true), (1_000_000_000, 0, true), (0, 2_000_000_000, false)];
    let said = all(Area::Freeze, ages, |health, (transactions, multixacts, autovacuum)| {
        health.freeze = Told::Known(Freeze { transactions, multixacts, autovacuum });
    });
    assert_snapshot!(said, @"
    ok freeze: the oldest transaction number is 999 million old
    warning freeze: the oldest transaction number is 1000 million old
        look for what keeps vacuum from freezing (long and prepared transactions, replication slots), then run `VACUUM (FREEZE)`
    error failed freeze: the oldest transaction number is 2000 million old, and at 2147 the server takes no more writes
        look for what keeps vacuum from freezing (long and prepared transactions, replication slots), then run `VACUUM (FREEZE)`
    warning freeze: `autovacuum` is off
        after a backfill nothing cleans up dead rows, and statistics grow old: switch it on
    ");
    let said = all(Area::Clock, [1999, -1999, 2000, -90_000], |health, ahead| health.clock = Told::Known(ahead));
    assert_snapshot!(said, @"
    ok clock: the server's clock and this machine's agree
    ok clock: the server's clock and this machine's agree
    info clock: the server's clock is 2 seconds ahead of this machine's; nothing is decided by it
    info clock: the server's clock is 90 seconds behind this machine's; nothing is decided by it
    ");
}

#[test]
fn kinds() {
    let of_kind = |kind: &str, area, libraries: &[&str], extra: &[(&str, &str)]| {
        of(&format!("target core {kind}"), Some(area), |examination| {
            let health = examination.health.as_mut().unwrap();
            health.preloaded = Told::Known(libraries.iter().map(|name| (*name).to_owned()).collect());
            health.extra = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            health.extensions = Told::Known(vec![
                ExtensionSeen { name: "pg_cron".to_owned(), available: "1.6".to_owned(), installed: None },
                ExtensionSeen {
                    name: "timescaledb".to_owned(),
                    available: "2.19.3".to_owned(),
                    installed: Some("2.18.0".to_owned()),
                },
            ]);
        })
    };
    assert_snapshot!(of_kind("cron", Area::Software, &["timescaledb"], &[]), @"
    info software: timescaledb 2.18.0 is in the database, and the server has 2.19.3
        `ALTER EXTENSION timescaledb UPDATE` in a migration of its own
    error failed software: the target is of kind `cron`, and the server does not preload pg_cron
        add pg_cron to `shared_preload_libraries` and restart the server
    ");
    assert_snapshot!(of_kind("timescale", Area::Software, &["timescaledb"], &[]), @"
    info software: timescaledb 2.18.0 is in the database, and the server has 2.19.3
        `ALTER EXTENSION timescaledb UPDATE` in a migration of its own
    ");
    let timescale =
        [("max_worker_processes", "8"), ("max_parallel_workers", "8"), ("timescaledb.max_background_workers", "16")];
    assert_snapshot!(of_kind("timescale", Area::Workers, &[], &timescale), @"
    warning workers: `max_worker_processes` is 8, and timescaledb.max_background_workers wants 27 with what else there is
        set `max_worker_processes` to 27 and restart the server, or jobs do not start
    ");
    let cron = |most: &'static str| {
        [("max_worker_processes", most), ("cron.use_background_workers", "on"), ("cron.max_running_jobs", "32")]
    };
    assert_snapshot!(of_kind("cron", Area::Workers, &[], &cron("8")), @"
    warning workers: `max_worker_processes` is 8, and cron.max_running_jobs wants 33 with what else there is
        set `max_worker_processes` to 33 and restart the server, or jobs do not start
    ");
    assert_snapshot!(of_kind("cron", Area::Workers, &[], &cron("33")), @"ok workers: `max_worker_processes` is 33, enough for cron.max_running_jobs");
    let none = [("max_worker_processes", "8"), ("cron.use_background_workers", "off")];
    assert_eq!(of_kind("cron", Area::Workers, &[], &none), "");
    assert_eq!(of_kind("postgres", Area::Workers, &[], &cron("8")), "");
}

/// What the server itself is refused for is no fault of a ledger on it, and is said once.
#[test]
fn a_server_that_is_of_no_use() {
    let refused = |area, sqlstate: Option<&str>| {
        of("target core postgres", Some(area), |examination| {
            let failure = Failure::new(FailureClass::Rejected, "PostgreSQL 9.6 is too old");
            let hint = Some("upgrade it".to_owned());
            examination.facts = Err(Failure { hint, sqlstate: sqlstate.map(str::to_owned), ..failure });
        })
    };
    assert_snapshot!(refused(Area::Software, None), @"
    error failed software: PostgreSQL 9.6 is too old
        upgrade it
    ");
    assert_eq!(refused(Area::Ledger, None), "");
    assert_eq!(refused(Area::Software, Some("42501")), "");
    assert_snapshot!(refused(Area::Ledger, Some("42501")), @"
    error failed ledger: PostgreSQL 9.6 is too old (SQLSTATE 42501)
        upgrade it
    ");
    assert_snapshot!(of("target core postgres", Some(Area::Software), |_| {}), @"ok software: PostgreSQL 17.11");
}
