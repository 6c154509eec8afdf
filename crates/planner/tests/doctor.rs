//! What a doctor makes of facts: one thing changed against a database that is well, and what is said of it.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_planner::{
    Access, Area, Audit, Class, Creation, Direct, Encryption, Examination, ExtensionSeen, Failure, FailureClass,
    Finding, Freeze, Health, HostSeen, InvalidIndex, Lag, Ledger, Level, Line, Load, LongTransaction, Membership,
    Mutation, Prepared, Replication, RoleSeen, Room, Route, ServerRole, Setting, Slot, StandbySeen, TargetName, Told,
    Transactions, Used, Verified, diagnose,
};
use insta::assert_snapshot;

use crate::support::Fixture;

fn role() -> RoleSeen {
    RoleSeen {
        name: "app".to_owned(),
        superuser: false,
        sees_others: true,
        ledger: Access::Absent { may_create: true },
        members: Vec::new(),
        creations: Vec::new(),
    }
}

fn replication() -> Replication {
    Replication {
        standby: None,
        names: String::new(),
        commit: "on".to_owned(),
        standbys: Vec::new(),
        slots: Vec::new(),
    }
}

/// A database that nothing is wrong with.
fn well() -> Health {
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

fn line(way: Route, verified: Option<Verified>) -> Told<Line> {
    let encryption = verified.map(|verified| Encryption { version: "TLS 1.3".to_owned(), verified });
    Told::Known(Line { host: "db:5432".to_owned(), way, encryption })
}

fn load(used: u64, of: u64, locks: u64) -> Told<Load> {
    let connections = vec![("the server's connections".to_owned(), Used { used, of })];
    Told::Known(Load { connections, wanted: 8, locks: Some(Used { used: locks, of: 100 }) })
}

/// What is said of a target whose declaration is `target`, with one thing changed; without what is well, or in `area` all.
fn of(target: &str, area: Option<Area>, change: impl FnOnce(&mut Examination)) -> String {
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
fn check(change: impl FnOnce(&mut Health)) -> String {
    of("target core postgres", None, |examination| change(examination.health.as_mut().unwrap()))
}

/// The same of everything in one area, where each change is a line of its own.
fn all<T>(area: Area, cases: impl IntoIterator<Item = T>, change: impl Fn(&mut Health, T)) -> String {
    let one = |case| of("target core postgres", Some(area), |seen| change(seen.health.as_mut().unwrap(), case));
    cases.into_iter().map(one).collect::<Vec<_>>().join("\n")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn all_is_well() {
    assert_snapshot!(check(|_| {}), @"info disk: the database has 24 MiB; what is free is not known: the server does not tell");
}

#[test]
fn a_driver_that_examines_nothing_says_so() {
    let said = check(|health| *health = Health::default());
    assert!(said.lines().count() > 10 && said.lines().all(|line| line.starts_with("info ")), "{said}");
    assert!(said.contains("info transactions: not known: this kind of target is not examined for it"), "{said}");
}

#[test]
fn out_of_reach_nothing_else_is_said() {
    let refused = |class| {
        of("target core postgres", None, |examination| {
            let failure = Failure { detail: Some("a\nb".to_owned()), ..Failure::new(class, "it cannot be reached") };
            examination.health = Err(failure);
        })
    };
    assert_snapshot!(refused(FailureClass::Unreachable), @"error blocked reach: it cannot be reached: a; b");
    assert_snapshot!(refused(FailureClass::Rejected), @"error failed reach: it cannot be reached: a; b");
    assert_snapshot!(refused(FailureClass::Misconfigured), @"error invalid reach: it cannot be reached: a; b");
}

#[test]
fn hosts_and_encryption() {
    let answers =
        [Ok(ServerRole::Primary), Ok(ServerRole::Standby), Ok(ServerRole::ReadOnly), Err("refused".to_owned())];
    let hosts = all(Area::Reach, answers, |health, answer| {
        health.hosts = vec![HostSeen { name: "a:1".to_owned(), answer }];
    });
    assert_snapshot!(hosts, @"
    ok reach: a:1 answers and takes writes
    info reach: a:1 answers and is a standby
    warning reach: a:1 answers and is set to read only
        `default_transaction_read_only` is on: Dunlin asks for transactions that write, and of several hosts passes this one over; see that it is meant
    warning reach: a:1 does not answer: refused
        another host of the target is used instead
    ");
    let ways = [Route::Socket, Route::Loopback, Route::Network];
    let ends = [None, Some(Verified::Nothing), Some(Verified::Issuer), Some(Verified::Name)];
    let each = ways.into_iter().flat_map(|way| ends.map(|end| (way, end)));
    let lines = all(Area::Encryption, each, |health, (way, end)| health.line = line(way, end));
    assert_snapshot!(lines, @"
    ok encryption: not encrypted, through a socket of this machine
    ok encryption: not encrypted, through a socket of this machine
    ok encryption: not encrypted, through a socket of this machine
    ok encryption: not encrypted, through a socket of this machine
    ok encryption: not encrypted, within this machine
    ok encryption: TLS 1.3 within this machine, not verified
    ok encryption: TLS 1.3, the issuer is verified
    ok encryption: TLS 1.3, the server's name is verified
    warning encryption: not encrypted: whoever is between here and db:5432 reads along
        let the target's URL say `sslmode=verify-full`, with `sslrootcert` where the issuer is your own
    warning encryption: TLS 1.3, and nobody verifies whose certificate it is
        let the target's URL say `sslmode=verify-full`, with `sslrootcert` where the issuer is your own
    info encryption: TLS 1.3, verified is who issued the certificate, and not the server's name
        `sslmode=verify-full` verifies the name too
    ok encryption: TLS 1.3, the server's name is verified
    ");
}

#[test]
fn poolers() {
    let failed = || Direct::Failed("no route".to_owned());
    let cases = [
        (false, Direct::None),
        (false, Direct::Reached),
        (true, Direct::None),
        (true, Direct::Reached),
        (true, failed()),
    ];
    let said = all(Area::Pooler, cases, |health, (pooled, direct)| {
        (health.pooled, health.direct) = (Told::Known(pooled), direct);
    });
    assert_snapshot!(said, @"
    ok pooler: none
    ok pooler: none on either way
    warning pooler: there is one, and no way past it: what needs a session of its own is held back
        give the target a `direct_url` that leads to the server itself
    ok pooler: there is one; what needs a session of its own goes past it
    error blocked pooler: `direct_url` does not lead to the server: no route
        index builds and whatever needs a session of its own take that way
    ");
}

#[test]
fn privileges() {
    let change = |change: fn(&mut RoleSeen)| {
        check(|health| {
            let mut role = role();
            change(&mut role);
            health.role = Told::Known(role);
            health.room = Told::Foreign;
        })
    };
    assert_snapshot!(change(|role| role.ledger = Access::Absent { may_create: false }), @r#"
    error failed privileges: role `app` may not create the ledger's schema `dunlin`
        as an administrator: GRANT CREATE ON DATABASE … TO "app", or run what `dunlin init --roles` prints
    "#);
    assert_snapshot!(change(|role| {
        role.ledger = Access::Present { owner: "dunlin_owner".to_owned(), owns: false, writes: false };
    }), @r#"
    error failed privileges: role `app` may not write the ledger, which belongs to `dunlin_owner`
        as an administrator: GRANT dunlin_runner TO "app"
    "#);
    assert_snapshot!(change(|role| {
        role.ledger = Access::Present { owner: "bob".to_owned(), owns: false, writes: false };
    }), @"
    error failed privileges: role `app` may not write the ledger, which belongs to `bob`
        migrate as `bob`, or let `dunlin init --roles` make roles that share the ledger
    ");
    assert_snapshot!(change(|role| {
        let of = |name: &str, exists, may_set| Membership { role: name.to_owned(), exists, may_set };
        role.members = vec![of("fine", true, true), of("gone", false, false), of("other", true, false)];
        role.creations = vec![Creation { role: "app".to_owned(), schema: "public".to_owned(), may_create: false }];
        role.sees_others = false;
    }), @r#"
    warning privileges: migrations run under role `gone`, which is not there
        as an administrator: CREATE ROLE "gone"; or let a migration before them make it
    error failed privileges: migrations run under role `other`, and role `app` may not become it
        as an administrator: GRANT "other" TO "app"
    warning privileges: role `app` may not create anything in schema `public`, where unqualified names go
        as an administrator: GRANT CREATE ON SCHEMA "public" TO "app"; or give the set a `role` that may
    info privileges: role `app` does not see what others do, so messages cannot name their statements
        as an administrator: GRANT pg_read_all_stats TO "app"
    "#);
}

#[test]
fn ledgers() {
    let seen = |change: fn(&mut Examination)| of("target core postgres\nledger core", Some(Area::Ledger), change);
    assert_snapshot!(seen(|_| {}), @"ok ledger: is there");
    assert_snapshot!(seen(|examination| {
        let refused = Failure::new(FailureClass::Estranged, "it has a rule");
        examination.facts = Err(Failure { hint: Some("look".to_owned()), ..refused });
    }), @"
    error drift ledger: it has a rule
        look
    ");
    let outdated = |owner: &'static str, owns| {
        of("target core postgres\nledger core", Some(Area::Ledger), |examination| {
            if let Ledger::Present { outdated, .. } = &mut examination.facts.as_mut().unwrap().ledger {
                *outdated = true;
            }
            let ledger = Access::Present { owner: owner.to_owned(), owns, writes: true };
            examination.health.as_mut().unwrap().role = Told::Known(RoleSeen { ledger, ..role() });
        })
    };
    assert_snapshot!(outdated("bob", true), @"
    info ledger: it is of an older version: the next run upgrades it
    ok ledger: belongs to `bob`
    ");
    assert_snapshot!(outdated("bob", false), @"
    error failed ledger: it is of an older version and belongs to `bob`, so that this role may not upgrade it
        run `dunlin up` once as `bob`
    ok ledger: belongs to `bob`
    ");
    assert_snapshot!(outdated("dunlin_owner", false), @"
    error failed ledger: it is of an older version and belongs to `dunlin_owner`, so that this role may not upgrade it
        as an administrator, run what `dunlin init --roles` prints in this database once more
    ok ledger: belongs to `dunlin_owner`
    ");
    assert_snapshot!(seen(|examination| {
        let finding = Finding::error("log-changed", "line 3 was changed").class(Class::Drift);
        examination.log = Ok(Some(Audit {
            target: "core".parse().unwrap(),
            sealed: 7,
            unsealed: 0,
            heads: Vec::new(),
            head: None,
            unexplained: 0,
            findings: vec![finding],
        }));
    }), @"error drift ledger: line 3 was changed");
    assert_snapshot!(seen(|examination| {
        examination.log = Err(Failure::new(FailureClass::Rejected, "permission denied"));
    }), @"info ledger: the log is not known: permission denied");
}

#[test]
fn standbys() {
    let standby = |name: &str, synchronous, time, bytes| StandbySeen {
        name: name.to_owned(),
        synchronous: Some(synchronous),
        lag: Lag { bytes: Some(bytes), time: Some(seconds(time)) },
    };
    let slot = |name: &str, active, kept| Slot { name: name.to_owned(), active, kept };
    let cases = [
        Replication { standby: Some(Lag { bytes: None, time: Some(seconds(7)) }), ..replication() },
        Replication { standbys: vec![standby("a", true, 0, 0), standby("b", false, 0, 0)], ..replication() },
        Replication { names: "FIRST 2 (a, b)".to_owned(), standbys: vec![standby("a", true, 0, 0)], ..replication() },
        Replication { names: "a".to_owned(), commit: "local".to_owned(), ..replication() },
        Replication {
            names: "a".to_owned(),
            standbys: vec![StandbySeen { synchronous: None, ..standby("a", false, 0, 0) }],
            ..replication()
        },
        Replication {
            standbys: vec![standby("late", false, 90, 10), standby("far", false, 0, 1 << 30)],
            slots: vec![slot("read", true, 1 << 40), slot("small", false, 10), slot("forgotten", false, 3 << 30)],
            ..replication()
        },
    ];
    let said = all(Area::Replication, cases, |health, case| health.replication = Told::Known(case));
    assert_snapshot!(said, @"
    error blocked replication: the server is a standby, 7 s behind: it takes no writes
        let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found
    ok replication: a primary, with 2 standbys, 1 of them synchronous
    error blocked replication: commits wait for 2 synchronous standbys of `FIRST 2 (a, b)`, and 1 of them follows
        every migration would wait until they follow: start them, or take them out of `synchronous_standby_names`
    ok replication: a primary, without standbys
    info replication: commits wait for 1 synchronous standby of `a`, and whether they follow is not told to this role
        a member of `pg_read_all_stats` sees it
    warning replication: standby `late` follows, 1 min and 10 B behind
        backfills rest while a standby is far behind, and a failover would lose what it has not received
    warning replication: standby `far` follows, 0 s and 1 GiB behind
        backfills rest while a standby is far behind, and a failover would lose what it has not received
    warning replication: nobody reads from replication slot `forgotten`, and the server keeps 3 GiB of its log for it
        a backfill makes that grow until the disk is full: SELECT pg_drop_replication_slot('forgotten') if nobody comes back
    ");
}

#[test]
fn what_others_left() {
    let open = |pid, state: &str, age, locks| LongTransaction {
        pid,
        application: if pid == 1 { "billing".to_owned() } else { String::new() },
        role: "app".to_owned(),
        state: state.to_owned(),
        age: seconds(age),
        query: "UPDATE t".to_owned(),
        locks,
    };
    let transactions = Transactions {
        open: vec![open(1, "idle in transaction", 7200, 3), open(2, "active", 61, 0), open(3, "active", 59, 1)],
        hidden: 1,
    };
    let prepared = |gid: &str, age| Prepared { gid: gid.to_owned(), role: "app".to_owned(), age: seconds(age) };
    let index = |name: &str, building| InvalidIndex { name: name.to_owned(), table: "public.t".to_owned(), building };
    let mutation = |id: &str, age, trouble: Option<&str>| Mutation {
        table: "events".to_owned(),
        id: id.to_owned(),
        command: "UPDATE a = 1".to_owned(),
        age: seconds(age),
        trouble: trouble.map(str::to_owned),
    };
    let said = check(|health| {
        health.transactions = Told::Known(transactions);
        health.prepared = Told::Known(vec![prepared("x'7", 3600), prepared("new", 1)]);
        health.indexes = Told::Known(vec![index("public.i", false), index("public.j", true)]);
        health.mutations =
            Told::Known(vec![mutation("m_1.txt", 90, None), mutation("m_2.txt", 1, Some("no such column"))]);
        health.room = Told::Foreign;
    });
    assert_snapshot!(said, @"
    warning transactions: pid 1 (app `billing`, user app) is idle in transaction for 2 h, with 3 locks on tables and indexes: UPDATE t
        its locks stay until it ends: see who forgot it; SELECT pg_terminate_backend(1) ends it
    warning transactions: pid 2 (user app) is active for 1 min: UPDATE t
        index builds wait for it, and changes of what it uses: begin when it is over
    info transactions: 1 connection of others cannot be looked at by this role
        a member of `pg_read_all_stats` sees them
    warning prepared: transaction `x'7` of user app is prepared for 1 h and holds its locks
        ask its coordinator; else COMMIT PREPARED 'x''7' or ROLLBACK PREPARED 'x''7' ends it
    warning mutations: `m_1.txt` of `events` (UPDATE a = 1) goes on for 1 min
        what changes `events` waits behind it; KILL MUTATION WHERE mutation_id = 'm_1.txt' gives it up
    warning mutations: `m_2.txt` of `events` (UPDATE a = 1) goes on for 1 s: no such column
        what changes `events` waits behind it; KILL MUTATION WHERE mutation_id = 'm_2.txt' gives it up
    warning indexes: public.i on public.t is not valid: writes keep it up to date, and no query uses it
        DROP INDEX CONCURRENTLY public.i, or REINDEX INDEX CONCURRENTLY public.i; one that a migration left is mended by the next run
    info indexes: public.j on public.t is not valid yet: somebody builds it
    ");
    let many = check(|health| {
        health.prepared = Told::Known((0..8).map(|number| prepared(&number.to_string(), 100)).collect());
        health.room = Told::Foreign;
    });
    assert_eq!(many.lines().filter(|line| line.starts_with("warning")).count(), 6, "{many}");
    assert!(many.ends_with("warning prepared: 3 prepared transactions more"), "{many}");
}

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
        [room(5 << 30, None), room(5 << 30, Some((10 << 30, 100 << 30))), room(5 << 30, Some((96 << 30, 100 << 30)))];
    let said = all(Area::Disk, rooms, |health, room| health.room = Told::Known(room));
    assert_snapshot!(said, @"
    info disk: the database has 5 GiB; what is free is not known: the server does not tell
    ok disk: the database has 5 GiB, 90 GiB are free
    warning disk: the database has 5 GiB, and 4 GiB of 100 GiB are free
        a migration that writes a table anew needs its size once more
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
    assert_eq!(of_kind("postgres", Area::Workers, &[], &cron("8")), "");
}
