//! Copies: made with TEMPLATE, and physical ones.

use dunlin_devdb::Standby;
use dunlin_tests::{Project, Scratch, Server};
use insta::assert_snapshot;

use crate::support::{apply, exits, naming, one, plain, transcript, two};

/// A copy of a database, dropped with the test.
struct Copy<'s> {
    server: &'s Server,
    name: String,
}

impl<'s> Copy<'s> {
    fn of(server: &'s Server, database: &Scratch<'_>) -> Self {
        let name = format!("{}_copy", database.name());
        // The launcher of timescaledb visits every database now and then, and keeps it from being copied meanwhile.
        let copy = format!("CREATE DATABASE {name} TEMPLATE {}", database.name());
        let copied = (0..10).any(|_| server.psql("postgres", &copy).is_ok());
        assert!(copied, "the database cannot be copied");
        Self { server, name }
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        let _ = self.server.drop_database(&self.name);
    }
}

#[test]
fn a_copy_with_template() {
    let server = Server::shared();
    let original = server.scratch();
    apply(&one(&original.url()));
    let copy = Copy::of(&server, &original);
    let its = naming(one(&server.url(&copy.name)), "OLD", "SYSTEM", |sql| original.sql(sql));
    let its = naming(its, "NEW", "SYSTEM", |sql| server.sql(&copy.name, sql));
    let oid = server.sql(&copy.name, "SELECT oid FROM pg_database WHERE datname = current_database()");
    let its = its.hiding(format!("database {oid}"), "database NEW");
    its.workspace().write("auth/3_more.sql", "ALTER TABLE users ADD more text;\n");
    assert_snapshot!(transcript(&its, "plan"), @"
    $ dunlin plan
    [stdout]
    error[database-other]: `core` is not the database that its ledger was made in: that was database OLD of system SYSTEM, this is database NEW of the same server
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: it was copied with TEMPLATE, or dropped and restored: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]
    ");
    assert_eq!(exits(&its, "status\nup --yes\ndown --set auth --yes"), [4, 4, 4]);
    goes_its_own_way(&its);
    // The original knows nothing of it.
    assert_eq!(exits(&one(&original.url()), "plan\nstatus"), [0, 0]);
}

fn goes_its_own_way(project: &Project) {
    let adopt = "adopt --fork --target core --reason for-tests";
    assert_snapshot!(transcript(project, &format!("{adopt}\n{adopt} --yes")), @"
    $ dunlin adopt --fork --target core --reason for-tests
    [stderr]
    core
      was     database OLD of system SYSTEM, timeline 1
      is      database NEW of system SYSTEM, timeline 1
      ledger  RUN, which gets an identity of its own
      reason  for-tests
    error[confirmation-needed]: there is no terminal to ask at
    hint: add --yes to adopt it without being asked
    [exit 2]

    $ dunlin adopt --fork --target core --reason for-tests --yes
    [stderr]
    core
      was     database OLD of system SYSTEM, timeline 1
      is      database NEW of system SYSTEM, timeline 1
      ledger  RUN, which gets an identity of its own
      reason  for-tests
    [stdout]
    core goes its own way: its ledger is RUN
    [exit 0]
    ");
    assert_snapshot!(transcript(project, "history --verify"), @"
    $ dunlin history --verify
    [stdout]
    core  ok  3 lines under 2 seals
              head CHECKSUM
    [exit 0]
    ");
    assert_eq!(exits(project, "up --yes\nhistory --verify\nstatus"), [0, 0, 0]);
    assert_snapshot!(transcript(project, "history"), @"
    $ dunlin history
    [stdout]
    core  3 migrations, times in UTC
      run RUN by postgres
        MOMENT  applied  auth/1  users  TIME
        MOMENT  applied  auth/2  names  TIME
      run RUN by postgres
        MOMENT  applied  auth/3  more  TIME
      failures and repairs
        MOMENT  adopted  `adopt --fork`: for-tests  by postgres
    [exit 0]
    ");
}

#[test]
fn a_physical_copy() {
    let (server, original) = (Server::shared(), plain());
    let crm = server.scratch();
    apply(&two(&original.url("postgres"), &crm.url()));
    let copy = Standby::of(&original).expect("a standby starts");
    let psql = |sql: &str| original.psql("postgres", sql).expect("it answers");
    let alone = naming(two(&copy.url("postgres"), &crm.url()), "IT", "SYSTEM", psql);
    alone.workspace().write("auth/3_more.sql", "ALTER TABLE users ADD more text;\n");
    that_follows(&alone);
    copy.promote().expect("it becomes a primary");
    let both = naming(two(&original.url("postgres"), &copy.url("postgres")), "IT", "SYSTEM", psql);
    beside_its_original(&both);
    in_its_place(&alone);
}

/// A standby may become the primary, and the primary is somewhere: nothing is wrong, but nothing can be done here.
fn that_follows(project: &Project) {
    assert_snapshot!(transcript(project, "plan\nstatus"), @"
    $ dunlin plan
    [stdout]
    error[standby]: the server of `core` is a standby: it takes no writes, and may lag behind
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted

    Nothing runs in acme: 1 error must be mended first.
    [exit 75]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION (standby)
      auth  2 applied, 1 pending
        3  pending  more

    crm  postgres  PostgreSQL VERSION
      crm  1 applied

    4 migrations: 3 applied, 1 pending
    [exit 0]
    ");
    assert_eq!(exits(project, "up --yes\ndown --version auth/2 --cascade --yes"), [75, 75]);
}

fn beside_its_original(project: &Project) {
    assert_snapshot!(transcript(project, "plan\nadopt --after-restore --target crm --reason why --yes"), @"
    $ dunlin plan
    [stdout]
    error[database-copied]: `core` and `crm` hold the same ledger, and are different databases: they are physical copies, on servers of their own, timelines 1 and 2
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: take one of them out of the configuration; or let the copy go its own way: `dunlin adopt --fork --target crm --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin adopt --after-restore --target crm --reason why --yes
    [stderr]
    error[adopt-refused]: `crm` cannot be adopted: `core` holds the same ledger, and only one of them can be that database
    hint: if `crm` is a copy: `dunlin adopt --fork --target crm --reason TEXT`
    [exit 2]
    ");
    assert_eq!(exits(project, "status\nup --yes"), [4, 4]);
}

/// After a failover nothing but the timeline is another one.
fn in_its_place(project: &Project) {
    assert_snapshot!(transcript(project, "status"), @"
    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  2 applied, 1 pending
        3  pending  more

    crm  postgres  PostgreSQL VERSION
      crm  1 applied

    note[timeline-grew]: `core` is on timeline 2, and was on 1: its server was promoted, or restored to an earlier moment; what it may have lost shows as pending
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^

    4 migrations: 3 applied, 1 pending
    [exit 0]
    ");
    assert_eq!(exits(project, "up --yes"), [0]);
    let history = transcript(project, "history --set auth");
    assert!(
        history.contains("timeline  timeline 2 after 1: its server was promoted, or restored to an earlier moment"),
        "{history}"
    );
    assert_snapshot!(transcript(project, "status"), @"
    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  3 applied

    crm  postgres  PostgreSQL VERSION
      crm  1 applied

    4 migrations: 4 applied
    [exit 0]
    ");
}
