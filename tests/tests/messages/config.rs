//! What is wrong with `dunlin.toml`, its environments and the variables they need.

use crate::support::offline;

fn config(text: &str, commands: &str) -> String {
    offline(
        &format!(
            r#"
//- auth/1_users.sql
SELECT 1;
//- dunlin.toml
[project]
name = "acme"
{text}"#
        ),
        commands,
    )
}

const REST: &str = "[services.auth]\ntarget = \"core\"\npath = \"auth\"\n";

#[test]
fn no_project_at_all_names_the_way_in() {
    let empty = dunlin_tests::Project::of("//- dunlin.toml");
    empty.remove("dunlin.toml");
    insta::assert_snapshot!(empty.says("status"), @"
    [stderr]
    error[config-missing]: no `dunlin.toml` and no `configs/dunlin.toml` in `DIR` or any directory above it
    hint: `dunlin init` makes one; `--config FILE` names one elsewhere
    [exit 2]
    ");
}

#[test]
fn an_unknown_key_comes_with_a_suggestion() {
    insta::assert_snapshot!(config(&format!("[targets.core]\nkind = \"postgres\"\nurl = \"${{CORE}}\"\nlock_timout = \"2s\"\n{REST}"), "validate"), @"
    $ dunlin validate
    [stderr]
    error[config-key-unknown]: `targets.core.lock_timout` is not a key that Dunlin knows
     --> dunlin.toml:6:1
      |
    6 | lock_timout = …
      | ^^^^^^^^^^^
    hint: did you mean `lock_timeout`?
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn a_value_of_the_wrong_type_is_shown() {
    insta::assert_snapshot!(config(&format!("[targets.core]\nkind = \"postgrex\"\nurl = 5\ncreate = \"yes\"\n{REST}"), "validate"), @r#"
    $ dunlin validate
    [stderr]
    error[config-value]: `targets.core.kind` must be `postgres`, `timescale`, `cron` or `clickhouse`, not `postgrex`
     --> dunlin.toml:4:8
      |
    4 | kind = "postgrex"
      |        ^^^^^^^^^^
    hint: did you mean `postgres`?

    error[config-value]: `targets.core.url` must be text, `{ file = "…" }` or `{ command = "…" }`, not a number
     --> dunlin.toml:5:7
      |
    5 | url = …
      |       ^

    error[config-value]: `targets.core.create` must be true or false, not text
     --> dunlin.toml:6:10
      |
    6 | create = "yes"
      |          ^^^^^
    [stdout]
    1 migration of 1 service in 1 target: 3 errors
    [exit 2]
    "#);
}

#[test]
fn broken_toml_is_shown_where_it_breaks() {
    insta::assert_snapshot!(config("[targets.core\nkind = \"postgres\"\n", "validate"), @"
    $ dunlin validate
    [stderr]
    error[config-syntax]: `dunlin.toml` is not valid TOML: unclosed table, expected `]`
     --> dunlin.toml:3:14
      |
    3 | [targets.core
      |              ^
    [exit 2]
    ");
}

#[test]
fn an_unknown_target_of_a_service_is_named() {
    insta::assert_snapshot!(config("[targets.core]\nkind = \"postgres\"\nurl = \"${CORE}\"\n[services.auth]\ntarget = \"cor\"\npath = \"auht\"\n", "validate"), @r#"
    $ dunlin validate
    [stderr]
    error[path-invalid]: path `auht` cannot be opened: it does not exist
     --> dunlin.toml:8:8
      |
    8 | path = "auht"
      |        ^^^^^^
    hint: paths count from the project's root

    error[target-unknown]: set `auth` names the target `cor`, which is not declared
     --> dunlin.toml:6:11
      |
    6 | [services.auth]
      |           ^^^^
    hint: did you mean `core`?
    [stdout]
    0 migrations of 1 service in 1 target: 2 errors
    [exit 2]
    "#);
}

#[test]
fn a_missing_variable_is_only_missed_by_what_connects() {
    insta::assert_snapshot!(offline(r"
//- auth/1_users.sql
SELECT 1;
", "validate\nplan"), @r#"
    $ dunlin validate
    [stdout]
    1 migration of 1 service in 1 target: valid
    [exit 0]

    $ dunlin plan
    [stderr]
    error[variable-missing]: `CORE` is not set, and `targets.core.url` needs it
     --> dunlin.toml:6:7
      |
    6 | url = "${CORE}"
      |       ^^^^^^^^^
    hint: export CORE=…, or give a default in the file: `${CORE:-…}`
    [exit 2]
    "#);
}

#[test]
fn a_url_that_is_none_is_said_without_its_text() {
    insta::assert_snapshot!(config(&format!("[targets.core]\nkind = \"postgres\"\nurl = \"postgres//user:secret@host/db\"\n{REST}"), "plan"), @"
    $ dunlin plan
    [stdout]
    error[target-misconfigured]: target `core`: the connection string is malformed: a key has no `=`
     --> dunlin.toml:3:10
      |
    3 | [targets.core]
      |          ^^^^
    hint: write postgres://user:password@host:port/database, or give host, port, database, user and password

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]
    ");
}

#[test]
fn an_environment_has_to_be_chosen_once_there_are_some() {
    let fixture = r#"
//- auth/1_users.sql
SELECT 1;
//- configs/dev.toml
[targets.core]
lock_timeout = "1s"
//- configs/staging.toml
[targets.core]
lock_timeout = "1s"
"#;
    insta::assert_snapshot!(offline("//- auth/1_users.sql", "up --env nope"), @"
    $ dunlin up --env nope
    [stderr]
    error[environment-unknown]: there is no environment `nope`: `configs/nope.toml` does not exist
    hint: this project has no environments: leave `--env` and DUNLIN_ENV out, or write that file
    [exit 2]
    ");
    insta::assert_snapshot!(offline(fixture, "plan\nup --env nope\nup --env stagin"), @"
    $ dunlin plan
    [stderr]
    error[environment-required]: this project has environments, and none is chosen: `dev` or `staging`
    hint: add `--env NAME`, or set DUNLIN_ENV
    [exit 2]

    $ dunlin up --env nope
    [stderr]
    error[environment-unknown]: there is no environment `nope`: `configs/nope.toml` does not exist
    hint: choose `dev` or `staging`
    [exit 2]

    $ dunlin up --env stagin
    [stderr]
    error[environment-unknown]: there is no environment `stagin`: `configs/stagin.toml` does not exist
    hint: did you mean `staging`?
    [exit 2]
    ");
}

#[test]
fn approval_that_the_policy_asks_for_stops_a_run() {
    let text =
        format!("[targets.core]\nkind = \"postgres\"\nurl = \"${{CORE}}\"\n{REST}[policy]\napproval = \"required\"\n");
    let fixture = format!(
        r#"
//- auth/1_users.sql
SELECT 1;
//- dunlin.toml
[project]
name = "acme"
{text}"#
    );
    insta::assert_snapshot!(crate::support::check(&fixture, "up --yes"), @"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step; its ledger will be created

      1  core  auth/1  users

    error[policy-unsupported]: this environment requires approval, which this version of Dunlin cannot check yet
    hint: plan and validate work; to apply, use an environment whose policy does not ask for it
    [exit 2]
    ");
}
