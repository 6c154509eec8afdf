//! Dependency files: `migrations: [{version, service, dependencies}]` in YAML, or `[[migrations]]` in TOML.
//!
//! YAML is read without anchors, aliases and custom tags and with small limits, because a few bytes of it can grow to
//! millions of nodes; a key that stands twice is an error in both.

use std::path::Path;
use std::sync::Arc;

use dunlin_planner::{DependencyEntry, DependencyFile, Finding, Place, Reference};
use serde::Deserialize;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{Error, Spanned};

use crate::config::view::View;
use crate::disk;
use crate::source::{Content, Source};
use crate::tree::{Table, Value};
use crate::words::printable;

const MAX_DEPTH: usize = 32;

/// Reads the file that the configuration names at `place`.
pub(crate) fn read(root: &Path, name: &str, place: &Place, findings: &mut Vec<Finding>) -> Option<DependencyFile> {
    let refuse = |why: String| {
        let message = format!("dependency file `{}` {why}", printable(name));
        Finding::error("dependencies-unreadable", message).at(place.clone())
    };
    let path = match fs_err::canonicalize(root.join(name)) {
        Ok(path) if path.starts_with(root) => path,
        Ok(_) => {
            findings.push(refuse("lies outside the project".to_owned()));
            return None;
        }
        Err(error) => {
            let finding = refuse(format!("cannot be opened: {}", disk::cause(&error)));
            findings
                .push(finding.hint("write it, or take it out of `dependencies`; paths count from the project's root"));
            return None;
        }
    };
    let text = match disk::read_text(&path, name) {
        Ok(text) => text,
        Err(finding) => {
            findings.push(finding.at(place.clone()));
            return None;
        }
    };
    let source = Arc::new(Source::new(name, text, Content::Open));
    let entries = match path.extension().and_then(|extension| extension.to_str()) {
        Some("yml" | "yaml") => yaml(&source, findings),
        Some("toml") => toml(&source, findings),
        _ => {
            findings
                .push(refuse("is neither YAML nor TOML by its name".to_owned()).hint("name it .yml, .yaml or .toml"));
            return None;
        }
    };
    Some(DependencyFile { path: name.to_owned(), entries })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YamlFile {
    migrations: Option<Vec<YamlEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YamlEntry {
    version: Spanned<String>,
    service: Spanned<String>,
    dependencies: Option<Vec<Spanned<String>>>,
}

fn yaml(source: &Source, findings: &mut Vec<Finding>) -> Vec<DependencyEntry> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_anchors: 0, max_aliases: 0 },
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let file: YamlFile = match serde_saphyr::from_str_with_options(&source.text, options) {
        Ok(file) => file,
        Err(error) => {
            findings.push(yaml_error(source, &error));
            return Vec::new();
        }
    };
    let place = |value: &Spanned<String>| {
        let span = value.referenced.span();
        let bytes = span.byte_offset().zip(span.byte_len());
        let bytes = bytes.and_then(|(start, len)| Some((usize::try_from(start).ok()?, usize::try_from(len).ok()?)));
        bytes.map_or_else(|| located(source, &value.referenced), |(start, len)| source.place(&(start..start + len)))
    };
    let reference = |value: &Spanned<String>| Reference { text: value.value.clone(), place: place(value) };
    let entry = |entry: &YamlEntry| DependencyEntry {
        version: entry.version.value.clone(),
        service: entry.service.value.clone(),
        place: place(&entry.version),
        dependencies: entry.dependencies.iter().flatten().map(reference).collect(),
    };
    file.migrations.iter().flatten().map(entry).collect()
}

fn located(source: &Source, location: &serde_saphyr::Location) -> Place {
    let number = |value: u64| usize::try_from(value).unwrap_or(1).max(1);
    source.place_at(number(location.line()), number(location.column()))
}

