//! A project that one string describes, and what the binary says about it, word for word.
//!
//! What two runs differ in becomes a word in capitals: URLs, moments, durations, runs, checksums, versions of servers.
//! All else is compared, so that a changed message shows up as a changed test.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::LazyLock;

use fs_err as fs;
use regex::Regex;

use crate::command::{Dunlin, Outcome};
use crate::workspace::Workspace;

/// A directory with a project, and the variables that the binary gets.
#[derive(Debug)]
pub struct Project {
    workspace: Workspace,
    dunlin: Dunlin,
    words: Vec<(String, String)>,
}

impl Project {
    /// The files of `fixture`: `//- PATH` begins one. Without a `dunlin.toml` among them, every directory of files is a
    /// service of that name in the database `core`, whose URL is in the variable `CORE`.
    ///
    /// # Panics
    /// If the fixture begins with anything else than a file.
    #[must_use]
    #[track_caller]
    pub fn of(fixture: &str) -> Self {
        let (before, files) = fixture.split_once("//- ").expect("a fixture names its files");
        assert_eq!(before.trim(), "", "a fixture begins with a file");
        let files: Vec<_> = files.split("\n//- ").map(|file| file.split_once('\n').unwrap_or((file, ""))).collect();
        let workspace = Workspace::of(&[]);
        files.iter().for_each(|(path, text)| workspace.write(path, &format!("{}\n", text.trim_end_matches('\n'))));
        if !workspace.path("dunlin.toml").exists() {
            workspace.write("dunlin.toml", &config(&files));
        }
        let dunlin = Dunlin::at(workspace.dir());
        Self { workspace, dunlin, words: Vec::new() }
    }

    /// With a variable, whose value is shown by its name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        self.dunlin = self.dunlin.with(name, &value);
        self.words.push((value, format!("${name}")));
        self
    }

    /// With `word` shown as `instead`.
    #[must_use]
    pub fn hiding(mut self, word: impl Into<String>, instead: &str) -> Self {
        self.words.push((word.into(), instead.to_owned()));
        self
    }

    /// Its directory.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The binary in that directory.
    #[must_use]
    pub fn dunlin(&self) -> &Dunlin {
        &self.dunlin
    }

    /// Removes a file.
    ///
    /// # Panics
    /// If it cannot be removed.
    pub fn remove(&self, file: &str) {
        fs::remove_file(self.workspace.path(file)).expect("the file can be removed");
    }

    /// Runs `dunlin` with these words; what it wrote, first on stderr, then on stdout, and its exit code.
    #[must_use]
    pub fn says(&self, words: &str) -> String {
        self.transcript(&self.dunlin.run(words))
    }

    /// What a run wrote, in the same form.
    #[must_use]
    pub fn transcript(&self, outcome: &Outcome) -> String {
        let mut text = String::new();
        for (name, written) in [("stderr", &outcome.stderr), ("stdout", &outcome.stdout)] {
            if !written.is_empty() {
                let _ = writeln!(text, "[{name}]\n{}", written.trim_end());
            }
        }
        let _ = write!(text, "[exit {}]", outcome.code.map_or("by a signal".to_owned(), |code| code.to_string()));
        self.hide(&text)
    }

    /// `text` without what two runs differ in.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let dir = self.workspace.dir().display().to_string();
        let mut text = text.replace(&dir, "DIR");
        for (word, instead) in &self.words {
            text = text.replace(word, instead);
        }
        HIDDEN.iter().fold(text, |text, (pattern, word)| pattern.replace_all(&text, *word).into_owned())
    }
}

/// What differs from run to run.
static HIDDEN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let pattern = |(pattern, word)| (Regex::new(pattern).expect("the pattern is fixed"), word);
    [
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "RUN"),
        (r"\b[0-9a-f]{64}\b", "CHECKSUM"),
        (r"\blog [0-9a-f]{16}\b", "log HEAD"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT"),
        (r"\b\d\d:\d\d:\d\dZ", "CLOCK"),
        (r"\b(\d+ min )?\d+(\.\d)? (ms|s)\b", "TIME"),
        (r"\b(PostgreSQL|timescaledb|pg_cron) \d+(\.\d+)+", "$1 VERSION"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\b(process|pid) \d+", "$1 PID"),
        (r"\bpg_terminate_backend\(\d+\)", "pg_terminate_backend(PID)"),
        (r"\b\d+ of \d+ (of the|entries)", "SOME of ALL $1"),
        (r"\bhas \d+ MiB", "has SIZE"),
    ]
    .map(pattern)
    .into()
});

fn config(files: &[(&str, &str)]) -> String {
    let mut config =
        "[project]\nname = \"acme\"\n\n[targets.core]\nkind = \"postgres\"\nurl = \"${CORE}\"\n".to_owned();
    let dirs = files.iter().filter_map(|(path, _)| Some(path.split_once('/')?.0)).filter(|dir| *dir != "configs");
    let services: BTreeSet<_> = dirs.collect();
    for service in services {
        let _ = write!(config, "\n[services.{service}]\ntarget = \"core\"\npath = \"{service}\"\n");
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_hidden() {
        let project = Project::of("//- a/1_x.sql\nSELECT 1;\n//- a/2_y.sql").with("CORE", "postgres://secret");
        let said =
            "postgres://secret: 12:00:01Z done in 12 ms at DB on PostgreSQL 17.11\n1 min 05 s by 2026-11-20 11:58:45";
        let hidden = "$CORE: CLOCK done in TIME at DB on PostgreSQL VERSION\nTIME by MOMENT";
        assert_eq!(project.hide(said), hidden);
    }
}
