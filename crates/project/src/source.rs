//! One text file that was read, and the places in it.
//!
//! Every finding shows its source line, and a configuration file holds passwords. So lines of configuration files are cut
//! before the first value that could be secret; what a place shows is decided here, once, for every message.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use dunlin_planner::Place;
use dunlin_sql::LineIndex;

/// Characters of a line that are shown at most.
const MAX_SHOWN: usize = 400;

/// Keys whose values are shown although they stand in a target's section.
const HARMLESS: [&str; 15] = [
    "kind",
    "enabled",
    "create",
    "disposable",
    "durability",
    "role",
    "lock_timeout",
    "timeout",
    "search_path",
    "database",
    "env_prefix",
    "port",
    "file",
    "sslmode",
    "sslrootcert",
];

/// What a file's lines may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Anything may be shown.
    Open,
    /// The project's configuration: values under `[targets]` and `[backup]` may be secret.
    Configuration,
    /// An environment's file, which is laid over the configuration; just as secret.
    Environment,
}

/// A text and the name it is spoken of by.
pub(crate) struct Source {
    pub(crate) path: Arc<str>,
    pub(crate) text: String,
    lines: LineIndex,
    pub(crate) content: Content,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl Source {
    pub(crate) fn new(path: &str, text: String, content: Content) -> Self {
        Self { path: Arc::from(path), lines: LineIndex::new(&text), text, content }
    }

    /// The place of a range of bytes; only the part in its first line is marked.
    pub(crate) fn place(&self, range: &Range<usize>) -> Place {
        let start = range.start.min(self.text.len());
        let position = self.lines.position(&self.text, start);
        let line = self.lines.line_range(position.line);
        let text = self.text[line.clone()].trim_end_matches('\r');
        let marked = self.text.get(start..range.end.min(line.start + text.len())).unwrap_or_default();
        let shown = match self.content {
            Content::Open => text,
            Content::Configuration | Content::Environment => &text[..self.secret_from(position.line, text)],
        };
        let hidden = shown.len() < text.len();
        let visible = shown.chars().count() + 1;
        Place {
            file: self.path.clone(),
            line: number(position.line),
            column: number(position.column),
            text: if hidden { Arc::from(format!("{shown}…")) } else { shown_line(shown) },
            width: number(marked.chars().count().min(visible.saturating_sub(position.column))),
        }
    }

    /// The place of a line and a column, both from 1.
    pub(crate) fn place_at(&self, line: usize, column: usize) -> Place {
        let range = self.lines.line_range(line.max(1));
        let text = &self.text[range.clone()];
        let offset = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(offset, _)| offset);
        self.place(&(range.start + offset..range.start + offset))
    }

    /// Where in a line of configuration the first possibly secret value begins; the line's length if there is none.
    fn secret_from(&self, line: usize, text: &str) -> usize {
        let before = &self.text[..self.lines.line_range(line).start];
        if in_multiline_string(before) {
            return 0;
        }
        let guarded = |text: &str| text.contains("targets") || text.contains("backup");
        // A list's line may begin like a header; without it, the section stays the one before.
        let is_header = |line: &&str| {
            let line = line.trim_start();
            line.starts_with('[') && (guarded(line) || !line[1..].trim_start().starts_with(['"', '\'', '{', ']']))
        };
        let section = before.lines().rev().find(is_header);
        if is_header(&text) || text.trim_start().starts_with('#') {
            return text.len();
        }
        match (section.map(guarded), text.contains('=')) {
            (Some(true), false) => text.len() - text.trim_start().len(),
            (Some(true), true) => first_secret(text),
            (None, _) if guarded(text) => first_secret(text),
            _ => text.len(),
        }
    }
}

