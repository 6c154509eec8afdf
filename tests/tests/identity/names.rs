//! Names: a new one, and two of one database.

use dunlin_tests::Server;
use insta::assert_snapshot;

use crate::support::{apply, exits, one, transcript, two};

#[test]
fn a_new_name() {
    let server = Server::shared();
    let database = server.scratch();
    apply(&one(&database.url()));
    let (old, new) = (database.name(), format!("{}_new", database.name()));
    let _ = server.sql("postgres", &format!("ALTER DATABASE {old} RENAME TO {new}"));
    let renamed = one(&server.url(&new));
    renamed.workspace().write("auth/3_more.sql", "ALTER TABLE users ADD more text;\n");
    assert_eq!(exits(&renamed, "plan\nstatus\nup --yes"), [0, 0, 0]);
    let _ = server.sql("postgres", &format!("ALTER DATABASE {new} RENAME TO {old}"));
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
        let up = transcript(&project, "up --yes");
        assert_eq!(exits(&project, "plan\nrepair\nhistory --verify"), [0, 0, 0], "{how}");
        let rows = database.sql("SELECT id, deps -> 0 ->> 'id' FROM dunlin.ledger ORDER BY id");
        let looks = transcript(&project, "status\nhistory");
        let down = transcript(&project, "down --version auth/2 --cascade --yes");
        (how, [up, rows, looks, down])
    });
    let (_, [up, rows, looks, down]) = &said[0];
    applied(up, rows);
    shown(looks);
    assert_snapshot!(down, @"
    $ dunlin down --version auth/2 --cascade --yes
    [stderr]
    Plan for acme: takes back 2 migrations on 1 database; the longest chain has 2

      core  postgres  PostgreSQL VERSION: 1 step
      crm   postgres  the same database as core: 1 step

      1  crm   crm/1   customers  goes along, for auth/2
      2  core  auth/2  names      waits for 1

    CLOCK run RUN starts: 2 steps
    CLOCK crm   crm/1 done in TIME
    CLOCK core  auth/2 done in TIME
    [stdout]
    Run RUN: 2 of 2 steps done in TIME

      core  1 done  TIME of work, log HEAD
      crm   1 done  TIME of work, log HEAD

    Done: 2 migrations taken back.
    [exit 0]
    ");
    for (how, also) in &said[1..] {
        assert_eq!(also, &said[0].1, "{how}");
    }
}

/// Once, in one order, with a dependency in the same ledger.
fn applied(up: &str, rows: &str) {
    assert_snapshot!(up, @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 3 steps on 1 database; the longest chain has 3

      core  postgres  PostgreSQL VERSION: 2 steps; its ledger will be created
      crm   postgres  the same database as core: 1 step

      1  core  auth/1  users
      2  core  auth/2  names
      3  crm   crm/1   customers  waits for 2

    CLOCK run RUN starts: 3 steps
    CLOCK core  its ledger is ready
    CLOCK core  auth/1 done in TIME
    CLOCK core  auth/2 done in TIME
    CLOCK crm   crm/1 done in TIME
    [stdout]
    Run RUN: 3 of 3 steps done in TIME

      core  2 done  TIME of work, log HEAD
      crm   1 done  TIME of work, log HEAD

    Done: 3 migrations applied.
    [exit 0]
    ");
    assert_snapshot!(rows, @"
    auth/1|
    auth/2|
    crm/1|auth/2
    ");
}

/// Every row once, under the target of its set.
fn shown(looks: &str) {
    assert_snapshot!(looks, @"
    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  2 applied

    crm  postgres  the same database as core
      crm  1 applied

    3 migrations: 3 applied
    [exit 0]

    $ dunlin history
    [stdout]
    core  2 migrations, times in UTC
      run RUN by postgres
        MOMENT  applied  auth/1  users  TIME
        MOMENT  applied  auth/2  names  TIME

    crm  1 migration, times in UTC
      run RUN by postgres
        MOMENT  applied  crm/1  customers  TIME
    [exit 0]
    ");
}
