//! Looking up what headers and dependency files name, and saying what is wrong all at once.

use insta::assert_snapshot;

use crate::support::show;

const TWO_SERVICES: &str = "
    target core postgres
    service auth alias auth-service
    set auth core
    set crm core
    auth/001
    auth/2
    crm/2
    crm/3
";

fn check(lines: &str) -> String {
    show(&format!("{TWO_SERVICES}{lines}"), "graph")
}

#[test]
fn an_edge_kind_for_every_reason() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        set crm core after auth
        auth/1
        auth/2 needs auth/1
        auth/views repeatable
        auth/3 seed
        auth/4
        crm/0 seed
        crm/1 needs auth/2
        crm/2
    ", "graph"), @"
    auth/1
    auth/2 <declared auth/1
    auth/3 <sequence auth/2
    auth/4 <sequence auth/2
    auth/views <sequence auth/4
    crm/0 <after auth/views <after auth/3 <after auth/4
    crm/1 <declared auth/2 <after auth/views <after auth/3 <after auth/4
    crm/2 <sequence crm/1
    ");
}

#[test]
fn names_resolve_by_set_service_alias_and_bare_version() {
    assert_snapshot!(check("
        crm/4 needs auth-service/1
        crm/5 needs 001
        crm/6 needs auth/002 crm/4
    "), @"
    auth/001
    auth/2 <sequence auth/001
    crm/2
    crm/3 <sequence crm/2
    crm/4 <declared auth/001 <sequence crm/3
    crm/5 <declared auth/001 <sequence crm/4
    crm/6 <declared auth/2 <declared crm/4 <sequence crm/5
    ");
}

#[test]
fn a_service_with_several_sets_is_searched_in_all_of_them() {
    assert_snapshot!(show("
        target core postgres
        set iot.base core of iot
        set iot.cron core of iot
        set auth core
        iot.base/1
        iot.base/2
        iot.cron/2
        iot.cron/3
        auth/1 needs iot/1 iot/3
        auth/2 needs iot/2
    ", "graph"), @"
    error dependency-ambiguous Invalid: `auth/2` depends on `iot/2`, which could be `iot.base/2` or `iot.cron/2` (line 11)
      hint: write the whole id, such as `iot.base/2`
    ");
}

#[test]
fn a_bare_version_in_a_file_means_the_files_own_entry_first() {
    assert_snapshot!(check("
        entry deps.yml crm 2 needs
        entry deps.yml crm 3 needs 2 1
    "), @"
    auth/001
    auth/2 <sequence auth/001
    crm/2
    crm/3 <declared auth/001 <declared crm/2
    ");
}

#[test]
fn a_bare_version_that_two_entries_of_the_file_bear() {
    assert_snapshot!(check("
        entry deps.yml crm 2 needs
        entry deps.yml auth 2 needs
        entry deps.yml crm 3 needs 2
    "), @"
    error dependency-ambiguous Invalid: `crm/3` depends on `2`, which could be `auth/2` or `crm/2` (line 13)
      hint: write the whole id, such as `auth/2`
    ");
}

#[test]
fn entries_for_the_same_migration_add_up() {
    assert_snapshot!(check("
        entry deps.yml auth 1 needs
        entry deps.yml auth-service 001 needs
        entry deps.yml crm 3 needs 1
        entry deps.yml crm 3 needs auth/2
    "), @"
    auth/001
    auth/2 <sequence auth/001
    crm/2
    crm/3 <declared auth/001 <declared auth/2 <sequence crm/2
    ");
}

#[test]
fn everything_wrong_is_said_at_once() {
    assert_snapshot!(check("
        set web cor after ath
        set ops core after audit
        crm/4 needs auth/3 2 crm/2
        crm/5 needs aut/2 nowhere/7 9
        crm/6 needs crm/66 a b/c
        crm/6
        entry deps.yml auht 2 needs auth/1
        entry deps.yml crm 8 needs auth/9 99
        auth/3.1 needs crm/7
        crm/7 needs auth/3.1
    "), @"
    error version-duplicate Invalid: `crm/6` is there twice (line 16)
      the same version (line 15)
      hint: give one of the files a new version
    error set-unknown Invalid: set `ops` comes after `audit`, which is not declared (line 12)
      hint: sets are declared under [services]
    error target-unknown Invalid: set `web` names the target `cor`, which is not declared (line 11)
      hint: did you mean `core`?
    error set-unknown Invalid: set `web` comes after `ath`, which is not declared (line 11)
      hint: did you mean `auth`?
    error dependency-missing Invalid: `crm/4` depends on `auth/3`, which no migration set contains (line 13)
      hint: did you mean `crm/3`?
    error dependency-ambiguous Invalid: `crm/4` depends on `2`, which could be `auth/2` or `crm/2` (line 13)
      hint: write the whole id, such as `auth/2`
    error owner-unknown Invalid: `crm/5` depends on `aut/2`, but `aut` is neither a service nor a set (line 14)
      hint: did you mean `auth`?
    error owner-unknown Invalid: `crm/5` depends on `nowhere/7`, but `nowhere` is neither a service nor a set (line 14)
      hint: services and sets are declared in dunlin.toml
    error dependency-missing Invalid: `crm/5` depends on `9`, which no migration set contains (line 14)
      hint: add that migration, or remove the dependency
    error dependency-missing Invalid: `crm/6` depends on `crm/66`, which no migration set contains (line 15)
      hint: did you mean `crm/6`? Otherwise add that migration, or remove the dependency
    error dependency-missing Invalid: `crm/6` depends on `a`, which no migration set contains (line 15)
      hint: add that migration, or remove the dependency
    error owner-unknown Invalid: `crm/6` depends on `b/c`, but `b` is neither a service nor a set (line 15)
      hint: services and sets are declared in dunlin.toml
    error owner-unknown Invalid: an entry names `auht/2`, but `auht` is neither a service nor a set (line 17)
      hint: did you mean `auth`?
    error dependency-missing Invalid: an entry names `crm/8`, which no migration set contains (line 18)
      hint: did you mean `crm/7`? Otherwise add that migration, or remove the dependency
    error dependency-missing Invalid: `crm/8` depends on `auth/9`, which no migration set contains (line 18)
      hint: did you mean `auth/2`? Otherwise add that migration, or remove the dependency
    error dependency-missing Invalid: `crm/8` depends on `99`, which no migration set contains (line 18)
      hint: add that migration, or remove the dependency
    error dependency-cycle Invalid: the dependencies form a cycle: `crm/7` needs `auth/3.1` needs `crm/7` (line 20)
      `auth/3.1` needs `crm/7` (line 19)
      hint: remove one of these dependencies
    ");
}

#[test]
fn versions_that_differ_in_leading_zeros_are_the_same() {
    assert_snapshot!(check("auth/1"), @"
    error version-duplicate Invalid: `auth/1` is there twice (line 10)
      the same version (line 6)
      hint: give one of the files a new version
    ");
}

#[test]
fn nobody_is_told_to_depend_on_itself() {
    assert_snapshot!(check("
        crm/20240101_002 needs crm/20240101_003
        auth/20240101_003 needs crm/20240101_004
        entry deps.yml crm 3 needs 33
    "), @"
    error dependency-missing Invalid: `crm/20240101_002` depends on `crm/20240101_003`, which no migration set contains (line 11)
      hint: did you mean `auth/20240101_003`?
    error dependency-missing Invalid: `auth/20240101_003` depends on `crm/20240101_004`, which no migration set contains (line 12)
      hint: did you mean `crm/20240101_002`? Otherwise add that migration, or remove the dependency
    error dependency-missing Invalid: `crm/3` depends on `33`, which no migration set contains (line 13)
      hint: add that migration, or remove the dependency
    ");
}
