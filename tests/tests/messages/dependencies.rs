//! What is wrong between migrations.

use crate::support::offline;

#[test]
fn a_cycle_over_two_services_is_shown_with_every_place() {
    insta::assert_snapshot!(offline(r"
//- auth/1_users.sql
-- dunlin: depends crm/2
SELECT 1;
//- crm/1_customers.sql
-- Dependencies: auth/1
SELECT 1;
//- crm/2_contacts.sql
SELECT 1;
", "validate\nplan"), @"
    $ dunlin validate
    [stderr]
    error[dependency-cycle]: the dependencies form a cycle: `crm/2` needs `crm/1` needs `auth/1` needs `crm/2`
     --> crm/1_customers.sql:1:18
      |
    1 | -- Dependencies: auth/1
      |                  ^^^^^^
      |
    note: `crm/2` needs `crm/1` by the order of their set
     --> crm/2_contacts.sql:1:1
    note: `auth/1` needs `crm/2`
     --> auth/1_users.sql:1:20
      |
    1 | -- dunlin: depends crm/2
      |                    ^^^^^
    hint: remove one of these dependencies
    [stdout]
    3 migrations of 2 services in 1 target: 1 error
    [exit 2]

    $ dunlin plan
    [stderr]
    error[dependency-cycle]: the dependencies form a cycle: `crm/2` needs `crm/1` needs `auth/1` needs `crm/2`
     --> crm/1_customers.sql:1:18
      |
    1 | -- Dependencies: auth/1
      |                  ^^^^^^
      |
    note: `crm/2` needs `crm/1` by the order of their set
     --> crm/2_contacts.sql:1:1
    note: `auth/1` needs `crm/2`
     --> auth/1_users.sql:1:20
      |
    1 | -- dunlin: depends crm/2
      |                    ^^^^^
    hint: remove one of these dependencies
    [exit 2]
    ");
}

#[test]
fn a_missing_dependency_comes_with_a_suggestion() {
    insta::assert_snapshot!(offline(r"
//- auth/20240101_001_auth_users.sql
SELECT 1;
//- crm/20240101_003_crm_customers.sql
-- Dependencies: auth/20240101_010, billing/7
SELECT 1;
", "validate"), @"
    $ dunlin validate
    [stderr]
    error[dependency-missing]: `crm/20240101_003` depends on `auth/20240101_010`, which no migration set contains
     --> crm/20240101_003_crm_customers.sql:1:18
      |
    1 | -- Dependencies: auth/20240101_010, billing/7
      |                  ^^^^^^^^^^^^^^^^^
    hint: did you mean `auth/20240101_001`? Otherwise add that migration, or remove the dependency

    error[owner-unknown]: `crm/20240101_003` depends on `billing/7`, but `billing` is neither a service nor a set
     --> crm/20240101_003_crm_customers.sql:1:37
      |
    1 | -- Dependencies: auth/20240101_010, billing/7
      |                                     ^^^^^^^^^
    hint: services and sets are declared in dunlin.toml
    [stdout]
    2 migrations of 2 services in 1 target: 2 errors
    [exit 2]
    ");
}

#[test]
fn a_bare_version_that_two_bear_is_ambiguous() {
    insta::assert_snapshot!(offline(r"
//- auth/1_users.sql
SELECT 1;
//- billing/1_bills.sql
SELECT 1;
//- crm/2_customers.sql
-- Dependencies: 1
SELECT 1;
", "validate"), @"
    $ dunlin validate
    [stderr]
    error[dependency-ambiguous]: `crm/2` depends on `1`, which could be `auth/1` or `billing/1`
     --> crm/2_customers.sql:1:18
      |
    1 | -- Dependencies: 1
      |                  ^
    hint: write the whole id, such as `auth/1`
    [stdout]
    3 migrations of 3 services in 1 target: 1 error
    [exit 2]
    ");
}

const DEPENDENCIES: &str = "
//- dunlin.toml
[project]
name = \"acme\"
dependencies = [\"dependencies.yml\"]
[targets.core]
kind = \"postgres\"
url = \"${CORE}\"
[services.auth]
target = \"core\"
path = \"auth\"
//- auth/1_users.sql
SELECT 1;
//- auth/2_roles.sql
SELECT 1;
//- dependencies.yml
";

fn yaml(text: &str) -> String {
    offline(&format!("{DEPENDENCIES}{text}"), "validate")
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    insta::assert_snapshot!(yaml(r#"
migrations:
  - version: "2"
    service: auth
    version: "1"
"#), @r#"
    $ dunlin validate
    [stderr]
    error[dependencies-invalid]: dependency file `dependencies.yml`: the key `version` stands twice
     --> dependencies.yml:5:5
      |
    5 |     version: "1"
      |     ^
    hint: remove one of them
    [stdout]
    2 migrations of 1 service in 1 target: 1 error
    [exit 2]
    "#);
}

#[test]
fn anchors_are_refused() {
    insta::assert_snapshot!(yaml(r#"
migrations:
  - &one
    version: "2"
    service: auth
  - *one
"#), @r#"
    $ dunlin validate
    [stderr]
    error[dependencies-invalid]: dependency file `dependencies.yml`: anchors and aliases are not allowed here
     --> dependencies.yml:4:5
      |
    4 |     version: "2"
      |     ^
    hint: write the value out
    [stdout]
    2 migrations of 1 service in 1 target: 1 error
    [exit 2]
    "#);
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    insta::assert_snapshot!(yaml(r#"
migrations:
  - version: "2"
    service: auth
    dependency: ["1"]
"#), @r#"
    $ dunlin validate
    [stderr]
    error[dependencies-invalid]: dependency file `dependencies.yml`: unknown key `dependency`; known here: version, service, dependencies
     --> dependencies.yml:5:5
      |
    5 |     dependency: ["1"]
      |     ^
    hint: did you mean `dependencies`?
    [stdout]
    2 migrations of 1 service in 1 target: 1 error
    [exit 2]
    "#);
}

#[test]
fn an_entry_of_an_unknown_service_is_refused() {
    insta::assert_snapshot!(yaml(r#"
migrations:
  - version: "2"
    service: aut
    dependencies: ["1"]
"#), @r#"
    $ dunlin validate
    [stderr]
    error[owner-unknown]: an entry names `aut/2`, but `aut` is neither a service nor a set
     --> dependencies.yml:3:14
      |
    3 |   - version: "2"
      |              ^^^
    hint: did you mean `auth`?
    [stdout]
    2 migrations of 1 service in 1 target: 1 error
    [exit 2]
    "#);
}

#[test]
fn a_dependency_file_that_is_gone_is_named() {
    insta::assert_snapshot!(offline(&DEPENDENCIES.replace("//- dependencies.yml\n", ""), "validate"), @r#"
    $ dunlin validate
    [stderr]
    error[dependencies-unreadable]: dependency file `dependencies.yml` cannot be opened: it does not exist
     --> dunlin.toml:3:17
      |
    3 | dependencies = ["dependencies.yml"]
      |                 ^^^^^^^^^^^^^^^^^^
    hint: write it, or take it out of `dependencies`; paths count from the project's root
    [stdout]
    2 migrations of 1 service in 1 target: 1 error
    [exit 2]
    "#);
}
