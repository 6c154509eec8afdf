//! Projects with a database of ClickHouse.

use dunlin_tests::{Dunlin, Workspace};

/// A project with one set of ClickHouse, whose files lie in `migrations/events`.
pub(crate) fn project(url: &str, files: &[(&str, &str)]) -> Workspace {
    let config = format!(
        "[project]\nname = \"small\"\n\n[targets.events]\nkind = \"clickhouse\"\nurl = \"{url}\"\n\n\
         [services.events]\ntarget = \"events\"\npath = \"migrations/events\"\n"
    );
    let workspace = Workspace::of(&[("dunlin.toml", &config)]);
    files.iter().for_each(|(name, text)| workspace.write(&format!("migrations/events/{name}"), text));
    workspace
}

pub(crate) fn dunlin(workspace: &Workspace) -> Dunlin {
    Dunlin::at(workspace.dir())
}

/// The configuration of a project of one set of ClickHouse in `events`.
pub(crate) const ALONE: &str = "//- dunlin.toml
[project]
name = \"acme\"
[targets.core]
kind = \"clickhouse\"
url = \"${CORE}\"
[services.events]
target = \"core\"
path = \"events\"
";
