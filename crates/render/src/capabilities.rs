//! The page about what each kind of database can do, in Markdown.

use std::fmt::Write;

use dunlin_planner::{Offers, Support, TargetKind};

/// A table with a column for each kind; what stands behind anything but a yes is told below, each once.
#[must_use]
pub fn capabilities(kinds: &[(TargetKind, Offers)]) -> String {
    let names: Vec<_> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
    let mut table = format!("| | {} |\n|---|{}\n", names.join(" | "), ":-:|".repeat(names.len()));
    let mut notes: Vec<&'static str> = Vec::new();
    let columns: Vec<_> = kinds.iter().map(|(_, offers)| offers.rows()).collect();
    for (at, (title, _)) in columns.first().into_iter().flatten().enumerate() {
        let cells: Vec<_> = columns.iter().map(|column| cell(column[at].1, &mut notes)).collect();
        let _ = writeln!(table, "| {title} | {} |", cells.join(" | "));
    }
    let notes = notes.iter().zip(1..).map(|(note, number)| format!("{number}. {note}\n"));
    format!("{table}\n{}", notes.collect::<String>())
}

/// A word, with the number of its note.
fn cell(support: Support, notes: &mut Vec<&'static str>) -> String {
    let (word, note) = match support {
        Support::Yes => return "yes".to_owned(),
        Support::Partly(note) => ("in part", note),
        Support::No(note) => ("no", note),
    };
    let number = notes.iter().position(|known| *known == note).unwrap_or_else(|| {
        notes.push(note);
        notes.len() - 1
    });
    format!("{word} ({})", number + 1)
}
