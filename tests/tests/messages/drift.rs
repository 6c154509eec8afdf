//! Files and ledgers that differ.

use crate::support::later;

const TWO: &str = r"
//- auth/1_users.sql
CREATE TABLE users (id int);
//- auth/3_roles.sql
CREATE TABLE roles (id int);
";

#[test]
fn an_edited_file_stops_everything() {
    insta::assert_snapshot!(later(TWO, |project, _| {
        project.workspace().replace("auth/1_users.sql", "id int", "id bigint");
    }, "plan\nstatus\nup --yes"), @"
    $ dunlin plan
    [stdout]
    error[migration-edited]: `auth/1` is applied in `core` with checksum 537129fa, and its file was edited since
    --> auth/1_users.sql:1:1
    hint: put the file back as it was, and write the change as a new migration; or say `dunlin repair accept auth/1 --reason TEXT` if the database is as the file says now

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied, 1 edited
        1  edited  users  MOMENT UTC  postgres

    error[migration-edited]: `auth/1` is applied in `core` with checksum 537129fa, and its file was edited since
    --> auth/1_users.sql:1:1
    hint: put the file back as it was, and write the change as a new migration; or say `dunlin repair accept auth/1 --reason TEXT` if the database is as the file says now

    2 migrations: 1 applied, 1 edited
    [exit 4]

    $ dunlin up --yes
    [stdout]
    error[migration-edited]: `auth/1` is applied in `core` with checksum 537129fa, and its file was edited since
    --> auth/1_users.sql:1:1
    hint: put the file back as it was, and write the change as a new migration; or say `dunlin repair accept auth/1 --reason TEXT` if the database is as the file says now

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]
    ");
}

#[test]
fn an_edited_comment_is_told_from_edited_sql() {
    insta::assert_snapshot!(later(TWO, |project, _| {
        project.workspace().replace("auth/1_users.sql", "CREATE", "-- Users.\nCREATE");
    }, "plan\nstatus"), @"
    $ dunlin plan
    [stdout]
    acme: nothing to do: 2 migrations applied
    [exit 0]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  2 applied

    note[migration-reworded]: only comments or white space of `auth/1` changed since it was applied
    --> auth/1_users.sql:1:1

    2 migrations: 2 applied
    [exit 0]
    ");
}

#[test]
fn a_deleted_file_is_missed() {
    insta::assert_snapshot!(later(TWO, |project, _| project.remove("auth/3_roles.sql"), "plan\nstatus"), @"
    $ dunlin plan
    [stdout]
    error[migration-missing]: `auth/3` is applied in `core`, and no file has it any more
    hint: bring the file back from version control; or say `dunlin repair forget auth/3 --reason TEXT` if nothing of it is there any more, or it no longer matters

    Nothing runs in acme: 1 error must be mended first.
    [exit 4]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied, 1 missing
        3  missing  roles  MOMENT UTC  postgres

    error[migration-missing]: `auth/3` is applied in `core`, and no file has it any more
    hint: bring the file back from version control; or say `dunlin repair forget auth/3 --reason TEXT` if nothing of it is there any more, or it no longer matters

    2 migrations: 1 applied, 1 missing
    [exit 4]
    ");
}

#[test]
fn a_file_that_comes_late_is_out_of_order() {
    insta::assert_snapshot!(later(TWO, |project, _| {
        project.workspace().write("auth/2_late.sql", "CREATE TABLE late (id int);\n");
    }, "plan\nstatus"), @"
    $ dunlin plan
    [stdout]
    error[out-of-order]: `auth/2` is pending, and `auth/3` of its set is applied already
    --> auth/2_late.sql:1:1
    hint: give it a version after that one, or set `out_of_order = true` for its set

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]

    $ dunlin status
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  2 applied, 1 out-of-order
        2  out-of-order  late

    error[out-of-order]: `auth/2` is pending, and `auth/3` of its set is applied already
    --> auth/2_late.sql:1:1
    hint: give it a version after that one, or set `out_of_order = true` for its set

    3 migrations: 2 applied, 1 out-of-order
    [exit 2]
    ");
}

#[test]
fn a_run_without_work_stamps_no_environment() {
    insta::assert_snapshot!(later(TWO, |project, _| {
        project.workspace().write("configs/prod.toml", "[targets.core]\nlock_timeout = \"2s\"\n");
        project.workspace().write("configs/dev.toml", "[targets.core]\nlock_timeout = \"2s\"\n");
        let _ = project.dunlin().run("up --yes --env dev").exits(0);
    }, "plan --env prod"), @"
    $ dunlin plan --env prod
    [stdout]
    acme (prod): nothing to do: 2 migrations applied
    [exit 0]
    ");
}

#[test]
fn nothing_to_do_is_one_line() {
    insta::assert_snapshot!(later(TWO, |_, _| (), "up --yes\nplan\nstatus"), @"
    $ dunlin up --yes
    [stdout]
    acme: nothing to do: 2 migrations applied
    [exit 0]

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
}
