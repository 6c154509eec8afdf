//! The checks of one Rust file.

use crate::tidy::facts::Facts;
use crate::tidy::{Check, Finding};

/// Directories below a crate's `src` may hold files, but no further directories of modules.
const DEPTH: usize = 2;

/// A Rust file that was read, with all that is wrong in it but its lengths.
pub(crate) struct RustFile {
    pub(crate) path: String,
    pub(crate) facts: Facts,
    pub(crate) findings: Vec<Finding>,
}

impl RustFile {
    /// Checks one file.
    pub(crate) fn check(path: &str, text: &str) -> Self {
        match Facts::of(text, is_test(path)) {
            Ok(facts) => Self { path: path.to_owned(), findings: findings(path, &facts), facts },
            Err(error) => {
                let what = format!("the file is not Rust: {error}");
                let line = error.span().start().line;
                let finding = Finding::new(Check::Syntax, path, line, what, "see what rustc says");
                Self { path: path.to_owned(), facts: Facts::default(), findings: vec![finding] }
            }
        }
    }

    /// Whether all of the file is test code.
    pub(crate) fn is_test(&self) -> bool {
        is_test(&self.path)
    }
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "benches" | "examples"))
}

fn findings(path: &str, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |check, lines: &[usize], what: &str, hint| {
        found.extend(lines.iter().map(|&line| Finding::new(check, path, line, what, hint)));
    };
    add(Check::AllowAttribute, &facts.allows, "a lint is allowed", "use `#[expect(…, reason = \"…\")]`");
    add(Check::AllowAttribute, &facts.bare_expects, "a lint is expected without a reason", "add `reason = \"…\"`");
    add(Check::Unwrap, &facts.unwraps, "`unwrap` outside tests", "return the error, or `expect` the invariant");
    if path.ends_with("/lib.rs") || path.ends_with("/mod.rs") {
        let hint = "move it to a file named by what it does";
        add(Check::RootContents, &facts.others, "more than `mod` and `use` in the root of a module", hint);
    }
    if !facts.documented {
        add(Check::ModuleDoc, &[1], "no `//!` documentation", "say what the module is for and what it leaves out");
    }
    if depth(path) > DEPTH {
        add(Check::ModuleDepth, &[1], "more than two levels of modules below `src`", "make the tree flatter");
    }
    found
}

fn depth(path: &str) -> usize {
    let inner = path.split_once("/src/").map_or("", |(_, inner)| inner);
    inner.trim_end_matches("/mod.rs").split('/').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a file, and compares the findings' checks and lines.
    fn check(path: &str, text: &str, expected: &[(Check, usize)]) {
        let found: Vec<_> = RustFile::check(path, text).findings.iter().map(|f| (f.check, f.line)).collect();
        assert_eq!(found, expected, "{path}: {text}");
    }

    #[test]
    fn rules_depend_on_where_the_file_is() {
        check("crates/a/src/b.rs", "//! B\nfn b() { c().unwrap() }", &[(Check::Unwrap, 2)]);
        check("crates/a/tests/b.rs", "//! B\nfn b() { c().unwrap() }", &[]);
        check("tests/src/b.rs", "//! B\nfn b() { c().unwrap() }", &[]);
        check("crates/a/src/lib.rs", "//! A\nfn b() {}", &[(Check::RootContents, 2)]);
        check("crates/a/src/c/mod.rs", "//! A\nuse b::D;\nstruct C;", &[(Check::RootContents, 3)]);
        check("crates/a/src/main.rs", "//! A\nfn main() {}", &[]);
    }

    #[test]
    fn modules_are_documented_and_flat() {
        check("crates/a/src/b.rs", "fn b() {}", &[(Check::ModuleDoc, 1)]);
        check("crates/a/src/b/c.rs", "//! C", &[]);
        check("crates/a/src/b/c/mod.rs", "//! C", &[]);
        check("crates/a/src/b/c/d.rs", "//! D", &[(Check::ModuleDepth, 1)]);
        check("crates/a/src/b/c/d/mod.rs", "//! D", &[(Check::ModuleDepth, 1)]);
    }

    #[test]
    fn attributes_and_syntax() {
        check(
            "crates/a/src/b.rs",
            "//! B\n#![allow(x)]\n#![expect(y)]",
            &[(Check::AllowAttribute, 2), (Check::AllowAttribute, 3)],
        );
        check("crates/a/src/b.rs", "//! B\nfn 1() {}", &[(Check::Syntax, 2)]);
    }
}
