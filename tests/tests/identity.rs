//! A database that is not the one it was: each way it comes about, on real servers, with what is said and the way out.

use std::process::{Command, Stdio};

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Standby};
use dunlin_tests::{Project, Scratch, Server, home};
use insta::assert_snapshot;

const ONE: &str = r"
//- auth/1_users.sql
CREATE TABLE users (id int);
//- auth/2_names.sql
ALTER TABLE users ADD name text;
//- auth/2_names.down.sql
ALTER TABLE users DROP name;
";

/// What `dunlin` says to each line of `commands`, as [`Project::says`].
fn transcript(project: &Project, commands: &str) -> String {
    let said = commands.lines().map(|words| format!("$ dunlin {words}\n{}", project.says(words)));
    said.collect::<Vec<_>>().join("\n\n")
}

/// The project of `fixture` with `url` behind `CORE`.
fn project(fixture: &str, url: &str) -> Project {
    Project::of(fixture).with("CORE", url)
}

fn apply(project: &Project) {
    let _ = project.dunlin().run("up --yes").exits(0);
}

/// `project`, with the identity of the database behind `name` shown by that.
fn naming(project: Project, name: &str, psql: impl Fn(&str) -> String) -> Project {
    let system = psql("SELECT system_identifier FROM pg_control_system()");
    let oid = psql("SELECT oid FROM pg_database WHERE datname = current_database()");
    project
        .hiding(format!("database {oid} of"), &format!("database {name} of"))
        .hiding(format!("\"database\": {oid}"), &format!("\"database\": {name}"))
        .hiding(system, &format!("SYSTEM-OF-{name}"))
}

/// A server that goes with the test.
fn plain() -> Cluster {
    let spec = ClusterSpec::temporary(home(), Flavour::Plain);
    Cluster::start(&spec, &|_| {}).expect("a server starts")
}

/// Restores a dump of a database into an empty one.
fn restore(server: &Cluster, from: &str, into: &str) {
    let mut dump = Command::new(server.bin("pg_dump")).arg(from).stdout(Stdio::piped()).spawn().expect("pg_dump runs");
    let mut psql = Command::new(server.bin("psql"));
    psql.args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", into]).stdin(dump.stdout.take().expect("it is a pipe"));
    assert!(psql.stdout(Stdio::null()).status().expect("psql runs").success(), "the dump could not be restored");
    assert!(dump.wait().expect("it is a child").success(), "pg_dump failed");
}

/// The second name of a database, dropped with the test.
struct Copy<'s> {
    server: &'s Server,
    name: String,
}

