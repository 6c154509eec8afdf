//! Cycles: each component's shortest is reported, with the places that make it.

use insta::assert_snapshot;

use crate::support::show;

#[test]
fn a_migration_that_needs_itself() {
    assert_snapshot!(show("target core postgres\nset auth core\nauth/1 needs auth/1", "graph"), @"error dependency-self Invalid: `auth/1` depends on itself (line 3)");
}

#[test]
fn two_that_need_each_other() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        set crm core
        auth/1 needs crm/1
        crm/1 needs auth/1
    ", "graph"), @"
    error dependency-cycle Invalid: the dependencies form a cycle: `crm/1` needs `auth/1` needs `crm/1` (line 6)
      `auth/1` needs `crm/1` (line 5)
      hint: remove one of these dependencies
    ");
}

#[test]
fn a_set_whose_first_needs_its_last() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        auth/1 needs auth/4
        auth/2
        auth/3
        auth/4
    ", "graph"), @"
    error dependency-cycle Invalid: the dependencies form a cycle: `auth/4` needs `auth/3` needs `auth/2` needs `auth/1` needs `auth/4` (line 4)
      `auth/2` needs `auth/1` by the order of their set (line 5)
      `auth/3` needs `auth/2` by the order of their set (line 6)
      `auth/4` needs `auth/3` by the order of their set (line 7)
      hint: remove one of these dependencies
    ");
}

#[test]
fn the_shortest_of_several_through_one_migration_and_over_databases() {
    assert_snapshot!(show("
        target core postgres
        target jobs cron
        set auth core
        set cron jobs
        auth/1 needs cron/3
        auth/2
        cron/1 needs auth/2
        cron/2
        cron/3 needs auth/1
    ", "graph"), @"
    error dependency-cycle Invalid: the dependencies form a cycle: `cron/3` needs `auth/1` needs `cron/3` (line 10)
      `auth/1` needs `cron/3` (line 6)
      hint: remove one of these dependencies
    ");
}

#[test]
fn separate_cycles_are_reported_at_once() {
    assert_snapshot!(show("
        target core postgres
        set a core
        set b core
        set c core
        set d core
        a/1 needs b/1
        b/1 needs a/1
        c/1 needs d/1
        d/1 needs c/1
    ", "graph"), @"
    error dependency-cycle Invalid: the dependencies form a cycle: `b/1` needs `a/1` needs `b/1` (line 8)
      `a/1` needs `b/1` (line 7)
      hint: remove one of these dependencies
    error dependency-cycle Invalid: the dependencies form a cycle: `d/1` needs `c/1` needs `d/1` (line 10)
      `c/1` needs `d/1` (line 9)
      hint: remove one of these dependencies
    ");
}

#[test]
fn sets_after_each_other() {
    assert_snapshot!(show("
        target core postgres
        set auth core after crm
        set crm core after auth
        auth/1
        crm/1
    ", "graph"), @"
    error dependency-cycle Invalid: the dependencies form a cycle: `crm/1` needs `auth/1` needs `crm/1`
      `crm/1` needs `auth/1` by `after` (line 4)
      `auth/1` needs `crm/1` by `after` (line 3)
      hint: remove one of these dependencies
    ");
}

#[test]
fn a_set_after_one_that_needs_it() {
    assert_snapshot!(show("
        target core postgres
        set auth core after crm
        set crm core
        auth/1
        crm/1 needs auth/1
    ", "graph"), @"
    error dependency-cycle Invalid: the dependencies form a cycle: `crm/1` needs `auth/1` needs `crm/1` (line 6)
      `auth/1` needs `crm/1` by `after` (line 3)
      hint: remove one of these dependencies
    ");
}

#[test]
fn a_set_after_itself() {
    assert_snapshot!(show("target core postgres\nset auth core after auth\nauth/1", "graph"), @"
    error dependency-cycle Invalid: the dependencies form a cycle: `auth/1` needs `auth/1`
      `auth/1` needs `auth/1` by `after` (line 2)
      hint: remove one of these dependencies
    ");
}
