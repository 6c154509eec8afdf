//! Plans of `up`: order, waits, and what the claims check.

use dunlin_planner::{Graph, Scope, Selection, UpRequest, plan_up};
use insta::assert_snapshot;

use crate::support::{Fixture, show};

#[test]
fn everything_pending_in_one_order_over_all_databases() {
    assert_snapshot!(show("
        target core postgres
        target metrics timescale
        set auth core
        set crm core
        set iot metrics
        auth/1
        auth/2 needs crm/1
        crm/1 needs auth/1
        crm/10
        crm/9
        iot/1 needs crm/9
        iot/views repeatable needs auth/2
    ", "up"), @"
    apply auth/1 on core
    apply crm/1 on core <declared auth/1 checks auth/1*
    apply auth/2 on core <sequence auth/1 <declared crm/1 checks auth/1,crm/1*
    apply crm/9 on core <sequence crm/1 checks crm/1
    apply crm/10 on core <sequence crm/9 checks crm/9
    apply iot/1 on metrics <declared crm/9 checks crm/9*
    apply iot/views on metrics <declared auth/2 <sequence iot/1 checks auth/2*,iot/1
    ");
}

#[test]
fn nothing_pending() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        auth/1
        auth/views repeatable
        row core auth/1
        row core auth/views
    ", "up"), @"");
}

#[test]
fn repeatables_that_changed_run_again() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        auth/1
        auth/2
        auth/funcs repeatable
        auth/grants repeatable
        auth/views repeatable
        row core auth/1
        row core auth/funcs
        row core auth/grants reworded
        row core auth/views edited
    ", "up"), @"
    apply auth/2 on core checks auth/1
    again auth/grants on core <sequence auth/2 checks auth/2
    again auth/views on core <sequence auth/2 checks auth/2
    ");
}

#[test]
fn a_version_below_an_applied_one() {
    let fixture = "
        target core postgres
        set auth core FLAG
        auth/1
        auth/2
        auth/3 seed
        auth/4
        auth/5
        row core auth/1
        row core auth/3
        row core auth/4
    ";
    assert_snapshot!(show(&fixture.replace("FLAG", ""), "up"), @"
    apply auth/2 on core checks auth/1
    apply auth/5 on core <after auth/2 checks auth/4
    error out-of-order Invalid: `auth/2` is pending, and `auth/4` of its set is applied already (line 5)
      hint: give it a version after that one, or set `out_of_order = true` for its set
    ");
    assert_snapshot!(show(&fixture.replace("FLAG", "out-of-order"), "up"), @"
    apply auth/2 on core checks auth/1
    apply auth/5 on core <after auth/2 checks auth/4
    ");
}

#[test]
fn a_set_comes_after_another_also_when_its_own_first_is_applied() {
    assert_snapshot!(show("
        target core postgres
        target metrics timescale
        set base core
        set middle core after base
        set iot metrics after middle
        base/1
        base/2
        base/views repeatable
        middle/1
        iot/1
        iot/2
        iot/3
        row core base/1
        row core middle/1
        row metrics iot/1
    ", "up"), @"
    apply base/2 on core checks base/1
    apply base/views on core <sequence base/2 checks base/2
    apply iot/2 on metrics <after base/2 <after base/views checks iot/1
    apply iot/3 on metrics <sequence iot/2 checks iot/2
    ");
}

#[test]
fn claims_check_the_checksum_that_the_ledger_has() {
    let fixture = "
        target core postgres
        set auth core
        auth/1
        auth/2
        row core auth/1 reworded
    ";
    assert_snapshot!(show(fixture, "up"), @"apply auth/2 on core checks auth/1 as it was");
}

#[test]
fn a_step_that_needs_a_session_is_refused_behind_a_pooler() {
    let fixture = "
        target core postgres pooled
        target metrics postgres
        set auth core
        auth/1
        auth/2 alone
        set iot metrics
        iot/1 alone
    ";
    assert_snapshot!(show(fixture, "up"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply iot/1 on metrics
    error session-needed Invalid: `auth/2` runs outside a transaction, and `core` is reached through a connection pooler
      hint: give `core` a `direct_url` that goes past the pooler
    ");
}

#[test]
fn warnings_on_what_is_not_in_the_plan_are_dropped() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        auth/1
        auth/2
        warning auth/1 lint-old
        warning auth/2 lint-new
        row core auth/1
    ", "up"), @"
    apply auth/2 on core checks auth/1
    warning lint-new Invalid: mind `auth/2`
    ");
}

#[test]
fn targets_of_one_database_count_once() {
    let project = "
        target core postgres
        target jobs cron
        target apart postgres oid 6
        target idle postgres oid 7
        same jobs core
        set auth core
        set cron jobs
        set iot apart
        auth/1
        cron/1
        iot/1
    ";
    let fixture = Fixture::parse(project);
    let graph = Graph::build(&fixture.catalog).unwrap();
    let all = Selection::of(&graph, &Scope::default()).unwrap();
    let plan = plan_up(&graph, &all, &fixture.observed, UpRequest { only: false });
    let databases: Vec<_> = plan.databases().into_iter().map(ToString::to_string).collect();
    assert_eq!(databases, ["apart", "core"]);
}