impl<'s> Copy<'s> {
    fn of(server: &'s Server, database: &Scratch<'_>) -> Self {
        let name = format!("{}_copy", database.name());
        let _ = server.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {}", database.name()));
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
    apply(&project(ONE, &original.url()));
    let copy = Copy::of(&server, &original);
    let its = naming(project(ONE, &server.url(&copy.name)), "OLD", |sql| original.sql(sql));
    let its = naming(its, "NEW", |sql| server.sql(&copy.name, sql));
    let oid = server.sql(&copy.name, "SELECT oid FROM pg_database WHERE datname = current_database()");
    let its = its.hiding(format!("database {oid}"), "database NEW");
    its.workspace().write("auth/3_more.sql", "ALTER TABLE users ADD more text;\n");
    assert_snapshot!(transcript(&its, "plan\nstatus\ndown --set auth --yes\nup --yes"), @"
    $ dunlin plan
    [stdout]
    error[database-other]: `core` is not the database that its ledger was made in: that was database OLD of system SYSTEM-OF-OLD, this is database NEW of the same server
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: it was copied with TEMPLATE, or dropped and restored: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  2 applied, 1 pending
        3  pending  more

    error[database-other]: `core` is not the database that its ledger was made in: that was database OLD of system SYSTEM-OF-OLD, this is database NEW of the same server
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: it was copied with TEMPLATE, or dropped and restored: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`

    3 migrations: 2 applied, 1 pending
    [exit 4]

    $ dunlin down --set auth --yes
    [stdout]
    error[database-other]: `core` is not the database that its ledger was made in: that was database OLD of system SYSTEM-OF-OLD, this is database NEW of the same server
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: it was copied with TEMPLATE, or dropped and restored: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin up --yes
    [stdout]
    error[database-other]: `core` is not the database that its ledger was made in: that was database OLD of system SYSTEM-OF-OLD, this is database NEW of the same server
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: it was copied with TEMPLATE, or dropped and restored: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]
    ");
    assert_snapshot!(transcript(&its, "adopt --fork --target core --reason for-tests"), @"
    $ dunlin adopt --fork --target core --reason for-tests
    [stderr]
    core
      was     database OLD of system SYSTEM-OF-OLD, timeline 1
      is      database NEW of system SYSTEM-OF-OLD, timeline 1
      ledger  RUN, which gets an identity of its own
      reason  for-tests
    error[confirmation-needed]: there is no terminal to ask at
    hint: add --yes to adopt it without being asked
    [exit 2]
    ");
    assert_snapshot!(transcript(&its, "adopt --fork --target core --reason for-tests --yes\nup --yes\nhistory"), @"
    $ dunlin adopt --fork --target core --reason for-tests --yes
    [stderr]
    core
      was     database OLD of system SYSTEM-OF-OLD, timeline 1
      is      database NEW of system SYSTEM-OF-OLD, timeline 1
      ledger  RUN, which gets an identity of its own
      reason  for-tests
    [stdout]
    core goes its own way: its ledger is RUN
    [exit 0]

    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step

      1  core  auth/3  more

    2 migrations are applied already.

    CLOCK run RUN starts: 1 step
    CLOCK core  auth/3 done in TIME
    [stdout]
    Run RUN: 1 of 1 step done in TIME

      core  1 done  TIME of work, log HEAD

    Done: 1 migration applied.
    [exit 0]

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
    // The original knows nothing of it.
    assert_snapshot!(transcript(&project(ONE, &original.url()), "plan"), @"
    $ dunlin plan
    [stdout]
    acme: nothing to do: 2 migrations applied
    [exit 0]
    ");
}

#[test]
fn a_new_name() {
    let server = Server::shared();
    let database = server.scratch();
    apply(&project(ONE, &database.url()));
    let (old, new) = (database.name(), format!("{}_new", database.name()));
    let _ = server.sql("postgres", &format!("ALTER DATABASE {old} RENAME TO {new}"));
    assert_snapshot!(transcript(&project(ONE, &server.url(&new)), "plan\nstatus"), @"
    $ dunlin plan
    [stdout]
    acme: nothing to do: 2 migrations applied
    [exit 0]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  2 applied

    2 migrations: 2 applied
    [exit 0]
    ");
    let _ = server.sql("postgres", &format!("ALTER DATABASE {new} RENAME TO {old}"));
}

#[test]
fn dropped_and_restored_in_place_and_on_another_server() {
    let server = Server::shared();
    let (database, spare) = (server.scratch(), server.scratch());
    apply(&project(ONE, &database.url()));
    restore(&server, &database.url(), &spare.url());
    let moved = naming(project(ONE, &spare.url()), "OLD", |sql| database.sql(sql));
    let oid = spare.sql("SELECT oid FROM pg_database WHERE datname = current_database()");
    let moved = moved.hiding(format!("database {oid}"), "database NEW");
    assert_snapshot!(transcript(&moved, "plan\nadopt --after-restore --target core --reason disk --yes\nup --yes\nadopt --after-restore --target core --reason disk --yes"), @"
    $ dunlin plan
    [stdout]
    error[database-other]: `core` is not the database that its ledger was made in: that was database OLD of system SYSTEM-OF-OLD, this is database NEW of the same server
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: it was copied with TEMPLATE, or dropped and restored: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin adopt --after-restore --target core --reason disk --yes
    [stderr]
    core
      was     database OLD of system SYSTEM-OF-OLD, timeline 1
      is      database NEW of system SYSTEM-OF-OLD, timeline 1
      ledger  RUN, which stays what others refer to
      reason  disk
    [stdout]
    core is where its ledger belongs: its ledger is RUN
    [exit 0]

    $ dunlin up --yes
    [stdout]
    acme: nothing to do: 2 migrations applied
    [exit 0]

    $ dunlin adopt --after-restore --target core --reason disk --yes
    [stderr]
    error[adopt-refused]: `core` cannot be adopted: it is the database it was, and lacks nothing
    hint: there is nothing to do
    [exit 2]
    ");

    // From there to here: a newer server takes a dump of an older one.
    let (elsewhere, here) = (plain(), server.scratch());
    apply(&project(ONE, &elsewhere.url("postgres")));
    restore(&elsewhere, &elsewhere.url("postgres"), &here.url());
    let moved = naming(project(ONE, &here.url()), "OLD", |sql| elsewhere.psql("postgres", sql).expect("it answers"));
    let moved = naming(moved, "NEW", |sql| here.sql(sql));
    assert_snapshot!(transcript(&moved, "plan\nadopt --after-restore --target core --reason moved --yes --format json\nplan"), @r#"
    $ dunlin plan
    [stdout]
    error[database-other]: `core` is not the database that its ledger was made in: that was database OLD of system SYSTEM-OF-OLD, this is database NEW of system SYSTEM-OF-NEW
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: its dump was restored on another server, or the server was replaced or upgraded: if it goes its own way from here, say `dunlin adopt --fork --target core --reason TEXT`; if it takes the place of that one, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin adopt --after-restore --target core --reason moved --yes --format json
    [stdout]
    {
      "version": 1,
      "ledger": "RUN",
      "adoption": {
        "target": "core",
        "how": "after-restore",
        "reason": "moved",
        "ledger": "RUN",
        "before": {
          "identity": {
            "system": "SYSTEM-OF-OLD",
            "database": OLD,
            "timeline": 1
          },
          "environment": null
        },
        "after": {
          "identity": {
            "system": "SYSTEM-OF-NEW",
            "database": NEW,
            "timeline": 1
          },
          "environment": null
        },
        "lost": []
      }
    }
    [exit 0]

    $ dunlin plan
    [stdout]
    acme: nothing to do: 2 migrations applied
    [exit 0]
    "#);
}

const TWO: &str = r#"
//- dunlin.toml
[project]
name = "acme"

[targets.core]
kind = "postgres"
url = "${CORE}"

[targets.crm]
kind = "postgres"
url = "${CRM}"

[services.auth]
target = "core"
path = "auth"

[services.crm]
target = "crm"
path = "crm"
//- auth/1_users.sql
CREATE TABLE users (id int);
//- auth/2_names.sql
ALTER TABLE users ADD name text;
//- auth/2_names.down.sql
ALTER TABLE users DROP name;
//- auth/3_mail.sql
ALTER TABLE users ADD mail text;
//- auth/3_mail.down.sql
ALTER TABLE users DROP mail;
//- crm/1_customers.sql
-- Dependencies: auth/2
CREATE TABLE customers (id int);
//- crm/1_customers.down.sql
DROP TABLE customers;
//- crm/2_notes.sql
CREATE TABLE notes (id int);
//- crm/2_notes.down.sql
DROP TABLE notes;
"#;

fn two(core: &str, crm: &str) -> Project {
    Project::of(TWO).with("CORE", core).with("CRM", crm)
}

#[test]
fn one_database_by_two_names() {
    let server = Server::shared();
    let pooler = server.pooler(4);
    type Way = fn(&Server, &str, u16) -> String;
    let ways: [(&str, Way); 4] = [
        ("the same", |server, name, _| server.url(name)),
        ("by name", |server, name, _| server.url(name).replace("127.0.0.1", "localhost")),
        ("by its socket", |server, name, _| server.socket_url(name)),
        ("by a pooler", |server, name, port| {
            server.url(name).replace(&format!(":{}", server.port()), &format!(":{port}"))
        }),
    ];
    let said = ways.map(|(how, way)| {
        let database = server.scratch();
        let project = two(&database.url(), &way(&server, database.name(), pooler.port())).hiding(database.name(), "DB");
        let first = transcript(&project, "up --yes");
        let rows = database.sql("SELECT id, deps -> 0 ->> 'id' FROM dunlin.ledger ORDER BY id");
        let then = transcript(&project, "up --yes\nstatus\nrepair\nhistory\ndown --version auth/2 --cascade --yes");
        (how, first, rows, then)
    });
    let (_, first, rows, then) = &said[0];
    assert_snapshot!(first, @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 5 steps on 1 database; the longest chain has 4

      core  postgres  PostgreSQL VERSION: 3 steps; its ledger will be created
      crm   postgres  the same database as core: 2 steps

      1  core  auth/1  users
      2  core  auth/2  names
      3  core  auth/3  mail
      4  crm   crm/1   customers  waits for 2
      5  crm   crm/2   notes

    CLOCK run RUN starts: 5 steps
    CLOCK core  its ledger is ready
    CLOCK core  auth/1 done in TIME
    CLOCK core  auth/2 done in TIME
    CLOCK crm   crm/1 done in TIME
    CLOCK core  auth/3 done in TIME
    CLOCK crm   crm/2 done in TIME
    [stdout]
    Run RUN: 5 of 5 steps done in TIME

      core  3 done  TIME of work, log HEAD
      crm   2 done  TIME of work, log HEAD

    Done: 5 migrations applied.
    [exit 0]
    ");
    assert_snapshot!(rows, @"
    auth/1|
    auth/2|
    auth/3|
    crm/1|auth/2
    crm/2|
    ");
    assert_snapshot!(then, @"
    $ dunlin up --yes
    [stdout]
    acme: nothing to do: 5 migrations applied
    [exit 0]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  3 applied

    crm  postgres  the same database as core
      crm  2 applied

    5 migrations: 5 applied
    [exit 0]

    $ dunlin repair
    [stdout]
    Nothing waits for a person.
    [exit 0]

    $ dunlin history
    [stdout]
    core  3 migrations, times in UTC
      run RUN by postgres
        MOMENT  applied  auth/1  users  TIME
        MOMENT  applied  auth/2  names  TIME
        MOMENT  applied  auth/3  mail   TIME

    crm  2 migrations, times in UTC
      run RUN by postgres
        MOMENT  applied  crm/1  customers  TIME
        MOMENT  applied  crm/2  notes      TIME
    [exit 0]

    $ dunlin down --version auth/2 --cascade --yes
    [stderr]
    Plan for acme: takes back 4 migrations on 1 database; the longest chain has 3

      core  postgres  PostgreSQL VERSION: 2 steps
      crm   postgres  the same database as core: 2 steps

      1  crm   crm/2   notes      goes along, for auth/2
      2  crm   crm/1   customers  goes along, for auth/2; waits for 1
      3  core  auth/3  mail       goes along, for auth/2
      4  core  auth/2  names      waits for 2, 3

    CLOCK run RUN starts: 4 steps
    CLOCK crm   crm/2 done in TIME
    CLOCK crm   crm/1 done in TIME
    CLOCK core  auth/3 done in TIME
    CLOCK core  auth/2 done in TIME
    [stdout]
    Run RUN: 4 of 4 steps done in TIME

      core  2 done  TIME of work, log HEAD
      crm   2 done  TIME of work, log HEAD

    Done: 4 migrations taken back.
    [exit 0]
    ");
    for (how, first_by, rows_by, then_by) in &said[1..] {
        assert_eq!((first_by, rows_by, then_by), (first, rows, then), "{how}");
    }
}

#[test]
fn a_physical_copy() {
    let (server, original) = (Server::shared(), plain());
    let crm = server.scratch();
    let naming = |project| naming(project, "IT", |sql| original.psql("postgres", sql).expect("it answers"));
    apply(&two(&original.url("postgres"), &crm.url()));
    let copy = Standby::of(&original).expect("a standby starts");
    let by_copy = naming(two(&copy.url("postgres"), &crm.url()));
    by_copy.workspace().write("auth/4_more.sql", "ALTER TABLE users ADD more text;\n");
    assert_snapshot!(transcript(&by_copy, "plan\nstatus\nup --yes\ndown --set auth --yes"), @"
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
      auth  3 applied, 1 pending
        4  pending  more

    crm  postgres  PostgreSQL VERSION
      crm  2 applied

    6 migrations: 5 applied, 1 pending
    [exit 0]

    $ dunlin up --yes
    [stdout]
    error[standby]: the server of `core` is a standby: it takes no writes, and may lag behind
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted

    Nothing runs in acme: 1 error must be mended first.
    [exit 75]

    $ dunlin down --set auth --yes
    [stdout]
    error[standby]: the server of `core` is a standby: it takes no writes, and may lag behind
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found; or try again when it is promoted

    Nothing runs in acme: 1 error must be mended first.
    [exit 75]
    ");
    copy.promote().expect("it becomes a primary");
    let both = naming(two(&original.url("postgres"), &copy.url("postgres")));
    assert_snapshot!(transcript(&both, "plan\nstatus\nadopt --after-restore --target crm --reason why --yes"), @"
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

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  3 applied

    crm  postgres  PostgreSQL VERSION
      crm  2 pending
        1  pending  customers
        2  pending  notes      waits for crm/1

    error[database-copied]: `core` and `crm` hold the same ledger, and are different databases: they are physical copies, on servers of their own, timelines 1 and 2
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: take one of them out of the configuration; or let the copy go its own way: `dunlin adopt --fork --target crm --reason TEXT`

    5 migrations: 3 applied, 2 pending
    [exit 4]

    $ dunlin adopt --after-restore --target crm --reason why --yes
    [stderr]
    error[adopt-refused]: `crm` cannot be adopted: `core` holds the same ledger, and only one of them can be that database
    hint: if `crm` is a copy: `dunlin adopt --fork --target crm --reason TEXT`
    [exit 2]
    ");
    assert_snapshot!(transcript(&by_copy, "status\nup --yes\nstatus"), @"
    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  3 applied, 1 pending
        4  pending  more

    crm  postgres  PostgreSQL VERSION
      crm  2 applied

    note[timeline-grew]: `core` is on timeline 2, and was on 1: its server was promoted, or restored to an earlier moment; what it may have lost shows as pending
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^

    6 migrations: 5 applied, 1 pending
    [exit 0]

    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step

      1  core  auth/4  more

    5 migrations are applied already.

    CLOCK run RUN starts: 1 step
    CLOCK core  auth/4 done in TIME
    [stdout]
    Run RUN: 1 of 1 step done in TIME

      core  1 done  TIME of work, log HEAD

    Done: 1 migration applied.
    [exit 0]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  4 applied

    crm  postgres  PostgreSQL VERSION
      crm  2 applied

    6 migrations: 6 applied
    [exit 0]
    ");
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
    let after = two(&restored.url("postgres"), &crm.url());
    let after = naming(after, "IT", |sql| core.psql("postgres", sql).expect("it answers"));
    assert_snapshot!(transcript(&after, "plan\nup --yes\nstatus"), @"
    $ dunlin plan
    [stdout]
    error[closure-broken]: `crm/1` is applied in `crm` and needs `auth/2`, which is no longer applied in `core`
    hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin up --yes
    [stdout]
    error[closure-broken]: `crm/1` is applied in `crm` and needs `auth/2`, which is no longer applied in `core`
    hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied, 2 pending
        2  pending  names
        3  pending  mail   waits for auth/2

    crm  postgres  PostgreSQL VERSION
      crm  2 applied

    note[timeline-grew]: `core` is on timeline 2, and was on 1: its server was promoted, or restored to an earlier moment; what it may have lost shows as pending
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^

    error[closure-broken]: `crm/1` is applied in `crm` and needs `auth/2`, which is no longer applied in `core`
    hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`

    5 migrations: 3 applied, 2 pending
    [exit 4]
    ");
    assert_snapshot!(transcript(&after, "adopt --after-restore --target core --reason disk --yes\nstatus\nplan --service auth --to auth/1"), @"
    $ dunlin adopt --after-restore --target core --reason disk --yes
    [stderr]
    core
      was     database IT of system SYSTEM-OF-IT, timeline 1
      is      database IT of system SYSTEM-OF-IT, timeline 2
      ledger  RUN, which stays what others refer to
      lost    auth/2, which the next `dunlin up` applies again
      reason  disk
    [stdout]
    core is where its ledger belongs: its ledger is RUN
    [exit 0]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied, 2 pending
        2  pending  names
        3  pending  mail   waits for auth/2

    crm  postgres  PostgreSQL VERSION
      crm  2 applied

    warning[closure-open]: `crm/1` is applied in `crm` and needs `auth/2`, which `core` lost in a restore and `up` applies again

    5 migrations: 3 applied, 2 pending
    [exit 0]

    $ dunlin plan --service auth --to auth/1
    [stdout]
    acme: nothing to do: 1 migration applied
    [exit 0]
    ");
    assert_snapshot!(transcript(&after, "up --yes\nplan\nstatus\nhistory"), @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 2 steps on 1 database; the longest chain has 2

      core  postgres  PostgreSQL VERSION: 2 steps

      1  core  auth/2  names
      2  core  auth/3  mail

    3 migrations are applied already.

    warning[closure-open]: `crm/1` is applied in `crm` and needs `auth/2`, which `core` lost in a restore and `up` applies again

    CLOCK run RUN starts: 2 steps
    CLOCK core  auth/2 done in TIME
    CLOCK core  auth/3 done in TIME
    [stdout]
    Run RUN: 2 of 2 steps done in TIME

      core  2 done  TIME of work, log HEAD

    Done: 2 migrations applied.
    [exit 0]

    $ dunlin plan
    [stdout]
    acme: nothing to do: 5 migrations applied
    [exit 0]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  3 applied

    crm  postgres  PostgreSQL VERSION
      crm  2 applied

    5 migrations: 5 applied
    [exit 0]

    $ dunlin history
    [stdout]
    core  3 migrations, times in UTC
      run RUN by postgres
        MOMENT  applied  auth/1  users  TIME
      run RUN by postgres
        MOMENT  applied  auth/2  names  TIME
        MOMENT  applied  auth/3  mail   TIME
      failures and repairs
        MOMENT  adopted  `adopt --after-restore`: disk  by postgres

    crm  2 migrations, times in UTC
      run RUN by postgres
        MOMENT  applied  crm/1  customers  TIME
        MOMENT  applied  crm/2  notes      TIME
    [exit 0]
    ");
    // What was acknowledged then is not acknowledged for ever.
    restored.psql("postgres", "DELETE FROM dunlin.ledger WHERE id > 'auth/1'").expect("it can be deleted");
    assert_snapshot!(transcript(&after, "plan"), @"
    $ dunlin plan
    [stdout]
    error[closure-broken]: `crm/1` is applied in `crm` and needs `auth/2`, which is no longer applied in `core`
    hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/2` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]
    ");
}

#[test]
fn another_environments_database() {
    let server = Server::shared();
    let (database, spare) = (server.scratch(), server.scratch());
    let fixture = format!("{ONE}//- configs/prod.toml\n\n//- configs/staging.toml\n");
    let prod = project(&fixture, &database.url());
    let _ = prod.dunlin().run("up --yes --env prod").exits(0);
    assert_snapshot!(transcript(&prod, "plan --env staging\nstatus --env staging\nup --yes --env staging\nplan"), @"
    $ dunlin plan --env staging
    [stdout]
    error[environment-other]: `core` belongs to environment `prod`, and this is for `staging`
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: check the target's URL; `--env prod` is what this database was migrated with

    Nothing runs in acme (staging): 1 error must be mended first.
    [exit 4]

    $ dunlin status --env staging
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  2 applied

    error[environment-other]: `core` belongs to environment `prod`, and this is for `staging`
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: check the target's URL; `--env prod` is what this database was migrated with

    2 migrations: 2 applied
    [exit 4]

    $ dunlin up --yes --env staging
    [stdout]
    error[environment-other]: `core` belongs to environment `prod`, and this is for `staging`
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: check the target's URL; `--env prod` is what this database was migrated with

    Nothing runs in acme (staging): 1 error must be mended first.
    [exit 4]

    $ dunlin plan
    [stderr]
    error[environment-required]: this project has environments, and none is chosen: `prod` or `staging`
    hint: add `--env NAME`, or set DUNLIN_ENV
    [exit 2]
    ");
    restore(&server, &database.url(), &spare.url());
    let staging = naming(project(&fixture, &spare.url()), "OLD", |sql| database.sql(sql));
    let oid = spare.sql("SELECT oid FROM pg_database WHERE datname = current_database()");
    let staging = staging.hiding(format!("database {oid}"), "database NEW");
    assert_snapshot!(transcript(&staging, "plan --env staging\nadopt --after-restore --target core --reason why --yes --env staging\nadopt --fork --target core --reason copied --yes --env staging\nplan --env staging\nplan --env prod"), @"
    $ dunlin plan --env staging
    [stdout]
    error[database-other]: `core` is not the database that its ledger was made in, which belongs to environment `prod` while this is for `staging`: that was database OLD of system SYSTEM-OF-OLD, this is database NEW of the same server
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: check the target's URL; or, if this copy is to go its own way from here, say `dunlin adopt --fork --target core --reason TEXT`

    Nothing runs in acme (staging): 1 error must be mended first.
    [exit 4]

    $ dunlin adopt --after-restore --target core --reason why --yes --env staging
    [stderr]
    error[adopt-refused]: `core` cannot be adopted: it belongs to environment `prod`
    hint: say `--env prod`; a copy that goes its own way is a --fork
    [exit 2]

    $ dunlin adopt --fork --target core --reason copied --yes --env staging
    [stderr]
    core
      was     database OLD of system SYSTEM-OF-OLD, timeline 1; environment prod
      is      database NEW of system SYSTEM-OF-OLD, timeline 1; environment staging
      ledger  RUN, which gets an identity of its own
      reason  copied
    [stdout]
    core goes its own way: its ledger is RUN
    [exit 0]

    $ dunlin plan --env staging
    [stdout]
    acme (staging): nothing to do: 2 migrations applied
    [exit 0]

    $ dunlin plan --env prod
    [stdout]
    error[environment-other]: `core` belongs to environment `staging`, and this is for `prod`
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: check the target's URL; `--env staging` is what this database was migrated with

    Nothing runs in acme (prod): 1 error must be mended first.
    [exit 4]
    ");
}
