//! Which repair is allowed from which state, and what becomes of the row.

use dunlin_planner::{
    Digest, Graph, Observed, Repair, RowState, Scope, Selection, Settlement, free_to_go, repaired, repairs, settle,
    ways,
};
use insta::assert_snapshot;

use crate::support::Fixture;

const PROJECT: &str = "
    target core postgres
    target metrics timescale
    set auth core
    set iot metrics
    auth/1
    auth/2 alone
    auth/3 repeatable
    iot/1 needs auth/1
";

const ALL: [Repair; 6] = [
    Repair::Accept,
    Repair::Done { statement: None },
    Repair::Undone { statement: None },
    Repair::Done { statement: Some(1) },
    Repair::Undone { statement: Some(1) },
    Repair::Forget,
];

/// What each repair comes to for the row of `id` among `rows`.
fn check(rows: &str, id: &str) -> String {
    let fixture = Fixture::parse(&format!("{PROJECT}{rows}"));
    let graph = Graph::build(&fixture.catalog).unwrap();
    let (_, row, migration) = repaired(&graph, &fixture.observed, id, None).unwrap();
    let one = |repair: Repair| {
        let said = match settle(migration, row, repair, "seen") {
            Ok(settlement) => {
                let held = free_to_go(&fixture.observed, &settlement);
                held.map_or_else(|finding| format!("refused: {}", finding.message), |()| becomes(&settlement))
            }
            Err(finding) => finding.message.split_once(": ").unwrap().1.to_owned(),
        };
        let command = repair.command(&row.id);
        format!("{}: {said}\n", command.trim_start_matches("dunlin repair ").trim_end_matches(" --reason TEXT"))
    };
    ALL.into_iter().map(one).collect()
}

fn becomes(settlement: &Settlement) -> String {
    let (before, after) = (&settlement.before, &settlement.after);
    let sums = if after.checksums.is_some() { " with the file's checksums" } else { "" };
    let step = if after.step == before.step { String::new() } else { format!(" behind {}", after.step) };
    format!("=> {}{step}{sums}", after.state.as_str())
}

