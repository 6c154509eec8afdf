//! What a person says where files and ledgers alone do not tell.

use dunlin_tests::{Project, Running, Scratch, Server, wait_until};

use crate::support::{later, project, transcript};

const TWO: &str = r"
//- auth/1_users.sql
CREATE TABLE users (id int);
//- auth/2_roles.sql
-- dunlin: depends auth/1
CREATE TABLE roles (id int);
";

#[test]
fn an_edited_file_is_accepted() {
    insta::assert_snapshot!(later(TWO, |project, _| {
        project.workspace().replace("auth/1_users.sql", "id int", "id int4");
    }, "repair\nrepair accept auth/1 --reason seen\nrepair accept auth/1 --reason seen --yes\nrepair\nplan\nhistory"), @"
    $ dunlin repair
    [stdout]
    core  `auth/1` is applied in `core` with checksum 537129fa, and its file was edited since
      dunlin repair accept auth/1 --reason TEXT  if the database is as the file says now
    [exit 0]

    $ dunlin repair accept auth/1 --reason seen
    [stderr]
    auth/1 in core
      state     applied, begun MOMENT UTC by postgres
      run       RUN, attempt 1
      checksum  537129fa; the file's is 5666479e
      log       MOMENT UTC applied by postgres
      becomes   applied, with the file's checksum
    error[confirmation-needed]: there is no terminal to ask at
    hint: add --yes to repair it without being asked
    [exit 2]

    $ dunlin repair accept auth/1 --reason seen --yes
    [stderr]
    auth/1 in core
      state     applied, begun MOMENT UTC by postgres
      run       RUN, attempt 1
      checksum  537129fa; the file's is 5666479e
      log       MOMENT UTC applied by postgres
      becomes   applied, with the file's checksum
    [stdout]
    auth/1 in core: applied before, now applied, with the file's checksum
    [exit 0]

    $ dunlin repair
    [stdout]
    Nothing waits for a person.
    [exit 0]

    $ dunlin plan
    [stdout]
    acme: nothing to do: 2 migrations applied
    [exit 0]

    $ dunlin history
    [stdout]
    core  2 migrations, times in UTC
      run RUN by postgres
        MOMENT  applied  auth/1  users  TIME
        MOMENT  applied  auth/2  roles  TIME
      failures and repairs
        MOMENT  repaired  auth/1  `repair accept`: seen  by postgres
    [exit 0]
    ");
}

#[test]
fn a_migration_that_left_its_transaction_is_settled() {
    insta::assert_snapshot!(later(TWO, |_, database| {
        let _ = database.sql("UPDATE dunlin.ledger SET state = 'running', finished = NULL WHERE id = 'auth/2'");
    }, "up --yes\nrepair forget 2 --reason seen --yes\nrepair undone 2 --reason seen --yes\nexplain 2"), @"
    $ dunlin up --yes
    [stdout]
    error[migration-dirty]: `auth/2` left its transaction in `core` and is applied in part
    --> auth/2_roles.sql:1:1
    hint: its text commits or rolls back by itself: look at the database, then say `dunlin repair done auth/2 --reason TEXT` if all of it is there, `dunlin repair undone auth/2 --reason TEXT` if nothing of it is there

    Nothing runs in acme: 1 error must be mended first.
    [exit 3]

    $ dunlin repair forget 2 --reason seen --yes
    [stderr]
    error[repair-refused]: `repair forget` does not fit `auth/2`: it was begun and never finished
    hint: what fits it: `dunlin repair done auth/2 --reason TEXT` or `dunlin repair undone auth/2 --reason TEXT`
    [exit 2]

    $ dunlin repair undone 2 --reason seen --yes
    [stderr]
    auth/2 in core
      state     running, begun MOMENT UTC by postgres
      run       RUN, attempt 1
      checksum  1497012f
      log       MOMENT UTC applied by postgres
      becomes   reverted, so that `up` applies it again where a file has it
    [stdout]
    auth/2 in core: running before, now reverted, so that `up` applies it again where a file has it
    [exit 0]

    $ dunlin explain 2
    [stdout]
    auth/2  roles
      file      auth/2_roles.sql
      set       auth, up-down files
      target    core (postgres)
      kind      versioned
      checksum  CHECKSUM
      state     pending

    Runs auth/2_roles.sql: 1 statement in one transaction
      lines  2

    Needs:
      core  auth/1  declared at auth/2_roles.sql:1:20

    Is needed by: nothing

    Ledger:
      state     reverted
      started   MOMENT UTC by the database's clock
      finished  MOMENT UTC, after TIME
      by        postgres
      run       RUN, attempt 2
      checksum  CHECKSUM
      needed    auth/1 in ledger RUN

    Log:
      MOMENT UTC applied by postgres
      MOMENT UTC repaired by postgres: `repair undone`: seen

    Next:
      `dunlin up` applies it
    [exit 0]
    ");
}

#[test]
fn what_was_taken_back_by_hand_is_forgotten() {
    insta::assert_snapshot!(later(TWO, |project, database| {
        let _ = database.sql("DROP TABLE roles");
        project.remove("auth/2_roles.sql");
    }, "repair\nrepair forget auth/1 --reason seen --yes\nrepair forget auth/2 --reason seen --yes --format json\nstatus"), @r#"
    $ dunlin repair
    [stdout]
    core  `auth/2` is applied in `core`, and no file has it any more
      dunlin repair forget auth/2 --reason TEXT  if nothing of it is there any more, or it no longer
                                                 matters
    [exit 0]

    $ dunlin repair forget auth/1 --reason seen --yes
    [stderr]
    error[repair-refused]: `auth/1` cannot be forgotten, applied migrations need it: `auth/2`
    hint: take those back, or forget them, first
    [exit 2]

    $ dunlin repair forget auth/2 --reason seen --yes --format json
    [stdout]
    {
      "version": 1,
      "target": "core",
      "settlement": {
        "id": "auth/2",
        "repair": "forget",
        "reason": "seen",
        "before": {
          "state": "applied",
          "checksum": "CHECKSUM",
          "attempt": 1,
          "step": 0,
          "in_doubt": false
        },
        "after": {
          "state": "reverted",
          "step": 0,
          "checksums": null,
          "sums": null
        }
      }
    }
    [exit 0]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied

    1 migration: 1 applied
    [exit 0]
    "#);
}

#[test]
fn what_does_not_fit_is_refused() {
    insta::assert_snapshot!(later(TWO, |_, _| (),
        "repair accept 1 --reason seen --yes\nrepair done 3 --reason seen --yes\nrepair done 1 --statement 1 --reason seen --yes\nrepair forget 1 --target metrics --reason seen"), @"
    $ dunlin repair accept 1 --reason seen --yes
    [stderr]
    error[repair-refused]: `repair accept` does not fit `auth/1`: its file is what was applied
    hint: `dunlin repair` lists what needs a person
    [exit 2]

    $ dunlin repair done 3 --reason seen --yes
    [stderr]
    error[version-unknown]: no migration is called `3`
    hint: `dunlin status` lists them
    [exit 2]

    $ dunlin repair done 1 --statement 1 --reason seen --yes
    [stderr]
    error[repair-refused]: `repair done` does not fit `auth/1`: it is applied, and nothing of it is in doubt
    hint: `dunlin repair` lists what needs a person
    [exit 2]

    $ dunlin repair forget 1 --target metrics --reason seen
    [stderr]
    error[target-unknown]: there is no target `metrics`
    hint: targets are declared in dunlin.toml
    [exit 2]
    ");
}

/// A migration whose second statement commits on its way and takes its time.
fn at_work(base: &Scratch<'_>) -> (Project, Running) {
    let jobs = project(
        base,
        r"
//- jobs/1_work.sql
-- dunlin: transaction none
CREATE TABLE done (at int);
CALL work();
CREATE TABLE after (at int);
",
    );
    let _ = base.sql("CREATE PROCEDURE work() LANGUAGE plpgsql AS $$ BEGIN COMMIT; PERFORM pg_sleep(60); END $$");
    let mut run = jobs.dunlin().start("up --yes");
    assert!(run.reach("statement-started", 2));
    // The server may begin it a moment after it was announced.
    until(base, "count(*) = 1");
    (jobs, run)
}

/// A server does not notice at once that its client is gone.
fn end_work(base: &Scratch<'_>) {
    let _ = base.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL work%'");
    until(base, "count(*) = 0");
}

#[test]
fn a_statement_in_progress_is_not_settled() {
    let server = Server::shared();
    let base = server.scratch();
    let (jobs, run) = at_work(&base);
    insta::assert_snapshot!(transcript(&jobs, "status\nrepair done jobs/1 --statement 2 --reason seen --yes"), @"
        $ dunlin status
        [stdout]
        core  postgres  PostgreSQL VERSION
          jobs  1 running
            1  running  work  in progress: process PID (dunlin) for TIME

        1 migration: 1 running
        [exit 0]

        $ dunlin repair done jobs/1 --statement 2 --reason seen --yes
        [stderr]
        jobs/1 in core
          state     running, begun MOMENT UTC by postgres
          run       RUN, attempt 1
          held by   process PID (dunlin) for TIME
          checksum  ffbbb7ec
          progress  1 of 3 statements finished, and the next one was begun and may have been done
          catalog   statement 2: the catalog cannot tell
          becomes   running, with 2 statements finished; the next run goes on behind
        error[repair-failed]: nothing was repaired in `core`: `jobs/1` is held by process PID (dunlin) for TIME
        [exit 75]
        ");
    run.kill();
    end_work(&base);
}

#[test]
fn a_statement_in_doubt_is_settled() {
    let server = Server::shared();
    let base = server.scratch();
    let (jobs, run) = at_work(&base);
    run.kill();
    end_work(&base);
    insta::assert_snapshot!(transcript(&jobs, "status\nrepair\nup --yes --quiet\nrepair done jobs/1 --statement 2 --reason seen --yes\nup --yes --quiet"), @"
    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      jobs  1 running
        1  running  work  interrupted in statement 2, which may have been done: see `dunlin repair`

    error[statement-in-doubt]: `jobs/1` was interrupted in statement 2, and nothing tells whether it was done
    --> jobs/1_work.sql:1:1
    hint: look at the database, then say `dunlin repair done jobs/1 --statement 2 --reason TEXT` or `dunlin repair undone jobs/1 --statement 2 --reason TEXT`; `-- dunlin: probe SELECT …` above it would tell the next time

    1 migration: 1 running
    [exit 3]

    $ dunlin repair
    [stdout]
    core  `jobs/1` was interrupted in statement 2, and nothing tells whether it was done
      dunlin repair done jobs/1 --statement 2 --reason TEXT    if the statement was done
      dunlin repair undone jobs/1 --statement 2 --reason TEXT  if the statement was not done, and has to
                                                               run
    [exit 0]

    $ dunlin up --yes --quiet
    [stdout]
    error[statement-in-doubt]: `jobs/1` was interrupted in statement 2, and nothing tells whether it was done
    --> jobs/1_work.sql:1:1
    hint: look at the database, then say `dunlin repair done jobs/1 --statement 2 --reason TEXT` or `dunlin repair undone jobs/1 --statement 2 --reason TEXT`; `-- dunlin: probe SELECT …` above it would tell the next time

    Nothing runs in acme: 1 error must be mended first.
    [exit 3]

    $ dunlin repair done jobs/1 --statement 2 --reason seen --yes
    [stderr]
    jobs/1 in core
      state     running, begun MOMENT UTC by postgres
      run       RUN, attempt 1
      checksum  ffbbb7ec
      progress  1 of 3 statements finished, and the next one was begun and may have been done
      catalog   statement 2: the catalog cannot tell
      becomes   running, with 2 statements finished; the next run goes on behind
    [stdout]
    jobs/1 in core: running before, now running, with 2 statements finished; the next run goes on behind
    [exit 0]

    $ dunlin up --yes --quiet
    [stdout]
    Run RUN: 1 of 1 step done in TIME

      core  1 done  TIME of work, log HEAD

    Done: 1 migration applied.
    [exit 0]
    ");
}

fn until(base: &Scratch<'_>, question: &str) {
    let here = "AND pid <> pg_backend_pid() AND datname = current_database()";
    wait_until(question, || {
        base.sql(&format!("SELECT {question} FROM pg_stat_activity WHERE query LIKE 'CALL work%' {here}")) == "t"
    });
}
