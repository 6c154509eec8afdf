//! What stands half way, is busy, or is tried again.

use dunlin_tests::Server;
use nix::sys::signal::Signal;

use crate::support::{check, project, transcript};

const USERS: &str = r"
//- auth/1_users.sql
CREATE TABLE users (id int);
";

const NAME: &str = "-- dunlin: lock_timeout 100ms\nALTER TABLE users ADD COLUMN name text;\n";

#[test]
fn a_unique_index_over_duplicates_fails_and_is_mended() {
    let server = Server::shared();
    let base = server.scratch();
    let users = project(&base, USERS);
    let _ = users.dunlin().run("up --yes").exits(0);
    let _ = base.sql("INSERT INTO users VALUES (1), (1)");
    users.workspace().write("auth/2_unique.sql", "CREATE UNIQUE INDEX CONCURRENTLY users_id ON users (id);\n");
    insta::assert_snapshot!(transcript(&users, "up --yes --quiet"), @r#"
    $ dunlin up --yes --quiet
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work, log HEAD

    error[23505]: `auth/2` failed on core: could not create unique index "users_id"
     --> auth/2_unique.sql:1:1
      |
    1 | CREATE UNIQUE INDEX CONCURRENTLY users_id ON users (id);
      | ^^^^^^
      |
      = detail: Key (id)=(1) is duplicated.

    Statements that run alone and were finished before the failure are kept. Next: mend the cause, in
    auth/2_unique.sql or in the database, and run `dunlin up` again; what is done is not repeated.
    [exit 1]
    "#);
    let _ = base.sql("DELETE FROM users");
    insta::assert_snapshot!(transcript(&users, "status\nup --yes"), @"
    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied, 1 running
        2  running  unique  interrupted; the next `up` resumes it

    2 migrations: 1 applied, 1 running
    [exit 0]

    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step

      1  core  auth/2  unique  alone: CREATE INDEX CONCURRENTLY; resumes an interrupted attempt

    1 migration is applied already.

    CLOCK run RUN starts: 1 step
    CLOCK core  auth/2 done in TIME
    [stdout]
    Run RUN: 1 of 1 step done in TIME

      core  1 done  TIME of work, log HEAD

    Done: 1 migration applied.
    [exit 0]
    ");
}

#[test]
fn statements_that_run_alone_are_taken_up_where_they_failed() {
    insta::assert_snapshot!(check(r"
//- auth/1_slow.sql
-- dunlin: transaction none
CREATE TABLE a (id int);
SELECT 1/0;
", "up --yes\nup --yes\nstatus"), @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step; its ledger will be created

      1  core  auth/1  slow  alone: CREATE TABLE, SELECT 1/0

    CLOCK run RUN starts: 1 step
    CLOCK core  its ledger is ready
    CLOCK core  auth/1 failed after TIME: division by zero
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work

    error[22012]: `auth/1` failed on core: division by zero
     --> auth/1_slow.sql:3:1
      |
    3 | SELECT 1/0;
      | ^^^^^^

    Statements that run alone and were finished before the failure are kept. Next: mend the cause, in
    auth/1_slow.sql or in the database, and run `dunlin up` again; what is done is not repeated.
    [exit 1]

    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step

      1  core  auth/1  slow  alone: CREATE TABLE, SELECT 1/0; resumes an interrupted attempt

    CLOCK run RUN starts: 1 step
    CLOCK core  auth/1 failed after TIME: division by zero
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work

    error[22012]: `auth/1` failed on core: division by zero
     --> auth/1_slow.sql:3:1
      |
    3 | SELECT 1/0;
      | ^^^^^^

    Statements that run alone and were finished before the failure are kept. Next: mend the cause, in
    auth/1_slow.sql or in the database, and run `dunlin up` again; what is done is not repeated.
    [exit 1]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 running
        1  running  slow  interrupted; the next `up` resumes it

    1 migration: 1 running
    [exit 0]
    ");
}

#[test]
fn a_busy_table_is_tried_again_until_it_is_free() {
    let server = Server::shared();
    let base = server.scratch();
    let users = project(&base, USERS);
    let _ = users.dunlin().run("up --yes").exits(0);
    users.workspace().write("auth/2_name.sql", NAME);
    let mut reader = base.session();
    reader.run("BEGIN; SELECT * FROM users;");
    let waiting = std::thread::spawn({
        let dunlin = users.dunlin().clone();
        move || dunlin.run("up --yes")
    });
    std::thread::sleep(std::time::Duration::from_millis(700));
    reader.run("COMMIT;");
    let said = users.transcript(&waiting.join().unwrap());
    // How often depends on the moment.
    let said: Vec<_> = said.split_inclusive('\n').collect();
    let said: String = said.chunk_by(|one, next| one == next).map(|same| same[0]).collect();
    insta::assert_snapshot!(said, @"
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step

      1  core  auth/2  name

    1 migration is applied already.

    CLOCK run RUN starts: 1 step
    CLOCK core  auth/2 is tried again in TIME: waiting for lock: held by pid PID (app `psql`, user postgres, idle in transaction for TIME: SELECT * FROM users;)
    CLOCK core  auth/2 done in TIME
    [stdout]
    Run RUN: 1 of 1 step done in TIME

      core  1 done  TIME of work, log HEAD

    Done: 1 migration applied.
    [exit 0]
    ");
}

#[test]
fn a_run_that_waits_for_a_lock_can_be_interrupted() {
    let server = Server::shared();
    let base = server.scratch();
    let users = project(&base, USERS);
    let _ = users.dunlin().run("up --yes").exits(0);
    users.workspace().write("auth/2_name.sql", NAME);
    let mut reader = base.session();
    reader.run("BEGIN; SELECT * FROM users;");
    let mut waiting = users.dunlin().start("up --yes");
    assert!(waiting.reach("step-retried", 1));
    waiting.signal(Signal::SIGINT);
    let said = waiting.finish().exits(75);
    insta::assert_snapshot!(users.hide(&said.stdout), @"
    Run RUN: 0 of 1 step done in TIME

      core  1 not started  TIME of work, log HEAD

    Not done:
      core  auth/2  name  not started

    The run was stopped. Next: run `dunlin up` again; what is done is not repeated.
    ");
}

#[test]
fn a_running_statement_is_cancelled_on_request() {
    let server = Server::shared();
    let base = server.scratch();
    let sleepy = project(&base, "//- auth/1_sleep.sql\nSELECT pg_sleep(60);\n//- auth/2_next.sql\nSELECT 1;\n");
    let mut running = sleepy.dunlin().start("up --yes");
    assert!(running.reach("step-started", 1));
    running.signal(Signal::SIGINT);
    let said = running.finish().exits(75);
    insta::assert_snapshot!(sleepy.hide(&said.stdout), @"
    Run RUN: 0 of 2 steps done in TIME

      core  1 interrupted, 1 not started  TIME of work, log HEAD

    error[57014]: `auth/1` was interrupted on core: canceling statement due to user request
     --> auth/1_sleep.sql:1:1
      |
    1 | SELECT pg_sleep(60);
      | ^^^^^^

    Not done:
      core  auth/2  next  not started

    The run was stopped. Next: run `dunlin up` again; what is done is not repeated.
    ");
}

#[test]
fn whoever_holds_the_lock_is_named_when_the_wait_is_given_up() {
    let server = Server::shared();
    let base = server.scratch();
    let users = project(&base, USERS);
    let _ = users.dunlin().run("up --yes").exits(0);
    users.workspace().write("auth/2_name.sql", "ALTER TABLE users ADD COLUMN name text;\n");
    let mut other = base.session();
    other.run("SET application_name = 'billing'; BEGIN; INSERT INTO users VALUES (1);");
    insta::assert_snapshot!(transcript(&users, "up --yes --lock-wait 100ms\nexplain 2"), @"
    $ dunlin up --yes --lock-wait 100ms
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step

      1  core  auth/2  name

    1 migration is applied already.

    CLOCK run RUN starts: 1 step
    CLOCK core  auth/2 is tried again in TIME: waiting for lock: held by pid PID (app `billing`, user postgres, idle in transaction for TIME: INSERT INTO users VALUES (1);)
    CLOCK core  auth/2 failed after TIME: waiting for lock: held by pid PID (app `billing`, user postgres, idle in transaction for TIME: INSERT INTO users VALUES (1);)
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work, log HEAD

    error[55P03]: `auth/2` failed on core: waiting for lock: held by pid PID (app `billing`, user postgres, idle in transaction for TIME: INSERT INTO users VALUES (1);)
     --> auth/2_name.sql:1:1
      |
    1 | ALTER TABLE users ADD COLUMN name text;
      | ^^^^^
      |
      = detail: canceling statement due to lock timeout

    Something stood in the way that may be gone soon. Next: run `dunlin up` again; what is done is not
    repeated.
    [exit 75]

    $ dunlin explain 2
    [stdout]
    auth/2  name
      file      auth/2_name.sql
      set       auth, up-down files
      target    core (postgres)
      kind      versioned
      checksum  CHECKSUM
      state     pending

    Runs auth/2_name.sql: 1 statement in one transaction
      lines  1

    Needs:
      core  auth/1  by the order of the set

    Is needed by: nothing

    Ledger: no row

    Log:
      MOMENT UTC failed by postgres: waiting for lock: held by pid PID (app `billing`, user postgres, idle in transaction for TIME: INSERT INTO users VALUES (1);) (55P03)

    Next:
      `dunlin up` applies it
    [exit 0]
    ");
    other.run("COMMIT;");
    let _ = users.dunlin().run("up --yes").exits(0);
}
