//! Mutation testing: whether a test notices when the code says something else.
//!
//! cargo-mutants changes one expression at a time in a copy of the repository and runs the package's own tests. What it
//! changes, and what is excluded for which reason, says `.cargo/mutants.toml`. It takes hours, so it is nobody's daily check;
//! the counts of the last run on this machine are told wherever counts are.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde::Deserialize;

use crate::shell;

/// Below the directory of the build, so that it goes with it.
const OUTCOMES: &str = "target/mutants.out/outcomes.json";

/// What became of the mutants.
#[derive(Deserialize)]
struct Outcomes {
    total_mutants: usize,
    /// A test failed.
    caught: usize,
    /// A test did not come to its end.
    timeout: usize,
    /// The compiler refused it.
    unviable: usize,
    /// Nobody noticed.
    missed: usize,
}

/// Tries every mutant whose description matches, or all; fails if one survives.
pub(crate) fn run(root: &Path, matching: Option<&str>) -> Result<()> {
    ensure!(shell::has_cargo(root, "mutants"), "`cargo install --locked cargo-mutants` installs what this needs");
    let mut command = shell::cargo(root, "mutants --workspace --output target --minimum-test-timeout 60");
    let has_nextest = shell::has_cargo(root, "nextest");
    if has_nextest {
        // One test that fails is enough.
        command.args(["--test-tool", "nextest", "--cargo-test-arg=--fail-fast"]);
    }
    command.args(matching.into_iter().flat_map(|matching| ["--re", matching]));
    if has_nextest {
        // Graphs of a hundred thousand migrations take longer than everything else, and decide nothing else.
        command.args(["--", "-E", "not test(/^scale::/)"]);
    }
    let ran = shell::run(command);
    println!("{}", last(root));
    ran
}

/// The counts of the last run, if there was one.
pub(crate) fn last(root: &Path) -> String {
    format!("mutants: {}", counts(root).unwrap_or_else(|error| format!("none known, {error}")))
}

/// What came of the last run, where there was one.
pub(crate) fn counts(root: &Path) -> Result<String> {
    told(&fs::read_to_string(root.join(OUTCOMES)).context("it was not run")?)
}

fn told(outcomes: &str) -> Result<String> {
    let Outcomes { total_mutants, caught, timeout, unviable, missed } = serde_json::from_str(outcomes)?;
    Ok(format!(
        "{total_mutants}, of which {caught} fail a test, {timeout} end none, {unviable} do not compile and {missed} survive"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told() {
        let outcomes = r#"{"outcomes": [], "total_mutants": 9, "missed": 1, "caught": 5, "timeout": 1, "unviable": 2, "success": 0}"#;
        let expected = "9, of which 5 fail a test, 1 end none, 2 do not compile and 1 survive";
        assert_eq!(told(outcomes).unwrap(), expected);
        assert!(last(Path::new("nowhere")).starts_with("mutants: none known, it was not run"));
    }
}
