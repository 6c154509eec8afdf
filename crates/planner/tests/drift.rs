//! What of the past no longer fits the files, as `up` and `status` say it.

use dunlin_planner::{Digest, Graph, Ledger, Observed, Scope, Selection, Statement, status};
use insta::assert_snapshot;

use crate::support::{Fixture, show};

const PROJECT: &str = "
    target core postgres
    target metrics timescale
    set auth core
    set iot metrics
    auth/1
    auth/2 alone
    auth/3
    iot/1 needs auth/1
    iot/2
";

fn check(lines: &str) -> String {
    let fixture = format!("{PROJECT}{lines}");
    format!("{}--\n{}", show(&fixture, "up"), show(&fixture, "status"))
}

#[test]
fn edited_after_it_was_applied() {
    assert_snapshot!(check("row core auth/1 edited"), @"
    apply auth/2 on core checks auth/1 as it was
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics checks auth/1* as it was
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error migration-edited Drift: `auth/1` is applied in `core` with checksum 16350166, and its file was edited since (line 6)
      hint: put the file back as it was, and write the change as a new migration; or say `dunlin repair accept auth/1 --reason TEXT` if the database is as the file says now
    --
    auth/1 edited
    auth/2 pending
    auth/3 pending <auth/2
    iot/1 pending
    iot/2 pending <iot/1
    error migration-edited Drift: `auth/1` is applied in `core` with checksum 16350166, and its file was edited since (line 6)
      hint: put the file back as it was, and write the change as a new migration; or say `dunlin repair accept auth/1 --reason TEXT` if the database is as the file says now
    ");
}

/// What was being taken back is compared with the way back.
#[test]
fn edited_in_the_middle_of_a_down() {
    let digest = |text: &str| Digest::of(text.as_bytes());
    let mut fixture = Fixture::parse(&format!("{PROJECT}row core auth/1\nrow core auth/2 reverting alone begun 2"));
    let migration = &mut fixture.catalog.migrations[1];
    migration.up.statements[0].digest = digest("up");
    let down = migration.down.as_mut().unwrap();
    down.statements =
        ["first", "new"].map(|text| Statement { digest: digest(text), ..down.statements[0].clone() }).into();
    let Some(Observed::Facts(facts)) = fixture.observed.get_mut(&"core".parse().unwrap()) else { unreachable!() };
    let Ledger::Present { rows, .. } = &mut facts.ledger else { unreachable!() };
    rows.get_mut(&migration.id).unwrap().begun = vec![digest("first"), digest("old")];
    let graph = Graph::build(&fixture.catalog).unwrap();
    let everything = Selection::of(&graph, &Scope::default()).unwrap();
    let findings = status(&graph, &everything, &fixture.observed).findings;
    let said: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(said, ["`auth/2` was taken back from `core` up to statement 2, and its statement 2 was edited since"]);
}

/// The words tell an interrupted `down` from an interrupted `up`.
#[test]
fn edited_in_the_middle() {
    for (state, words) in [("running", "interrupted in"), ("reverting", "taken back from")] {
        let said = check(&format!("row core auth/1\nrow core auth/2 {state} alone begun 1 edited"));
        let expected = format!("`auth/2` was {words} `core` up to statement 1, and its statement 1 was edited since");
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn only_comments_were_edited() {
    assert_snapshot!(check("row core auth/1 reworded"), @"
    apply auth/2 on core checks auth/1 as it was
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics checks auth/1* as it was
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    --
    auth/1 applied
    auth/2 pending
    auth/3 pending <auth/2
    iot/1 pending
    iot/2 pending <iot/1
    note migration-reworded Invalid: only comments or white space of `auth/1` changed since it was applied (line 6)
    ");
}

#[test]
fn applied_and_the_file_is_gone() {
    assert_snapshot!(check("
        row core auth/1
        row core auth/1.5
    "), @"
    apply auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error migration-missing Drift: `auth/1.5` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget auth/1.5 --reason TEXT` if nothing of it is there any more, or it no longer matters
    --
    auth/1 applied
    auth/2 pending
    auth/3 pending <auth/2
    iot/1 pending
    iot/2 pending <iot/1
    auth/1.5 missing
    error migration-missing Drift: `auth/1.5` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget auth/1.5 --reason TEXT` if nothing of it is there any more, or it no longer matters
    ");
}

#[test]
fn the_last_file_of_a_set_is_gone() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        row core auth/1
    ", "up --set auth"), @"
    error migration-missing Drift: `auth/1` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget auth/1 --reason TEXT` if nothing of it is there any more, or it no longer matters
    ");
}

#[test]
fn a_whole_set_is_gone_which_only_everything_notices() {
    let lines = "row core billing/1";
    assert_snapshot!(check(lines), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics <declared auth/1 checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error migration-missing Drift: `billing/1` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget billing/1 --reason TEXT` if nothing of it is there any more, or it no longer matters
    --
    auth/1 pending
    auth/2 pending <auth/1
    auth/3 pending <auth/2
    iot/1 pending <auth/1
    iot/2 pending <iot/1
    billing/1 missing
    error migration-missing Drift: `billing/1` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget billing/1 --reason TEXT` if nothing of it is there any more, or it no longer matters
    ");
    assert_snapshot!(show(&format!("{PROJECT}{lines}"), "status --service auth"), @"
    auth/1 pending
    auth/2 pending <auth/1
    auth/3 pending <auth/2
    ");
}

#[test]
fn a_set_that_moved_to_another_database() {
    assert_snapshot!(check("row metrics auth/1"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics <declared auth/1 checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error migration-moved Drift: `auth/1` is applied in `metrics`, and its set now belongs to the target `core` (line 6)
      hint: give the set its target `metrics` back, or use a new set for `core`
    --
    auth/1 pending
    auth/2 pending <auth/1
    auth/3 pending <auth/2
    iot/1 pending <auth/1
    iot/2 pending <iot/1
    error migration-moved Drift: `auth/1` is applied in `metrics`, and its set now belongs to the target `core` (line 6)
      hint: give the set its target `metrics` back, or use a new set for `core`
    ");
}

#[test]
fn a_database_that_went_back_in_time() {
    assert_snapshot!(check("
        ledger core
        row metrics iot/1 needs auth/1@core
    "), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/2 on metrics <after auth/1 checks iot/1
    error closure-broken Drift: `iot/1` is applied in `metrics` and needs `auth/1`, which is no longer applied in `core`
      hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/1` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`
    --
    auth/1 pending
    auth/2 pending <auth/1
    auth/3 pending <auth/2
    iot/1 applied
    iot/2 pending
    error closure-broken Drift: `iot/1` is applied in `metrics` and needs `auth/1`, which is no longer applied in `core`
      hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/1` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`
    ");
}

#[test]
fn a_database_that_was_replaced() {
    assert_snapshot!(check("row metrics iot/1 needs auth/1@old"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/2 on metrics <after auth/1 checks iot/1
    error closure-broken Drift: `iot/1` is applied in `metrics` and needs `auth/1`, which is no longer applied in `core`
      hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/1` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`
    --
    auth/1 pending
    auth/2 pending <auth/1
    auth/3 pending <auth/2
    iot/1 applied
    iot/2 pending
    error closure-broken Drift: `iot/1` is applied in `metrics` and needs `auth/1`, which is no longer applied in `core`
      hint: `core` was restored to an earlier state or changed by hand: restore the databases to one moment; or, to have `auth/1` applied again, say `dunlin adopt --after-restore --target core --reason TEXT`
    ");
}

#[test]
fn a_database_that_was_replaced_and_migrated_again() {
    assert_snapshot!(check("
        row core auth/1
        row metrics iot/1 needs auth/1@old
    "), @"
    apply auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/2 on metrics checks iot/1
    --
    auth/1 applied
    auth/2 pending
    auth/3 pending <auth/2
    iot/1 applied
    iot/2 pending
    ");
}

#[test]
fn what_was_taken_back_is_pending_again() {
    assert_snapshot!(check("
        row core auth/1
        row core auth/2 reverted edited
    "), @"
    apply auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    --
    auth/1 applied
    auth/2 pending
    auth/3 pending <auth/2
    iot/1 pending
    iot/2 pending <iot/1
    ");
}

#[test]
fn a_body_that_left_its_transaction() {
    assert_snapshot!(check("row core auth/1 running"), @"
    apply auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error migration-dirty Dirty: `auth/1` left its transaction in `core` and is applied in part (line 6)
      hint: its text commits or rolls back by itself: look at the database, then say `dunlin repair done auth/1 --reason TEXT` if all of it is there, `dunlin repair undone auth/1 --reason TEXT` if nothing of it is there
    --
    auth/1 dirty
    auth/2 pending <auth/1
    auth/3 pending <auth/2
    iot/1 pending <auth/1
    iot/2 pending <iot/1
    error migration-dirty Dirty: `auth/1` left its transaction in `core` and is applied in part (line 6)
      hint: its text commits or rolls back by itself: look at the database, then say `dunlin repair done auth/1 --reason TEXT` if all of it is there, `dunlin repair undone auth/1 --reason TEXT` if nothing of it is there
    ");
}

#[test]
fn statement_by_statement_it_is_taken_up_again() {
    assert_snapshot!(check("
        row core auth/1
        row core auth/2 running alone
    "), @"
    resume auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    --
    auth/1 applied
    auth/2 running: interrupted; the next `up` resumes it
    auth/3 pending <auth/2
    iot/1 pending
    iot/2 pending <iot/1
    ");
}

#[test]
fn interrupted_statement_by_statement_and_edited_since() {
    assert_snapshot!(check("
        row core auth/1
        row core auth/2 running alone edited begun 1
    "), @"
    apply auth/3 on core checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error migration-edited Drift: `auth/2` was interrupted in `core` up to statement 1, and its statement 1 was edited since (line 7)
      hint: put that statement back as it was, so that the rest can be finished; what comes after it may change. Or look at the database, then say `dunlin repair done auth/2 --reason TEXT` if all of it is there, `dunlin repair undone auth/2 --reason TEXT` if nothing of it is there, `dunlin repair undone auth/2 --statement 1 --reason TEXT` if the edited statement and those behind it have to run
    --
    auth/1 applied
    auth/2 edited
    auth/3 pending <auth/2
    iot/1 pending
    iot/2 pending <iot/1
    error migration-edited Drift: `auth/2` was interrupted in `core` up to statement 1, and its statement 1 was edited since (line 7)
      hint: put that statement back as it was, so that the rest can be finished; what comes after it may change. Or look at the database, then say `dunlin repair done auth/2 --reason TEXT` if all of it is there, `dunlin repair undone auth/2 --reason TEXT` if nothing of it is there, `dunlin repair undone auth/2 --statement 1 --reason TEXT` if the edited statement and those behind it have to run
    ");
}

#[test]
fn interrupted_before_its_first_statement_it_may_be_edited() {
    assert_snapshot!(show(&format!("{PROJECT}row core auth/1\nrow core auth/2 running alone edited"), "up"), @"
    resume auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    ");
}

#[test]
fn interrupted_before_its_first_statement_it_may_become_transactional() {
    assert_snapshot!(show(&format!("{PROJECT}row core auth/1\nrow core auth/2\nrow core auth/3 running alone"), "up"), @"
    apply auth/3 on core checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    ");
}

#[test]
fn what_is_on_its_way_back_is_finished_by_down() {
    let lines = "
        row core auth/1
        row core auth/2 reverting alone begun 1
        row core auth/3 reverted
    ";
    assert_snapshot!(check(lines), @"
    apply auth/3 on core checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error migration-going-back Dirty: `auth/2` is being taken back from `core`, or that was interrupted after 1 of the statements of its down (line 7)
      hint: finish that first: dunlin down --version auth/2
    --
    auth/1 applied
    auth/2 reverting: interrupted while it was taken back; the same `down` finishes it
    auth/3 pending <auth/2
    iot/1 pending
    iot/2 pending <iot/1
    error migration-going-back Dirty: `auth/2` is being taken back from `core`, or that was interrupted after 1 of the statements of its down (line 7)
      hint: finish that first: dunlin down --version auth/2
    ");
    assert_snapshot!(show(&format!("{PROJECT}{lines}"), "down --set auth"), @"resume revert auth/2 on core");
    assert_snapshot!(show(&format!("{PROJECT}{lines}"), "down --version auth/1"), @"
    resume revert auth/2 on core pulled in by auth/1
    revert auth/1 on core <sequence auth/2 checks auth/2
    ");
}

#[test]
fn the_down_of_what_is_on_its_way_back_was_edited() {
    let lines = "
        row core auth/1
        row core auth/2 reverting alone edited begun 1
    ";
    assert_snapshot!(check(lines), @"
    apply auth/3 on core checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error migration-edited Drift: `auth/2` was taken back from `core` up to statement 1, and its statement 1 was edited since (line 7)
      hint: put that statement back as it was, so that the rest can be finished; what comes after it may change. Or look at the database, then say `dunlin repair done auth/2 --reason TEXT` if all of it is gone, `dunlin repair undone auth/2 --reason TEXT` if all of it is there, `dunlin repair undone auth/2 --statement 1 --reason TEXT` if the edited statement and those behind it have to run
    --
    auth/1 applied
    auth/2 edited
    auth/3 pending <auth/2
    iot/1 pending
    iot/2 pending <iot/1
    error migration-edited Drift: `auth/2` was taken back from `core` up to statement 1, and its statement 1 was edited since (line 7)
      hint: put that statement back as it was, so that the rest can be finished; what comes after it may change. Or look at the database, then say `dunlin repair done auth/2 --reason TEXT` if all of it is gone, `dunlin repair undone auth/2 --reason TEXT` if all of it is there, `dunlin repair undone auth/2 --statement 1 --reason TEXT` if the edited statement and those behind it have to run
    ");
    assert_snapshot!(show(&format!("{PROJECT}{lines}"), "down --set auth"), @"
    revert auth/2 on core
    error migration-edited Drift: `auth/2` was taken back in part, and what was done of its down was edited since (line 7)
      hint: put the down's file back as it was, so that it can be finished
    ");
}

#[test]
fn interrupted_while_it_was_taken_back() {
    assert_snapshot!(check("row core auth/1 reverting"), @"
    apply auth/2 on core checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error migration-dirty Dirty: the down of `auth/1` left its transaction in `core` and is done in part (line 6)
      hint: its text commits or rolls back by itself: look at the database, then say `dunlin repair done auth/1 --reason TEXT` if all of it is gone, `dunlin repair undone auth/1 --reason TEXT` if all of it is there
    --
    auth/1 dirty
    auth/2 pending <auth/1
    auth/3 pending <auth/2
    iot/1 pending <auth/1
    iot/2 pending <iot/1
    error migration-dirty Dirty: the down of `auth/1` left its transaction in `core` and is done in part (line 6)
      hint: its text commits or rolls back by itself: look at the database, then say `dunlin repair done auth/1 --reason TEXT` if all of it is gone, `dunlin repair undone auth/1 --reason TEXT` if all of it is there
    ");
}

#[test]
fn a_selection_hears_of_its_own_trouble_only() {
    let lines = "
        row core auth/1
        row core auth/2 edited
        row metrics iot/1
    ";
    assert_snapshot!(show(&format!("{PROJECT}{lines}"), "up --set iot"), @"
    apply iot/2 on metrics checks iot/1
    error migration-edited Drift: `auth/2` is applied in `core` with checksum 48829e0f, and its file was edited since (line 7)
      hint: put the file back as it was, and write the change as a new migration; or say `dunlin repair accept auth/2 --reason TEXT` if the database is as the file says now
    ");
}

#[test]
fn a_database_that_does_not_answer() {
    assert_snapshot!(check("unreachable core"), @"
    apply auth/1 on core
    apply auth/2 on core <sequence auth/1 checks auth/1
    apply auth/3 on core <sequence auth/2 checks auth/2
    apply iot/1 on metrics <declared auth/1 checks auth/1*
    apply iot/2 on metrics <sequence iot/1 checks iot/1
    error target-unreachable Blocked: target `core` is down
    --
    auth/1 unknown
    auth/2 unknown
    auth/3 unknown
    iot/1 pending <auth/1
    iot/2 pending <iot/1
    ");
}
