//! Databases that were restored: in place, elsewhere, and to an earlier moment.

use dunlin_devdb::Standby;
use dunlin_tests::{Project, Server};
use insta::assert_snapshot;

use crate::support::{apply, exits, naming, one, plain, restore, transcript, two};

const AFTER: &str = "adopt --after-restore --target core --reason disk-lost --yes";

#[test]
fn dropped_and_restored_in_place() {
    let server = Server::shared();
    let (database, spare) = (server.scratch(), server.scratch());
    apply(&one(&database.url()));
    restore(&server, &database.url(), &spare.url());
    let restored = naming(one(&spare.url()), "OLD", "SYSTEM", |sql| database.sql(sql));
    let oid = spare.sql("SELECT oid FROM pg_database WHERE datname = current_database()");
    let restored = restored.hiding(format!("database {oid}"), "database NEW");
    assert_eq!(exits(&restored, "plan"), [4]);
    assert_snapshot!(transcript(&restored, &format!("{AFTER}\nplan\n{AFTER}")), @"
    $ dunlin adopt --after-restore --target core --reason disk-lost --yes
    [stderr]
    core
      was     database OLD of system SYSTEM, timeline 1
      is      database NEW of system SYSTEM, timeline 1
      ledger  RUN, which stays what others refer to
      reason  disk-lost
    [stdout]
    core is where its ledger belongs: its ledger is RUN
    [exit 0]

    $ dunlin plan
    [stdout]
    acme: nothing to do: 2 migrations applied
    [exit 0]

    $ dunlin adopt --after-restore --target core --reason disk-lost --yes
    [stderr]
    error[adopt-refused]: `core` cannot be adopted: it is the database it was, and lacks nothing
    hint: there is nothing to do
    [exit 2]
    ");
}

#[test]
fn restored_on_another_server() {
    let (server, elsewhere) = (Server::shared(), plain());
    // A newer server takes a dump of an older one.
    let here = server.scratch();
    apply(&one(&elsewhere.url("postgres")));
    restore(&elsewhere, &elsewhere.url("postgres"), &here.url());
    let psql = |sql: &str| elsewhere.psql("postgres", sql).expect("it answers");
    let moved = naming(one(&here.url()), "OLD", "ELSEWHERE", psql);
    let moved = naming(moved, "NEW", "HERE", |sql| here.sql(sql));
    assert_snapshot!(transcript(&moved, "plan"), @"
    $ dunlin plan
    [stdout]
    error[database-other]: `core` is not the database that its ledger was made in: that was database OLD of system ELSEWHERE, this is database NEW of system HERE
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: its dump was restored on another server, or the server was replaced or upgraded: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]
    ");
    assert_snapshot!(transcript(&moved, &format!("{AFTER} --format json")), @r#"
    $ dunlin adopt --after-restore --target core --reason disk-lost --yes --format json
    [stdout]
    {
      "version": 1,
      "ledger": "RUN",
      "adoption": {
        "target": "core",
        "how": "after-restore",
        "reason": "disk-lost",
        "ledger": "RUN",
        "before": {
          "identity": {
            "system": "ELSEWHERE",
            "database": OLD,
            "timeline": 1
          },
          "environment": null
        },
        "after": {
          "identity": {
            "system": "HERE",
            "database": NEW,
            "timeline": 1
          },
          "environment": null
        },
        "lost": []
      }
    }
    [exit 0]
    "#);
    assert_eq!(exits(&moved, "plan\nhistory --verify"), [0, 0]);
}

#[test]
fn restored_to_a_moment_before_a_dependency() {
    let (server, core) = (Server::shared(), plain());
    let crm = server.scratch();
    let before = two(&core.url("postgres"), &crm.url());
    let _ = before.dunlin().run("up --yes --to auth/1").exits(0);
    let restored = Standby::of(&core).expect("a standby starts");
    restored.catch_up(&core).expect("it follows");
    restored.cut_off().expect("it stops following");
    apply(&before);
    restored.promote().expect("it becomes a primary");
    let psql = |sql: &str| core.psql("postgres", sql).expect("it answers");
    let after = naming(two(&restored.url("postgres"), &crm.url()), "IT", "SYSTEM", psql);
    found(&after);
    acknowledged(&after);
    applied_again(&after);
    // What was acknowledged then is not acknowledged for ever.
    restored.psql("postgres", "DELETE FROM dunlin.ledger WHERE id = 'auth/2'").expect("it can be deleted");
    assert_eq!(exits(&after, "plan"), [4]);
}

fn found(project: &Project) {
    assert_snapshot!(transcript(project, "plan\nstatus"), @"
    $ dunlin plan
    [stdout]
    error[closure-broken]: `crm/1` is applied in `crm` and needs `auth/2`, which is no longer applied in `core`
    hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied, 1 pending
        2  pending  names

    crm  postgres  PostgreSQL VERSION
      crm  1 applied

    note[timeline-grew]: `core` is on timeline 2, and was on 1: its server was promoted, or restored to an earlier moment; what it may have lost shows as pending
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^

    error[closure-broken]: `crm/1` is applied in `crm` and needs `auth/2`, which is no longer applied in `core`
    hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`

    3 migrations: 2 applied, 1 pending
    [exit 4]
    ");
    assert_eq!(exits(project, "up --yes"), [4]);
}

fn acknowledged(project: &Project) {
    assert_snapshot!(transcript(project, &format!("{AFTER}\nstatus")), @"
    $ dunlin adopt --after-restore --target core --reason disk-lost --yes
    [stderr]
    core
      was     database IT of system SYSTEM, timeline 1
      is      database IT of system SYSTEM, timeline 2
      ledger  RUN, which stays what others refer to
      lost    auth/2, which the next `dunlin up` applies again
      reason  disk-lost
    [stdout]
    core is where its ledger belongs: its ledger is RUN
    [exit 0]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied, 1 pending
        2  pending  names

    crm  postgres  PostgreSQL VERSION
      crm  1 applied

    warning[closure-open]: `crm/1` is applied in `crm` and needs `auth/2`, which `core` lost in a restore and `up` applies again

    3 migrations: 2 applied, 1 pending
    [exit 0]
    ");
}

fn applied_again(project: &Project) {
    assert_snapshot!(transcript(project, "up --yes\nplan"), @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step

      1  core  auth/2  names

    2 migrations are applied already.

    warning[closure-open]: `crm/1` is applied in `crm` and needs `auth/2`, which `core` lost in a restore and `up` applies again

    CLOCK run RUN starts: 1 step
    CLOCK core  auth/2 done in TIME
    [stdout]
    Run RUN: 1 of 1 step done in TIME

      core  1 done  TIME of work, log HEAD

    Done: 1 migration applied.
    [exit 0]

    $ dunlin plan
    [stdout]
    acme: nothing to do: 3 migrations applied
    [exit 0]
    ");
}
