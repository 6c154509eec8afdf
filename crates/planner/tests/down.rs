//! Plans of `down`: what is taken back, in which order, and what is refused.

use insta::assert_snapshot;

use crate::support::show;

const PROJECT: &str = "
    target core postgres
    target jobs cron
    set auth core
    set crm core
    set cron jobs after crm
    auth/1
    auth/2
    auth/3 no-down
    crm/1
    crm/2 needs auth/2
    crm/3
    crm/views repeatable
    cron/1 needs crm/2
    row core auth/1
    row core auth/2 run r2
    row core crm/1
    row core crm/2 run r2
    row core crm/views run r2
    row jobs cron/1 run r2
";

fn check(command: &str) -> String {
    show(PROJECT, command)
}

#[test]
fn the_last_of_one_set() {
    assert_snapshot!(check("down --set cron"), @"revert cron/1 on jobs");
    assert_snapshot!(check("down"), @"
    error down-ambiguous Invalid: several sets have a last applied migration: `auth/2`, `crm/2`, `cron/1`
      hint: choose one with --set, --service or --version auth/2
    ");
    assert_snapshot!(check("down --set crm"), @"
    revert cron/1 on jobs pulled in by crm/2
    revert crm/2 on core <declared cron/1
    error down-has-dependents Invalid: `crm/2` cannot go alone, applied migrations need it: `cron/1`
      hint: take them back too with --cascade
    ");
}

#[test]
fn nothing_is_applied() {
    assert_snapshot!(show("target core postgres\nset auth core\nauth/1", "down"), @"");
}

#[test]
fn one_version_with_all_that_needs_it() {
    assert_snapshot!(check("down --version auth/2"), @"
    revert cron/1 on jobs pulled in by auth/2
    revert crm/2 on core <declared cron/1 pulled in by auth/2
    revert auth/2 on core <declared crm/2 checks crm/2
    error down-has-dependents Invalid: `auth/2` cannot go alone, applied migrations need it: `crm/2`, `cron/1`
      hint: take them back too with --cascade
    ");
    assert_snapshot!(check("down --version auth/2 --cascade"), @"
    revert cron/1 on jobs pulled in by auth/2
    revert crm/2 on core <declared cron/1 pulled in by auth/2
    revert auth/2 on core <declared crm/2 checks crm/2
    ");
    assert_snapshot!(check("down --version auth/1 --cascade"), @"
    revert cron/1 on jobs pulled in by auth/1
    revert crm/2 on core <declared cron/1 pulled in by auth/1
    revert auth/2 on core <declared crm/2 checks crm/2 pulled in by auth/1
    revert auth/1 on core <sequence auth/2 checks auth/2
    ");
}

#[test]
fn versions_that_are_not_applied_or_not_one() {
    assert_snapshot!(check("down --version auth/3"), @"");
    assert_snapshot!(check("down --version 2"), @"
    error version-ambiguous Invalid: `2` is the version of several migrations: `auth/2`, `crm/2`
      hint: write the whole id, such as `auth/2`
    ");
    assert_snapshot!(check("down --service crm --version auth/2"), @"
    error version-unknown Invalid: no applied migration is called `auth/2`
      hint: `dunlin status` lists them
    ");
}

#[test]
fn everything_after_a_version() {
    assert_snapshot!(check("down --to crm/1 --cascade"), @"
    revert cron/1 on jobs pulled in by crm/2
    revert crm/2 on core <declared cron/1
    ");
    assert_snapshot!(check("down --to auth/2"), @"");
}

#[test]
fn what_one_run_applied() {
    assert_snapshot!(check("down --run r2"), @"
    revert cron/1 on jobs
    revert crm/2 on core <declared cron/1
    revert auth/2 on core <declared crm/2 checks crm/2
    ");
    assert_snapshot!(check("down --run r3"), @"
    error run-unknown Invalid: no applied migration was applied by run `r3`
      hint: `dunlin history` lists the runs
    ");
}

#[test]
fn an_applied_row_remembers_what_the_files_no_longer_say() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        set crm core
        auth/1
        crm/1
        row core auth/1
        row core crm/1 needs auth/1@core
    ", "down --version auth/1"), @"
    revert crm/1 on core pulled in by auth/1
    revert auth/1 on core <sequence crm/1 checks crm/1
    error down-has-dependents Invalid: `auth/1` cannot go alone, applied migrations need it: `crm/1`
      hint: take them back too with --cascade
    ");
}

#[test]
fn a_gap_in_a_sequence_keeps_its_order() {
    assert_snapshot!(show("
        target core postgres
        set auth core out-of-order
        auth/1
        auth/2
        auth/3
        row core auth/1
        row core auth/3
    ", "down --version auth/1 --cascade"), @"
    revert auth/3 on core pulled in by auth/1
    revert auth/1 on core <sequence auth/3 checks auth/3
    ");
}

#[test]
fn refusals_come_before_anything_is_touched() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        auth/1
        auth/2 no-down
        auth/3
        auth/4
        auth/5 alone
        auth/6
        row core auth/1
        row core auth/2
        row core auth/3 edited
        row core auth/4 running
        row core auth/5 running alone
        row core auth/6
    ", "down --version auth/1 --cascade"), @"
    revert auth/6 on core pulled in by auth/1
    revert auth/5 on core <sequence auth/6 checks auth/6 pulled in by auth/1
    revert auth/4 on core <sequence auth/5 checks auth/5 pulled in by auth/1
    revert auth/3 on core <sequence auth/4 checks auth/4 pulled in by auth/1
    revert auth/1 on core checks auth/2
    error migration-unfinished Dirty: `auth/5` was interrupted and is not finished (line 8)
      hint: finish it with `dunlin up` first
    error migration-dirty Dirty: `auth/4` stopped half way (line 7)
      hint: look at the database, then say `dunlin repair done auth/4 --reason TEXT` if all of it is there, `dunlin repair undone auth/4 --reason TEXT` if nothing of it is there
    error migration-edited Drift: `auth/3` was edited since it was applied (line 6)
      hint: put the file back as it was: its down belongs to what was applied
    error down-missing Invalid: `auth/2` has no down (line 5)
      hint: write one, or go forward with a new migration
    ");
}

#[test]
fn what_has_no_file_any_more_cannot_go_first() {
    assert_snapshot!(show("
        target core postgres
        target jobs cron
        set auth core
        auth/1
        row core auth/1
        row core auth/0
        row core auth/2
        row core auth/3 reverted
        row jobs cron/7 needs auth/1@core
    ", "down --version auth/1 --cascade"), @"
    revert auth/1 on core
    error migration-missing Drift: `auth/2` is applied in `core` behind `auth/1`, and no file has it any more
      hint: bring the file back from version control, so that it can be taken back first
    error migration-missing Drift: `cron/7` is applied in `jobs` behind `auth/1`, and no file has it any more
      hint: bring the file back from version control, so that it can be taken back first
    ");
}

#[test]
fn seeds_without_a_down_are_forgotten_with_what_they_need() {
    let fixture = "
        target core postgres
        set auth core
        auth/1
        auth/2 seed no-down
        row core auth/1
        row core auth/2
    ";
    assert_snapshot!(show(fixture, "down"), @"
    revert auth/2 on core pulled in by auth/1
    revert auth/1 on core <sequence auth/2 checks auth/2
    ");
}

#[test]
fn a_repeatable_that_declares_its_need_binds() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        auth/1
        auth/2
        auth/views repeatable needs auth/2
        row core auth/1
        row core auth/2
        row core auth/views
    ", "down"), @"
    revert auth/2 on core checks auth/views
    error down-has-dependents Invalid: `auth/2` cannot go alone, applied migrations need it: `auth/views`
      hint: take them back too with --cascade
    error down-missing Invalid: `auth/views` has no down (line 6)
      hint: write one, or go forward with a new migration
    ");
}

#[test]
fn a_database_that_does_not_answer_may_hold_dependents() {
    assert_snapshot!(show(&format!("{PROJECT}unreachable jobs"), "down --set crm"), @"
    revert crm/2 on core
    error target-unreachable Blocked: target `jobs` is down
    ");
}
