//! Texts that people wrote, and what becomes of them under careless hands.

use std::path::Path;

use dunlin_tests::repository;
use fs_err as fs;
use regex::Regex;
use walkdir::WalkDir;

use crate::simulation::random::Random;

/// What makes trouble where it does not belong.
const TROUBLE: &[&str] = &[
    ";",
    ";;",
    "'",
    "''",
    "\"",
    "\"\"",
    "$$",
    "$a$",
    "$é$",
    "$1",
    "E'",
    "e'\\'",
    "\\'",
    "\\\\",
    "U&'",
    "U&\"",
    "N'",
    "B'",
    "/*",
    "*/",
    "/*/",
    "--",
    "-- ;\n",
    "\n",
    "\r",
    " ",
    "\t",
    "(",
    ")",
    "[",
    "]",
    "begin",
    "begin atomic",
    "; end",
    "end;",
    "begin;",
    "commit;",
    "case",
    "as end",
    "create function f()",
    "create or replace procedure p()",
    "do ",
    "rule",
    "é",
    "\u{a0}",
    "\u{1F600}",
    "\u{2028}",
    "::",
    ":'x'",
    "=>",
    "@-",
    "+/",
    "1e",
    "0x",
    "1_",
    "..",
    "\\",
    "return 1;",
    "language sql ",
];

/// The example fleet's migrations, and the texts that the reader of SQL is tested with.
pub(crate) struct Corpus(Vec<String>);

impl Corpus {
    pub(crate) fn read() -> Self {
        let migrations = files(&repository().join("migrations"), "sql");
        let mut sources = files(&repository().join("crates/sql/tests"), "rs");
        sources.extend(files(&repository().join("crates/sql/src"), "rs"));
        let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).unwrap();
        let tested = sources.iter().flat_map(|source| {
            let texts = literal.captures_iter(source).map(|found| unescaped(&found[1]));
            texts.filter(|text| text.contains([';', ' '])).collect::<Vec<_>>()
        });
        let corpus: Vec<_> = migrations.into_iter().chain(tested).collect();
        assert!(corpus.len() > 500, "{} texts", corpus.len());
        Self(corpus)
    }

    /// One of the texts.
    pub(crate) fn one(&self, random: &mut Random) -> &str {
        &self.0[random.below(self.0.len())]
    }

    /// One of the texts after a few changes.
    pub(crate) fn changed(&self, random: &mut Random) -> String {
        let mut text = self.one(random).to_owned();
        for _ in 0..random.below(5) {
            let other = self.one(random);
            change(random, &mut text, other);
        }
        text
    }
}

fn change(random: &mut Random, text: &mut String, other: &str) {
    let at = place(random, text);
    let range = at..text.ceil_char_boundary((at + random.below(12)).min(text.len()));
    match random.below(6) {
        0 => text.replace_range(range, ""),
        1 => text.replace_range(range, random.one_of(TROUBLE)),
        2 => text.insert_str(at, &text[range].repeat(1 + random.below(3))),
        3 => {
            let from = place(random, other);
            let to = other.ceil_char_boundary((from + random.below(200)).min(other.len()));
            text.insert_str(at, &other[from..to]);
        }
        _ => text.insert_str(at, random.one_of(TROUBLE)),
    }
}

fn place(random: &mut Random, text: &str) -> usize {
    text.floor_char_boundary(random.below(text.len() + 1))
}

fn files(dir: &Path, extension: &str) -> Vec<String> {
    let entries = WalkDir::new(dir).sort_by_file_name().into_iter().map(Result::unwrap);
    let paths = entries.map(walkdir::DirEntry::into_path);
    let matching = paths.filter(|path| path.extension().is_some_and(|it| it == extension));
    matching.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// What a literal of Rust stands for, as far as SQL needs it.
fn unescaped(literal: &str) -> String {
    let mut text = String::new();
    let mut chars = literal.chars();
    while let Some(char) = chars.next() {
        match (char, char == '\\') {
            (_, true) => match chars.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => {}
            },
            (char, _) => text.push(char),
        }
    }
    text
}
