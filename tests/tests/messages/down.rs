//! Taking back.

use crate::support::{check, later};

const TWO: &str = r"
//- auth/1_users.up.sql
CREATE TABLE users (id int);
//- auth/1_users.down.sql
DROP TABLE users;
//- crm/1_customers.up.sql
-- Dependencies: auth/1
CREATE TABLE customers (id int);
//- crm/1_customers.down.sql
DROP TABLE customers;
//- crm/2_contacts.up.sql
CREATE TABLE contacts (id int);
";

#[test]
fn a_down_that_is_missing_is_named_before_anything_is_touched() {
    insta::assert_snapshot!(later(TWO, |_, _| (), "down --set crm --yes"), @"
    $ dunlin down --set crm --yes
    [stdout]
    error[down-missing]: `crm/2` has no down
    --> crm/2_contacts.up.sql:1:1
    hint: write one, or go forward with a new migration

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]
    ");
}

#[test]
fn dependents_need_cascade() {
    insta::assert_snapshot!(later(TWO, |project, _| {
        project.workspace().write("crm/2_contacts.down.sql", "DROP TABLE contacts;\n");
    }, "down --version auth/1 --yes\ndown --version auth/1 --cascade --yes\nstatus"), @"
    $ dunlin down --version auth/1 --yes
    [stdout]
    error[down-has-dependents]: `auth/1` cannot go alone, applied migrations need it: `crm/1`, `crm/2`
    hint: take them back too with --cascade

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]

    $ dunlin down --version auth/1 --cascade --yes
    [stderr]
    Plan for acme: takes back 3 migrations on 1 database; the longest chain has 3

      core  postgres  PostgreSQL VERSION: 3 steps

      1  core  crm/2   contacts   goes along, for auth/1
      2  core  crm/1   customers  goes along, for auth/1; waits for 1
      3  core  auth/1  users      waits for 2

    CLOCK run RUN starts: 3 steps
    CLOCK core  crm/2 done in TIME
    CLOCK core  crm/1 done in TIME
    CLOCK core  auth/1 done in TIME
    [stdout]
    Run RUN: 3 of 3 steps done in TIME

      core  3 done  TIME of work, log HEAD

    Done: 3 migrations taken back.
    [exit 0]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 pending
        1  pending  users
      crm  2 pending
        1  pending  customers  waits for auth/1
        2  pending  contacts   waits for crm/1

    3 migrations: 3 pending
    [exit 0]
    ");
}

#[test]
fn what_is_meant_has_to_be_clear() {
    insta::assert_snapshot!(later(TWO, |_, _| (), "down --yes\ndown --version 1 --yes\ndown --version auth/7 --yes\ndown --run nope --yes\ndown --to crm/2 --yes"), @"
    $ dunlin down --yes
    [stdout]
    error[down-ambiguous]: several sets have a last applied migration: `auth/1`, `crm/2`
    hint: choose one with --set, --service or --version auth/1

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]

    $ dunlin down --version 1 --yes
    [stdout]
    error[version-ambiguous]: `1` is the version of several migrations: `auth/1`, `crm/1`
    hint: write the whole id, such as `auth/1`

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]

    $ dunlin down --version auth/7 --yes
    [stdout]
    error[version-unknown]: no applied migration is called `auth/7`
    hint: did you mean `auth/1`?

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]

    $ dunlin down --run nope --yes
    [stdout]
    error[run-unknown]: no applied migration was applied by run `nope`
    hint: `dunlin history` lists the runs

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]

    $ dunlin down --to crm/2 --yes
    [stdout]
    acme: nothing to take back
    [exit 0]
    ");
}

#[test]
fn nothing_applied_is_nothing_to_take_back() {
    insta::assert_snapshot!(check(TWO, "down --set crm --yes\ndown --version auth/1 --yes"), @"
    $ dunlin down --set crm --yes
    [stdout]
    acme: nothing to take back
    [exit 0]

    $ dunlin down --version auth/1 --yes
    [stdout]
    acme: nothing to take back
    [exit 0]
    ");
}

#[test]
fn a_down_that_fails_says_so() {
    insta::assert_snapshot!(later(TWO, |project, scratch| {
        project.workspace().write("crm/2_contacts.down.sql", "DROP TABLE contacts;\n");
        let _ = scratch.sql("CREATE VIEW all_contacts AS SELECT * FROM contacts");
    }, "down --set crm --yes"), @"
    $ dunlin down --set crm --yes
    [stderr]
    Plan for acme: takes back 1 migration on 1 database

      core  postgres  PostgreSQL VERSION: 1 step

      1  core  crm/2  contacts

    CLOCK run RUN starts: 1 step
    CLOCK core  crm/2 failed after TIME: cannot drop table contacts because other objects depend on it
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work, log HEAD

    error[2BP01]: taking `crm/2` back failed on core: cannot drop table contacts because other objects depend on it
     --> crm/2_contacts.down.sql:1:1
      |
    1 | DROP TABLE contacts;
      | ^^^^
      |
      = detail: view all_contacts depends on table contacts
    hint: Use DROP ... CASCADE to drop the dependent objects too.

    Nothing of what failed was kept. Next: mend the cause, in crm/2_contacts.down.sql or in the
    database, and run the same `dunlin down` again; what is done is not repeated.
    [exit 1]
    ");
}
