//! What is wrong with migration files, seen without any database.

use crate::support::offline;

#[test]
fn a_syntax_error_is_found_at_its_token() {
    insta::assert_snapshot!(offline(r"
//- auth/1_users.sql
CREATE TABLE users (id int);

CREATE TABEL größe (
  id int
);
", "validate"), @"
    $ dunlin validate
    [stderr]
    error[syntax-error]: expected command, found CREATE
     --> auth/1_users.sql:3:1
      |
    3 | CREATE TABEL größe (
      | ^^^^^^
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn an_unfinished_quote_is_found_where_it_opens() {
    insta::assert_snapshot!(offline(r"
//- auth/1_users.sql
SELECT 1;
SELECT 'it never ends;
SELECT 2;
", "validate"), @"
    $ dunlin validate
    [stderr]
    error[sql-invalid]: string that begins here is never closed
     --> auth/1_users.sql:2:8
      |
    2 | SELECT 'it never ends;
      |        ^
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn commands_of_psql_are_refused() {
    insta::assert_snapshot!(offline("//- auth/1_users.sql\n\\i tables.sql\nCREATE TABLE users (id int);\n", "validate"), @r"
    $ dunlin validate
    [stderr]
    error[sql-invalid]: `\i` is a command of psql, not SQL
     --> auth/1_users.sql:1:1
      |
    1 | \i tables.sql
      | ^
    hint: make the included file a migration of its own
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn a_commit_in_the_middle_is_refused() {
    insta::assert_snapshot!(offline(r"
//- auth/1_users.sql
CREATE TABLE users (id int);
COMMIT;
CREATE TABLE roles (id int);
", "validate"), @"
    $ dunlin validate
    [stderr]
    error[sql-invalid]: `COMMIT` would break the transaction that this migration runs in
     --> auth/1_users.sql:2:1
      |
    2 | COMMIT;
      | ^^^^^^
    hint: keep one BEGIN … COMMIT around the whole file or none, and split what must commit separately into migrations of its own
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn files_that_are_no_text_are_refused() {
    insta::assert_snapshot!(offline("//- auth/1_nul.sql\nSELECT '\0';\n//- auth/2_fine.sql\nSELECT 1;\n", "validate"), @"
    $ dunlin validate
    [stderr]
    error[sql-invalid]: NUL byte at 1:9 (byte 8)
     --> auth/1_nul.sql:1:9
      |
    1 | SELECT '
      |         ^
    hint: save the file as UTF-8 text
    [stdout]
    2 migrations of 1 service in 1 target: 1 error
    [exit 2]
    ");
    let project = dunlin_tests::Project::of("//- auth/1_wide.sql\n");
    let wide: Vec<u8> = "\u{feff}SELECT 1;".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs_err::write(project.workspace().path("auth/1_wide.sql"), wide).unwrap();
    insta::assert_snapshot!(project.says("validate"), @"
    [stderr]
    error[sql-invalid]: the file is UTF-16, not UTF-8
    --> auth/1_wide.sql:1:1
    hint: save the file as UTF-8 text
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn two_files_of_one_version_are_refused() {
    insta::assert_snapshot!(offline(r"
//- auth/V1__users.sql
SELECT 1;
//- auth/V1__roles.sql
SELECT 2;
", "validate"), @"
    $ dunlin validate
    [stderr]
    error[version-duplicate]: `auth/1` is there twice
    --> auth/V1__users.sql:1:1
     |
    note: the same version
    --> auth/V1__roles.sql:1:1
    hint: give one of the files a new version
    [stdout]
    2 migrations of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn a_down_without_its_up_is_refused() {
    insta::assert_snapshot!(offline(r"
//- auth/1_users.up.sql
SELECT 1;
//- auth/2_roles.down.sql
SELECT 2;
", "validate"), @"
    $ dunlin validate
    [stderr]
    error[down-without-up]: `auth/2_roles.down.sql` takes back version 2, which no file applies
    --> auth/2_roles.down.sql:1:1
    hint: add the file that applies it, or remove this one
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn a_file_that_fits_no_style_is_refused() {
    insta::assert_snapshot!(offline(r"
//- auth/V1__users.sql
SELECT 1;
//- auth/create roles.sql
SELECT 2;
//- auth/README.md
Not SQL.
", "validate"), @r#"
    $ dunlin validate
    [stderr]
    error[file-without-style]: `auth/create roles.sql` does not follow the naming style `flyway` of its set `auth`
    --> auth/create roles.sql:1:1
    hint: name it like `V5__core.sql`, `U5__core.sql`, `R__views.sql`; or leave it out: exclude = ["create roles.sql"]
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    "#);
    insta::assert_snapshot!(offline(r"
//- auth/users.sql
SELECT 1;
", "validate"), @"
    $ dunlin validate
    [stderr]
    error[style-unknown]: no file of set `auth` follows a naming style that Dunlin knows
    --> auth/users.sql:1:1
    hint: name them like `V5__core.sql`, `U5__core.sql`, `R__views.sql`; or `001_x_UP.sql` and `001_x_DOWN.sql`, `0001_x.up.sql` and `0001_x.down.sql`, or plain `001_x.sql`; or `20240101_001_auth_x.sql` in `schema/`, `data/`, `seeds/` and `rollback/`; or `20250929140000_AddBatchPhase_Expand.sql`, with `_Contract`, `_Data` or `_Timescale`
    [stdout]
    0 migrations of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn styles_that_are_mixed_are_told_apart() {
    insta::assert_snapshot!(offline(r"
//- auth/V1__users.sql
SELECT 1;
//- auth/20240101_001_auth_roles.sql
SELECT 2;
", "validate"), @r#"
    $ dunlin validate
    [stderr]
    error[style-ambiguous]: the files of set `auth` fit the naming styles `flyway` or `timestamp-service` equally
     --> dunlin.toml:8:11
      |
    8 | [services.auth]
      |           ^^^^
      |
    note: `flyway`
     --> auth/V1__users.sql:1:1
    note: `timestamp-service`
     --> auth/20240101_001_auth_roles.sql:1:1
    hint: add `naming = "flyway"` to the set, or move the other files out
    [stdout]
    0 migrations of 1 service in 1 target: 1 error
    [exit 2]
    "#);
}

#[test]
fn an_unknown_directive_is_refused() {
    insta::assert_snapshot!(offline(r"
//- auth/1_users.sql
-- dunlin: dependz crm/1
SELECT 1;
", "validate"), @"
    $ dunlin validate
    [stderr]
    error[sql-invalid]: unknown directive `dependz`
     --> auth/1_users.sql:1:12
      |
    1 | -- dunlin: dependz crm/1
      |            ^^^^^^^
    hint: did you mean `depends`?
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn remarks_of_one_kind_are_said_once() {
    insta::assert_snapshot!(offline(r"
//- auth/1_a.sql
INSERT INTO schema_migrations (version) VALUES (1);
//- auth/2_b.sql
INSERT INTO schema_migrations (version) VALUES (2);
//- auth/3_c.sql
INSERT INTO schema_migrations (version) VALUES (3);
", "validate"), @"
    $ dunlin validate
    [stderr]
    note[own-tracking-table]: `schema_migrations` is kept by hand; Dunlin records what is applied in its own ledger
     --> auth/1_a.sql:1:1
      |
    1 | INSERT INTO schema_migrations (version) VALUES (1);
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    note: the same at auth/2_b.sql:1:1, auth/3_c.sql:1:1
    hint: keep it if something still reads that table; otherwise leave it out of new migrations
    [stdout]
    3 migrations of 1 service in 1 target: valid, with 3 remarks
    [exit 0]
    ");
}

#[test]
fn what_locks_out_readers_is_warned_of() {
    insta::assert_snapshot!(offline(r"
//- auth/1_a.sql
ALTER TABLE users ADD COLUMN age int NOT NULL;
DROP TABLE roles;
", "validate"), @"
    $ dunlin validate
    [stderr]
    warning[add-not-null-column-without-default]: column `age` of `users` is NOT NULL and has no default, which fails if the table has rows
     --> auth/1_a.sql:1:19
      |
    1 | ALTER TABLE users ADD COLUMN age int NOT NULL;
      |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give it a default, or add it nullable, fill it, then set it NOT NULL in a later migration

    warning[drop-table]: table `roles` is dropped outside the contract phase
     --> auth/1_a.sql:2:12
      |
    2 | DROP TABLE roles;
      |            ^^^^^
    hint: drop it in a migration with `-- dunlin: phase contract`, once no running version reads it
    [stdout]
    1 migration of 1 service in 1 target: valid, with 2 remarks
    [exit 0]
    ");
}

#[test]
fn file_names_cannot_write_to_the_terminal() {
    let project = dunlin_tests::Project::of("//- auth/1_fine.sql\nSELECT 1;\n");
    for name in ["2_\u{1b}[2J.sql", "3_\nerror.sql", "4_\u{202e}lqs.sql"] {
        project.workspace().write(&format!("auth/{name}"), "SELECT (\u{7};");
    }
    let said = project.says("validate");
    let harmful = |char: char| char.is_control() && char != '\n' || char == '\u{202e}';
    assert!(!said.contains(harmful), "{said:?}");
    insta::assert_snapshot!(said, @r#"
    [stderr]
    error[sql-invalid]: parenthesis that begins here is never closed
     --> auth/2_\u{1b}[2J.sql:1:8
      |
    1 | SELECT (␇;
      |        ^

    error[sql-invalid]: parenthesis that begins here is never closed
     --> auth/3_\u{a}error.sql:1:8
      |
    1 | SELECT (␇;
      |        ^

    error[sql-invalid]: parenthesis that begins here is never closed
     --> auth/4_\u{202e}lqs.sql:1:8
      |
    1 | SELECT (␇;
      |        ^
    [stdout]
    4 migrations of 1 service in 1 target: 3 errors
    [exit 2]
    "#);
}
