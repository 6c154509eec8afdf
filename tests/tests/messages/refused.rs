//! Migrations that a server refuses.

use crate::support::check;

#[test]
fn an_undefined_column_is_shown_at_the_users_line() {
    insta::assert_snapshot!(check(r"
//- auth/1_users.sql
CREATE TABLE users (id int, name text);
//- auth/2_view.sql
-- Fügt größere Namen hinzu: ÄÖÜ 漢字
INSERT INTO users VALUES (1, 'Jürgen');

CREATE VIEW names AS
  SELECT id, 'ä→ß' AS sign,
         nmae
    FROM users;
//- crm/1_customers.sql
-- Dependencies: auth/2
SELECT 1;
", "up --yes\nstatus"), @r#"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 3 steps on 1 database; the longest chain has 3

      core  postgres  PostgreSQL VERSION: 3 steps; its ledger will be created

      1  core  auth/1  users
      2  core  auth/2  view
      3  core  crm/1   customers  waits for 2

    CLOCK run RUN starts: 3 steps
    CLOCK core  its ledger is ready
    CLOCK core  auth/1 done in TIME
    CLOCK core  auth/2 failed after TIME: column "nmae" does not exist
    [stdout]
    Run RUN: 1 of 3 steps done in TIME

      core  1 done, 1 failed, 1 blocked  TIME of work, log HEAD

    error[42703]: `auth/2` failed on core: column "nmae" does not exist
     --> auth/2_view.sql:6:10
      |
    6 |          nmae
      |          ^^^^
    hint: Perhaps you meant to reference the column "users.name".

    Not done:
      core  crm/1  customers  blocked: auth/2 failed

    Nothing of what failed was kept. Next: mend the cause, in auth/2_view.sql or in the database, and
    run `dunlin up` again; what is done is not repeated.
    [exit 1]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied, 1 pending
        2  pending  view
      crm  1 pending
        1  pending  customers  waits for auth/2

    3 migrations: 1 applied, 2 pending
    [exit 0]
    "#);
}

#[test]
fn an_error_inside_a_function_has_its_context() {
    insta::assert_snapshot!(check(r"
//- auth/1_fill.sql
CREATE TABLE users (id int PRIMARY KEY);
CREATE FUNCTION fill() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO users VALUES (1);
  INSERT INTO users SELECT id / 0 FROM users;
END $$;

SELECT fill();
", "up --yes"), @r#"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step; its ledger will be created

      1  core  auth/1  fill

    CLOCK run RUN starts: 1 step
    CLOCK core  its ledger is ready
    CLOCK core  auth/1 failed after TIME: division by zero
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work, log HEAD

    error[22012]: `auth/1` failed on core: division by zero
     --> auth/1_fill.sql:8:1
      |
    8 | SELECT fill();
      | ^^^^^^
      |
      = context: SQL statement "INSERT INTO users SELECT id / 0 FROM users"
                 PL/pgSQL function fill() line 4 at SQL statement

    Nothing of what failed was kept. Next: mend the cause, in auth/1_fill.sql or in the database, and
    run `dunlin up` again; what is done is not repeated.
    [exit 1]
    "#);
}

#[test]
fn a_unique_violation_tells_the_key() {
    insta::assert_snapshot!(check(r"
//- auth/1_users.sql
CREATE TABLE users (email text UNIQUE);
INSERT INTO users VALUES ('a@example.org'),
                         ('a@example.org');
", "up --yes"), @r#"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step; its ledger will be created

      1  core  auth/1  users

    CLOCK run RUN starts: 1 step
    CLOCK core  its ledger is ready
    CLOCK core  auth/1 failed after TIME: duplicate key value violates unique constraint "users_email_key"
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work, log HEAD

    error[23505]: `auth/1` failed on core: duplicate key value violates unique constraint "users_email_key"
     --> auth/1_users.sql:2:1
      |
    2 | INSERT INTO users VALUES ('a@example.org'),
      | ^^^^^^
      |
      = detail: Key (email)=(a@example.org) already exists.

    Nothing of what failed was kept. Next: mend the cause, in auth/1_users.sql or in the database, and
    run `dunlin up` again; what is done is not repeated.
    [exit 1]
    "#);
}

#[test]
fn notices_and_raised_hints_are_passed_on() {
    insta::assert_snapshot!(check(r"
//- auth/1_users.sql
DO $$ BEGIN
  RAISE WARNING 'two users have no mail';
  RAISE EXCEPTION 'not today' USING HINT = 'try tomorrow', DETAIL = 'it is Friday';
END $$;
", "up --yes"), @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step; its ledger will be created

      1  core  auth/1  users

    CLOCK run RUN starts: 1 step
    CLOCK core  its ledger is ready
    CLOCK core  auth/1 WARNING: two users have no mail
    CLOCK core  auth/1 failed after TIME: not today
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work, log HEAD

    error[P0001]: `auth/1` failed on core: not today
     --> auth/1_users.sql:1:1
      |
    1 | DO $$ BEGIN
      | ^^
      |
      = detail: it is Friday
      = context: PL/pgSQL function inline_code_block line 3 at RAISE
    hint: try tomorrow

    Nothing of what failed was kept. Next: mend the cause, in auth/1_users.sql or in the database, and
    run `dunlin up` again; what is done is not repeated.
    [exit 1]
    ");
}

#[test]
fn a_body_that_commits_by_itself_is_caught() {
    insta::assert_snapshot!(check(r"
//- auth/1_fill.sql
CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
//- auth/2_call.sql
CREATE TABLE half (id int);
CALL fill();
", "up --yes\nup --yes"), @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 2 steps on 1 database; the longest chain has 2

      core  postgres  PostgreSQL VERSION: 2 steps; its ledger will be created

      1  core  auth/1  fill
      2  core  auth/2  call

    CLOCK run RUN starts: 2 steps
    CLOCK core  its ledger is ready
    CLOCK core  auth/1 done in TIME
    CLOCK core  auth/2 failed after TIME: invalid transaction termination
    [stdout]
    Run RUN: 1 of 2 steps done in TIME

      core  1 done, 1 failed  TIME of work, log HEAD

    error[2D000]: `auth/2` failed on core: invalid transaction termination
     --> auth/2_call.sql:2:1
      |
    2 | CALL fill();
      | ^^^^
      |
      = context: PL/pgSQL function fill() line 1 at COMMIT
    hint: what it calls commits by itself: let the file say `-- dunlin: transaction none`, with `-- dunlin: probe SELECT …` above the call

    Nothing of what failed was kept. Next: mend the cause, in auth/2_call.sql or in the database, and
    run `dunlin up` again; what is done is not repeated.
    [exit 1]

    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step

      1  core  auth/2  call

    1 migration is applied already.

    CLOCK run RUN starts: 1 step
    CLOCK core  auth/2 failed after TIME: invalid transaction termination
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work, log HEAD

    error[2D000]: `auth/2` failed on core: invalid transaction termination
     --> auth/2_call.sql:2:1
      |
    2 | CALL fill();
      | ^^^^
      |
      = context: PL/pgSQL function fill() line 1 at COMMIT
    hint: what it calls commits by itself: let the file say `-- dunlin: transaction none`, with `-- dunlin: probe SELECT …` above the call

    Nothing of what failed was kept. Next: mend the cause, in auth/2_call.sql or in the database, and
    run `dunlin up` again; what is done is not repeated.
    [exit 1]
    ");
}

#[test]
fn failing_fast_and_independent_work() {
    insta::assert_snapshot!(check(r"
//- auth/1_users.sql
SELECT nothing;
//- auth/2_roles.sql
SELECT 1;
//- crm/1_customers.sql
SELECT 1;
", "up --yes"), @r#"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 3 steps on 1 database; the longest chain has 2

      core  postgres  PostgreSQL VERSION: 3 steps; its ledger will be created

      1  core  auth/1  users
      2  core  auth/2  roles
      3  core  crm/1   customers

    CLOCK run RUN starts: 3 steps
    CLOCK core  its ledger is ready
    CLOCK core  auth/1 failed after TIME: column "nothing" does not exist
    CLOCK core  crm/1 done in TIME
    [stdout]
    Run RUN: 1 of 3 steps done in TIME

      core  1 done, 1 failed, 1 blocked  TIME of work, log HEAD

    error[42703]: `auth/1` failed on core: column "nothing" does not exist
     --> auth/1_users.sql:1:8
      |
    1 | SELECT nothing;
      |        ^^^^^^^

    Not done:
      core  auth/2  roles  blocked: auth/1 failed

    Nothing of what failed was kept. Next: mend the cause, in auth/1_users.sql or in the database, and
    run `dunlin up` again; what is done is not repeated.
    [exit 1]
    "#);
}
