//! What an attempt at a step makes of the ledger: where it begins, or what is in the way.

use std::fmt::Write as _;

use dunlin_planner::{
    DownRequest, DownScope, Failure, Graph, Repair, Scope, Selection, Settlement, Start, UpRequest, plan_down, plan_up,
    repaired, settle,
};
use insta::assert_snapshot;

use crate::support::Fixture;

const PROJECT: &str = "
    target core postgres
    target jobs cron
    set a core
    set b core
    set views core
    set cron jobs
    a/1
    a/2 needs b/1 cron/1
    b/1
    b/2
    cron/1
    views/v repeatable
";

/// One line for each row that stands in the ledger: what an attempt at `id`, on its way up or down, makes of it, in one
/// transaction and statement by statement. Beside it stand `others`.
fn claims(id: &str, up: bool, others: &str, rows: &[&str]) -> String {
    let all = ["a/1", "a/2", "b/1", "b/2"].map(|id| format!("row core {id}\n")).join("");
    let applied = format!("{all}row jobs cron/1\nrow core views/v");
    let fixture = Fixture::parse(&format!("{PROJECT}{}", if up { "" } else { &applied }));
    let graph = Graph::build(&fixture.catalog).unwrap();
    let selection = Selection::of(&graph, &Scope::default()).unwrap();
    let down = DownRequest { scope: DownScope::Version(id.to_owned()), cascade: true };
    let plan = match up {
        true => plan_up(&graph, &selection, &fixture.observed, UpRequest { only: false }),
        false => plan_down(&graph, &selection, &fixture.observed, &down),
    };
    let step = plan.steps.iter().find(|step| step.id.to_string() == id).unwrap();
    let mut text = String::new();
    for row in rows {
        let this = row.split_whitespace().next().map(|_| format!("row core {id} {row}\n")).unwrap_or_default();
        let now = Fixture::parse(&format!("{PROJECT}ledger core\n{this}{others}"));
        let ledger = &now.observed[&step.target].facts().unwrap().ledger;
        let claim = |whole| {
            let claimed = step.claim(whole, ledger.row(&step.id), |id| ledger.row(id), ledger.rows());
            claimed.map_or_else(|failure| said(&failure), |start| begins(start).to_owned())
        };
        let (whole, alone) = (claim(true), claim(false));
        let either = if whole == alone { whole } else { format!("{whole}; alone {alone}") };
        let _ = writeln!(text, "{}: {either}", if row.is_empty() { "no row" } else { row });
    }
    text
}

fn begins(start: Option<Start>) -> &'static str {
    match start {
        Some(Start::Anew) => "anew",
        Some(Start::Resumed) => "resumed",
        None => "nothing to do",
    }
}

fn said(failure: &Failure) -> String {
    let hint = failure.hint.as_deref().unwrap_or_default();
    format!("{:?}: {} ({})", failure.class, failure.message, hint.split(": look").next().unwrap_or_default())
}

const ROWS: [&str; 11] = [
    "",
    "reverted",
    "applied",
    "applied edited",
    "running",
    "running alone",
    "running alone begun 1",
    "running alone begun 1 edited",
    "reverting",
    "reverting alone",
    "reverting alone begun 1 edited",
];

