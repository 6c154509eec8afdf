//! Whatever the text, splitting neither panics nor loses a byte.

use dunlin_sql::{LintContext, Source, split};
use proptest::prelude::*;

/// Pieces that make trouble, to be strung together at random.
const PIECES: &[&str] = &[
    "select 1",
    ";",
    ";\n",
    "'",
    "''",
    "\"",
    "$$",
    "$a$",
    "$1",
    "E'",
    "\\'",
    "U&'",
    "/*",
    "*/",
    "--",
    "\n",
    " ",
    "(",
    ")",
    "begin",
    "begin;",
    "commit;",
    "end",
    "atomic",
    "case",
    "create function f()",
    "create or replace procedure",
    "copy t from stdin;",
    "\\.\n",
    "\\",
    ":'x'",
    "é",
    "\u{feff}",
    "do ",
    "insert into t values",
    "-- dunlin: ",
    "allow x because y",
    "\r",
    "\t",
    "a.b",
    "1e",
    "update t set a = 1 limit 5",
    "create index concurrently",
    " on t",
    "with (",
    "=>",
    "::",
    "[",
    "]",
    "not ",
];

/// The text between statements: whitespace, comments, semicolons, COPY's end and what was taken off.
fn is_gap(text: &str) -> bool {
    match split(text) {
        Ok(script) => script.statements.is_empty() && script.removed.is_empty(),
        Err(_) => text.trim() == r"\.",
    }
}

fn is_lossless(text: &str) {
    let Ok(script) = split(text) else { return };
    let mut runs: Vec<_> = script.removed.clone();
    for statement in &script.statements {
        runs.push(statement.range.clone());
        runs.extend(statement.copy_data.clone());
    }
    runs.sort_by_key(|range| (range.start, range.end));
    let mut at = 0;
    for range in runs {
        assert!(at <= range.start && range.start <= range.end, "{text:?}");
        assert!(is_gap(&text[at..range.start]), "gap {:?} of {text:?}", &text[at..range.start]);
        at = range.end;
    }
    assert!(is_gap(&text[at..]), "gap {:?} of {text:?}", &text[at..]);
    for statement in &script.statements {
        let trimmed = text[statement.range.clone()].trim_matches([' ', '\n', '\t', '\r', '\u{b}', '\u{c}']);
        assert_eq!(trimmed.len(), statement.range.len(), "{text:?}");
        assert!(statement.range.end <= statement.end && statement.end <= text.len());
    }
    assert_eq!(script.executable(text).len(), text.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24)) {
        is_lossless(&pieces.concat());
    }

    #[test]
    fn any_text(text in "\\PC{0,80}") {
        is_lossless(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_and_linting_never_panics(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let context = LintContext::default();
        for bytes in [pieces.concat().into_bytes(), bytes] {
            if let Ok(source) = Source::read(&bytes) {
                let text = source.text();
                for violation in source.lint(&context) {
                    prop_assert!(text.get(violation.range.clone()).is_some(), "{violation:?} of {text:?}");
                }
            }
        }
    }
}
