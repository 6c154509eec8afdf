//! What a doctor says of targets: whether they are reached and by which way, privileges, ledgers, standbys, and what others left.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_planner::{
    Access, Area, Audit, Class, Creation, Direct, Examination, Failure, FailureClass, Finding, Health, HostSeen,
    InvalidIndex, Lag, Ledger, LongTransaction, Membership, Mutation, Prepared, Replication, RoleSeen, Route,
    RunsUnder, ServerRole, Slot, StandbySeen, TargetName, Told, Transactions, Verified, diagnose,
};
use insta::assert_snapshot;

use super::well::{all, check, line, of, replication, role, seconds, well};
use crate::support::Fixture;

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
            examination.health = Err(Failure { hint: Some("look".to_owned()), ..failure });
        })
    };
    assert_snapshot!(refused(FailureClass::Unreachable), @"
    error blocked reach: it cannot be reached: a; b
        look
    ");
    assert_snapshot!(refused(FailureClass::Rejected), @"
    error failed reach: it cannot be reached: a; b
        look
    ");
    assert_snapshot!(refused(FailureClass::Misconfigured), @"
    error invalid reach: it cannot be reached: a; b
        look
    ");
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

fn audit(sealed: usize, findings: Vec<Finding>) -> Audit {
    let target = "core".parse().unwrap();
    Audit { target, sealed, unsealed: 0, heads: Vec::new(), head: None, unexplained: 0, findings }
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
        examination.log = Ok(Some(audit(7, vec![finding.hint("ask who did it")])));
    }), @"
    error drift ledger: line 3 was changed
        ask who did it
    ");
    assert_snapshot!(seen(|examination| {
        examination.log = Ok(Some(audit(7, Vec::new())));
    }), @"ok ledger: is there, 7 lines sealed and unchanged");
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
        Replication {
            standbys: vec![standby("a", true, 0, 0), standby("b", false, 0, 0), standby("c", false, 0, 0)],
            ..replication()
        },
        Replication { names: "FIRST 2 (a, b)".to_owned(), standbys: vec![standby("a", true, 0, 0)], ..replication() },
        Replication { names: "a".to_owned(), commit: "local".to_owned(), ..replication() },
        Replication {
            names: "a".to_owned(),
            standbys: vec![StandbySeen { synchronous: None, ..standby("a", false, 0, 0) }],
            ..replication()
        },
        Replication {
            standbys: vec![standby("late", false, 90, 10), standby("far", false, 0, 1 << 30)],
            slots: vec![
                slot("read", true, 1 << 40),
                slot("small", false, (1 << 30) - 1),
                slot("forgotten", false, 1 << 30),
            ],
            ..replication()
        },
    ];
    let said = all(Area::Replication, cases, |health, case| health.replication = Told::Known(case));
    assert_snapshot!(said, @"
    error blocked replication: the server is a standby, 7 s behind: it takes no writes
        let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found
    ok replication: a primary, with 3 standbys, 1 of them synchronous
    error blocked replication: commits wait for 2 synchronous standbys of `FIRST 2 (a, b)`, and 1 of them follows
        every migration would wait until they follow: start them, or take them out of `synchronous_standby_names`
    ok replication: a primary, without standbys
    info replication: commits wait for 1 synchronous standby of `a`, and whether they follow is not told to this role
        a member of `pg_read_all_stats` sees it
    warning replication: standby `late` follows, 1 min and 10 B behind
        backfills rest while a standby is far behind, and a failover would lose what it has not received
    warning replication: standby `far` follows, 0 s and 1 GiB behind
        backfills rest while a standby is far behind, and a failover would lose what it has not received
    warning replication: nobody reads from replication slot `forgotten`, and the server keeps 1 GiB of its log for it
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
    for (number, more) in [(8, Some("warning prepared: 3 prepared transactions more")), (5, None)] {
        let many = check(|health| {
            health.prepared = Told::Known((0..number).map(|number| prepared(&number.to_string(), 100)).collect());
            health.room = Told::Foreign;
        });
        let warnings: Vec<_> = many.lines().filter(|line| line.starts_with("warning")).collect();
        assert_eq!(warnings.len(), 5 + more.iter().len(), "{many}");
        assert_eq!(warnings.last().copied().filter(|line| line.ends_with("more")), more, "{many}");
    }
}

/// Two names for one database are told of the second; what is switched off is not asked.
#[test]
fn targets_beside_one_another() {
    let Fixture { catalog, observed } = Fixture::parse(
        "
        target core postgres
        target main postgres
        target old postgres off
        same main core
    ",
    );
    let examined = observed.iter().map(|(name, seen)| {
        let facts = Ok(seen.facts().unwrap().clone());
        (name.clone(), Examination { offers: None, facts, health: Ok(well()), log: Ok(None) })
    });
    let diagnosis = diagnose(&catalog, &examined.collect(), Duration::from_mins(1));
    let same_as = diagnosis.targets.iter().map(|target| target.same_as.as_ref().map(ToString::to_string));
    assert_eq!(same_as.collect::<Vec<_>>(), [None, Some("core".to_owned())]);
    assert_eq!(diagnosis.off.iter().map(ToString::to_string).collect::<Vec<_>>(), ["old"]);
    assert_eq!(diagnosis.classes().count(), 0);
}

/// The exit code follows from the kinds of trouble, of a check as of the identity of databases.
#[test]
fn errors_are_of_classes() {
    let Fixture { catalog, observed } = Fixture::parse(
        "
        target core postgres
        set auth core
        identity core now 8 5 1 born 7 5 1
    ",
    );
    let name: TargetName = "core".parse().unwrap();
    let facts = Ok(observed[&name].facts().unwrap().clone());
    let health = Err(Failure::new(FailureClass::Unreachable, "it cannot be reached"));
    let examined = BTreeMap::from([(name, Examination { offers: None, facts, health, log: Ok(None) })]);
    let diagnosis = diagnose(&catalog, &examined, Duration::from_mins(1));
    assert_eq!(diagnosis.classes().collect::<Vec<_>>(), [Class::Blocked, Class::Drift]);
}

#[test]
fn privileges_are_looked_at_for_the_roles_of_a_targets_own_files() {
    let mut catalog = Fixture::parse(
        "
        target core postgres
        target metrics postgres
        set auth core
        set iot metrics
        auth/1
        auth/2
        iot/1
    ",
    )
    .catalog;
    let roles = [Some("owner"), None, Some("other")];
    for (migration, role) in catalog.migrations.iter_mut().zip(roles) {
        migration.up.settings.role = role.map(str::to_owned);
    }
    let under = RunsUnder::of(&catalog, &"core".parse().unwrap());
    let roles: Vec<_> = under.bodies.iter().map(|(role, _)| role.as_deref()).collect();
    assert_eq!(roles, [None, Some("owner")]);
}
