//! One word for every state.

use dunlin_planner::{Graph, MigrationStatus, Scope, Selection, StateWord, status};
use insta::assert_snapshot;

use crate::support::{Fixture, show};

#[test]
fn a_word_for_every_state() {
    assert_snapshot!(show("
        target core postgres
        target far postgres
        target off postgres off
        set auth core
        set jobs core requires cron
        set far far
        set off off
        auth/01
        auth/02
        auth/03
        auth/04 alone
        auth/05
        auth/06
        auth/08
        auth/09
        auth/funcs repeatable
        auth/views repeatable
        auth/10 seed
        jobs/1
        jobs/2
        far/1
        off/1
        row core auth/01
        row core auth/02 edited
        row core auth/03 running
        row core auth/04 running alone
        row core auth/05 reverting
        row core auth/07
        row core auth/08
        row core auth/09 reverted
        row core auth/funcs edited
        unreachable far
    ", "status"), @"
    auth/01 applied
    auth/02 edited
    auth/03 dirty
    auth/04 running <auth/03: interrupted; the next `up` resumes it
    auth/05 dirty <auth/04
    auth/06 out-of-order <auth/05
    auth/08 applied
    auth/09 pending
    auth/10 held <auth/09: the policy loads no seeds
    far/1 unknown
    jobs/1 held: the server does not offer `cron`
    jobs/2 held <jobs/1: the server does not offer `cron`
    off/1 held: its target is switched off in this environment
    auth/funcs changed <auth/09
    auth/views pending <auth/09
    auth/07 missing
    error migration-edited Drift: `auth/02` is applied in `core` with checksum 5cb2304c, and its file was edited since (line 10)
      hint: put the file back as it was, and write the change as a new migration; or say `dunlin repair accept auth/02 --reason TEXT` if the database is as the file says now
    error migration-dirty Dirty: `auth/03` left its transaction in `core` and is applied in part (line 11)
      hint: its text commits or rolls back by itself: look at the database, then say `dunlin repair done auth/03 --reason TEXT` if all of it is there, `dunlin repair undone auth/03 --reason TEXT` if nothing of it is there
    error migration-dirty Dirty: the down of `auth/05` left its transaction in `core` and is done in part (line 13)
      hint: its text commits or rolls back by itself: look at the database, then say `dunlin repair done auth/05 --reason TEXT` if all of it is gone, `dunlin repair undone auth/05 --reason TEXT` if all of it is there
    error migration-missing Drift: `auth/07` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget auth/07 --reason TEXT` if nothing of it is there any more, or it no longer matters
    error out-of-order Invalid: `auth/06` is pending, and `auth/07` of its set is applied already (line 14)
      hint: give it a version after that one, or set `out_of_order = true` for its set
    ");
}

/// What is said of each database, and of who applied what and when.
#[test]
fn databases_and_rows_tell_where_they_come_from() {
    let fixture = Fixture::parse(
        "
        target core postgres
        target cron cron
        target far postgres
        set auth core
        set jobs cron
        auth/1
        auth/2
        auth/3
        row core auth/1
        row core auth/2 reverted
        same cron core
        unreachable far
    ",
    );
    let graph = Graph::build(&fixture.catalog).unwrap();
    let everything = Selection::of(&graph, &Scope::default()).unwrap();
    let status = status(&graph, &everything, &fixture.observed);
    let targets = status.targets.iter().map(|target| {
        let same = target.same_as.as_ref().map(ToString::to_string);
        format!("{} {} {same:?} {:?}", target.name, target.has_ledger, target.trouble.as_ref().map(|one| &*one.code))
    });
    assert_eq!(
        targets.collect::<Vec<_>>(),
        ["core true None None", "cron true Some(\"core\") None", "far false None Some(\"target-unreachable\")",]
    );
    let rows = status.migrations.iter().map(|one| (one.finished.map(|at| at.0), one.by.as_deref(), one.is_pending()));
    assert_eq!(rows.collect::<Vec<_>>(), [(Some(2), Some("deployer"), false), (None, None, true), (None, None, true)]);
}

#[test]
fn what_the_next_up_takes_is_pending() {
    let states = [
        (StateWord::Pending, true),
        (StateWord::Changed, true),
        (StateWord::Running, true),
        (StateWord::OutOfOrder, true),
        (StateWord::Applied, false),
        (StateWord::Reverting, false),
        (StateWord::Held, false),
        (StateWord::Dirty, false),
        (StateWord::Edited, false),
        (StateWord::Missing, false),
        (StateWord::Unknown, false),
    ];
    let fixture = Fixture::parse("target core postgres\nset auth core\nauth/1");
    let graph = Graph::build(&fixture.catalog).unwrap();
    let everything = Selection::of(&graph, &Scope::default()).unwrap();
    let one = status(&graph, &everything, &fixture.observed).migrations.remove(0);
    for (state, pending) in states {
        assert_eq!(MigrationStatus { state, ..one.clone() }.is_pending(), pending, "{state:?}");
    }
}

#[test]
fn a_selection_shows_its_own() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        set crm core
        auth/1
        crm/1 needs auth/1
        row core crm/0
        row core auth/0
    ", "status --service crm"), @"
    crm/1 pending <auth/1
    auth/0 missing
    crm/0 missing
    error migration-missing Drift: `auth/0` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget auth/0 --reason TEXT` if nothing of it is there any more, or it no longer matters
    error migration-missing Drift: `crm/0` is applied in `core`, and no file has it any more
      hint: bring the file back from version control; or say `dunlin repair forget crm/0 --reason TEXT` if nothing of it is there any more, or it no longer matters
    ");
}

#[test]
fn a_statement_in_doubt_waits_for_a_person_unless_it_is_at_work() {
    assert_snapshot!(show("
        target core postgres
        set auth core
        set jobs core
        auth/1 alone
        jobs/1 alone
        row core auth/1 running alone begun 1 doubt
        row core jobs/1 running alone begun 1 doubt held
    ", "status"), @"
    auth/1 running: interrupted in statement 1, which may have been done: see `dunlin repair`
    jobs/1 running: in progress: process 4711 (dunlin) for 12 s
    error statement-in-doubt Dirty: `auth/1` was interrupted in statement 1, and nothing tells whether it was done (line 5)
      hint: look at the database, then say `dunlin repair done auth/1 --statement 1 --reason TEXT` or `dunlin repair undone auth/1 --statement 1 --reason TEXT`; `-- dunlin: probe SELECT …` above it would tell the next time
    ");
}
