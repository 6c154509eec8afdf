//! What is wrong with the command line.

use crate::support::{check, offline};

const TWO: &str = r"
//- auth/1_users.sql
SELECT 1;
//- crm/1_customers.sql
SELECT 1;
";

#[test]
fn no_command_and_a_wrong_one() {
    insta::assert_snapshot!(offline(TWO, "sttus\n--env dev\nup --servce auth"), @"
    $ dunlin sttus
    [stderr]
    error: unrecognized subcommand 'sttus'

      tip: a similar subcommand exists: 'status'

    Usage: dunlin [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [exit 2]

    $ dunlin --env dev
    [stderr]
    error: no command is named

    Usage: dunlin [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [exit 2]

    $ dunlin up --servce auth
    [stderr]
    error: unexpected argument '--servce' found

      tip: a similar argument exists: '--service'

    Usage: dunlin up --service <NAME>

    For more information, try '--help'.
    [exit 2]
    ");
}

#[test]
fn names_that_are_unknown_come_with_suggestions() {
    insta::assert_snapshot!(offline(TWO, "graph --service aut\ngraph --target cor\ngraph --set billing"), @"
    $ dunlin graph --service aut
    [stderr]
    error[service-unknown]: there is no service `aut`
    hint: did you mean `auth`?
    [exit 2]

    $ dunlin graph --target cor
    [stderr]
    error[target-unknown]: there is no target `cor`
    hint: did you mean `core`?
    [exit 2]

    $ dunlin graph --set billing
    [stderr]
    error[set-unknown]: there is no set `billing`
    hint: this project has: auth, crm
    [exit 2]
    ");
}

#[test]
fn a_migration_that_is_unknown_or_ambiguous() {
    insta::assert_snapshot!(offline(TWO, "explain auth/2 --offline\nexplain 1 --offline"), @"
    $ dunlin explain auth/2 --offline
    [stderr]
    error[version-unknown]: no migration is called `auth/2`
    hint: did you mean `auth/1`?
    [exit 2]

    $ dunlin explain 1 --offline
    [stderr]
    error[version-ambiguous]: `1` is the version of several migrations: `auth/1`, `crm/1`
    hint: write the whole id, such as `auth/1`
    [exit 2]
    ");
}

#[test]
fn nobody_to_ask_needs_yes() {
    insta::assert_snapshot!(check(TWO, "up"), @"
    $ dunlin up
    [stderr]
    Plan for acme: 2 steps on 1 database; the longest chain has 1

      core  postgres  PostgreSQL VERSION: 2 steps; its ledger will be created

      1  core  auth/1  users
      2  core  crm/1   customers

    error[confirmation-needed]: there is no terminal to ask at
    hint: add --yes to run it without being asked
    [exit 2]
    ");
}

#[test]
fn programs_get_one_json_document_whatever_happens() {
    insta::assert_snapshot!(offline(TWO, "plan --format json"), @r#"
    $ dunlin plan --format json
    [stdout]
    {
      "version": 1,
      "findings": [
        {
          "code": "variable-missing",
          "severity": "error",
          "class": "invalid",
          "message": "`CORE` is not set, and `targets.core.url` needs it",
          "place": {
            "file": "dunlin.toml",
            "line": 6,
            "column": 7,
            "text": "url = \"${CORE}\"",
            "width": 9
          },
          "hint": "export CORE=…, or give a default in the file: `${CORE:-…}`"
        }
      ]
    }
    [exit 2]
    "#);
    let said = dunlin_tests::Project::of(TWO);
    for words in ["status", "plan", "up --yes", "down --yes", "history", "explain auth/1", "graph --service nope"] {
        let _ = said.dunlin().run(&format!("{words} --format json")).exits(2).json();
    }
}

#[test]
fn spellings_of_other_tools_work() {
    insta::assert_snapshot!(check(TWO, "migrate --service auth --yes --quiet\ninfo\n--list\nstatus --list\nrollback --to auth/1 --yes"), @"
    $ dunlin migrate --service auth --yes --quiet
    [stdout]
    Run RUN: 1 of 1 step done in TIME

      core  1 done  TIME of work, log HEAD

    Done: 1 migration applied.
    [exit 0]

    $ dunlin info
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied
      crm   1 pending
        1  pending  customers

    2 migrations: 1 applied, 1 pending
    [exit 0]

    $ dunlin --list
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied
        1  applied  users  MOMENT UTC  postgres
      crm  1 pending
        1  pending  customers

    2 migrations: 1 applied, 1 pending
    [exit 0]

    $ dunlin status --list
    [stdout]
    core  postgres  PostgreSQL VERSION
      auth  1 applied
        1  applied  users  MOMENT UTC  postgres
      crm  1 pending
        1  pending  customers

    2 migrations: 1 applied, 1 pending
    [exit 0]

    $ dunlin rollback --to auth/1 --yes
    [stdout]
    acme: nothing to take back
    [exit 0]
    ");
}
