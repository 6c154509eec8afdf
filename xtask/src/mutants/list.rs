//! What cargo-mutants would change.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde::Deserialize;
use toml::Table;

use crate::shell;

const CONFIG: &str = ".cargo/mutants.toml";

/// One change of the code.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mutant {
    /// File, line, column and what is changed, in the words of cargo-mutants.
    pub(crate) name: String,
    pub(crate) package: String,
    /// Below the root of the workspace.
    pub(crate) file: String,
    pub(crate) function: Option<Function>,
    /// What is replaced.
    pub(crate) span: Span,
    pub(crate) replacement: String,
    pub(crate) genre: Genre,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Function {
    pub(crate) return_type: String,
}

/// From the first character to behind the last.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// Lines and columns are counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

/// All mutants, and how many more have a reason to survive.
pub(crate) struct List {
    pub(crate) mutants: Vec<Mutant>,
    pub(crate) excused: usize,
}

impl List {
    /// Asks cargo-mutants twice: with and without the reasons.
    pub(crate) fn read(root: &Path, work: &Path) -> Result<Self> {
        let mutants = listed(root, &root.join(CONFIG), None)?;
        let mut config: Table = fs::read_to_string(root.join(CONFIG))?.parse()?;
        config.remove("exclude_re");
        let everything = work.join("everything.toml");
        fs::write(&everything, config.to_string())?;
        let excused = listed(root, &everything, None)?.len() - mutants.len();
        Ok(Self { mutants, excused })
    }
}

/// The names of those that match.
pub(crate) fn matching(root: &Path, pattern: &str) -> Result<HashSet<String>> {
    Ok(listed(root, &root.join(CONFIG), Some(pattern))?.into_iter().map(|mutant| mutant.name).collect())
}

fn listed(root: &Path, config: &Path, pattern: Option<&str>) -> Result<Vec<Mutant>> {
    let mut command = shell::cargo(root, "mutants --workspace --list --json --config");
    command.arg(config).args(pattern.into_iter().flat_map(|pattern| ["--re", pattern]));
    let output = command.output().context("Cargo cannot be run")?;
    ensure!(output.status.success(), "cargo-mutants lists nothing\n{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("cargo-mutants lists what is not understood here")
}
