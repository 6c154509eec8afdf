//! What is pending and selected, yet not in the plan, and why.

use insta::assert_snapshot;

use crate::support::show;

#[test]
fn a_feature_is_missing_and_the_set_is_held_with_what_needs_it() {
    assert_snapshot!(show("
        target metrics timescale offers timescaledb
        set iot metrics requires timescaledb timescaledb-tsl
        set web metrics
        iot/1
        iot/2
        web/1
        web/2 needs iot/2
        web/3
    ", "up"), @"
    apply web/1 on metrics
    held iot/1: the server does not offer `timescaledb-tsl`
    held iot/2: the server does not offer `timescaledb-tsl`
    held web/2: it needs `iot/2`, which is held back
    held web/3: it needs `web/2`, which is held back
    ");
}

#[test]
fn a_feature_is_missing_and_the_plan_is_refused_once() {
    assert_snapshot!(show("
        target metrics timescale
        set iot metrics requires timescaledb-tsl refuse
        iot/1
        iot/2
    ", "up"), @r#"
    held iot/1: the server does not offer `timescaledb-tsl`
    held iot/2: the server does not offer `timescaledb-tsl`
    error feature-missing Invalid: set `iot` requires `timescaledb-tsl`, which the server of `metrics` does not offer (line 3)
      hint: install `timescaledb-tsl` there, or set `missing = "hold"` for set `iot`
    "#);
}

#[test]
fn a_feature_that_is_offered_holds_nothing() {
    assert_snapshot!(show("
        target metrics timescale offers timescaledb-tsl
        set iot metrics requires timescaledb-tsl
        iot/1
    ", "up"), @"apply iot/1 on metrics");
}

#[test]
fn a_target_that_is_off() {
    assert_snapshot!(show("
        target core postgres
        target analytics postgres off
        set facts analytics
        set auth core after facts
        facts/1
        auth/1
        auth/2 needs facts/1
    ", "up"), @"
    apply auth/1 on core
    held facts/1: its target is switched off in this environment
    held auth/2: it needs `facts/1`, which is held back
    ");
}

#[test]
fn seeds_wait_for_the_policy() {
    let fixture = "
        target core postgres
        set auth core
        auth/1
        auth/2 seed
        auth/3
        auth/4 seed needs auth/2
    ";
    assert_snapshot!(show(fixture, "up"), @"
    apply auth/1 on core
    apply auth/3 on core <sequence auth/1 checks auth/1
    held auth/2: the policy loads no seeds
    held auth/4: the policy loads no seeds
    ");
    assert_snapshot!(show(&format!("{fixture}policy seeds"), "up"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply auth/3 on core <sequence auth/1 checks auth/1
    apply auth/4 on core <declared auth/2 <sequence auth/3 checks auth/2*,auth/3
    ");
}

#[test]
fn what_is_applied_is_not_held() {
    assert_snapshot!(show("
        target metrics timescale
        set iot metrics requires timescaledb-tsl
        iot/1
        iot/2
        row metrics iot/1
    ", "up"), @"held iot/2: the server does not offer `timescaledb-tsl`");
}

#[test]
fn what_needs_an_applied_one_of_a_held_set_is_not_held() {
    assert_snapshot!(show("
        target metrics timescale
        set iot metrics requires timescaledb-tsl
        set web metrics
        iot/1
        iot/2
        web/1 needs iot/1
        row metrics iot/1
    ", "up"), @"
    apply web/1 on metrics checks iot/1*
    held iot/2: the server does not offer `timescaledb-tsl`
    ");
}
