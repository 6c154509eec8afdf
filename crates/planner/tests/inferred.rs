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
    auth/1
    cron/1
    iot/1
    iot/2 <sequence iot/1
    cron/2 <inferred iot/2 <sequence cron/1
    iot/3 <sequence iot/2
    iot/views <sequence iot/3
    cron/3 <inferred iot/views <sequence cron/2
    cron/4 <inferred auth/1 <inferred cron/1 <sequence cron/3
    ");
}

/// What runs again whenever it is edited comes behind: the versioned migration has made it first, whatever they are called.
#[test]
fn a_versioned_migration_makes_it_before_a_repeatable_one() {
    assert_snapshot!(check("
        iot/0_views repeatable
        cron/1
        makes iot/0_views ts.late
        makes iot/3 ts.late
        calls cron/1 ts.late metrics
    ", "graph"), @"
    auth/1
    iot/1
    iot/2 <sequence iot/1
    iot/3 <sequence iot/2
    cron/1 <inferred iot/3
    iot/0_views <sequence iot/3
    iot/views <sequence iot/3
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
    auth/1
    cron/1
    iot/1
    iot/2 <sequence iot/1
    cron/2 <inferred iot/2 <sequence cron/1
    iot/3 <sequence iot/2
    iot/4 <sequence iot/3 <declared cron/2
    iot/views <sequence iot/4
    ");
    assert_snapshot!(check(lines, "up --set cron"), @"
    apply cron/1 on jobs
    apply iot/1 on metrics pulled in by cron/2
    apply iot/2 on metrics <sequence iot/1 checks iot/1 pulled in by cron/2
    apply cron/2 on jobs <inferred iot/2 <sequence cron/1 checks iot/2,cron/1
    warning edge-gives-way Invalid: job `nightly` of `cron/1` calls `ts.late`, which `iot/4` makes, and what is declared has `iot/4` come later (line 25)
      hint: what is declared counts; the job fails until the other one is applied
    ");
}
