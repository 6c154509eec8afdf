//! All tests, through nextest where it is installed, else through Cargo's own runner.
//!
//! Two runs at once do not disturb each other: servers are shared or separate by name, never by port.

use std::path::Path;

use anyhow::Result;

use crate::{servers, shell};

/// Runs the tests whose names contain the filter, or all.
pub(crate) fn run(root: &Path, filter: Option<&str>) -> Result<()> {
    servers::install()?;
    // The tests of the package `tests` run the binary; Cargo does not build it for them.
    shell::build_dunlin(root)?;
    let runners: &[&str] = if shell::has_cargo(root, "nextest") {
        // nextest leaves out the examples in documentation; it comes last, for its summary is the one to read.
        &["test --quiet --doc --workspace", "nextest run --workspace"]
    } else {
        &["test --quiet --workspace --no-fail-fast"]
    };
    let mut outcome = Ok(());
    for runner in runners {
        let mut command = shell::cargo(root, runner);
        command.args(filter);
        outcome = outcome.and(shell::run(command));
    }
    outcome
}
