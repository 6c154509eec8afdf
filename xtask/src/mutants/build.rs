//! Building the copy, without the mutants that the compiler refuses.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::shell;

/// A file with tests, as Cargo built it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// Its package's, where its tests expect to run.
    pub(crate) dir: PathBuf,
}

/// A mistake in the copy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) text: String,
    /// Files below the copy, and bytes in them; what matters most comes first.
    pub(crate) places: Vec<(String, Range<usize>)>,
}

/// What came of a build: programs, unless something is refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Built {
    pub(crate) programs: Vec<Program>,
    pub(crate) refused: Vec<Refusal>,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerMessage {
        message: Message,
    },
    CompilerArtifact {
        manifest_path: PathBuf,
        profile: Profile,
        executable: Option<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    is_primary: bool,
}

/// Builds the tests of these packages in the copy.
pub(crate) fn tests(copy: &Path, target: &Path, packages: &[String]) -> Result<Built> {
    let mut command = cargo(copy, target, "test --no-run --quiet --message-format json");
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    let output = command.output().context("Cargo cannot be run")?;
    let built = read(&String::from_utf8_lossy(&output.stdout))?;
    let is_explained = output.status.success() || !built.refused.is_empty();
    ensure!(is_explained, "the copy does not build\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(built)
}

/// Builds `dunlin` in the copy.
pub(crate) fn dunlin(copy: &Path, target: &Path) -> Result<PathBuf> {
    let mut command = cargo(copy, target, "build --quiet --package dunlin-cli");
    let output = command.output().context("Cargo cannot be run")?;
    ensure!(output.status.success(), "`dunlin` does not build\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(target.join("debug/dunlin"))
}

fn cargo(copy: &Path, target: &Path, arguments: &str) -> Command {
    let mut command = shell::cargo(copy, arguments);
    command.env("CARGO_TARGET_DIR", target);
    command
}

fn read(lines: &str) -> Result<Built> {
    let mut built = Built::default();
    for line in lines.lines() {
        match serde_json::from_str(line)? {
            Line::CompilerMessage { message } if message.level == "error" && !message.spans.is_empty() => {
                let mut spans = message.spans;
                spans.sort_by_key(|span| !span.is_primary);
                let places = spans.into_iter().map(|span| (span.file_name, span.byte_start..span.byte_end));
                let text = message.rendered.unwrap_or_default();
                built.refused.push(Refusal { text, places: places.collect() });
            }
            Line::CompilerArtifact { manifest_path, profile: Profile { test: true }, executable: Some(path) } => {
                let dir = manifest_path.parent().context("a manifest is in a directory")?.to_owned();
                built.programs.push(Program { path, dir });
            }
            Line::CompilerMessage { .. } | Line::CompilerArtifact { .. } | Line::Other => {}
        }
    }
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_cargo_are_programs_or_what_is_refused() {
        let lines = r#"{"reason":"compiler-message","message":{"level":"warning","rendered":"","spans":[]}}
{"reason":"compiler-message","message":{"level":"error","rendered":"no","spans":[
{"file_name":"a.rs","byte_start":1,"byte_end":2,"is_primary":false},{"file_name":"b.rs","byte_start":3,"byte_end":5,"is_primary":true}]}}
{"reason":"compiler-message","message":{"level":"error","rendered":"aborting","spans":[]}}
{"reason":"compiler-artifact","manifest_path":"/c/a/Cargo.toml","profile":{"test":true},"executable":"/t/a-1"}
{"reason":"compiler-artifact","manifest_path":"/c/a/Cargo.toml","profile":{"test":false},"executable":"/t/b"}
{"reason":"build-finished","success":false}"#;
        let built = read(&lines.replace("[\n", "[").replace("},{", "}, {")).unwrap();
        assert_eq!(built.programs, [Program { path: "/t/a-1".into(), dir: "/c/a".into() }]);
        let places = vec![("b.rs".to_owned(), 3..5), ("a.rs".to_owned(), 1..2)];
        assert_eq!(built.refused, [Refusal { text: "no".to_owned(), places }]);
    }
}
