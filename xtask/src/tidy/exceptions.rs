//! Findings that are tolerated, each for a reason.
//!
//! The list is a ratchet: an exception that matches nothing is a finding, and so is a limit that is higher than it
//! needs to be.

use serde::Deserialize;
use toml::Spanned;

use crate::tidy::{Check, Finding};

/// Where the exceptions are.
pub(crate) const PATH: &str = "xtask/tidy.toml";

/// The file of exceptions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    #[serde(default)]
    exception: Vec<Spanned<Exception>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    check: Check,
    path: String,
    /// One thing within the file; without, the exception is for all of the file.
    item: Option<String>,
    /// The measure that is tolerated, for checks that measure.
    limit: Option<usize>,
    reason: String,
}

impl Exception {
    fn covers(&self, finding: &Finding) -> bool {
        let item = self.item.is_none() || self.item == finding.item;
        self.check == finding.check && self.path == finding.path && item
    }
}

/// The findings that remain, with those on the exceptions themselves.
pub(crate) fn apply(text: &str, findings: Vec<Finding>) -> Vec<Finding> {
    let exceptions: Exceptions = match toml::from_str(text) {
        Ok(exceptions) => exceptions,
        Err(error) => {
            let line = line_at(text, error.span().map_or(0, |span| span.start));
            let wrong = Finding::new(Check::Exception, PATH, line, error.message(), "see the head of the file");
            return findings.into_iter().chain([wrong]).collect();
        }
    };
    let (mut remaining, mut used) = (Vec::new(), vec![false; exceptions.exception.len()]);
    for finding in findings {
        let index = exceptions.exception.iter().position(|exception| exception.get_ref().covers(&finding));
        let Some(index) = index else {
            remaining.push(finding);
            continue;
        };
        used[index] = true;
        let exception = &exceptions.exception[index];
        let line = line_at(text, exception.span().start);
        remaining.extend(tolerate(exception.get_ref(), line, finding));
    }
    for (exception, used) in exceptions.exception.iter().zip(used) {
        let line = line_at(text, exception.span().start);
        remaining.extend(exception_findings(exception.get_ref(), line, used));
    }
    remaining
}

/// What remains of a finding that an exception covers.
fn tolerate(exception: &Exception, line: usize, finding: Finding) -> Option<Finding> {
    let measure = finding.measure?;
    let Some(limit) = exception.limit else {
        return Some(Finding::new(Check::Exception, PATH, line, "the exception has no limit", "add `limit = …`"));
    };
    if measure > limit {
        let what = format!("{}, and over the {limit} of its exception", finding.what);
        return Some(Finding { what, ..finding });
    }
    let what = format!("the limit of the exception for `{}` is {limit}, but {measure} would do", exception.path);
    (measure < limit).then(|| Finding::new(Check::Exception, PATH, line, what, "lower the limit"))
}

fn exception_findings(exception: &Exception, line: usize, used: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    if exception.reason.trim().is_empty() {
        found.push(Finding::new(Check::Exception, PATH, line, "the exception has no reason", "say why it is needed"));
    }
    if !used {
        let what = format!("the exception for `{}` is no longer needed", exception.path);
        found.push(Finding::new(Check::Exception, PATH, line, what, "remove it"));
    }
    found
}

fn line_at(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "[[exception]]\npath = \"a.rs\"\ncheck = ";

    /// Applies one exception to a finding in `a.rs` on item `f` with a measure, and compares what remains.
    fn check(exception: &str, kind: Check, measure: Option<usize>, expected: &[(Check, &str, usize)]) {
        let finding = Finding::new(kind, "a.rs", 7, "something", "change it");
        let finding = Finding { item: Some("f".to_owned()), measure, ..finding };
        let text = format!("\n{PLACE}{exception}");
        let remaining = apply(&text, vec![finding]);
        let remaining: Vec<_> = remaining.iter().map(|f| (f.check, f.path.as_str(), f.line)).collect();
        assert_eq!(remaining, expected, "{exception}");
    }

    #[test]
    fn an_exception_covers_what_it_names() {
        check("\"unwrap\"\nreason = \"r\"", Check::Unwrap, None, &[]);
        check("\"unwrap\"\nitem = \"f\"\nreason = \"r\"", Check::Unwrap, None, &[]);
        let remains = [(Check::Unwrap, "a.rs", 7), (Check::Exception, PATH, 2)];
        check("\"unwrap\"\nitem = \"g\"\nreason = \"r\"", Check::Unwrap, None, &remains);
        check("\"module-doc\"\nreason = \"r\"", Check::Unwrap, None, &remains);
    }

    #[test]
    fn a_limit_fits_exactly() {
        let limit = |limit| format!("\"file-length\"\nreason = \"r\"\nlimit = {limit}");
        check(&limit(900), Check::FileLength, Some(900), &[]);
        check(&limit(900), Check::FileLength, Some(901), &[(Check::FileLength, "a.rs", 7)]);
        check(&limit(900), Check::FileLength, Some(899), &[(Check::Exception, PATH, 2)]);
        check("\"file-length\"\nreason = \"r\"", Check::FileLength, Some(900), &[(Check::Exception, PATH, 2)]);
    }

    #[test]
    fn the_list_itself_is_checked() {
        check("\"unwrap\"\nreason = \" \"", Check::Unwrap, None, &[(Check::Exception, PATH, 2)]);
        check("\"unwrap\"", Check::Unwrap, None, &[(Check::Unwrap, "a.rs", 7), (Check::Exception, PATH, 2)]);
        check(
            "\"magic\"\nreason = \"r\"",
            Check::Unwrap,
            None,
            &[(Check::Unwrap, "a.rs", 7), (Check::Exception, PATH, 4)],
        );
    }
}
