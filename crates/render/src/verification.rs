//! What of the applied migrations was found in the databases, and how much was not.

use dunlin_planner::Verification;

use crate::clean::one_line;
use crate::grid::{Grid, cell, plain};
use crate::style::{DIM, GOOD, NAME, count};

/// A line for each thing that is as its migration says, and one that counts; what is otherwise is told elsewhere, as findings.
#[must_use]
pub fn verification(verification: &Verification, width: usize) -> String {
    let mut grid = Grid::new(0);
    for one in &verification.confirmed {
        grid.row([cell(NAME, &one.target), cell(GOOD, "ok"), plain(one_line(&one.what)), cell(DIM, &one.migration)]);
    }
    let gap = if verification.confirmed.is_empty() { "" } else { "\n" };
    format!("{}{gap}{}\n", grid.render(width), sentence(verification))
}

fn sentence(verification: &Verification) -> String {
    let drifts = verification.findings.iter().filter(|finding| finding.is_error()).count();
    let undeclared = verification.findings.iter().filter(|finding| finding.code == "verify-undeclared").count();
    let unknown = verification.findings.len() - drifts - undeclared;
    let mut sentence = format!("{} as the migrations say", count(verification.confirmed.len(), "thing"));
    if drifts > 0 {
        sentence = format!("{sentence}, {drifts} otherwise");
    }
    if undeclared > 0 {
        sentence = format!("{sentence}, {undeclared} of no migration");
    }
    if unknown > 0 {
        sentence = format!("{sentence}, {unknown} unknown");
    }
    sentence
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use dunlin_planner::{Confirmed, Finding, MigrationId, SetName, TargetName, Version};

    use super::*;

    #[test]
    fn what_holds_is_listed_and_the_rest_is_counted() {
        let confirmed = |what: &str, version: &str| Confirmed {
            target: TargetName::new("metrics").unwrap(),
            what: what.to_owned(),
            migration: MigrationId::new(SetName::new("energy").unwrap(), Version::new(version).unwrap()),
        };
        let all = Verification {
            confirmed: vec![
                confirmed("hypertable `readings`", "001"),
                confirmed("retention policy of `readings`", "12"),
            ],
            findings: vec![
                Finding::error("verify-missing", "a"),
                Finding::note("verify-undeclared", "c"),
                Finding::note("verify-unknown", "b"),
            ],
        };
        let expected = "metrics  ok  hypertable `readings`           energy/001\n\
                        metrics  ok  retention policy of `readings`  energy/12\n\n\
                        2 things as the migrations say, 1 otherwise, 1 of no migration, 1 unknown\n";
        assert_eq!(strip_str(&verification(&all, 100)).to_string(), expected);
        assert_eq!(verification(&Verification::default(), 100), "0 things as the migrations say\n");
    }
}