/// A line as places show it: a long one, such as rows in one statement, is cut.
pub(crate) fn shown_line(line: &str) -> Arc<str> {
    match line.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => Arc::from(format!("{}…", &line[..end])),
        None => Arc::from(line),
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Whether the text ends inside a string of several lines, by the count of its delimiters.
fn in_multiline_string(before: &str) -> bool {
    before.matches("\"\"\"").count() % 2 == 1 || before.matches("'''").count() % 2 == 1
}

/// The first value of `text` that is neither of a harmless key nor a bare reference to a variable.
fn first_secret(text: &str) -> usize {
    let mut at = 0;
    while let Some(found) = text[at..].find('=') {
        let equals = at + found;
        let value = text[equals + 1..].trim_start();
        let start = text.len() - value.len();
        let key = text[..equals].trim_end().trim_end_matches(['"', '\'']);
        let key = key.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next().unwrap_or_default();
        match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let Some(len) = value[1..].find(quote) else { return start };
                if !HARMLESS.contains(&key) && !is_reference(&value[1..1 + len]) {
                    return start;
                }
                at = start + len + 2;
            }
            Some('{') => at = start + 1,
            _ if HARMLESS.contains(&key) => at = start,
            _ if value.starts_with("true") || value.starts_with("false") => at = start,
            _ => return start,
        }
    }
    text.len()
}

/// `${NAME}` alone, or the word that asks for a server on this machine.
fn is_reference(value: &str) -> bool {
    let name = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    value == "embedded"
        || name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, needle: &str, expected: &str) {
        let source = Source::new("dunlin.toml", text.to_owned(), Content::Configuration);
        let start = text.find(needle).unwrap();
        let place = source.place(&(start..start + needle.len()));
        assert_eq!(format!("{place} {} {}", place.width, place.text), expected, "{text}");
    }

    #[test]
    fn what_may_be_secret_is_cut_off() {
        check("[targets.a]\nurl = \"postgres://u:hunter2@h/d\"", "url", "dunlin.toml:2:1 3 url = …");
        check("[targets.a]\npasword = 'hunter2' # x", "pasword", "dunlin.toml:2:1 7 pasword = …");
        check("[targets.a]\nhost \u{1F600} = 'hunter2'", "host", "dunlin.toml:2:1 4 host \u{1F600} = …");
        check("[targets.a]\npassword = hunter2", "hunter2", "dunlin.toml:2:12 0 password = …");
        check("[targets.a]\npassword = \"hunter2", "hunter2", "dunlin.toml:2:13 0 password = …");
        check(
            "targets.a = { kind = \"x\", password = \"hunter2\" }",
            "kind",
            "dunlin.toml:1:15 4 targets.a = { kind = \"x\", password = …",
        );
        check("[targets.a]\npassword = \"\"\"\nhunter2\n\"\"\"", "hunter2", "dunlin.toml:3:1 0 …");
        check(
            "[targets.a]\npassword = { command = \"echo hunter2\" }",
            "password",
            "dunlin.toml:2:1 8 password = { command = …",
        );
        check("[targets.a.password]\ncommand = \"echo hunter2\"", "command", "dunlin.toml:2:1 7 command = …");
        check("[targets.a]\nx = [\n[\"a\"]\n]\ny = \"hunter2\"", "y", "dunlin.toml:5:1 1 y = …");
        check("[targets.a]\nhunter2", "hunter2", "dunlin.toml:2:1 0 …");
        check("[backup]\ncommand = \"echo hunter2\"", "command", "dunlin.toml:2:1 7 command = …");
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        check("[targets.a]\nurl = \"${A_URL}\" # x", "url", "dunlin.toml:2:1 3 url = \"${A_URL}\" # x");
        check("[targets.a]\nkind = \"postgers\"", "\"postgers\"", "dunlin.toml:2:8 10 kind = \"postgers\"");
        check("[targets.a]\nenabled = false", "enabled", "dunlin.toml:2:1 7 enabled = false");
        check("[services.a]\npath = \"é/x\"", "x", "dunlin.toml:2:11 1 path = \"é/x\"");
        check("[policy]\nbackup = \"required\"", "backup", "dunlin.toml:2:1 6 backup = \"required\"");
        check("[targets.a]\n[services.a]\npath = \"x\"", "path", "dunlin.toml:3:1 4 path = \"x\"");
        check("[targets.a]\n", "targets.a", "dunlin.toml:1:2 9 [targets.a]");
    }
}