#[test]
fn on_its_way_up() {
    assert_snapshot!(claims("a/1", true, "", &ROWS), @"
    no row: anew
    reverted: anew
    applied: nothing to do
    applied edited: Estranged: `a/1` is applied with another checksum, 7b5176c5 (somebody applied it from other files since the plan was made: plan again)
    running: Dirty: `a/1` was begun by run r1 and never finished (its file ended its own transaction half way)
    running alone: anew; alone resumed
    running alone begun 1: Dirty: `a/1` was begun by run r1 and never finished (it goes on where it stopped: plan again); alone resumed
    running alone begun 1 edited: Dirty: `a/1` was begun by run r1 and never finished (it ran statement by statement and its file has changed in what was done already)
    reverting: Dirty: `a/1` was being taken back by run r1 and never finished (its file ended its own transaction half way)
    reverting alone: Dirty: `a/1` was being taken back by run r1 and never finished (finish that first: dunlin down --version a/1)
    reverting alone begun 1 edited: Dirty: `a/1` was being taken back by run r1 and never finished (finish that first: dunlin down --version a/1)
    ");
}

#[test]
fn on_its_way_down() {
    assert_snapshot!(claims("a/1", false, "", &ROWS), @"
    no row: nothing to do
    reverted: nothing to do
    applied: anew
    applied edited: anew
    running: Dirty: `a/1` was begun by run r1 and never finished (its file ended its own transaction half way)
    running alone: Dirty: `a/1` was begun by run r1 and never finished (finish that first: dunlin up)
    running alone begun 1: Dirty: `a/1` was begun by run r1 and never finished (finish that first: dunlin up)
    running alone begun 1 edited: Dirty: `a/1` was begun by run r1 and never finished (finish that first: dunlin up)
    reverting: Dirty: `a/1` was being taken back by run r1 and never finished (its file ended its own transaction half way)
    reverting alone: anew; alone resumed
    reverting alone begun 1 edited: Dirty: `a/1` was being taken back by run r1 and never finished (it ran statement by statement and its file has changed in what was done already)
    ");
}

#[test]
fn a_repeatable_runs_again_when_it_changed() {
    assert_snapshot!(claims("views/v", true, "", &["applied", "applied edited", "running edited"]), @"
    applied: nothing to do
    applied edited: anew
    running edited: Dirty: `views/v` was begun by run r1 and never finished (its file ended its own transaction half way)
    ");
}

#[test]
fn what_it_needs_in_its_own_database_is_applied_as_planned() {
    let one = |others: &str| claims("a/2", true, others, &["", "applied"]);
    assert_snapshot!(one("row core a/1\nrow core b/1"), @"
    no row: anew
    applied: nothing to do
    ");
    assert_snapshot!(one("row core a/1"), @"
    no row: Estranged: `a/2` cannot be applied while `b/1` is not applied (the ledger changed since the plan was made: plan again)
    applied: Estranged: `a/2` cannot be applied while `b/1` is not applied (the ledger changed since the plan was made: plan again)
    ");
    assert_snapshot!(one("row core a/1 reverting\nrow core b/1 edited"), @"
    no row: Estranged: `a/2` cannot be applied while `a/1` is reverting, `b/1` is applied with another checksum (the ledger changed since the plan was made: plan again)
    applied: Estranged: `a/2` cannot be applied while `a/1` is reverting, `b/1` is applied with another checksum (the ledger changed since the plan was made: plan again)
    ");
}

#[test]
fn what_is_taken_back_is_needed_by_nothing() {
    let one = |others: &str| claims("b/1", false, others, &["applied", ""]);
    assert_snapshot!(one("row core a/1\nrow core a/2 reverted\nrow core b/2 reverted needs b/1@core"), @"
    applied: anew
    no row: nothing to do
    ");
    assert_snapshot!(one("row core a/2 running"), @"
    applied: Estranged: `b/1` cannot be taken back while `a/2` is running (the ledger changed since the plan was made: plan again)
    no row: nothing to do
    ");
    assert_snapshot!(one("row core x/1 needs b/1@core\nrow core x/2 reverting needs a/1@core b/1@core"), @"
    applied: Estranged: `b/1` cannot be taken back while `x/1` is applied, `x/2` is reverting (the ledger changed since the plan was made: plan again)
    no row: nothing to do
    ");
}

#[test]
fn a_row_that_no_attempt_starts_from_has_just_moved_where_one_would() {
    let fixture = Fixture::parse(&format!("{PROJECT}row core a/1 reverted\nrow core b/1"));
    let graph = Graph::build(&fixture.catalog).unwrap();
    let selection = Selection::of(&graph, &Scope::default()).unwrap();
    let up = plan_up(&graph, &selection, &fixture.observed, UpRequest { only: false });
    let down = DownRequest { scope: DownScope::Version("b/1".to_owned()), cascade: true };
    let down = plan_down(&graph, &selection, &fixture.observed, &down);
    let ledger = &fixture.observed[&up.steps[0].target].facts().unwrap().ledger;
    for step in [&up.steps[0], &down.steps[0]] {
        let failure = step.not_claimed(ledger.row(&step.id)).unwrap_err();
        assert_eq!(said(&failure), format!("Busy: the row of `{}` changed just now ()", step.id));
    }
    assert_eq!(said(&up.steps[0].not_claimed(None).unwrap_err()), "Busy: the row of `a/1` changed just now ()");
    assert_eq!(down.steps[0].not_claimed(None), Ok(()));
}

fn settlement(fixture: &Fixture, repair: Repair) -> Settlement {
    let graph = Graph::build(&fixture.catalog).unwrap();
    let (_, row, migration) = repaired(&graph, &fixture.observed, "b/1", None).unwrap();
    settle(migration, row, repair, "seen").unwrap()
}

#[test]
fn what_is_forgotten_is_needed_by_nothing() {
    let project = format!("{PROJECT}row core b/1\nrow core a/1 reverted needs b/1@core\n");
    let check = |others: &str| {
        let fixture = Fixture::parse(&format!("{project}{others}"));
        let settlement = settlement(&fixture, Repair::Forget);
        settlement.check(fixture.observed[&"core".parse().unwrap()].facts().unwrap().ledger.rows())
    };
    assert_eq!(check("row core b/2 needs a/1@core"), Ok(()));
    let needed = check("row core b/2 needs b/1@core\nrow core a/2 running needs b/1@core").unwrap_err();
    assert_snapshot!(said(&needed), @"
    Estranged: `b/1` cannot be forgotten while `a/2` is running, `b/2` is applied (take those back, or forget them, first)
    ");
    let fixture = Fixture::parse(&format!("{PROJECT}row core b/1 running\nrow core b/2 needs b/1@core"));
    let rows = || fixture.observed[&"core".parse().unwrap()].facts().unwrap().ledger.rows();
    let settlement = settlement(&fixture, Repair::Undone { statement: None });
    assert_eq!(settlement.check(rows()), Ok(()), "it was not applied");
    assert_snapshot!(said(&settlement.outrun()), @"
    Estranged: the row of `b/1` is not as it was shown any more (look again, and repair what is there then)
    ");
}
