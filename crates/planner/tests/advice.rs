//! The next safe action for a migration in every state.

use std::fmt::Write as _;

use dunlin_planner::{Graph, Observed, Scope, Selection, advice, status};
use insta::assert_snapshot;

use crate::support::Fixture;

/// What is to be done about each migration of a project.
fn check(lines: &str) -> String {
    let fixture = Fixture::parse(lines);
    let graph = Graph::build(&fixture.catalog).unwrap();
    let everything = Selection::of(&graph, &Scope::default()).unwrap();
    let mut text = String::new();
    for standing in status(&graph, &everything, &fixture.observed).migrations {
        let migration = fixture.catalog.migrations.iter().find(|migration| migration.id == standing.id);
        let facts = fixture.observed.values().filter_map(Observed::facts);
        let row = facts.filter_map(|facts| facts.ledger.row(&standing.id)).next();
        let _ = writeln!(text, "{} {}: {}", standing.id, standing.state.as_str(), advice(&standing, migration, row));
    }
    text
}

#[test]
fn an_action_for_every_state() {
    assert_snapshot!(check("
        target core postgres
        target far postgres
        target off postgres off
        set auth core
        set far far
        set more core
        set off off
        auth/01
        auth/02
        auth/03
        auth/04
        auth/05
        auth/06
        auth/08
        auth/09 needs auth/05
        auth/funcs repeatable
        far/1
        more/1
        off/1
        row core auth/01
        row core auth/02 edited
        row core auth/03 running
        row core auth/05 reverting
        row core auth/07
        row core auth/08
        row core auth/funcs edited
        unreachable far
    "), @"
    auth/01 applied: nothing is left to do
    auth/02 edited: put the file back as it was; or look at the database, then say `dunlin repair accept auth/02 --reason TEXT` if the database is as the file says now
    auth/03 dirty: look at the database, then say `dunlin repair done auth/03 --reason TEXT` if all of it is there, `dunlin repair undone auth/03 --reason TEXT` if nothing of it is there
    auth/04 out-of-order: give it a later version, or set `out_of_order = true` for its set
    auth/05 dirty: look at the database, then say `dunlin repair done auth/05 --reason TEXT` if all of it is gone, `dunlin repair undone auth/05 --reason TEXT` if all of it is there
    auth/06 out-of-order: give it a later version, or set `out_of_order = true` for its set
    auth/08 applied: nothing is left to do
    auth/09 pending: `dunlin up` applies it, after `auth/05`
    far/1 unknown: its database was not asked, or did not answer
    more/1 pending: `dunlin up` applies it
    off/1 held: nothing to do here: `dunlin up` takes it once what holds it back is settled
    auth/funcs changed: `dunlin up` applies it, after `auth/09`
    auth/07 missing: bring its file back; or look at the database, then say `dunlin repair forget auth/07 --reason TEXT` if nothing of it is there any more, or it no longer matters
    ");
}

#[test]
fn one_that_runs_statement_by_statement_goes_on_unless_somebody_has_to_look() {
    assert_snapshot!(check("
        target core postgres
        set a core
        set b core
        set c core
        set d core
        set e core
        a/1 alone
        b/1 alone
        c/1 alone
        d/1 alone
        e/1 alone
        row core a/1 running alone begun 1
        row core b/1 running alone begun 1 held
        row core c/1 running alone begun 1 doubt
        row core d/1 reverting alone begun 1
        row core e/1 running alone begun 1 doubt held
    "), @"
    a/1 running: `dunlin up` goes on where it stopped
    b/1 running: wait: it is in progress
    c/1 running: look at the database, then say `dunlin repair done c/1 --statement 1 --reason TEXT` if the statement was done, `dunlin repair undone c/1 --statement 1 --reason TEXT` if the statement was not done, and has to run
    d/1 reverting: `dunlin down --version d/1` goes on where it stopped
    e/1 running: wait: it is in progress
    ");
}
