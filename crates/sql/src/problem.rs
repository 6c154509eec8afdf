//! What is wrong with a file: problems, which make it unfit to run, and violations of lint rules, which policy weighs.

use std::fmt;
use std::ops::Range;

use crate::lines::Position;

/// Something that makes a file unfit to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One lower-case sentence.
    pub message: String,
    /// What to change.
    pub hint: Option<String>,
    /// Bytes of the normalised text; of the file as it is, if it could not be read as text.
    pub range: Range<usize>,
    /// Where that is in the file.
    pub position: Position,
    /// The line's text.
    pub line: String,
}

/// A broken lint rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule's code.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One lower-case sentence.
    pub message: String,
    /// Bytes of the normalised text.
    pub range: Range<usize>,
    /// What to change.
    pub help: Option<String>,
}

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Works, and may hurt.
    Warning,
    /// Will fail, or do something other than it says.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}
