//! What a migration says about itself in comments.
//!
//! Two kinds: the human ones that teams write at the top (`-- Service: auth`), taken as they come, and the exact ones
//! addressed to Dunlin (`-- dunlin: phase contract`), which may stand anywhere outside literals and where anything not
//! understood is an error, because a directive that is silently ignored is worse than none.

use std::ops::Range;
use std::time::Duration;

use crate::directive::{self, Allow, Batch, HeaderError, Refresh};
use crate::phase::Phase;
use crate::rules;
use crate::split::Script;

/// A value and the bytes of the text that say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub range: Range<usize>,
}

/// The headers of one file. `Option`s of directives hold the only one; a second is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers {
    /// `-- Migration:`
    pub migration: Option<Placed<String>>,
    /// `-- Service:`
    pub service: Option<Placed<String>>,
    /// `-- Author:`
    pub author: Option<Placed<String>>,
    /// `-- Date:`
    pub date: Option<Placed<String>>,
    /// `-- Rollback:`
    pub rollback: Option<Placed<String>>,
    /// `-- Dependencies: a, b`, or a list on the following lines.
    pub dependencies: Vec<Placed<String>>,
    /// `-- dunlin: depends a/b, c/d`
    pub depends: Vec<Placed<String>>,
    /// `-- dunlin: phase contract`
    pub phase: Option<Placed<Phase>>,
    /// `-- dunlin: gate NAME`
    pub gates: Vec<Placed<String>>,
    /// `-- dunlin: transaction none`
    pub no_transaction: Option<Placed<()>>,
    /// `-- dunlin: lock_timeout 2s`
    pub lock_timeout: Option<Placed<Duration>>,
    /// `-- dunlin: timeout 10min`
    pub timeout: Option<Placed<Duration>>,
    /// `-- dunlin: role NAME`
    pub role: Option<Placed<String>>,
    /// `-- dunlin: search_path app, public`
    pub search_path: Option<Placed<String>>,
    /// `-- dunlin: probe SELECT …`, for the statement that follows it.
    pub probes: Vec<Placed<String>>,
    /// `-- dunlin: refresh NAME, … [from START] [to END]`: continuous aggregates to refresh after this migration.
    pub refresh: Vec<Placed<Refresh>>,
    /// `-- dunlin: batch table=tasks key=id size=10000`
    pub batch: Option<Placed<Batch>>,
    /// `-- dunlin: allow RULE because REASON`
    pub allows: Vec<Placed<Allow>>,
    /// Directives that are not understood.
    pub errors: Vec<HeaderError>,
}

impl Headers {
    /// What is wrong with them: message, hint and place.
    pub(crate) fn wrong(&self) -> Vec<(String, Option<String>, Range<usize>)> {
        let directives = self.errors.iter().map(|error| (error.to_string(), error.hint(), error.range()));
        let allows = self.allows.iter().filter_map(|allow| {
            let rule = &allow.value.rule;
            let known = rules::ALL.iter().chain(&rules::CLICKHOUSE).map(|rule| rule.code);
            if known.clone().any(|code| code == rule) {
                return None;
            }
            let hint = directive::nearest(rule, known).map(|it| format!("did you mean `{it}`?"));
            Some((format!("there is no lint rule `{rule}`"), hint, allow.range.clone()))
        });
        directives.chain(allows).collect()
    }
}

/// Does a `--` comment address Dunlin?
pub(crate) fn addresses_dunlin(comment: &str) -> bool {
    directive_text(comment).is_some()
}

/// What follows `dunlin:` in a comment.
fn directive_text(comment: &str) -> Option<&str> {
    let text = comment.trim_start_matches('-').trim_start();
    let (word, rest) = text.split_at_checked("dunlin:".len())?;
    word.eq_ignore_ascii_case("dunlin:").then_some(rest)
}

/// The headers in the comments of `script`, which was split from `text`.
#[must_use]
pub fn headers(text: &str, script: &Script) -> Headers {
    in_comments(text, &script.comments)
}

/// The headers in these comments of `text`.
pub(crate) fn in_comments(text: &str, comments: &[Range<usize>]) -> Headers {
    let mut headers = Headers::default();
    let mut listing = false;
    for range in comments {
        let comment = &text[range.clone()];
        if let Some(rest) = directive_text(comment) {
            listing = false;
            let rest = placed(text, range.end - rest.len()..range.end);
            if let Err(error) = directive::read(&rest, &mut headers) {
                headers.errors.push(error);
            }
        } else {
            listing = human(text, range, listing, &mut headers);
        }
    }
    headers
}