#[test]
fn applied_as_the_file_says() {
    assert_snapshot!(check("row core auth/1", "auth/1"), @"
    accept auth/1: its file is what was applied
    done auth/1: it is applied, and nothing of it is in doubt
    undone auth/1: it is applied, and nothing of it is in doubt
    done auth/1 --statement 1: it is applied, and nothing of it is in doubt
    undone auth/1 --statement 1: it is applied, and nothing of it is in doubt
    forget auth/1: => reverted
    ");
}

#[test]
fn applied_and_edited() {
    assert_snapshot!(check("row core auth/1 edited", "auth/1"), @"
    accept auth/1: => applied with the file's checksums
    done auth/1: it is applied, and nothing of it is in doubt
    undone auth/1: it is applied, and nothing of it is in doubt
    done auth/1 --statement 1: it is applied, and nothing of it is in doubt
    undone auth/1 --statement 1: it is applied, and nothing of it is in doubt
    forget auth/1: => reverted
    ");
}

#[test]
fn a_repeatable_whose_text_changed() {
    assert_snapshot!(check("row core auth/3 edited", "auth/3"), @"
    accept auth/3: a repeatable whose text changed runs again with the next `up`
    done auth/3: it is applied, and nothing of it is in doubt
    undone auth/3: it is applied, and nothing of it is in doubt
    done auth/3 --statement 1: it is applied, and nothing of it is in doubt
    undone auth/3 --statement 1: it is applied, and nothing of it is in doubt
    forget auth/3: => reverted
    ");
}

#[test]
fn left_its_transaction() {
    assert_snapshot!(check("row core auth/1 running", "auth/1"), @"
    accept auth/1: it was begun and never finished
    done auth/1: => applied with the file's checksums
    undone auth/1: => reverted
    done auth/1 --statement 1: it does not run statement by statement
    undone auth/1 --statement 1: it does not run statement by statement
    forget auth/1: it was begun and never finished
    ");
}

#[test]
fn left_its_transaction_on_its_way_back() {
    assert_snapshot!(check("row core auth/1 reverting", "auth/1"), @"
    accept auth/1: it was begun and never finished
    done auth/1: => reverted
    undone auth/1: => applied
    done auth/1 --statement 1: it does not run statement by statement
    undone auth/1 --statement 1: it does not run statement by statement
    forget auth/1: it was begun and never finished
    ");
}

#[test]
fn interrupted_in_a_statement() {
    assert_snapshot!(check("row core auth/2 running alone begun 1 doubt", "auth/2"), @"
    accept auth/2: it was begun and never finished
    done auth/2: => applied with the file's checksums
    undone auth/2: => reverted
    done auth/2 --statement 1: => running behind 1
    undone auth/2 --statement 1: => running
    forget auth/2: it was begun and never finished
    ");
}

#[test]
fn interrupted_behind_a_statement() {
    assert_snapshot!(check("row core auth/2 running alone begun 1", "auth/2"), @"
    accept auth/2: it was begun and never finished
    done auth/2: => applied with the file's checksums
    undone auth/2: => reverted
    done auth/2 --statement 1: statement 1 is done already
    undone auth/2 --statement 1: => running behind 0
    forget auth/2: it was begun and never finished
    ");
}

#[test]
fn taken_back() {
    assert_snapshot!(check("row core auth/1 reverted", "auth/1"), @"
    accept auth/1: it is not applied
    done auth/1: it is not applied, and nothing of it is in doubt
    undone auth/1: it is not applied, and nothing of it is in doubt
    done auth/1 --statement 1: it is not applied, and nothing of it is in doubt
    undone auth/1 --statement 1: it is not applied, and nothing of it is in doubt
    forget auth/1: it is not applied
    ");
}

#[test]
fn applied_without_a_file() {
    assert_snapshot!(check("row core auth/0", "auth/0"), @"
    accept auth/0: no file has it any more
    done auth/0: it is applied, and nothing of it is in doubt
    undone auth/0: it is applied, and nothing of it is in doubt
    done auth/0 --statement 1: it is applied, and nothing of it is in doubt
    undone auth/0 --statement 1: it is applied, and nothing of it is in doubt
    forget auth/0: => reverted
    ");
}

#[test]
fn needed_in_another_database() {
    assert_snapshot!(check("row core auth/1\nrow metrics iot/1 needs auth/1@core", "auth/1"), @"
    accept auth/1: its file is what was applied
    done auth/1: it is applied, and nothing of it is in doubt
    undone auth/1: it is applied, and nothing of it is in doubt
    done auth/1 --statement 1: it is applied, and nothing of it is in doubt
    undone auth/1 --statement 1: it is applied, and nothing of it is in doubt
    forget auth/1: refused: `auth/1` cannot be forgotten, applied migrations need it: `iot/1`
    ");
}

#[test]
fn edited_and_needed_in_another_database() {
    assert_snapshot!(check("row core auth/1 edited\nrow metrics iot/1 needs auth/1@core", "auth/1"), @"
    accept auth/1: => applied with the file's checksums
    done auth/1: it is applied, and nothing of it is in doubt
    undone auth/1: it is applied, and nothing of it is in doubt
    done auth/1 --statement 1: it is applied, and nothing of it is in doubt
    undone auth/1 --statement 1: it is applied, and nothing of it is in doubt
    forget auth/1: refused: `auth/1` cannot be forgotten, applied migrations need it: `iot/1`
    ");
}

/// A migration of three statements, two of which were begun.
#[test]
fn a_statement_by_its_number() {
    let fixture = Fixture::parse(&format!("{PROJECT}row core auth/2 running alone begun 2 doubt"));
    let graph = Graph::build(&fixture.catalog).unwrap();
    let (_, row, migration) = repaired(&graph, &fixture.observed, "auth/2", None).unwrap();
    let mut migration = migration.unwrap().clone();
    let statement = migration.up.statements[0].clone();
    migration.up.statements = vec![statement; 3];
    let one = |repair: Repair| match settle(Some(&migration), row, repair, "seen") {
        Ok(settlement) => {
            // What is done now is the file's text.
            let sums = matches!(repair, Repair::Done { .. }).then(|| migration.up.sums());
            assert_eq!(settlement.after.sums, sums);
            becomes(&settlement)
        }
        Err(finding) => finding.message.split_once(": ").unwrap().1.to_owned(),
    };
    let done = |number: u32| one(Repair::Done { statement: Some(number) });
    let undone = |number: u32| one(Repair::Undone { statement: Some(number) });
    assert_eq!(
        [1, 2, 3, 4].map(done),
        ["statement 1 is done already", "=> running behind 2", "=> running behind 3", "it has 3 statements",]
    );
    assert_eq!(
        [0, 1, 2, 3].map(undone),
        ["statement 0 was not begun", "=> running behind 0", "=> running", "statement 3 was not begun",]
    );
    migration.up.statements[1].digest = Digest::of(b"another");
    let offered = ways(Some(&migration), row).into_iter().map(|way| way.repair);
    let whole = [Repair::Done { statement: None }, Repair::Undone { statement: None }];
    let expected = whole.into_iter().chain([Repair::Undone { statement: Some(2) }]);
    assert_eq!(offered.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

/// Of two ledgers that have a row, the one that does not say that it was taken back.
#[test]
fn which_row_is_meant() {
    let found = |rows: &str| {
        let fixture = Fixture::parse(&format!("{PROJECT}{rows}"));
        let graph = Graph::build(&fixture.catalog).unwrap();
        match repaired(&graph, &fixture.observed, "auth/1", None) {
            Ok((target, row, migration)) => format!("{target} {} {}", row.state.as_str(), migration.is_some()),
            Err(finding) => finding.message,
        }
    };
    assert_eq!(found("row core auth/1 reverted"), "core reverted true");
    assert_eq!(found("row core auth/1 reverted\nrow metrics auth/1"), "metrics applied false");
    assert_eq!(found("row core auth/1\nrow metrics auth/1 reverted"), "core applied true");
    assert_eq!(found("row core auth/1\nrow metrics auth/1"), "`auth/1` is in the ledgers of core and metrics");
}

#[test]
fn every_repair_that_is_offered_is_taken_and_leaves_nothing_to_repair() {
    let rows = "
        row core auth/0
        row core auth/1 running
        row core auth/2 running alone begun 1 doubt
        row metrics iot/1 edited
        row metrics auth/1 reverting
    ";
    let fixture = Fixture::parse(&format!("{PROJECT}{rows}"));
    let graph = Graph::build(&fixture.catalog).unwrap();
    let everything = Selection::of(&graph, &Scope::default()).unwrap();
    let found = repairs(&graph, &everything, &fixture.observed);
    let listed: Vec<_> = found.iter().map(|one| format!("{} {} {}", one.target, one.id, one.ways.len())).collect();
    assert_eq!(listed, ["core auth/0 1", "core auth/1 2", "core auth/2 2", "metrics auth/1 1", "metrics iot/1 1"]);
    let what: Vec<_> = found.iter().map(|one| one.what.as_str()).collect();
    assert_snapshot!(what.join("\n"), @"
    `auth/0` is applied in `core`, and no file has it any more
    `auth/1` left its transaction in `core` and is applied in part
    `auth/2` was interrupted in statement 1, and nothing tells whether it was done
    `auth/1` is applied in `metrics`, and its set now belongs to the target `core`
    `iot/1` is applied in `metrics` with checksum 696750cc, and its file was edited since
    ");
    for one in &found {
        let (_, row, migration) = repaired(&graph, &fixture.observed, &one.id.to_string(), Some(&one.target)).unwrap();
        for way in &one.ways {
            let settlement = settle(migration, row, way.repair, "seen").unwrap();
            let mut after = fixture.observed.clone();
            let Some(Observed::Facts(facts)) = after.get_mut(&one.target) else { unreachable!() };
            let mut row = row.clone();
            (row.state, row.step) = (settlement.after.state, settlement.after.step);
            row.begun.truncate(row.step as usize);
            if let Some(sums) = &settlement.after.checksums {
                (row.checksum, row.tokens) = (sums.checksum, sums.tokens);
            }
            let dunlin_planner::Ledger::Present { rows, .. } = &mut facts.ledger else { unreachable!() };
            rows.insert(row.id.clone(), row);
            let left = repairs(&graph, &everything, &after);
            assert!(!left.iter().any(|left| (&left.id, &left.target) == (&one.id, &one.target)), "{way:?}: {left:?}");
        }
    }
}

#[test]
fn a_repair_needs_a_reason_and_a_row() {
    let fixture = Fixture::parse(&format!("{PROJECT}row core auth/1 running"));
    let graph = Graph::build(&fixture.catalog).unwrap();
    let (_, row, migration) = repaired(&graph, &fixture.observed, "auth/1", None).unwrap();
    assert_eq!(row.state, RowState::Running);
    let refused = settle(migration, row, Repair::Forget, "  ").unwrap_err();
    assert_eq!(refused.message, "`repair forget` does not fit `auth/1`: it needs a reason");
    let unknown = repaired(&graph, &fixture.observed, "auth/2", None).unwrap_err();
    assert_eq!(unknown.message, "no ledger has a row of `auth/2`");
}
