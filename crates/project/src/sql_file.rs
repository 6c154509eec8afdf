//! One SQL file: its bytes, read once, and what the sql crate makes of them.
//!
//! A file that cannot be read still becomes a migration, with an error: what depends on it is then not reported as well.

use std::ops::Range;
use std::sync::Arc;

use dunlin_planner::{Digest, Finding, Place};
use dunlin_sql as sql;

use crate::disk;
use crate::folder::Found;
use crate::source::shown_line;

/// Files are held in memory; larger ones are refused.
const MAX_HELD: u64 = 64 << 20;

/// One SQL file.
pub(crate) struct SqlFile {
    /// Its path from the project's root.
    pub(crate) path: Arc<str>,
    /// SHA-256 of its bytes.
    pub(crate) raw: Digest,
    /// Its text; none when it could not be read as SQL.
    pub(crate) source: Option<sql::Source>,
}

impl SqlFile {
    /// Reads a file; why it cannot be, and everything that makes it unfit to run, is a finding.
    pub(crate) fn read(found: &Found, findings: &mut Vec<Finding>) -> Self {
        let path: Arc<str> = Arc::from(found.shown.as_str());
        let bytes = match bytes(found) {
            Ok(bytes) => bytes,
            Err(finding) => {
                findings.push(finding);
                return Self { path, raw: Digest::of(b""), source: None };
            }
        };
        let raw = Digest::of(&bytes);
        match sql::Source::read(&bytes) {
            Ok(source) => {
                let file = Self { path, raw, source: Some(source) };
                findings
                    .extend(file.source.iter().flat_map(sql::Source::problems).map(|problem| file.problem(problem)));
                file
            }
            Err(problem) => {
                let file = Self { path, raw, source: None };
                findings.push(file.problem(&problem));
                file
            }
        }
    }

    fn problem(&self, problem: &sql::Problem) -> Finding {
        let place = Place {
            file: self.path.clone(),
            line: number(problem.position.line),
            column: number(problem.position.column),
            text: shown_line(problem.line.trim_end_matches('\r')),
            width: self.source.as_ref().map_or(0, |source| width(source, &problem.range)),
        };
        Finding { hint: problem.hint.clone(), ..Finding::error("sql-invalid", problem.message.clone()).at(place) }
    }

    /// The place of a range of the text.
    pub(crate) fn place(&self, range: &Range<usize>) -> Place {
        let Some(source) = &self.source else { return Place::file(&self.path) };
        let position = source.lines().position(source.text(), range.start);
        Place {
            file: self.path.clone(),
            line: number(position.line),
            column: number(position.column),
            text: shown_line(&source.text()[source.lines().line_range(position.line)]),
            width: width(source, range),
        }
    }
}

/// How many characters of a range stand in its first line.
fn width(source: &sql::Source, range: &Range<usize>) -> u32 {
    let line = source.lines().line_range(source.lines().line(range.start));
    let marked = source.text().get(range.start..range.end.min(line.end)).unwrap_or_default();
    number(marked.chars().count())
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn bytes(found: &Found) -> Result<Vec<u8>, Finding> {
    let refuse = |error: &std::io::Error| disk::unreadable(&found.shown, &disk::cause(error));
    let metadata = fs_err::metadata(&found.canonical).map_err(|error| refuse(&error))?;
    if metadata.len() > MAX_HELD {
        let why = format!("it is larger than {} MiB, and larger files are not supported yet", MAX_HELD >> 20);
        return Err(disk::unreadable(&found.shown, &why));
    }
    fs_err::read(&found.canonical).map_err(|error| refuse(&error))
}