/// Reads one human line; true when the next ones may list dependencies.
fn human(text: &str, range: &Range<usize>, listing: bool, headers: &mut Headers) -> bool {
    let start = range.start + dashes(&text[range.clone()]);
    let line = placed(text, start..range.end);
    if listing && let Some(item) = line.value.strip_prefix(['-', '*']) {
        let item = placed(text, line.range.end - item.len()..line.range.end);
        headers.dependencies.extend(names(&item));
        return true;
    }
    let Some((key, value)) = line.value.split_once(':') else {
        return false;
    };
    let value = placed(text, line.range.end - value.len()..line.range.end);
    let field = match key.trim_end().to_ascii_lowercase().as_str() {
        "dependencies" => {
            headers.dependencies.extend(names(&value));
            return value.value.is_empty();
        }
        "migration" => &mut headers.migration,
        "service" => &mut headers.service,
        "author" => &mut headers.author,
        "date" => &mut headers.date,
        "rollback" => &mut headers.rollback,
        _ => return false,
    };
    if field.is_none() && !value.value.is_empty() {
        *field = Some(value);
    }
    false
}

/// The two dashes of a comment; a third may be a list's bullet.
fn dashes(comment: &str) -> usize {
    comment.len() - comment.strip_prefix("--").unwrap_or(comment).len()
}

/// The text of a range without the whitespace around it.
fn placed(text: &str, range: Range<usize>) -> Placed<String> {
    let whole = &text[range.clone()];
    let value = whole.trim();
    let start = range.start + (whole.len() - whole.trim_start().len());
    Placed { value: value.to_owned(), range: start..start + value.len() }
}

/// The names in `a, b`, `[a, "b"]`, `none`, `[]` or `-`.
pub(crate) fn names(list: &Placed<String>) -> Vec<Placed<String>> {
    let mut offset = list.range.start;
    let mut names = Vec::new();
    for item in list.value.split([',', ' ', '\t']) {
        let name = item.trim_matches(|c: char| c.is_whitespace() || "[]\"'`".contains(c));
        let none = matches!(name.to_ascii_lowercase().as_str(), "" | "-" | "none" | "n/a");
        if !none {
            let start = offset + item.find(name).unwrap_or_default();
            names.push(Placed { value: name.to_owned(), range: start..start + name.len() });
        }
        offset += item.len() + 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::split;

    fn check(sql: &str, expected: &str) {
        let headers = headers(sql, &split(sql).unwrap());
        let show = |list: &[Placed<String>]| {
            let names: Vec<_> = list
                .iter()
                .inspect(|it| assert_eq!(it.value, sql[it.range.clone()]))
                .map(|it| it.value.as_str())
                .collect();
            names.join("|")
        };
        let service = headers.service.map(|it| it.value).unwrap_or_default();
        let errors: Vec<_> = headers.errors.iter().map(ToString::to_string).collect();
        let got =
            format!("{service}; {}; {}; {}", show(&headers.dependencies), show(&headers.depends), errors.join("|"));
        assert_eq!(got, expected, "{sql:?}");
    }

    #[test]
    fn human_headers_stand_in_the_leading_comments() {
        check(
            "-- Migration: x\n-- Service: auth-service\n--Dependencies: 20240101_001,  b/2\nselect 1",
            "auth-service; 20240101_001|b/2; ; ",
        );
        check("select 1;\n-- Service: late\n-- Dependencies: a", "; ; ; ");
        for none in ["none", "[]", "-", "N/A", ""] {
            check(&format!("-- Dependencies: {none}\n"), "; ; ; ");
        }
        check("-- Dependencies: [\"a\", 'b']\n", "; a|b; ; ");
        check("-- Dependencies:\n--   - a\n--   - b/c\n-- Date: x\n-- - d", "; a|b/c; ; ");
        check("-- Service: a\n-- service: b\n", "a; ; ; ");
    }

    #[test]
    fn directives_stand_anywhere_outside_literals() {
        check("-- dunlin: depends a/b, c/d\n-- dunlin: depends e", "; ; a/b|c/d|e; ");
        check("select 1; -- dunlin: depends a/b", "; ; a/b; ");
        check("select '\n-- dunlin: depends a/b\n'", "; ; ; ");
        check("do $$\n-- dunlin: bogus\n$$", "; ; ; ");
        check("copy t from stdin;\n-- dunlin: bogus\n\\.\n", "; ; ; ");
        check("-- dunlin: dpends a/b", "; ; ; unknown directive `dpends`");
    }
}
