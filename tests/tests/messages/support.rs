//! A fixture, commands, and all that they wrote.

use dunlin_tests::{Project, Scratch, Server};

/// What `dunlin` says to each line of `commands`, without any database.
pub(crate) fn offline(fixture: &str, commands: &str) -> String {
    transcript(&Project::of(fixture), commands)
}

/// What `dunlin` says to each line of `commands`, with an empty database behind `CORE`.
pub(crate) fn check(fixture: &str, commands: &str) -> String {
    let server = Server::shared();
    transcript(&project(&server.scratch(), fixture), commands)
}

/// The same after `change`, made once `fixture` is applied.
pub(crate) fn later(fixture: &str, change: impl FnOnce(&Project, &Scratch<'_>), commands: &str) -> String {
    let server = Server::shared();
    let scratch = server.scratch();
    let project = project(&scratch, fixture);
    let _ = project.dunlin().run("up --yes").exits(0);
    change(&project, &scratch);
    transcript(&project, commands)
}

/// The project of `fixture` with `database` behind `CORE`.
pub(crate) fn project(database: &Scratch<'_>, fixture: &str) -> Project {
    Project::of(fixture).with("CORE", database.url()).hiding(database.name(), "DATABASE")
}

/// What `dunlin` says to each line of `commands`.
pub(crate) fn transcript(project: &Project, commands: &str) -> String {
    let said = commands.lines().map(|words| format!("$ dunlin {words}\n{}", project.says(words)));
    said.collect::<Vec<_>>().join("\n\n")
}
