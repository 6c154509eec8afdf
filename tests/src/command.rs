//! One run of the binary and what came of it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::binary::binary;
use crate::running::Running;
use crate::server::home;

/// How the binary is called: where, and with which variables. None of the caller's own get through but `PATH`.
#[derive(Clone, Debug)]
pub struct Dunlin {
    dir: PathBuf,
    variables: Vec<(String, String)>,
}

impl Dunlin {
    /// Called in `dir`.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), variables: Vec::new() }
    }

    /// With one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Runs it with these words, which are parted by blanks.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run(&self, words: &str) -> Outcome {
        let output = self.command(words).output().expect("the binary runs");
        Outcome::new(words, output)
    }

    /// Starts it with these words and `--log-format json`, so that its events can be watched.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(&self, words: &str) -> Running {
        let mut command = self.command(&format!("--log-format json {words}"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::new(words, command.spawn().expect("the binary runs"))
    }

    /// Runs it at a terminal, where `keys` are typed once it asks `[y/N]`. All that the terminal shows is stdout.
    ///
    /// # Panics
    /// If `script`, which makes the terminal, cannot be started, or nothing is asked.
    pub fn at_terminal(&self, words: &str, keys: &str) -> Outcome {
        let inner = self.command("");
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command"]);
        command.arg(format!("{} {words}", inner.get_program().display())).arg("/dev/null");
        command.current_dir(&self.dir).env_clear().env("TERM", "xterm");
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("`script` runs");
        let mut screen = child.stdout.take().expect("stdout is a pipe");
        let mut shown = Vec::new();
        while !String::from_utf8_lossy(&shown).contains("[y/N]") {
            let mut piece = [0; 1024];
            let read = screen.read(&mut piece).expect("a pipe can be read");
            assert_ne!(read, 0, "nothing was asked: {}", String::from_utf8_lossy(&shown));
            shown.extend(&piece[..read]);
        }
        // A key that comes before the terminal hands on each by itself is the terminal's own: Ctrl-C would end the program.
        thread::sleep(Duration::from_millis(300));
        let mut typed = child.stdin.take().expect("stdin is a pipe");
        typed.write_all(keys.as_bytes()).expect("a terminal takes keys");
        screen.read_to_end(&mut shown).expect("a pipe can be read");
        let status = child.wait().expect("a child can be waited for");
        Outcome::new(words, Output { status, stdout: shown, stderr: Vec::new() })
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(binary());
        command.args(words.split_whitespace()).current_dir(&self.dir).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("DUNLIN_PREFIX", home().dir());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Where it is called.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// What a run wrote and how it ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    words: String,
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The data.
    pub stdout: String,
    /// Progress and messages.
    pub stderr: String,
}

impl Outcome {
    pub(crate) fn new(words: &str, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("Dunlin writes UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Self { words: words.to_owned(), code: output.status.code(), stdout, stderr }
    }

    /// The same, if it ended with `code`.
    ///
    /// # Panics
    /// If it ended otherwise; the message holds all that it wrote.
    #[must_use]
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "`dunlin {}` wrote\n{}\n{}", self.words, self.stdout, self.stderr);
        self
    }

    /// Its data as JSON.
    ///
    /// # Panics
    /// If they are none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("`dunlin {}`: {error}\n{}\n{}", self.words, self.stdout, self.stderr))
    }

    /// The events among its messages, where it ran with `--log-format json`.
    pub fn events(&self) -> impl Iterator<Item = Value> {
        self.stderr.lines().filter_map(|line| serde_json::from_str(line).ok())
    }

    /// The migrations that a report says were done, in the report's order.
    ///
    /// # Panics
    /// If its data are no report.
    #[must_use]
    #[track_caller]
    pub fn done(&self) -> Vec<String> {
        self.ended("done")
    }

    /// The migrations that a report says ended so.
    ///
    /// # Panics
    /// If its data are no report.
    #[must_use]
    #[track_caller]
    pub fn ended(&self, how: &str) -> Vec<String> {
        let report = self.json();
        let steps = report["steps"].as_array().unwrap_or_else(|| panic!("no report of a run:\n{}", self.stdout));
        let ended = steps.iter().filter(|step| step["end"] == how);
        ended.map(|step| step["migration"].as_str().expect("a step has a migration").to_owned()).collect()
    }
}
