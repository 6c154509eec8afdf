//! What cargo-mutants would change.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use regex::{Regex, RegexSet};
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
    /// Asks cargo-mutants, and leaves out what has a reason; that is looked at here, since fields of structures have none
    /// that cargo-mutants would heed.
    pub(crate) fn read(root: &Path, work: &Path) -> Result<Self> {
        let mut config: Table = fs::read_to_string(root.join(CONFIG))?.parse()?;
        let reasons: Vec<String> =
            config.remove("exclude_re").map(toml::Value::try_into).transpose()?.unwrap_or_default();
        let everything = work.join("everything.toml");
        fs::write(&everything, config.to_string())?;
        let mut command = shell::cargo(root, "mutants --workspace --list --json --config");
        let output = command.arg(everything).output().context("Cargo cannot be run")?;
        ensure!(output.status.success(), "cargo-mutants lists nothing\n{}", String::from_utf8_lossy(&output.stderr));
        let all = serde_json::from_slice(&output.stdout).context("cargo-mutants lists what is not understood here")?;
        Self::without(all, &reasons)
    }

    fn without(all: Vec<Mutant>, reasons: &[String]) -> Result<Self> {
        let patterns = RegexSet::new(reasons)?;
        for reason in reasons {
            let pattern = Regex::new(reason)?;
            let is_used = all.iter().any(|mutant| pattern.is_match(&mutant.name));
            ensure!(is_used, "no mutant is excluded by `{reason}` of `{CONFIG}`");
        }
        let (excused, mutants): (Vec<_>, Vec<_>) = all.into_iter().partition(|mutant| patterns.is_match(&mutant.name));
        Ok(Self { mutants, excused: excused.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_reason_is_left_out_and_every_reason_has_a_mutant() {
        let listed = r#"[{"name": "a.rs:1:2: replace > with >= in f", "package": "p", "file": "a.rs", "function": null,
            "span": {"start": {"line": 1, "column": 2}, "end": {"line": 1, "column": 3}}, "replacement": ">=",
            "genre": "BinaryOperator", "diff": ""}]"#;
        let left = |reasons: &[&str]| {
            let reasons: Vec<String> = reasons.iter().map(|&reason| reason.to_owned()).collect();
            List::without(serde_json::from_str(listed).unwrap(), &reasons)
        };
        let list = left(&["> with >= in f"]).unwrap();
        assert_eq!((list.mutants.len(), list.excused), (0, 1));
        assert_eq!(left(&[]).unwrap().mutants.len(), 1);
        let error = left(&["in f$", "in g"]).err().unwrap();
        assert_eq!(error.to_string(), "no mutant is excluded by `in g` of `.cargo/mutants.toml`");
    }
}
