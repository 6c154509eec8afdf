//! Words that no file of the repository may hold.
//!
//! Paths and hosts of the machine on which something was written help nobody elsewhere; work left undone belongs into
//! the tracker. The words stand here in two halves, or this file would be its own first finding.

use crate::tidy::{Check, Finding};

/// Directories that exist on one machine only; a trailing `*` wants a name behind it.
const DIRECTORIES: &[&str] =
    &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/*"), concat!("/Us", "ers/*")];

/// Where packages are downloaded from: that is the business of apt, Cargo, pip and npm, as each machine has set them up.
const HOSTS: &[&str] = &[
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
    concat!("snapshot.", "debian.org"),
    concat!("files.", "pythonhosted.org"),
    concat!("pypi.", "org"),
    concat!("registry.", "npmjs.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
];

/// Parts of the names of hosts that mirror one of these.
const MIRRORS: &[&str] = &["mirror", "artifactory", "nexus", "devpi"];

/// Work left undone.
const WORDS: &[&str] =
    &[concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME"), concat!("TO", "DO")];

/// Checks one text file.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().zip(1..);
    lines.flat_map(|(line, number)| line_findings(path, number, line)).collect()
}

fn line_findings(path: &str, number: usize, line: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |item: &str, what: &str, hint| {
        let item = item.trim_end_matches('*');
        let finding = Finding::new(Check::ForbiddenText, path, number, format!("{what} `{item}`"), hint);
        found.push(Finding { item: Some(item.to_owned()), ..finding });
    };
    for directory in DIRECTORIES.iter().filter(|directory| has_directory(line, directory)) {
        add(directory, "a directory of one machine,", "use a path within the repository, or a temporary directory");
    }
    for host in HOSTS.iter().filter(|host| has_word(line, host)) {
        add(host, "a source of packages,", "leave it to the package manager's own settings");
    }
    for mirror in MIRRORS.iter().filter(|mirror| hosts(line).any(|host| host.contains(**mirror))) {
        add(
            mirror,
            "a host that mirrors packages: its name contains",
            "leave it to the package manager's own settings",
        );
    }
    for word in WORDS.iter().filter(|word| has_word(line, word)) {
        add(word, "work left undone:", "do it, or write it into the tracker");
    }
    found
}

/// Whether the line has the directory at the beginning of a path.
fn has_directory(line: &str, directory: &str) -> bool {
    let (start, named) = directory.strip_suffix('*').map_or((directory, false), |start| (start, true));
    line.match_indices(start).any(|(at, _)| {
        let inside = line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-})*/".contains(c));
        let name = line[at + start.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        !inside && (name || !named)
    })
}

/// Whether the line has the word, not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let goes_on = |rest: &str| word.ends_with(in_word) && rest.starts_with(in_word);
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(in_word) && !goes_on(&line[at + word.len()..]))
}

/// The hosts of the URLs in a line.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.split("://").skip(1).filter_map(|rest| rest.split(['/', ':', '"', '\'', ' ', ')']).next())
}

#[cfg(test)]
mod tests {

    /// Checks a line, in which `|` parts the halves of a forbidden word, and compares what was found in it.
    fn check(line: &str, expected: &[&str]) {
        let found = super::check("a/b.md", &line.replace('|', ""));
        let found: Vec<_> = found.iter().filter_map(|finding| finding.item.as_deref()).collect();
        let expected: Vec<_> = expected.iter().map(|word| word.replace('|', "")).collect();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn directories_of_one_machine() {
        check("see /ro|ot/project", &["/ro|ot/"]);
        check("cd \"/ho|me/ann/src\"", &["/ho|me/"]);
        check("file:/wo|rk/a", &["/wo|rk/"]);
        check("below /ho|me/ each user", &[]);
        check("src/wo|rk/steps.rs and ./ro|ot/x and ${DIR}/wo|rk/x", &[]);
    }

    #[test]
    fn sources_of_packages() {
        check("deb http://deb.|debian.org/debian trixie main", &["deb.|debian.org"]);
        check("https://pypi.|org/simple", &["pypi.|org"]);
        check("https://apt-mir|ror.example.net/debian", &["mir|ror"]);
        check("a mir|ror of https://example.net/mir|ror", &[]);
        check("https://crates.io/crates/serde", &[]);
    }

    #[test]
    fn work_left_undone() {
        check("// FIX|ME: later", &["FIX|ME"]);
        check("    to|do!(later)", &["to|do!("]);
        check("TO|DO_LIST and mastodon's to|do!", &[]);
        check("to|do = \"warn\"", &[]);
    }
}
