//! What a check has to say.

use std::fmt;

use serde::Deserialize;

/// The checks, by the names that exceptions call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Check {
    AllowAttribute,
    CrateEdge,
    CrateName,
    Distribution,
    Exception,
    FileLength,
    ForbiddenText,
    FunctionLength,
    GeneratedDocs,
    ModuleDepth,
    ModuleDoc,
    RootContents,
    Syntax,
    Unwrap,
}

/// One violation, at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) check: Check,
    /// From the root of the workspace.
    pub(crate) path: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// What it is, within its file, that an exception names: a function, a dependency.
    pub(crate) item: Option<String>,
    /// How much of something there is, where there is a limit to it.
    pub(crate) measure: Option<usize>,
    pub(crate) what: String,
    pub(crate) hint: &'static str,
}

impl Finding {
    /// A finding without item and measure.
    pub(crate) fn new(check: Check, path: &str, line: usize, what: impl Into<String>, hint: &'static str) -> Self {
        let (path, what) = (path.to_owned(), what.into());
        Self { check, path, line, item: None, measure: None, what, hint }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} — {}", self.path, self.line, self.what, self.hint)
    }
}
