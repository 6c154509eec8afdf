//! Jobs wait for what they call, unless somebody said otherwise.

use insta::assert_snapshot;

use crate::support::show;

const JOBS: &str = "
    target metrics timescale
    target core postgres
    target jobs cron
    set iot metrics
    set auth core
    set cron jobs
    iot/1
    iot/2
    iot/3
    iot/views repeatable
    auth/1
    makes iot/2 ts.rollup
    makes iot/3 ts.rollup
    makes iot/views ts.rollup
    makes iot/views ts.fresh
    makes auth/1 public.both
    makes iot/1 public.both
    makes cron/1 public.own
";

fn check(lines: &str, command: &str) -> String {
    show(&format!("{JOBS}{lines}"), command)
}

#[test]
fn a_job_waits_for_the_first_migration_that_makes_what_it_calls() {
    assert_snapshot!(check("
        cron/1
        cron/2
        cron/3
        cron/4
        calls cron/2 ts.rollup metrics
        calls cron/2 ts.unknown metrics
        calls cron/2 ts.rollup core
        calls cron/3 ts.fresh real_name
        calls cron/4 public.both real_name
        calls cron/4 public.both core
        calls cron/4 public.own
    ", "graph"), @"
    ");
}

#[test]
fn what_is_declared_counts_more() {
    let lines = "
        cron/1
        cron/2
        iot/4 needs cron/2
        makes iot/4 ts.late
        calls cron/1 ts.late metrics
        calls cron/2 ts.rollup metrics
    ";
    assert_snapshot!(check(lines, "graph"), @"
    ");
    assert_snapshot!(check(lines, "up --set cron"), @"
    ");
}
