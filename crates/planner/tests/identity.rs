//! Databases that are not the ones they were, and ones that have two names, as `up`, `down` and `status` say it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dunlin_planner::{
    Adoption, Databases, EnvironmentName, FailureClass, Finding, Graph, How, Identity, Ledger, Limits, Next, Observed,
    Run, Scope, Selection, Timestamp, UpRequest, adopt, plan_up, unmet,
};
use insta::assert_snapshot;

use crate::support::{Fixture, show};

const PROJECT: &str = "
    target core postgres
    target metrics timescale
    set auth core
    set iot metrics
    auth/1
    auth/2
    iot/1 needs auth/1
    row core auth/1
";

fn check(lines: &str) -> String {
    let fixture = format!("{PROJECT}{lines}");
    ["up", "down --set auth", "status"].map(|command| show(&fixture, command)).join("--\n")
}

#[test]
fn renamed_or_never_known() {
    let same = "identity core born 7 5 1";
    assert_snapshot!(check(same), @"
    apply auth/2 on core checks auth/1
    apply iot/1 on metrics checks auth/1*
    --
    revert auth/1 on core
    --
    auth/1 applied
    auth/2 pending
    iot/1 pending
    ");
    for other in ["", "identity core now 10.0.0.1:5432 5 0 born 7 5 1"] {
        assert_eq!(check(other), check(same), "{other}");
    }
}

#[test]
fn a_later_timeline() {
    assert_snapshot!(check("identity core now 7 5 3 born 7 5 2"), @"
    apply auth/2 on core checks auth/1
    apply iot/1 on metrics checks auth/1*
    --
    revert auth/1 on core
    --
    auth/1 applied
    auth/2 pending
    iot/1 pending
    note timeline-grew Invalid: `core` is on timeline 3, and was on 2: its server was promoted, or restored to an earlier moment; what it may have lost shows as pending (line 2)
    ");
    // A server that was set back by hand, or a control file that lags behind on a standby.
    assert!(!check("identity core now 7 5 1 born 7 5 2").contains("timeline"));
}

#[test]
fn copied_with_template_or_dropped_and_restored() {
    assert_snapshot!(check("identity core now 7 9 1 born 7 5 1"), @"
    apply auth/2 on core checks auth/1
    apply iot/1 on metrics checks auth/1*
    error database-other Drift: `core` is not the database that its ledger was made in: that was database 5 of system 7, this is database 9 of the same server (line 2)
      hint: it was copied with TEMPLATE, or dropped and restored: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`
    --
    revert auth/1 on core
    error database-other Drift: `core` is not the database that its ledger was made in: that was database 5 of system 7, this is database 9 of the same server (line 2)
      hint: it was copied with TEMPLATE, or dropped and restored: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`
    --
    auth/1 applied
    auth/2 pending
    iot/1 pending
    error database-other Drift: `core` is not the database that its ledger was made in: that was database 5 of system 7, this is database 9 of the same server (line 2)
      hint: it was copied with TEMPLATE, or dropped and restored: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`
    ");
}

#[test]
fn restored_on_another_server() {
    assert_snapshot!(check("identity core now 8 5 1 born 7 5 1"), @"
    apply auth/2 on core checks auth/1
    apply iot/1 on metrics checks auth/1*
    error database-other Drift: `core` is not the database that its ledger was made in: that was database 5 of system 7, this is database 5 of system 8 (line 2)
      hint: its dump was restored on another server, or the server was replaced or upgraded: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`
    --
    revert auth/1 on core
    error database-other Drift: `core` is not the database that its ledger was made in: that was database 5 of system 7, this is database 5 of system 8 (line 2)
      hint: its dump was restored on another server, or the server was replaced or upgraded: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`
    --
    auth/1 applied
    auth/2 pending
    iot/1 pending
    error database-other Drift: `core` is not the database that its ledger was made in: that was database 5 of system 7, this is database 5 of system 8 (line 2)
      hint: its dump was restored on another server, or the server was replaced or upgraded: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`
    ");
}

#[test]
fn a_server_that_does_not_say_who_it_is() {
    assert_snapshot!(show(&format!("{PROJECT}identity core now 10.0.0.1:5432 6 0 born 7 5 1"), "up"), @"
    apply auth/2 on core checks auth/1
    apply iot/1 on metrics checks auth/1*
    error database-other Drift: `core` is not the database that its ledger was made in: that was database 5 of system 7, this is database 6 of system 10.0.0.1:5432 (line 2)
      hint: its dump was restored on another server, or the server was replaced or upgraded: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`
    ");
}

#[test]
fn of_another_environment() {
    assert_snapshot!(check("
        environment prod
        identity core born 7 5 1 stamped dev
    "), @"
    apply auth/2 on core checks auth/1
    apply iot/1 on metrics checks auth/1*
    error environment-other Drift: `core` belongs to environment `dev`, and this is for `prod` (line 2)
      hint: check the target's URL; `--env dev` is what this database was migrated with
    --
    revert auth/1 on core
    error environment-other Drift: `core` belongs to environment `dev`, and this is for `prod` (line 2)
      hint: check the target's URL; `--env dev` is what this database was migrated with
    --
    auth/1 applied
    auth/2 pending
    iot/1 pending
    error environment-other Drift: `core` belongs to environment `dev`, and this is for `prod` (line 2)
      hint: check the target's URL; `--env dev` is what this database was migrated with
    ");
    assert_snapshot!(show(&format!("{PROJECT}identity core born 7 5 1 stamped dev"), "up"), @"
    apply auth/2 on core checks auth/1
    apply iot/1 on metrics checks auth/1*
    error environment-other Drift: `core` belongs to environment `dev`, and this is for none (line 2)
      hint: check the target's URL; `--env dev` is what this database was migrated with
    ");
}

#[test]
fn a_copy_of_another_environments_database() {
    assert_snapshot!(show(&format!("{PROJECT}
        environment staging
        identity core now 8 5 1 born 7 5 1 stamped prod
    "), "up"), @"
    apply auth/2 on core checks auth/1
    apply iot/1 on metrics checks auth/1*
    error database-other Drift: `core` is not the database that its ledger was made in, which belongs to environment `prod` while this is for `staging`: that was database 5 of system 7, this is database 5 of system 8 (line 2)
      hint: check the target's URL; or, if this copy is to go its own way from here, say `dunlin adopt --fork --target core --reason TEXT`
    ");
}

#[test]
fn a_standby() {
    assert_snapshot!(check("identity core born 7 5 1 standby"), @"
    apply auth/2 on core checks auth/1
    apply iot/1 on metrics checks auth/1*
    error standby Blocked: the server of `core` is a standby: it takes no writes, and may lag behind (line 2)
      hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted
    --
    revert auth/1 on core
    error standby Blocked: the server of `core` is a standby: it takes no writes, and may lag behind (line 2)
      hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted
    --
    auth/1 applied
    auth/2 pending
    iot/1 pending
    ");
}

/// Whoever is about to write into a ledger asks the same, and is told what to do.
#[test]
fn a_ledger_is_written_by_whom_it_belongs_to() {
    let identity = |database| Identity { system: "7".to_owned(), database, timeline: 1 };
    for (born, refused) in [(None, false), (Some(identity(5)), false), (Some(identity(9)), true)] {
        let ended = identity(5).recognise(born.as_ref());
        assert_eq!(ended.is_err(), refused, "{born:?}");
        if let Err(failure) = ended {
            assert_eq!(failure.class, FailureClass::Estranged);
            assert_eq!(
                failure.hint.as_deref(),
                Some("it was copied with TEMPLATE, or dropped and restored; `dunlin plan` says what to do")
            );
        }
    }
    let (prod, dev): (EnvironmentName, EnvironmentName) = ("prod".parse().unwrap(), "dev".parse().unwrap());
    assert_eq!(prod.admits(Some(&prod)), Ok(()));
    for (asked, said) in [(Some(&dev), "`dev`"), (None, "none")] {
        let failure = prod.admits(asked).unwrap_err();
        assert_eq!(failure.class, FailureClass::Estranged);
        assert_eq!(failure.message, format!("this ledger belongs to environment `prod`, and the run is for {said}"));
        let hint = "check the target's URL; `--env prod` is what this database was migrated with";
        assert_eq!(failure.hint.as_deref(), Some(hint));
    }
}

const TWICE: &str = "
    target core postgres
    target replica postgres
    set auth core
    set iot replica
    auth/1
    iot/1
";

#[test]
fn a_copy_beside_its_original() {
    // Made with TEMPLATE: another number on the same server.
    assert_snapshot!(show(&format!("{TWICE}
        identity core born 7 5 1
        row core auth/1
        copy replica core
        identity replica now 7 9 1 born 7 5 1
    "), "status"), @"
    auth/1 applied
    iot/1 pending
    error database-copied Drift: `core` and `replica` hold the same ledger, and are different databases: `replica` is a copy (line 2)
      hint: take one of them out of the configuration; or let the copy go its own way: `dunlin adopt --fork --target replica --reason TEXT`
    ");
}

#[test]
fn a_physical_copy_beside_its_original() {
    assert_snapshot!(show(&format!("{TWICE}
        identity core born 7 5 1
        row core auth/1
        copy replica core
        identity replica now 7 5 2 born 7 5 1
    "), "up"), @"
    apply iot/1 on replica
    error database-copied Drift: `core` and `replica` hold the same ledger, and are different databases: they are physical copies, on servers of their own, timelines 1 and 2 (line 2)
      hint: take one of them out of the configuration; or let the copy go its own way: `dunlin adopt --fork --target replica --reason TEXT`
    ");
    // A standby is one by itself: what it holds is its primary's.
    assert_snapshot!(show(&format!("{TWICE}
        identity core born 7 5 1
        row core auth/1
        copy replica core
        identity replica born 7 5 1 standby
    "), "up"), @"
    apply iot/1 on replica
    error standby Blocked: the server of `replica` is a standby: it takes no writes, and may lag behind (line 3)
      hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted
    ");
}

const ONE: &str = "
    target core postgres
    target cron cron pause m*
    set auth core
    set jobs cron
    auth/1
    auth/2
    jobs/1 needs auth/1
    jobs/2
";

#[test]
fn one_database_behind_two_targets() {
    let ledger = "
        row core auth/1
        row core jobs/1 needs auth/1@core
        row core gone/1
        same cron core
    ";
    assert_snapshot!(show(&format!("{ONE}{ledger}"), "up"), @"
    apply auth/2 on core checks auth/1
    apply jobs/2 on cron checks jobs/1
    error migration-missing Drift: `gone/1` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget gone/1 --reason TEXT` if nothing of it is there any more, or it no longer matters
    ");
    assert_snapshot!(show(&format!("{ONE}{ledger}"), "status"), @"
    auth/1 applied
    auth/2 pending
    jobs/1 applied
    jobs/2 pending
    gone/1 missing
    error migration-missing Drift: `gone/1` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget gone/1 --reason TEXT` if nothing of it is there any more, or it no longer matters
    ");
    assert_snapshot!(show(&format!("{ONE}{ledger}"), "down --version auth/1 --cascade"), @"
    revert jobs/1 on cron pulled in by auth/1
    revert auth/1 on core <declared jobs/1 checks jobs/1
    ");
    assert_snapshot!(show(&format!("{ONE}same cron core"), "up"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply jobs/1 on cron <declared auth/1 checks auth/1*
    apply jobs/2 on cron <sequence jobs/1 checks jobs/1
    ");
}

/// Whether two targets with these facts are one database: system, number and ledger.
#[test]
fn what_makes_two_targets_one_database() {
    let are_one = |left: (&str, u32, &str), right: (&str, u32, &str)| {
        let mut observed = Fixture::parse("target a postgres\ntarget b postgres\nledger a\nledger b").observed;
        for ((_, observed), (system, database, ledger)) in observed.iter_mut().zip([left, right]) {
            let Observed::Facts(facts) = observed else { unreachable!() };
            facts.started = Timestamp(3);
            // A server that does not say who it is goes by its address, and has no timeline.
            let timeline = u32::from(!system.contains(':'));
            facts.identity = Identity { system: system.to_owned(), database, timeline };
            match &mut facts.ledger {
                Ledger::Present { id, .. } if !ledger.is_empty() => *id = ledger.parse().unwrap(),
                absent => *absent = Ledger::Absent,
            }
        }
        let databases = Databases::of(&observed);
        databases.are_one(&"a".parse().unwrap(), &"b".parse().unwrap())
    };
    for (left, right, one) in [
        (("7", 5, "l"), ("7", 5, "l"), true),
        (("7", 5, ""), ("7", 5, ""), true),
        (("7", 5, "l"), ("8", 5, "l"), false),
        (("7", 5, "l"), ("7", 6, "l"), false),
        (("7", 5, "l"), ("7", 5, "m"), false),
        (("7", 5, "l"), ("7", 5, ""), false),
        (("7", 5, "l"), ("10.0.0.1:5432", 5, "l"), true),
        (("10.0.0.1:5432", 5, "l"), ("7", 5, "l"), true),
        (("10.0.0.1:5432", 5, "l"), ("10.0.0.1:5432", 5, "l"), true),
        (("10.0.0.1:5432", 5, "l"), ("10.0.0.1:5432", 5, "m"), false),
    ] {
        assert_eq!(are_one(left, right), one, "{left:?} {right:?}");
    }
}

#[test]
fn a_database_that_is_yet_to_be_made_is_the_one_of_its_name() {
    let are_one = |left: (u32, &str), right: (u32, &str)| {
        let mut observed = Fixture::parse("target a postgres\ntarget b postgres").observed;
        for ((_, observed), (number, name)) in observed.iter_mut().zip([left, right]) {
            let Observed::Facts(facts) = observed else { unreachable!() };
            facts.started = Timestamp(3);
            facts.identity = Identity { system: "7".to_owned(), database: number, timeline: 1 };
            facts.database = name.to_owned();
        }
        Databases::of(&observed).are_one(&"a".parse().unwrap(), &"b".parse().unwrap())
    };
    for (left, right, one) in [
        ((0, "new"), (0, "new"), true),
        ((0, "new"), (0, "other"), false),
        ((0, "new"), (5, "new"), false),
        // Renamed between the two readings.
        ((5, "new"), (5, "old"), true),
    ] {
        assert_eq!(are_one(left, right), one, "{left:?} {right:?}");
    }
}

#[test]
fn what_is_paused_in_one_database_behind_two_targets() {
    assert_snapshot!(show(&format!("{ONE}
        job core mend 5
        paused core mend-too r7
        ledger core
        same cron core
    "), "up"), @"
    resume job `mend-too` of cron, owed by r7
    pause job `mend` of cron, which works in core,cron
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply jobs/1 on cron <declared auth/1 checks auth/1*
    apply jobs/2 on cron <sequence jobs/1 checks jobs/1
    ");
}

const BACK: &str = "
    target core postgres
    target metrics postgres
    set auth core
    set iot metrics
    auth/1
    auth/2
    auth/3
    iot/1 needs auth/2
    iot/2
    row core auth/1
    row metrics iot/1 needs auth/2@core
";

#[test]
fn restored_to_a_moment_before_a_dependency() {
    let check = |lines: &str| {
        let fixture = format!("{BACK}{lines}");
        ["up", "up --set auth --to auth/1", "up --service iot", "status"]
            .map(|command| show(&fixture, command))
            .join("--\n")
    };
    assert_snapshot!(check("identity core now 7 5 2 born 7 5 1"), @"
    apply auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/2 on metrics <after auth/2 checks iot/1
    error closure-broken Drift: `iot/1` is applied in `metrics` and needs `auth/2`, which is no longer applied in `core`
      hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`
    --
    --
    apply auth/2 on core checks auth/1 pulled in by iot/1
    apply iot/2 on metrics <after auth/2 checks iot/1
    error closure-broken Drift: `iot/1` is applied in `metrics` and needs `auth/2`, which is no longer applied in `core`
      hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`
    --
    auth/1 applied
    auth/2 pending
    auth/3 pending <auth/2
    iot/1 applied
    iot/2 pending
    note timeline-grew Invalid: `core` is on timeline 2, and was on 1: its server was promoted, or restored to an earlier moment; what it may have lost shows as pending (line 2)
    error closure-broken Drift: `iot/1` is applied in `metrics` and needs `auth/2`, which is no longer applied in `core`
      hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`
    ");
    // Once a person has said so, what is missing is applied again.
    assert_snapshot!(check("identity core now 7 5 2 born 7 5 2 lost auth/2"), @"
    apply auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/2 on metrics <after auth/2 checks iot/1
    warning closure-open Invalid: `iot/1` is applied in `metrics` and needs `auth/2`, which `core` lost in a restore and `up` applies again
    --
    --
    apply auth/2 on core checks auth/1 pulled in by iot/1
    apply iot/2 on metrics <after auth/2 checks iot/1
    warning closure-open Invalid: `iot/1` is applied in `metrics` and needs `auth/2`, which `core` lost in a restore and `up` applies again
    --
    auth/1 applied
    auth/2 pending
    auth/3 pending <auth/2
    iot/1 applied
    iot/2 pending
    warning closure-open Invalid: `iot/1` is applied in `metrics` and needs `auth/2`, which `core` lost in a restore and `up` applies again
    ");
}

#[test]
fn another_environments_database_after_a_failover() {
    let said = show(&format!("{PROJECT}identity core now 7 5 3 born 7 5 2 stamped prod"), "status");
    assert!(said.contains("error environment-other") && !said.contains("timeline-grew"), "{said}");
}

/// What it says may be old, and is judged all the same.
#[test]
fn a_standby_alone() {
    let said = show(&format!("{PROJECT}row core auth/2 edited\nidentity core born 7 5 1 standby"), "status");
    assert!(said.contains("auth/2 edited") && said.contains("error migration-edited"), "{said}");
}

#[test]
fn a_standby_beside_its_primary() {
    let said = show(
        &format!(
            "{PROJECT}target near postgres\nidentity core born 7 5 1\ncopy near core\nidentity near born 7 5 1 standby"
        ),
        "status",
    );
    assert!(!said.contains("database-copied"), "{said}");
}

/// The row is there, and says that it was taken back.
#[test]
fn what_another_needs_was_taken_back() {
    let lines = format!("{BACK}row core auth/2 reverted");
    assert_snapshot!(show(&lines, "status"), @"
    auth/1 applied
    auth/2 pending
    auth/3 pending <auth/2
    iot/1 applied
    iot/2 pending
    error closure-broken Drift: `iot/1` is applied in `metrics` and needs `auth/2`, which is no longer applied in `core`
      hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`
    ");
    let fixture = Fixture::parse(&lines);
    let pair = ("iot/1".parse().unwrap(), "auth/2".parse().unwrap());
    assert_eq!(unmet(&fixture.catalog, &fixture.observed), BTreeSet::from([pair]));
}

/// What a database that is not the one it was lacks says nothing.
#[test]
fn a_stranger_is_not_asked_what_it_lacks() {
    let strange = |target: &str| show(&format!("{BACK}identity {target} now 7 9 1 born 7 5 1"), "status");
    for target in ["core", "metrics"] {
        let said = strange(target);
        assert!(said.contains("database-other") && !said.contains("closure-broken"), "{said}");
    }
}

#[test]
fn what_is_to_be_applied_again_has_to_be_in_the_plan() {
    let lines = "
        target core postgres
        target metrics postgres
        set auth core
        set iot metrics
        auth/1
        iot/1
        row metrics iot/1 needs auth/1@core
        identity core lost auth/1
    ";
    assert_snapshot!(show(lines, "up --service iot"), @"
    error closure-broken Drift: `iot/1` is applied in `metrics` and needs `auth/1`, which `core` lost in a restore
      hint: `auth/1` has to be in the plan: bring its file back, or run `dunlin up` without a selection
    ");
    assert_snapshot!(show(lines, "up"), @"
    apply auth/1 on core
    warning closure-open Invalid: `iot/1` is applied in `metrics` and needs `auth/1`, which `core` lost in a restore and `up` applies again
    ");
}

#[test]
fn one_database_has_one_lane() {
    let started = |lines: &str| {
        let fixture = Fixture::parse(&format!("{ONE}{lines}"));
        let graph = Graph::build(&fixture.catalog).unwrap();
        let everything = Selection::of(&graph, &Scope::default()).unwrap();
        let plan = plan_up(&graph, &everything, &fixture.observed, UpRequest::default());
        let mut run = Run::new(Arc::new(plan), "r1".parse().unwrap(), Limits::default());
        std::iter::from_fn(|| matches!(run.next(Duration::ZERO), Next::Start { .. }).then_some(())).count()
    };
    assert_eq!(started("row core auth/1"), 2);
    assert_eq!(started("row core auth/1\nsame cron core"), 1);
}

/// What becomes of an adoption.
fn adopted(lines: &str, target: &str, how: How, reason: &str) -> String {
    let fixture = Fixture::parse(lines);
    let graph = Graph::build(&fixture.catalog).unwrap();
    match adopt(&graph, &fixture.observed, &target.parse().unwrap(), how, reason) {
        Ok(Adoption { ledger, before, after, lost, .. }) => {
            let lost: Vec<_> = lost.iter().map(ToString::to_string).collect();
            format!("{ledger}\n{before:?}\n{after:?}\nlost {}", lost.join(","))
        }
        Err(Finding { code, class, message, hint, .. }) => {
            format!("{code} {class:?}: {message}\n  hint: {}", hint.unwrap_or_default())
        }
    }
}

#[test]
fn a_copy_goes_its_own_way() {
    let copy = "environment staging\nidentity core now 8 5 1 born 7 5 1 stamped prod";
    assert_snapshot!(adopted(&format!("{PROJECT}{copy}"), "core", How::Fork, "a copy for tests"), @r#"
    core
    Belonging { identity: Some(Identity { system: "7", database: 5, timeline: 1 }), environment: Some(`prod`) }
    Belonging { identity: Some(Identity { system: "8", database: 5, timeline: 1 }), environment: Some(`staging`) }
    lost
    "#);
    assert_snapshot!(adopted(&format!("{PROJECT}{copy}"), "core", How::AfterRestore, "moved"), @"
    adopt-refused Invalid: `core` cannot be adopted: it belongs to environment `prod`
      hint: say `--env prod`; a copy that goes its own way is a --fork
    ");
}

#[test]
fn a_database_that_was_restored() {
    let restored = format!("{BACK}identity core now 8 6 1 born 7 5 1");
    assert_snapshot!(adopted(&restored, "core", How::AfterRestore, "disk lost"), @r#"
    core
    Belonging { identity: Some(Identity { system: "7", database: 5, timeline: 1 }), environment: None }
    Belonging { identity: Some(Identity { system: "8", database: 6, timeline: 1 }), environment: None }
    lost auth/2
    "#);
    assert_snapshot!(adopted(&restored, "metrics", How::AfterRestore, "disk lost"), @"
    adopt-refused Invalid: `metrics` cannot be adopted: it is the database it was, and lacks nothing
      hint: there is nothing to do
    ");
    assert_snapshot!(adopted(&restored, "core", How::AfterRestore, " "), @"
    adopt-refused Invalid: `core` cannot be adopted: it needs a reason
      hint: say why with --reason; it is kept in the ledger's log
    ");
}

#[test]
fn what_cannot_be_adopted() {
    assert_snapshot!(adopted(PROJECT, "metrics", How::Fork, "why"), @"
    adopt-refused Invalid: `metrics` cannot be adopted: it has no ledger
      hint: the first `dunlin up` makes one
    ");
    assert_snapshot!(adopted(&format!("{PROJECT}identity core standby"), "core", How::Fork, "why"), @"
    standby Blocked: the server of `core` is a standby: it takes no writes, and may lag behind
      hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted
    ");
    assert_snapshot!(adopted(&format!("{PROJECT}unreachable core"), "core", How::Fork, "why"), @"
    adopt-refused Invalid: `core` cannot be adopted: it was not asked
      hint: see that it is switched on in this environment
    ");
    let copies = format!("{TWICE}identity core born 7 5 1\ncopy replica core\nidentity replica now 7 9 1 born 7 5 1");
    assert_snapshot!(adopted(&copies, "replica", How::AfterRestore, "why"), @"
    adopt-refused Invalid: `replica` cannot be adopted: `core` holds the same ledger, and only one of them can be that database
      hint: if `replica` is a copy: `dunlin adopt --fork --target replica --reason TEXT`
    ");
    assert_snapshot!(adopted(&copies, "replica", How::Fork, "why"), @r#"
    core
    Belonging { identity: Some(Identity { system: "7", database: 5, timeline: 1 }), environment: None }
    Belonging { identity: Some(Identity { system: "7", database: 9, timeline: 1 }), environment: None }
    lost
    "#);
    // The same database, which lacks something all the same; and one of a later timeline that lacks nothing.
    for lines in [BACK.to_owned(), format!("{BACK}row core auth/2\nidentity core now 7 5 2 born 7 5 1")] {
        let said = adopted(&lines, "core", How::AfterRestore, "why");
        assert!(said.starts_with("core\n"), "{said}");
    }
    // Nothing is lost that was not acknowledged before.
    assert_snapshot!(adopted(&format!("{BACK}identity core now 7 5 2 born 7 5 2 lost auth/2"), "core", How::AfterRestore, "why"), @"
    adopt-refused Invalid: `core` cannot be adopted: it is the database it was, and lacks nothing
      hint: there is nothing to do
    ");
}
