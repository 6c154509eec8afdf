//! `dunlin.toml` and environment files: what is unknown, wrong, missing or in conflict.

use insta::assert_snapshot;

use crate::fixture::{ONE_SET, catalog, findings, shown, shown_in};

const MANY_MISTAKES: &str = "//- dunlin.toml
[project]
name = \"p\"
nmae = \"q\"
[targets.db]
url = { file = \"secret\" }
kind = \"postgers\"
enabled = \"yes\"
lock_timeout = 500
timeout = \"5 parsecs\"
settings = { a = [1] }
pasword = \"hunter2\"
[targets.other]
host = \"h\"
port = 99999
[polcy]
seeds = true
[policy]
lint = \"denny\"
seeds = 1979-05-27";

#[test]
fn unknown_keys_and_wrong_types_are_reported_all_at_once() {
    assert_snapshot!(shown(MANY_MISTAKES, findings), @r#"
error[config-key-unknown]: `project.nmae` is not a key that Dunlin knows
  at dunlin.toml:3:1
   | nmae = "q"
   | ^^^^
  hint: did you mean `name`?
error[config-value]: `targets.db.kind` must be `postgres`, `timescale`, `cron` or `clickhouse`, not `postgers`
  at dunlin.toml:6:8
   | kind = "postgers"
   |        ^^^^^^^^^^
  hint: did you mean `postgres`?
error[config-value]: `targets.db.enabled` must be true or false, not text
  at dunlin.toml:7:11
   | enabled = "yes"
   |           ^^^^^
error[config-value]: `targets.db.lock_timeout` must be a number with its unit, such as `500ms`, `2s` or `10min`
  at dunlin.toml:8:16
   | lock_timeout = 500
   |                ^^^
error[config-value]: `targets.db.timeout` must be a number with its unit, such as `500ms`, `2s` or `10min`
  at dunlin.toml:9:11
   | timeout = "5 parsecs"
   |           ^^^^^^^^^^^
error[config-value]: `targets.db.settings.a` must be text, a number, true or false
  at dunlin.toml:10:18
   | settings = { a = …
   |                  ^
error[config-key-unknown]: `targets.db.pasword` is not a key that Dunlin knows
  at dunlin.toml:11:1
   | pasword = …
   | ^^^^^^^
  hint: did you mean `password`?
error[config-value]: `targets.other.port` must be a port from 1 to 65535
  at dunlin.toml:14:8
   | port = 99999
   |        ^^^^^
error[config-key-unknown]: `polcy` is not a key that Dunlin knows
  at dunlin.toml:15:2
   | [polcy]
   |  ^^^^^
  hint: did you mean `policy`?
error[config-value]: `policy.lint` must be `off`, `warn` or `deny`, not `denny`
  at dunlin.toml:18:8
   | lint = "denny"
   |        ^^^^^^^
  hint: did you mean `deny`?
error[config-value]: `policy.seeds` must be true or false, not a number or date of this form
  at dunlin.toml:19:9
   | seeds = 1979-05-27
   |         ^^^^^^^^^^
"#);
}

#[test]
fn keys_of_services_are_checked_too() {
    assert_snapshot!(shown(
        &format!("{ONE_SET}[services.t]\ntarget = \"db\"\npath = \"\"\ninclude = [\"a\", 1]\nnaming = \"flywya\"\n[\"services\".\"no name\"]\n[services.u]\npath = 1\n//- m/V1__a.sql\nselect 1"),
        findings
    ), @r#"
error[config-value]: `services.t.path` is empty
  at dunlin.toml:10:8
   | path = ""
   |        ^^
error[config-value]: `services.t.include[1]` must be text, not a number
  at dunlin.toml:11:17
   | include = ["a", 1]
   |                 ^
error[config-value]: `services.t.naming` must be `flyway`, `up-down`, `timestamp-service` or `timestamp-phase`, not `flywya`
  at dunlin.toml:12:10
   | naming = "flywya"
   |          ^^^^^^^^
  hint: did you mean `flyway`?
error[config-name]: `no name` is not a valid name: letters, digits, `.`, `_` and `-` only, at most 200
  at dunlin.toml:13:13
   | ["services"."no name"]
   |             ^^^^^^^^^
error[config-value]: `services.u.path` must be text, not a number
  at dunlin.toml:15:8
   | path = 1
   |        ^
error[config-missing-key]: set `u` has no `target`
  at dunlin.toml:14:11
   | [services.u]
   |           ^
  hint: add `target = "…"`, the name of one of [targets]
"#);
}

#[test]
fn what_is_missing_is_named() {
    assert_snapshot!(shown(
        "//- dunlin.toml
[targets.db]
url = \"embedded\"
[services.a]
[services.b]
path = \"m\"
[services.c]
target = \"db\"
[services.d]
target = \"db\"
path = \"nowhere\"
[services.e.sets.one]
path = \"m\"
[policy]
backup = \"required\"
//- m/V1__a.sql
select 1",
        findings
    ), @r#"
error[config-missing-key]: the project has no name
  at dunlin.toml:1:1
  hint: add `name = "…"` under [project]; it is part of every ledger's key
error[backup-command-missing]: a backup is required, and no command takes one
  at dunlin.toml:14:1
   | backup = "required"
   | ^^^^^^
  hint: add [backup] with `command = "…"`
error[config-missing-key]: service `a` has no `path` and no `sets`
  at dunlin.toml:3:11
   | [services.a]
   |           ^
  hint: add `path = "…"`, or [services.a.sets.NAME]
error[config-missing-key]: set `b` has no `target`
  at dunlin.toml:4:11
   | [services.b]
   |           ^
  hint: add `target = "…"`, the name of one of [targets]
error[config-missing-key]: service `c` has no `path` and no `sets`
  at dunlin.toml:6:11
   | [services.c]
   |           ^
  hint: add `path = "…"`, or [services.c.sets.NAME]
error[config-missing-key]: set `e.one` has no `target`
  at dunlin.toml:11:18
   | [services.e.sets.one]
   |                  ^^^
  hint: add `target = "…"`, the name of one of [targets]
error[path-invalid]: path `nowhere` cannot be opened: it does not exist
  at dunlin.toml:10:8
   | path = "nowhere"
   |        ^^^^^^^^^
  hint: paths count from the project's root
"#);
}

#[test]
fn what_contradicts_itself_is_an_error() {
    assert_snapshot!(shown(
        "//- dunlin.toml
[project]
name = \"p q\"
[targets.db]
url = \"postgres://h/d\"
host = \"h\"
database = \"d\"
[services.a]
target = \"db\"
path = \"a\"
paths = [\"b\"]
aliases = [\"x y\"]
variables = { a = 1 }
formerly = \"c\"
//- a/V1__a.sql
select 1",
        findings
    ), @r#"
error[config-name]: `p q` is not a valid name: letters, digits, `.`, `_` and `-` only, at most 200
  at dunlin.toml:2:8
   | name = "p q"
   |        ^^^^^
error[config-conflict]: target `db` has both a `url` and parts of one
  at dunlin.toml:4:1
   | url = …
   | ^^^
  a part: dunlin.toml:5:1
  hint: remove one of them
error[config-conflict]: `targets.db.database` stands beside a `url`, which names the database itself
  at dunlin.toml:6:1
   | database = "d"
   | ^^^^^^^^
error[config-conflict]: set `a` has both `path` and `paths`
  at dunlin.toml:9:8
   | path = "a"
   |        ^^^
  `paths`: dunlin.toml:10:10
  hint: remove one of them
error[not-supported]: `variables` of set `a` asks for filling values into SQL, which is not supported yet
  at dunlin.toml:12:1
   | variables = { a = 1 }
   | ^^^^^^^^^
error[not-supported]: `formerly` of set `a` asks for renaming a set, which is not supported yet
  at dunlin.toml:13:1
   | formerly = "c"
   | ^^^^^^^^
error[config-name]: `x y` is not a valid name: letters, digits, `.`, `_` and `-` only, at most 200
  at dunlin.toml:11:12
   | aliases = ["x y"]
   |            ^^^^^
"#);
}

#[test]
fn names_mean_one_thing() {
    assert_snapshot!(shown(
        &format!("{ONE_SET}aliases = [\"b\"]\n[services.b]\ntarget = \"db\"\npath = \"b\"\n[services.b.sets.c]\npath = \"c\"\n[services.\"b.c\"]\ntarget = \"db\"\npath = \"d\"\n//- m/V1__a.sql\nselect 1\n//- c/V1__a.sql\nselect 1\n//- d/V1__a.sql\nselect 1"),
        findings
    ), @r#"
error[config-conflict]: service `b` has both a path of its own and `sets`
  at dunlin.toml:11:1
   | path = "b"
   | ^^^^
  hint: move the path into a set: [services.b.sets.NAME]
error[alias-ambiguous]: `b` is a name of both service `b` and service `s`
  at dunlin.toml:5:11
   | [services.s]
   |           ^
  the other one: dunlin.toml:9:11
error[set-duplicate]: there are two sets `b.c`
  at dunlin.toml:14:11
   | [services."b.c"]
   |           ^^^^^
  the other one: dunlin.toml:12:18
  hint: rename one of them
"#);
}

#[test]
fn text_that_is_no_toml_keeps_its_secrets() {
    assert_snapshot!(shown(
        "//- dunlin.toml
[targets.db]
password = \"hunter2
url = hunter3
kind = = \"x\"
[project
name = \"p\"",
        findings
    ), @r#"
FAILED
error[config-syntax]: `dunlin.toml` is not valid TOML: extra `=`, expected nothing
  at dunlin.toml:4:8
   | kind = = …
   |        ^
error[config-syntax]: `dunlin.toml` is not valid TOML: unexpected key or value, expected newline, `#`
  at dunlin.toml:4:10
   | kind = = …
   |          ^
error[config-syntax]: `dunlin.toml` is not valid TOML: unclosed table, expected `]`
  at dunlin.toml:5:9
   | [project
   |         ^
error[config-syntax]: `dunlin.toml` is not valid TOML: invalid basic string, expected `"`
  at dunlin.toml:2:20
   | password = …
   |                    ^
error[config-syntax]: `dunlin.toml` is not valid TOML: string values must be quoted, expected literal string
  at dunlin.toml:3:7
   | url = …
   |       ^
"#);
    assert_snapshot!(shown("//- dunlin.toml\n[project]\nname = \"p\"\nname = \"q\"\n[targets.db]\nurl = \"hunter2\"\nurl = \"hunter3\"", findings), @r#"
FAILED
error[config-syntax]: `dunlin.toml` is not valid TOML: duplicate key
  at dunlin.toml:3:1
   | name = "q"
   | ^^^^
error[config-syntax]: `dunlin.toml` is not valid TOML: duplicate key
  at dunlin.toml:6:1
   | url = …
   | ^^^
"#);
}

#[test]
fn no_configuration_is_a_failure_that_says_where_was_looked() {
    assert_snapshot!(shown("", findings), @r#"
FAILED
error[config-missing]: no `dunlin.toml` and no `configs/dunlin.toml` in `ROOT` or any directory above it
  hint: `dunlin init` makes one; `--config FILE` names one elsewhere
"#);
}

const ENVIRONMENTS: &str = "//- configs/dunlin.toml
[project]
name = \"p\"
[targets.db]
url = \"${DB_URL}\"
role = \"owner\"
settings = { a = \"1\", b = \"2\" }
[services.s]
target = \"db\"
path = \"m\"
requires = [\"x\"]
//- configs/dev.toml
[targets.db]
url = \"embedded\"
settings = { b = \"3\" }
[services.s]
requires = [\"y\"]
[services.extra]
target = \"db\"
path = \"n\"
//- configs/broken.toml
[targets.db]
rol = 1
[targets]
extra = 1
//- m/V1__a.sql
select 1
//- n/V1__a.sql
select 1";

#[test]
fn an_environment_is_laid_over_key_by_key() {
    assert_snapshot!(shown_in(ENVIRONMENTS, Some("dev"), |project| {
        let connection = project.connections.values().next().unwrap();
        let requires: Vec<_> = project.catalog.sets.values().map(|set| format!("{} {:?}", set.name, set.requires)).collect();
        format!(
            "{:?} {:?} {:?}\n{requires:?}\n{}",
            project.catalog.environment,
            connection.defaults.role,
            connection.defaults.settings,
            catalog(project)
        )
    }), @r#"
Some(`dev`) Some("owner") {"a": "1", "b": "3"}
["extra []", "s [Feature(\"y\")]"]
set extra of extra on db: flyway
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
extra/1 a Versioned up n/V1__a.sql {1tx}
"#);
}

#[test]
fn an_environment_must_be_chosen_where_there_are_some() {
    assert_snapshot!(shown(ENVIRONMENTS, findings), @r#"
FAILED
error[environment-required]: this project has environments, and none is chosen: `broken` or `dev`
  hint: add `--env NAME`, or set DUNLIN_ENV
"#);
    assert_snapshot!(shown_in(ENVIRONMENTS, Some("dve"), findings), @r#"
FAILED
error[environment-unknown]: there is no environment `dve`: `configs/dve.toml` does not exist
  hint: choose `broken` or `dev`
"#);
    assert_snapshot!(shown_in(ENVIRONMENTS, Some("../dev"), findings), @r#"
FAILED
error[environment-unknown]: there is no environment `../dev`: `configs/../dev.toml` does not exist
  hint: choose `broken` or `dev`
"#);
    assert_snapshot!(shown_in(ENVIRONMENTS, Some("broken"), findings), @r#"
error[config-key-unknown]: `targets.db.rol` is not a key that Dunlin knows
  at configs/broken.toml:2:1
   | rol = …
   | ^^^
  hint: did you mean `role`?
error[config-value]: `targets.extra` must be a table, not a number
  at configs/broken.toml:4:9
   | extra = …
   |         ^
"#);
    assert_snapshot!(shown_in(ONE_SET, Some("dev"), findings), @"
    FAILED
    error[environment-unknown]: there is no environment `dev`: `configs/dev.toml` does not exist
      hint: this project has no environments: leave `--env` and DUNLIN_ENV out, or write that file
    ");
}

#[test]
fn services_share_what_they_say_with_their_sets() {
    assert_snapshot!(shown(
        "//- dunlin.toml
[project]
name = \"p\"
[targets.db]
url = \"embedded\"
lock_timeout = \"500ms\"
role = \"owner\"
[services.iot]
target = \"db\"
search_path = \"iot\"
settings = { a = \"1\", b = 2 }
[services.iot.sets.one]
path = \"m\"
lock_timeout = \"2s\"
settings = { b = true }
[services.iot.sets.two]
path = \"n\"
search_path = \"two\"
after = [\"iot.one\", \"metrics\", \"nothing\"]
[services.other]
aliases = [\"metrics\"]
target = \"db\"
path = \"o\"
//- m/V1__a.sql
-- dunlin: timeout 3min
select 1
//- n/V1__a.sql
-- dunlin: role other
BEGIN ISOLATION LEVEL SERIALIZABLE;
select 1;
COMMIT;
//- o/V1__a.sql
select 1",
        |project| {
            let settings: Vec<_> = project.catalog.migrations.iter().map(|it| format!("{:?}", it.up.settings)).collect();
            format!("{}\n{}", settings.join("\n"), catalog(project))
        }
    ), @r#"
StepSettings { isolation: None, lock_timeout: Some(2s), timeout: Some(180s), role: Some("owner"), search_path: Some("iot"), settings: {"a": "1", "b": "true"} }
StepSettings { isolation: Some("ISOLATION LEVEL SERIALIZABLE"), lock_timeout: Some(500ms), timeout: None, role: Some("other"), search_path: Some("two"), settings: {"a": "1", "b": "2"} }
StepSettings { isolation: None, lock_timeout: Some(500ms), timeout: None, role: Some("owner"), search_path: None, settings: {} }
set iot.one of iot on db: flyway
set iot.two of iot on db: flyway after iot.one (dunlin.toml:18:10) after other (dunlin.toml:18:21) after nothing (dunlin.toml:18:32)
set other of other on db: flyway
iot.one/1 a Versioned up m/V1__a.sql {2tx}
iot.two/1 a Versioned up n/V1__a.sql {3tx}
other/1 a Versioned up o/V1__a.sql {1tx}
"#);
}
