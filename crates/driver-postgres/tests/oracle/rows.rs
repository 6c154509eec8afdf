//! Reads `rows.txt`: groups of rows, each on a server that is set up in one way.

use std::fmt;

/// Rows on one kind of server.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// What the server is set to, beside its usual settings.
    pub(crate) settings: Vec<(&'static str, &'static str)>,
    /// The server, for people.
    pub(crate) about: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// A connection string in its environment; `{…}` stand for files and ports.
pub(crate) struct Row {
    pub(crate) env: Vec<(&'static str, &'static str)>,
    pub(crate) text: &'static str,
    /// Why Dunlin does another thing than psql.
    pub(crate) exception: Option<&'static str>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={value} ")?;
        }
        f.write_str(self.text)
    }
}

/// `== name | settings: about`, then `ENV=value … | text !! reason`, where all but the text can be missing.
pub(crate) fn read(text: &'static str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in text.lines() {
        if let Some(header) = line.strip_prefix("== ") {
            let (name, rest) = header.split_once(" | ").unwrap();
            let (settings, about) = rest.split_once(": ").unwrap();
            groups.push(Group { name, settings: assignments(settings), about, rows: Vec::new() });
            continue;
        }
        let (line, exception) = line.split_once(" !! ").map_or((line, None), |(line, why)| (line, Some(why)));
        let (env, text) = line.split_once(" |").unwrap_or(("", line));
        groups.last_mut().unwrap().rows.push(Row { env: assignments(env), text: text.trim(), exception });
    }
    groups
}

fn assignments(text: &'static str) -> Vec<(&'static str, &'static str)> {
    text.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect()
}
