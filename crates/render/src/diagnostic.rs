//! Findings and failures as compilers show them: what, where with the source line, and what to change.
//!
//! The drawing is annotate-snippets' work; a [`Place`] holds one line of its file, and that line is all it is given. It
//! replaces tabs and control characters of source lines by itself; every other text goes through [`clean`].

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use dunlin_planner::{Failure, Finding, Place, Severity};

use crate::clean::{clean, one_line};
use crate::style::{GOOD, listed, paint};

/// Every finding with its places and its hint, in the order given; an empty line stands between two. What is noted of
/// several places is said once.
#[must_use]
pub fn findings(findings: &[Finding]) -> String {
    let is_same = |one: &Finding, other: &Finding| (&one.code, &one.message) == (&other.code, &other.message);
    let mut said: Vec<(&Finding, Vec<&Place>)> = Vec::new();
    for finding in findings {
        let noted = said.iter_mut().rfind(|(before, _)| finding.severity == Severity::Note && is_same(before, finding));
        match noted {
            Some((_, also)) => also.extend(&finding.place),
            None => said.push((finding, Vec::new())),
        }
    }
    said.into_iter().map(|(finding, also)| one(finding, &also)).collect::<Vec<_>>().join("\n")
}

fn one(finding: &Finding, also: &[&Place]) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(clean(&finding.message)).id(finding.code.as_ref());
    let mut report = vec![Group::with_title(title).elements(finding.place.iter().map(source))];
    for (what, place) in &finding.related {
        report.push(Level::NOTE.secondary_title(clean(what)).element(source(place)));
    }
    if !also.is_empty() {
        report.push(Group::with_title(
            Level::NOTE.secondary_title(format!("the same at {}", one_line(&listed(also, 6)))),
        ));
    }
    draw(&report, finding.hint.as_deref())
}

/// Why `title` did not get done: the server's words, where in the user's file, and its advice.
///
/// `title` says what failed, such as `` `auth/2` failed on core ``.
#[must_use]
pub fn failure(failure: &Failure, title: &str) -> String {
    let message = format!("{}: {}", clean(title), clean(&failure.message));
    let mut title = Level::ERROR.primary_title(message);
    if let Some(sqlstate) = &failure.sqlstate {
        title = title.id(clean(sqlstate));
    }
    let added = [("detail", &failure.detail), ("context", &failure.context)];
    let added = added.into_iter().filter_map(|(name, text)| Some(note(name, text.as_deref()?)));
    let group = Group::with_title(title).elements(failure.place.iter().map(source)).elements(added);
    draw(&[group], failure.hint.as_deref())
}

fn note<'a>(name: &'a str, text: &'a str) -> Element<'a> {
    Level::NOTE.with_name(name).message(clean(text)).into()
}

fn draw(report: &[Group<'_>], hint: Option<&str>) -> String {
    let hint = hint.map(|hint| format!("{}: {}\n", paint(GOOD.bold(), "hint"), clean(hint).replace('\n', "\n      ")));
    format!("{}\n{}", Renderer::styled().render(report), hint.unwrap_or_default())
}

/// The line of `place` with what is meant underlined; the place alone where it shows no line.
fn source(place: &Place) -> Element<'_> {
    // A line of its own could pass for a message.
    let file = clean(&place.file).replace('\n', "\\u{a}");
    if place.text.is_empty() {
        let origin = Origin::path(file).line(place.line as usize);
        return origin.char_column(place.column as usize).into();
    }
    let byte = |letters: u32| place.text.char_indices().nth(letters as usize).map_or(place.text.len(), |(at, _)| at);
    let start = place.column.saturating_sub(1);
    let span = byte(start)..byte(start.saturating_add(place.width));
    let snippet = Snippet::source(place.text.as_ref()).line_start(place.line as usize).path(file);
    snippet.annotation(AnnotationKind::Primary.span(span)).into()
}
