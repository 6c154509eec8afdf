//! What rests while a run works, and what earlier runs left paused.

use dunlin_planner::{Graph, Scope, Selection, UpRequest, plan_up};
use insta::assert_snapshot;

use crate::support::{Fixture, show};

const JOBS: &str = "
    target core postgres oid 5
    target metrics timescale oid 6
    target jobs cron oid 7 pause maintenance-* vacuum
    set auth core
    set iot metrics
    set cron jobs
    job jobs maintenance-core 5
    job jobs maintenance-metrics 6
    job jobs maintenance-off 5 inactive
    job jobs maintenance-other 99
    job jobs vacuum 7
    job jobs report 5
    auth/1
";

#[test]
fn the_jobs_that_fit_rest_where_the_plan_has_steps() {
    assert_snapshot!(show(&format!("{JOBS} iot/1"), "up"), @"
    pause job `maintenance-core` of jobs, which works in core
    pause job `maintenance-metrics` of jobs, which works in metrics
    apply auth/1 on core
    apply iot/1 on metrics
    ");
    assert_snapshot!(show(&format!("{JOBS} iot/1"), "up --service auth"), @"
    pause job `maintenance-core` of jobs, which works in core
    apply auth/1 on core
    ");
    assert_snapshot!(show(&format!("{JOBS} cron/1"), "up --set cron"), @"
    pause job `vacuum` of jobs, which works in jobs
    apply cron/1 on jobs
    ");
    assert_snapshot!(show(&format!("{JOBS} row core auth/1"), "up"), @"");
    assert_snapshot!(show(&format!("{JOBS} row core auth/1"), "down"), @"
    pause job `maintenance-core` of jobs, which works in core
    revert auth/1 on core
    ");
}

#[test]
fn what_others_left_paused_is_resumed_even_where_there_is_nothing_else_to_do() {
    let left = format!("{JOBS} row core auth/1\n paused jobs maintenance-core r1\n paused jobs vacuum r2 held");
    for command in ["up", "down", "up --service auth", "status"] {
        assert!(show(&left, command).contains("maintenance-core"), "{command}");
    }
    assert_snapshot!(show(&left, "up"), @"
    resume job `maintenance-core` of jobs, owed by r1
    ");
    assert_snapshot!(show(&left, "status"), @"
    paused job `maintenance-core` of jobs, owed by r1
    paused job `vacuum` of jobs, held by r2
    auth/1 applied
    ");
}

/// A pooler is in the way of a pause only where there is one.
#[test]
fn nothing_to_pause_needs_no_session() {
    assert_snapshot!(show("
        target core postgres oid 5
        target jobs cron oid 7 pooled pause maintenance-*
        set auth core
        job jobs report 5
        auth/1
    ", "up"), @"apply auth/1 on core");
}

#[test]
fn a_plan_has_work_where_it_has_steps_or_debts() {
    for (rows, work) in [
        ("", true),
        ("row core auth/1", false),
        ("row core auth/1\npaused jobs vacuum r1", true),
        ("row core auth/1\npaused jobs vacuum r1 held", false),
    ] {
        let fixture = Fixture::parse(&format!("{JOBS}{rows}"));
        let graph = Graph::build(&fixture.catalog).unwrap();
        let everything = Selection::of(&graph, &Scope::default()).unwrap();
        let plan = plan_up(&graph, &everything, &fixture.observed, UpRequest::default());
        assert_eq!(plan.has_work(), work, "{rows}");
    }
}

#[test]
fn what_cannot_be_paused_is_said_before_anything_runs() {
    assert_snapshot!(show("
        target core postgres oid 5
        target jobs cron oid 7 pooled pause *
        target more cron oid 8 pause *
        target rest cron oid 9 pause *
        set auth core
        job jobs any 5
        job jobs other 99
        unreadable more
        unreachable rest
        auth/1
    ", "up"), @"
    pause job `any` of jobs, which works in core
    apply auth/1 on core
    error target-unreachable Blocked: target `rest` is down
    error session-needed Invalid: `jobs` pauses jobs for the length of a run, and is reached through a connection pooler: nothing there shows that a run still lives (line 3)
      hint: give `jobs` a `direct_url` that goes past the pooler
    error pause-unreadable Failed: what `pause` of target `more` names cannot be read: permission denied (line 4)
      hint: let the role that migrates read it, or take `pause` away from the target
    ");
}
