//! One SQL file: its bytes, read once, and what the sql crate makes of them.
//!
//! A file that cannot be read still becomes a migration, with an error: what depends on it is then not reported as well.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use dunlin_planner::{Digest, Finding, Place};
use dunlin_sql as sql;

use crate::disk;
use crate::folder::Found;
use crate::large;
use crate::source::shown_line;

/// Larger files are not held in memory.
pub const MAX_HELD: u64 = 8 << 20;

/// One SQL file.
pub(crate) struct SqlFile {
    /// Its path from the project's root.
    pub(crate) path: Arc<str>,
    /// SHA-256 of its bytes.
    pub(crate) raw: Digest,
    /// Its text; none when it could not be read as SQL, or is too large.
    pub(crate) source: Option<sql::Source>,
    /// What is known of it where it is too large to be held.
    pub(crate) large: Option<Large>,
}

/// A file that is read again when it runs.
pub(crate) struct Large {
    /// Where its bytes are.
    pub(crate) at: PathBuf,
    pub(crate) scan: sql::Scan,
}

impl SqlFile {
    /// Reads a file, and holds it if it has at most `held` bytes; why it cannot be read, and everything that makes it unfit
    /// to run, is a finding.
    pub(crate) fn read(found: &Found, held: u64, dialect: sql::Dialect, findings: &mut Vec<Finding>) -> Self {
        let path: Arc<str> = Arc::from(found.shown.as_str());
        let mut file = Self { path, raw: Digest::of(b""), source: None, large: None };
        if let Err(finding) = file.fill(found, held, dialect) {
            findings.push(finding);
        }
        let problems = file.source.as_ref().map(sql::Source::problems);
        let problems = problems.or_else(|| file.large.as_ref().map(|large| large.scan.problems.as_slice()));
        findings.extend(problems.unwrap_or_default().iter().map(|problem| file.problem(problem)));
        file
    }

    fn fill(&mut self, found: &Found, held: u64, dialect: sql::Dialect) -> Result<(), Finding> {
        let refuse = |error: &std::io::Error| disk::unreadable(&found.shown, &disk::cause(error));
        let metadata = fs_err::metadata(&found.canonical).map_err(|error| refuse(&error))?;
        if metadata.len() > held && dialect == sql::Dialect::ClickHouse {
            return Err(large::without_transaction(&found.shown));
        }
        if metadata.len() > held {
            let file = fs_err::File::open(&found.canonical).map_err(|error| refuse(&error))?;
            let scan = sql::Scan::read(file, sql::Sizes::default()).map_err(|error| match error {
                sql::StreamError::Io(error) => refuse(&error),
                sql::StreamError::Unfit(problem) => self.problem(&problem),
                changed @ sql::StreamError::Changed => disk::unreadable(&found.shown, &changed.to_string()),
            })?;
            self.raw = Digest(scan.digests.raw);
            self.large = Some(Large { at: found.canonical.clone(), scan });
            return Ok(());
        }
        let bytes = fs_err::read(&found.canonical).map_err(|error| refuse(&error))?;
        self.raw = Digest::of(&bytes);
        self.source = Some(sql::Source::read_as(&bytes, dialect).map_err(|problem| self.problem(&problem))?);
        Ok(())
    }

    /// Its headers.
    pub(crate) fn headers(&self) -> Option<&sql::Headers> {
        let held = self.source.as_ref().map(sql::Source::headers);
        held.or_else(|| Some(&self.large.as_ref()?.scan.headers))
    }

    /// What its own BEGIN asks for.
    pub(crate) fn modes(&self) -> Option<&sql::TransactionModes> {
        match (&self.source, &self.large) {
            (Some(source), _) => source.script().modes.as_ref(),
            (None, Some(large)) => large.scan.modes.as_ref(),
            (None, None) => None,
        }
    }

    /// The text that its headers stand in; ranges in [`SqlFile::place`] are bytes of it.
    pub(crate) fn text(&self) -> &str {
        let held = self.source.as_ref().map(sql::Source::text);
        held.or_else(|| Some(self.large.as_ref()?.scan.excerpt.text())).unwrap_or_default()
    }

    fn problem(&self, problem: &sql::Problem) -> Finding {
        let place = Place {
            file: self.path.clone(),
            line: number(problem.position.line),
            column: number(problem.position.column),
            text: shown_line(problem.line.trim_end_matches('\r')),
            width: if self.source.is_some() || self.large.is_some() { marked(problem) } else { 0 },
        };
        Finding { hint: problem.hint.clone(), ..Finding::error("sql-invalid", problem.message.clone()).at(place) }
    }

    /// The place of a range of the text.
    pub(crate) fn place(&self, range: &Range<usize>) -> Place {
        let text = self.text();
        let (position, line) = match (&self.source, &self.large) {
            (Some(source), _) => {
                let position = source.lines().position(text, range.start);
                (position, source.lines().line_range(position.line))
            }
            (None, Some(Large { scan, .. })) => {
                (scan.excerpt.position(range.start), scan.excerpt.line_range(range.start))
            }
            (None, None) => return Place::file(&self.path),
        };
        let marked = text.get(range.start..range.end.min(line.end)).unwrap_or_default();
        Place {
            file: self.path.clone(),
            line: number(position.line),
            column: number(position.column),
            text: shown_line(&text[line]),
            width: number(marked.chars().count()),
        }
    }
}

/// How many characters of a problem stand in its first line.
fn marked(problem: &sql::Problem) -> u32 {
    let before = problem.line.char_indices().nth(problem.position.column - 1);
    let start = before.map_or(problem.line.len(), |(offset, _)| offset);
    let end = problem.line.ceil_char_boundary(start + problem.range.len());
    number(problem.line[start..end].chars().count())
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
