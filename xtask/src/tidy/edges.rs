//! Which crate of the workspace may know which.
//!
//! The table is the architecture: what is missing in it is what a crate must never know. Dependencies of tests may go
//! further, for a real server and for a driver to test against.

use toml::{Table, Value};

use crate::tidy::{Check, Finding};

const PREFIX: &str = "dunlin-";

/// The manifest of this table.
const HERE: &str = "xtask/src/tidy/edges.rs";

/// What stands for every crate of the workspace.
const ALL: &str = "*";

/// A crate's directory, and the crates that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("crates/sql", &[]),
    ("crates/planner", &[]),
    ("crates/project", &["sql", "planner"]),
    ("crates/driver", &["planner"]),
    ("crates/driver-postgres", &["driver", "planner"]),
    ("crates/driver-timescale", &["driver-postgres", "driver", "planner"]),
    ("crates/driver-cron", &["driver-postgres", "driver", "planner"]),
    ("crates/driver-clickhouse", &["driver", "planner"]),
    ("crates/engine", &["planner", "driver"]),
    ("crates/render", &["planner"]),
    ("crates/devdb", &[]),
    ("crates/cli", &[ALL]),
    ("tests", &[ALL]),
    ("fuzz", &["sql", "project", "driver", "driver-postgres"]),
    ("xtask", &["devdb"]),
];

/// What a crate's tests may use besides.
const ALLOWED_IN_TESTS: &[(&str, &[&str])] = &[
    ("crates/driver-postgres", &["devdb"]),
    ("crates/driver-timescale", &["devdb"]),
    ("crates/driver-cron", &["devdb"]),
    ("crates/driver-clickhouse", &["devdb"]),
    ("crates/engine", &["devdb", "driver-postgres"]),
];

/// Names that say nothing, and so collect everything.
const EMPTY_NAMES: &[&str] = &["common", "utils", "util", "types", "errors", "macros", "prelude"];

/// Checks the manifests of all crates, each with its path and text.
pub(crate) fn check(manifests: &[(String, String)]) -> Vec<Finding> {
    let dir = |path: &str| path.trim_end_matches("/Cargo.toml").to_owned();
    let mut found: Vec<Finding> =
        manifests.iter().flat_map(|(path, text)| manifest_findings(path, &dir(path), text)).collect();
    for (crate_dir, _) in ALLOWED.iter().chain(ALLOWED_IN_TESTS) {
        if !manifests.iter().any(|(path, _)| dir(path) == *crate_dir) {
            let what = format!("the table has a row for `{crate_dir}`, which is no crate");
            found.push(Finding::new(Check::CrateEdge, HERE, 1, what, "remove the row"));
        }
    }
    found
}

fn manifest_findings(path: &str, dir: &str, text: &str) -> Vec<Finding> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => {
            let what = format!("the manifest is not TOML: {}", error.message());
            return vec![Finding::new(Check::Syntax, path, 1, what, "see what Cargo says")];
        }
    };
    let mut found = Vec::new();
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let name = name.unwrap_or_default();
    if EMPTY_NAMES.contains(&name.trim_start_matches(PREFIX)) {
        let what = format!("`{name}` says nothing of what the crate does");
        found.push(Finding::new(Check::CrateName, path, line_of(text, name), what, "name it by what it does"));
    }
    let row =
        |table: &[(&str, &'static [&'static str])]| table.iter().find(|(row, _)| *row == dir).map(|(_, may)| *may);
    let Some(may) = row(ALLOWED) else {
        let what = format!("`{dir}` has no row in the table of allowed dependencies");
        found.push(Finding::new(Check::CrateEdge, path, 1, what, "add it to xtask/src/tidy/edges.rs"));
        return found;
    };
    let may_in_tests = row(ALLOWED_IN_TESTS).unwrap_or_default();
    for (to, is_test) in edges(&manifest) {
        let allowed = |list: &[&str]| list.contains(&ALL) || list.contains(&to.as_str());
        if !(allowed(may) || is_test && allowed(may_in_tests)) {
            let what = format!("`{name}` may not depend on `{PREFIX}{to}`");
            let line = line_of(text, &format!("{PREFIX}{to}"));
            let hint = "move the code to where the dependency is allowed, or hand the value over";
            found.push(Finding { item: Some(to), ..Finding::new(Check::CrateEdge, path, line, what, hint) });
        }
    }
    found
}

/// The crates of the workspace that a manifest names, without their common prefix, and whether only tests use them.
fn edges(manifest: &Table) -> Vec<(String, bool)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let scopes: Vec<&Table> = targets.filter_map(Value::as_table).chain([manifest]).collect();
    let mut edges = Vec::new();
    for (section, is_test) in [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)] {
        let tables = scopes.iter().filter_map(|scope| scope.get(section).and_then(Value::as_table));
        for (key, value) in tables.flatten() {
            let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
            edges.extend(package.strip_prefix(PREFIX).map(|name| (name.to_owned(), is_test)));
        }
    }
    edges
}

fn line_of(text: &str, needle: &str) -> usize {
    text.lines().position(|line| line.contains(needle)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the manifest of one crate, and compares the findings' lines and items.
    fn check(dir: &str, sections: &str, expected: &[(usize, Option<&str>)]) {
        let text = format!("[package]\nname = \"dunlin-x\"\n{sections}");
        let found = manifest_findings(&format!("{dir}/Cargo.toml"), dir, &text);
        let found: Vec<_> = found.iter().map(|finding| (finding.line, finding.item.as_deref())).collect();
        assert_eq!(found, expected, "{dir}: {sections}");
    }

    #[test]
    fn only_edges_of_the_table_are_allowed() {
        check("crates/project", "[dependencies]\ndunlin-sql.workspace = true\nserde = \"1\"", &[]);
        check("crates/planner", "[dependencies]\ndunlin-sql.workspace = true", &[(4, Some("sql"))]);
        check(
            "crates/render",
            "[dependencies]\ndb = { package = \"dunlin-driver\", path = \"\" }",
            &[(4, Some("driver"))],
        );
        check("crates/sql", "[build-dependencies]\ndunlin-planner.workspace = true", &[(4, Some("planner"))]);
        check(
            "crates/sql",
            "[target.'cfg(unix)'.dependencies]\ndunlin-driver.workspace = true",
            &[(4, Some("driver"))],
        );
        check("crates/cli", "[dependencies]\ndunlin-sql.workspace = true", &[]);
    }

    #[test]
    fn tests_may_use_more() {
        check("crates/engine", "[dev-dependencies]\ndunlin-devdb.workspace = true", &[]);
        check("crates/engine", "[dependencies]\ndunlin-devdb.workspace = true", &[(4, Some("devdb"))]);
        check("crates/planner", "[dev-dependencies]\ndunlin-devdb.workspace = true", &[(4, Some("devdb"))]);
    }

    #[test]
    fn every_crate_is_in_the_table_and_has_a_name() {
        check("crates/other", "", &[(1, None)]);
        check("crates/sql", "", &[]);
        let found = manifest_findings("crates/sql/Cargo.toml", "crates/sql", "[package]\nname = \"dunlin-utils\"");
        assert_eq!(found.iter().map(|finding| finding.check).collect::<Vec<_>>(), [Check::CrateName]);
    }

    #[test]
    fn rows_without_a_crate_are_found() {
        let manifests: Vec<_> =
            ALLOWED.iter().skip(1).map(|(dir, _)| (format!("{dir}/Cargo.toml"), String::new())).collect();
        let found = super::check(&manifests);
        assert_eq!(found.iter().map(|finding| finding.path.as_str()).collect::<Vec<_>>(), [HERE]);
    }
}
