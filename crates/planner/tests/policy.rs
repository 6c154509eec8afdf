//! What an environment's policy refuses, and that it speaks only of what is about to run.

use insta::assert_snapshot;

use crate::support::show;

const PROJECT: &str = "
    target core postgres
    set auth core
    auth/1 no-down
    auth/2 no-down
    auth/3
    auth/4 repeatable no-down
    warning auth/1 drop-table
    warning auth/3 drop-table
    row core auth/1
";

#[test]
fn a_down_may_be_required_of_what_is_applied_from_now_on() {
    assert_snapshot!(show(&format!("{PROJECT}policy require-down"), "up"), @"
    apply auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply auth/4 on core <sequence auth/3 checks auth/3
    error down-required Invalid: `auth/2` has no down, and this environment requires one (line 5)
      hint: write one, or set `require_down = false` under [policy]
    warning drop-table Invalid: mind `auth/3`
    ");
}

#[test]
fn warnings_may_be_refused_of_what_is_applied_from_now_on() {
    assert_snapshot!(show(&format!("{PROJECT}policy deny-warnings"), "up"), @"
    apply auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply auth/4 on core <sequence auth/3 checks auth/3
    error drop-table Invalid: mind `auth/3`
    ");
}
