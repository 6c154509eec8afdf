//! Where in the user's files something stands.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// A place in a file, with the line itself, so that a message can show it without opening the file again.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Place {
    /// The file, as a path relative to the project's root.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The source line without its line end.
    pub text: Arc<str>,
    /// How many characters of the line are meant; 0 marks the column alone.
    pub width: u32,
}

impl Place {
    /// The top of a file, when the whole file is meant; no source line is shown for it.
    #[must_use]
    pub fn file(path: &str) -> Self {
        Self { file: Arc::from(path), line: 1, column: 1, text: Arc::from(""), width: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