fn yaml_error(source: &Source, error: &Error) -> Finding {
    let place = error.location().map_or_else(|| Place::file(&source.path), |location| located(source, &location));
    let (message, hint) = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            (format!("the key `{}` stands twice", printable(key)), Some("remove one of them".to_owned()))
        }
        Error::SerdeUnknownField { field, expected, .. } => {
            let hint = dunlin_planner::closest(field, expected.iter().copied())
                .map(|known| format!("did you mean `{known}`?"));
            (format!("unknown key `{}`; known here: {}", printable(field), expected.join(", ")), hint)
        }
        Error::SerdeMissingField { field, .. } => (format!("`{field}` is missing"), None),
        Error::UnsupportedTag { tag, .. } => (format!("the tag `{}` is not allowed here", printable(tag)), None),
        Error::MergeKeyNotAllowed { .. } => ("merge keys are not allowed here".to_owned(), None),
        Error::Budget { breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. }, .. } => {
            ("anchors and aliases are not allowed here".to_owned(), Some("write the value out".to_owned()))
        }
        Error::Budget { .. } => (format!("larger, or more than {MAX_DEPTH} levels deep"), None),
        Error::MultipleDocuments { .. } => ("a second document begins here".to_owned(), None),
        error => (plain(error), None),
    };
    let finding =
        Finding::error("dependencies-invalid", format!("dependency file `{}`: {message}", source.path)).at(place);
    Finding { hint, ..finding }
}

/// The parser's own words, on one line, without the place that is shown anyway.
fn plain(error: &Error) -> String {
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default();
    let text = text.split(" at line ").next().unwrap_or(text);
    text.trim_end_matches([':', ' ', '.']).escape_debug().to_string()
}

fn toml(source: &Arc<Source>, findings: &mut Vec<Finding>) -> Vec<DependencyEntry> {
    let table = match Table::parse(source) {
        Ok(table) => table,
        Err(errors) => {
            findings.extend(errors);
            return Vec::new();
        }
    };
    unknown_keys(&table, &["migrations"], findings);
    let Some(entry) = table.0.get("migrations") else { return Vec::new() };
    let Value::List(list) = &entry.node.value else {
        findings.push(invalid("`migrations` must be a list: [[migrations]]", entry.key.place()));
        return Vec::new();
    };
    let mut entries = Vec::new();
    for node in list {
        match &node.value {
            Value::Table(table) => entries.extend(toml_entry(table, &node.span.place(), findings)),
            value => {
                findings.push(invalid(&format!("an entry must be a table, not {}", value.what()), node.span.place()))
            }
        }
    }
    entries
}

fn toml_entry(table: &Table, place: &Place, findings: &mut Vec<Finding>) -> Option<DependencyEntry> {
    unknown_keys(table, &["version", "service", "dependencies"], findings);
    let view = View::new(table);
    let mut text = |key: &str| {
        let text = view.text(key);
        if text.is_none() {
            let at = view.node(key).map_or_else(|| place.clone(), |node| node.span.place());
            findings.push(invalid(&format!("`{key}` must be given, as text"), at));
        }
        text
    };
    let (version, service) = (text("version"), text("service"));
    let dependencies = view.texts("dependencies");
    if let Some(node) = view.node("dependencies") {
        let complete = matches!(&node.value, Value::List(list) if list.len() == dependencies.len());
        if !complete {
            findings.push(invalid("`dependencies` must be a list of texts", node.span.place()));
        }
    }
    let reference = |(text, span): (&str, &crate::tree::Span)| Reference { text: text.to_owned(), place: span.place() };
    Some(DependencyEntry {
        version: version?.to_owned(),
        service: service?.to_owned(),
        place: view.node("version")?.span.place(),
        dependencies: dependencies.into_iter().map(reference).collect(),
    })
}

fn unknown_keys(table: &Table, known: &[&str], findings: &mut Vec<Finding>) {
    for (name, entry) in &table.0 {
        if !known.contains(&name.as_str()) {
            let finding = invalid(
                &format!("unknown key `{}`; known here: {}", printable(name), known.join(", ")),
                entry.key.place(),
            );
            let hint =
                dunlin_planner::closest(name, known.iter().copied()).map(|known| format!("did you mean `{known}`?"));
            findings.push(Finding { hint, ..finding });
        }
    }
}

fn invalid(message: &str, place: Place) -> Finding {
    Finding::error("dependencies-invalid", format!("dependency file `{}`: {message}", place.file)).at(place)
}
