//! Compares a configuration with the table of keys: unknown keys, wrong types, words that are no choice.

use dunlin_planner::{Finding, SetName};

use crate::keys::{KEYS, Key, Shape};
use crate::tree::{Entry, Node, Span, Table, Value};
use crate::words::{self, printable};

/// Everything in `table` that no key allows.
pub(crate) fn check(table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    section(table, KEYS, "", &mut findings);
    findings
}

/// Everything in `table`, which stands at `path`, that `keys` do not allow.
pub(crate) fn keys(table: &Table, keys: &'static [Key], path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    section(table, keys, path, &mut findings);
    findings
}

fn section(table: &Table, keys: &'static [Key], path: &str, findings: &mut Vec<Finding>) {
    for (name, entry) in &table.0 {
        let path = join(path, name);
        match keys.iter().find(|key| key.name == name) {
            Some(key) => value(&entry.node, key.shape, &path, findings),
            None => findings.push(unknown(&path, name, entry, keys)),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    let name = printable(name);
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

fn unknown(path: &str, name: &str, entry: &Entry, keys: &[Key]) -> Finding {
    let hint = match dunlin_planner::closest(name, keys.iter().map(|key| key.name)) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("known here: {}", keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")),
    };
    Finding::error("config-key-unknown", format!("`{path}` is not a key that Dunlin knows"))
        .at(entry.key.place())
        .hint(hint)
}

fn value(node: &Node, shape: Shape, path: &str, findings: &mut Vec<Finding>) {
    match (shape, &node.value) {
        (Shape::Section(keys), Value::Table(table)) => section(table, keys, path, findings),
        (Shape::Named(keys), Value::Table(table)) => named(table, keys, path, findings),
        (Shape::Flag, Value::Flag(_)) => {}
        (Shape::Port, Value::Integer(port)) if (1..=65_535).contains(port) => {}
        (Shape::Port, Value::Text(_)) => {}
        (Shape::Text | Shape::Filled, Value::Text(text)) => not_empty(text, &node.span, path, findings),
        (Shape::Secret, Value::Text(_)) => {}
        (Shape::Secret, Value::Table(table)) => secret(table, &node.span, path, findings),
        (Shape::Duration, Value::Text(text)) if words::duration(text).is_ok() => {}
        (Shape::Choice(choices), Value::Text(text)) => chosen(text, choices, &node.span, path, findings),
        (Shape::Texts, Value::List(list)) => {
            for (number, node) in list.iter().enumerate() {
                value(node, Shape::Text, &format!("{path}[{number}]"), findings);
            }
        }
        (Shape::Settings, Value::Table(table)) => {
            for (name, entry) in &table.0 {
                if !matches!(entry.node.value, Value::Text(_) | Value::Integer(_) | Value::Flag(_)) {
                    let message = format!("`{}` must be text, a number, true or false", join(path, name));
                    findings.push(Finding::error("config-value", message).at(entry.node.span.place()));
                }
            }
        }
        _ => findings.push(wrong(node, shape, path)),
    }
}

fn named(table: &Table, keys: &'static [Key], path: &str, findings: &mut Vec<Finding>) {
    for (name, entry) in &table.0 {
        if let Err(error) = SetName::new(name) {
            findings.push(Finding::error("config-name", error.to_string()).at(entry.key.place()));
        }
        value(&entry.node, Shape::Section(keys), &join(path, name), findings);
    }
}

fn not_empty(text: &str, span: &Span, path: &str, findings: &mut Vec<Finding>) {
    if text.trim().is_empty() {
        findings.push(Finding::error("config-value", format!("`{path}` is empty")).at(span.place()));
    }
}

fn secret(table: &Table, span: &Span, path: &str, findings: &mut Vec<Finding>) {
    static SOURCES: &[Key] = &[
        Key { name: "file", shape: Shape::Text, doc: "the file that holds it" },
        Key { name: "command", shape: Shape::Text, doc: "the command that prints it" },
    ];
    section(table, SOURCES, path, findings);
    if table.0.len() != 1 {
        let message = format!("`{path}` must be text, `{{ file = \"…\" }}` or `{{ command = \"…\" }}`");
        findings.push(Finding::error("config-value", message).at(span.place()));
    }
}

fn chosen(text: &str, choices: &[&'static str], span: &Span, path: &str, findings: &mut Vec<Finding>) {
    if choices.contains(&text) {
        return;
    }
    let message = format!("`{path}` must be {}, not `{}`", words::choice(choices), printable(text));
    let finding = Finding::error("config-value", message).at(span.place());
    findings.push(match dunlin_planner::closest(text, choices.iter().copied()) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding,
    });
}

fn wrong(node: &Node, shape: Shape, path: &str) -> Finding {
    let expected = expected(shape);
    let message = match &node.value {
        // A number that is no port, or a duration without unit: what it is, is not what is wrong.
        Value::Text(_) | Value::Integer(_) if matches!(shape, Shape::Duration | Shape::Port) => {
            format!("`{path}` must be {expected}")
        }
        value => format!("`{path}` must be {expected}, not {}", value.what()),
    };
    Finding::error("config-value", message).at(node.span.place())
}

fn expected(shape: Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Filled | Shape::Choice(_) => "text",
        Shape::Secret => "text, `{ file = \"…\" }` or `{ command = \"…\" }`",
        Shape::Port => "a port from 1 to 65535",
        Shape::Flag => "true or false",
        Shape::Duration => "a number with its unit, such as `500ms`, `2s` or `10min`",
        Shape::Texts => "a list of texts",
        Shape::Settings | Shape::Section(_) => "a table",
        Shape::Named(_) => "a table of named tables",
    }
}
