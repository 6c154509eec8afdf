//! A project with one target of kind `timescale`, and its files.

use dunlin_tests::{Dunlin, Outcome, Workspace};

const CONFIG: &str = r#"
[project]
name = "small"

[targets.main]
kind = "timescale"
url = "${URL}"

[services.app]
target = "main"
path = "migrations/app"
"#;

pub(crate) const EXTENSION: &str = "CREATE EXTENSION IF NOT EXISTS timescaledb;\n";

pub(crate) const READINGS: &str = "CREATE TABLE readings (ts timestamptz NOT NULL, sensor int, value float8);
SELECT create_hypertable('readings', 'ts', chunk_time_interval => INTERVAL '1 day', if_not_exists => TRUE);
INSERT INTO readings SELECT '2026-01-01'::timestamptz + i * interval '1 hour', i % 5, i FROM generate_series(0, 239) AS i;\n";

/// The files of a project, and Dunlin on a database.
pub(crate) struct Files {
    workspace: Workspace,
    dunlin: Dunlin,
}

impl Files {
    pub(crate) fn new(url: &str, files: &[(&str, &str)]) -> Self {
        let workspace = Workspace::of(&[("dunlin.toml", CONFIG)]);
        let dunlin = Dunlin::at(workspace.dir()).with("URL", url);
        let this = Self { workspace, dunlin };
        files.iter().for_each(|(name, text)| this.write(name, text));
        this
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.workspace.write(&format!("migrations/app/{name}"), text);
    }

    /// Changes a part of the configuration.
    pub(crate) fn configure(&self, part: &str, by: &str) {
        assert!(CONFIG.contains(part));
        self.workspace.write("dunlin.toml", &CONFIG.replace(part, by));
    }

    /// Runs it and expects an exit code; all that it says.
    #[track_caller]
    pub(crate) fn run(&self, words: &str, code: i32) -> String {
        let Outcome { stdout, stderr, .. } = self.dunlin.run(words).exits(code);
        format!("{stderr}{stdout}")
    }

    /// A file more fails, with these words, and leaves nothing.
    #[track_caller]
    pub(crate) fn refuses(&self, name: &str, text: &str, words: &str) {
        self.write(name, text);
        let said = self.run("up --yes", 1);
        assert!(said.contains(words), "{text}\n{said}");
    }
}
