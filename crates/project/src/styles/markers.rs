//! Files that hold both directions behind marker lines, as dbmate, goose, sql-migrate and Liquibase write them.
//!
//! Recognised only: run as it stands, such a file would apply its change and take it back at once.

/// The first marker in `text`: the tool that writes it so, and the bytes of its line.
pub(crate) fn find(text: &str) -> Option<(&'static str, std::ops::Range<usize>)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let shown = line.trim();
        if let Some(tool) = shown.strip_prefix("--").and_then(|comment| tool(comment.trim_start())) {
            return Some((tool, start..start + shown.len()));
        }
    }
    None
}

fn tool(comment: &str) -> Option<&'static str> {
    let mut words = comment.split_whitespace().map(str::to_ascii_lowercase);
    match (words.next()?.as_str(), words.next().as_deref()) {
        ("migrate:up" | "migrate:down", _) => Some("dbmate"),
        ("+goose", Some("up" | "down")) => Some("goose"),
        ("+migrate", Some("up" | "down")) => Some("sql-migrate"),
        ("liquibase", Some("formatted")) => Some("Liquibase"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        assert_eq!(find(text).map(|(tool, range)| (tool, &text[range])), expected, "{text}");
    }

    #[test]
    fn markers_are_comments_on_lines_of_their_own() {
        check("select 1;\n  -- migrate:up\nx", Some(("dbmate", "-- migrate:up")));
        check("-- +goose Up\n", Some(("goose", "-- +goose Up")));
        check("--liquibase formatted sql\n", Some(("Liquibase", "--liquibase formatted sql")));
        check("-- +migrate Down", Some(("sql-migrate", "-- +migrate Down")));
        check("-- migrate: upwards\n-- goose up\nselect '+goose up';", None);
    }
}
