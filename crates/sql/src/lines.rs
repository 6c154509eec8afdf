//! Turns byte offsets into the line and column that a person sees.
//!
//! Because reading only takes off a byte order mark and turns CRLF into LF, lines and columns of the normalised text are
//! those of the file; only byte offsets differ.

use std::fmt;
use std::ops::Range;

/// A place in a text. Both numbers start at 1; the column counts characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Where each line of a text starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<usize>,
    len: usize,
}

impl LineIndex {
    /// Indexes `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { starts, len: text.len() }
    }

    /// The line, from 1, that holds `offset`.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The position of `offset` in `text`, which must be the text that was indexed.
    #[must_use]
    pub fn position(&self, text: &str, offset: usize) -> Position {
        let line = self.line(offset);
        let before = text.get(self.starts[line - 1]..offset).unwrap_or_default();
        Position { line, column: before.chars().count() + 1 }
    }

    /// The bytes of one line (from 1) without its newline; empty behind the last line.
    #[must_use]
    pub fn line_range(&self, line: usize) -> Range<usize> {
        let start = |line: usize| self.starts.get(line.wrapping_sub(1)).copied();
        let Some(from) = start(line) else {
            return self.len..self.len;
        };
        from..start(line + 1).map_or(self.len, |next| next - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_character_columns() {
        let text = "aé\n\nxyz";
        let lines = LineIndex::new(text);
        let at = |offset| lines.position(text, offset).to_string();
        assert_eq!([at(0), at(1), at(3), at(4), at(5), at(8)], ["1:1", "1:2", "1:3", "2:1", "3:1", "3:4"]);
        let line = |n| &text[lines.line_range(n)];
        assert_eq!([line(1), line(2), line(3), line(4)], ["aé", "", "xyz", ""]);
    }
}
